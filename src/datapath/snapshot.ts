/**
 * What the control side tells the datapath: one whole, immutable description per revision, swapped in between
 * two batches. Plain structured-cloneable data, no code. All ids are small integers, assigned once by the
 * publisher and stable over revisions, so that running state (connections, learned MACs, round-robin
 * positions, counters) carries over.
 *
 * Addresses are canonical text (RFC 5952 for IPv6), MACs lower-case colon text, times epoch milliseconds.
 */

import type { AddressText, MacText, PrefixText } from '../tables/balancing/rule-spec.ts';
import type { CompiledRules } from '../tables/balancing/rule-table.ts';

export interface NetworkSpec {
  /** Dense index, 0 … 4095. */
  readonly id: number;
  readonly name: string;
  readonly vni: number;
  /** Largest IP packet in bytes. */
  readonly mtu: number;
  /** Largest TCP segments that a VM may announce or be told of, bytes of payload; absent: any. */
  readonly mssClamp?: { readonly ipv4: number; readonly ipv6: number };
  readonly subnets: readonly PrefixText[];
  /** The logical router's addresses in this network; empty: the network is not routed. */
  readonly gateways: readonly AddressText[];
  /** Name of the logical router that joins this network with others of the same; absent: that of all without one. */
  readonly router?: string;
  /** The MAC with which gateways and VIPs of this network answer. */
  readonly routerMac: MacText;
  /** What the router tells IPv6 hosts of this network (RFC 4861 §4.2); absent: it sends no advertisements. */
  readonly routerAdvertisements?: RouterAdvertisementSpec;
  /** Next hops of the logical router that lie in this network. */
  readonly routes: readonly { readonly to: PrefixText; readonly via: AddressText }[];
}

export interface RouterAdvertisementSpec {
  /** Time for which the router is a default router, seconds; 0: it is none. 0 … 9000. */
  readonly lifetimeS: number;
  /** Longest time between two unsolicited advertisements, milliseconds (MaxRtrAdvInterval, 4 … 1800 s). */
  readonly intervalMs: number;
  /** Hosts may make themselves addresses in prefixes of 64 bits (RFC 4862). */
  readonly autonomous: boolean;
}

/** What a port drops of what comes in by it. */
export interface PortGuards {
  /** What only DHCP and DHCPv6 servers send. */
  readonly dhcp: boolean;
  /** Router advertisements, and IPv6 redirects. */
  readonly routerAdvertisements: boolean;
  /** Frames to reserved group addresses; none reach the port either. */
  readonly reservedMulticast: boolean;
}

/** A step of a port's chain that the configuration orders. */
export type OperatorSpec =
  | { readonly kind: 'load-balancer' }
  /** `rules`: compiled by compileFirewall; the same rules are the same object. */
  | { readonly kind: 'firewall'; readonly rules: ArrayBufferLike }
  | {
      readonly kind: 'rate-limit';
      /** Absent: not limited. */
      readonly packetsPerSecond?: number;
      readonly bitsPerSecond?: number;
      /** Time at full rate that may be used at once. */
      readonly burstMs: number;
    }
  /** `port`: number of the port that gets copies. `rules`: packets to copy, as a firewall's; absent: all frames. */
  | { readonly kind: 'mirror'; readonly port: number; readonly rules?: ArrayBufferLike };

export interface PortSpec {
  /** Dense index, the engine's port index too. */
  readonly id: number;
  readonly name: string;
  readonly network: number;
  /** The MAC of the VM behind the port; also preset in the MAC table. Absent: learned (replay's outside port). */
  readonly mac?: MacText;
  /** The VM's own addresses without prefix length: preset as neighbours. */
  readonly addresses: readonly AddressText[];
  /** What the VM may use as a source; absent: anything. */
  readonly allowedSources?: readonly PrefixText[];
  /** With `allowedSources`: MACs that it may send from besides its own, such as the virtual one of VRRP; absent: none. */
  readonly allowedMacs?: readonly MacText[];
  /** With `allowedSources`: EtherTypes that it may send besides IPv4, IPv6, ARP and RARP about itself; absent: any. */
  readonly allowedEtherTypes?: readonly number[];
  /** Messages that only servers, routers and switches send, and that the port drops; absent: none. */
  readonly guards?: PortGuards;
  /** From the VM on, in this order; back to it in the reverse order. Absent: the load balancer alone. */
  readonly chain?: readonly OperatorSpec[];
  /** DSCP of packets to the VM by their source; the first prefix that contains it decides. */
  readonly marks?: readonly { readonly sources: readonly PrefixText[]; readonly dscp: number }[];
  /** The VM is a middlebox of service chains: it returns the packets of others, and its own are not chained. */
  readonly isMiddlebox?: boolean;
  /** Index into `loadBalancers` ids, or -1 for a port without one. */
  readonly loadBalancer: number;
  /** The device takes partial checksums and GSO frames as they are; else the datapath finishes them. */
  readonly offloads: boolean;
  /** A port to the physical network, whose frames belong to `network`; it has no VM, and no load balancer. */
  readonly uplink?: {
    /** The MAC that the router's frames bear on the wire: the host's own, unlike `NetworkSpec.routerMac`. */
    readonly hostMac: MacText;
  };
}

/** A load balancer with its rules. */
export interface LoadBalancerSpec {
  /** Dense index, stable over revisions. */
  readonly id: number;
  readonly scope: 'port' | 'network' | 'host' | 'set';
  /** Name of the port, network or set of ports that it serves, or of the host. */
  readonly name: string;
  /**
   * The groups that it enforces, each compiled by `compileRules`. Load balancers with the same groups name the same list; a
   * list, and a group, that are the same objects as in the snapshot before have not changed.
   */
  readonly groups: readonly CompiledRules[];
}

/** A group of the next snapshot, and the networks of the load balancers that will have it. */
export interface PreparedGroup {
  readonly compiled: CompiledRules;
  readonly networks: readonly number[];
}

export interface DatapathSnapshot {
  readonly revision: number;
  readonly networks: readonly NetworkSpec[];
  readonly ports: readonly PortSpec[];
  readonly loadBalancers: readonly LoadBalancerSpec[];
  readonly settings: {
    /** UDP flow idle timeout; RFC 4787 REQ-5: at least 2 minutes. */
    readonly udpIdleMs: number;
    /** Established TCP idle timeout; RFC 5382 REQ-5: at least 2 h 4 min. */
    readonly tcpEstablishedIdleMs: number;
    /** TCP partially open or closing; RFC 5382 REQ-5: at least 4 min. */
    readonly tcpTransitoryIdleMs: number;
    /** Idle time after which a flow no longer counts as active in the statistics. */
    readonly activeFlowIdleMs: number;
    /** Answer echo requests to VIPs. */
    readonly answerEchoToVip: boolean;
    /** When a member fails, its TCP clients are reset at once. */
    readonly failFast: boolean;
    /** What a new flow gets when the connection table is full of live ones. */
    readonly onTableFull: 'refuse' | 'evict-idle';
  };
}
