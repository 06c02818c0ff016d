/**
 * The hosts' little world of the datapath tests, and its description as the snapshot that a datapath takes.
 *
 *   network app (VNI 5001)  10.1.0.0/24 fd00:1::/64   web1 web2 web3 (clients)  app1 … app5 (members)
 *   network db  (VNI 5002)  10.2.0.0/24 fd00:2::/64   db1 db2
 *
 * Both networks have a gateway, so one logical router joins them. A port's MAC is 02:00:00:00:NN:PP with the
 * network's and the port's number; the router's is 02:53:00:00:00:NN.
 */
import type { DatapathSnapshot, NetworkSpec, PortGuards, PortSpec } from '../../src/datapath/snapshot.ts';
import { MaglevCache } from '../../src/host/publishing/maglev-cache.ts';
import type { CriteriaSpec, MemberSpec, RuleSpec } from '../../src/tables/balancing/rule-spec.ts';
import { compileRules } from '../../src/tables/balancing/rule-table.ts';
import { addressBytes } from './addresses.ts';

export interface MemberDescription {
  readonly name: string;
  readonly address: string;
  readonly port?: number;
  readonly mac?: string;
  /** Default 1. */
  readonly weight?: number;
  /** Default active. */
  readonly state?: MemberSpec['state'];
}

export interface GroupDescription {
  readonly name: string;
  readonly vip: string;
  readonly protocol?: RuleSpec['protocol'];
  readonly port?: number;
  readonly sources?: readonly string[];
  readonly sourcePort?: number;
  readonly rewrite?: RuleSpec['rewrite'];
  readonly onEmpty?: RuleSpec['onEmpty'];
  /** Default weighted-round-robin. */
  readonly algorithm?: RuleSpec['algorithm'];
  readonly hash?: RuleSpec['hash'];
  readonly affinityMs?: number;
  readonly avoidSelf?: boolean;
  readonly udpIdleMs?: number;
  readonly udpRepickMs?: number;
  readonly udpScheduling?: RuleSpec['udpScheduling'];
  readonly drainFallback?: boolean;
  /** Names of groups of middleboxes. */
  readonly through?: readonly string[];
  readonly onHopFailure?: 'rehash' | 'reset';
  readonly onNoHop?: 'reject' | 'bypass';
  /** A group of middleboxes: `vip` has no meaning. */
  readonly isHop?: boolean;
  /** Either members … */
  readonly members?: readonly MemberDescription[];
  /** … or criteria sets with their periods, or priorities with their conditions. */
  readonly criteria?: readonly {
    readonly fromMs?: number;
    readonly untilMs?: number;
    readonly name?: string;
    readonly when?: CriteriaSpec['when'];
    readonly onEmpty?: CriteriaSpec['onEmpty'];
    readonly members: readonly MemberDescription[];
  }[];
}

export interface PortDescription {
  readonly name: string;
  readonly network: string;
  /** Absent: as the file's header says; null: learned. */
  readonly mac?: string | null;
  readonly addresses: readonly string[];
  /** Default true: a TAP. */
  readonly offloads?: boolean;
  /** Default true. */
  readonly balanced?: boolean;
  /** Prefixes that the VM may send from; absent: any. */
  readonly allowedSources?: readonly string[];
  /** MACs that it may send from besides its own. */
  readonly allowedMacs?: readonly string[];
  /** EtherTypes that it may send besides those of IP and ARP; absent: any. */
  readonly allowedEtherTypes?: readonly number[];
  /** Default: the load balancer alone. */
  readonly chain?: PortSpec['chain'];
  readonly marks?: PortSpec['marks'];
  readonly isMiddlebox?: boolean;
  /** Default: all, of an uplink that against reserved multicast. */
  readonly guards?: Partial<PortGuards>;
  /** A way to the physical network: give it `mac: null`, `addresses: []` and `balanced: false`. */
  readonly uplink?: PortSpec['uplink'];
}

export type NetworkDescription = Omit<NetworkSpec, 'id' | 'vni' | 'routerMac' | 'mtu' | 'routes'> &
  Partial<Pick<NetworkSpec, 'mtu' | 'routes'>>;

export interface Topology {
  readonly networks: readonly NetworkDescription[];
  readonly ports: readonly PortDescription[];
  readonly groups: readonly GroupDescription[];
  readonly settings: DatapathSnapshot['settings'];
  /** One load balancer per port, or one for all. */
  readonly balancer: 'port' | 'host';
}

export const APP: NetworkDescription = {
  name: 'app',
  subnets: ['10.1.0.0/24', 'fd00:1::/64'],
  gateways: ['10.1.0.1', 'fd00:1::1'],
};

export const DB: NetworkDescription = {
  name: 'db',
  subnets: ['10.2.0.0/24', 'fd00:2::/64'],
  gateways: ['10.2.0.1', 'fd00:2::1'],
};

/** A port of `app` or `db` whose IPv4 and IPv6 addresses end in `host`. */
export function vm(name: string, network: 'app' | 'db', host: number): PortDescription {
  const net = network === 'app' ? 1 : 2;
  return { name, network, addresses: [`10.${net}.0.${host}`, `fd00:${net}::${host.toString(16)}`] };
}

export const PORTS: readonly PortDescription[] = [
  vm('web1', 'app', 11),
  vm('web2', 'app', 12),
  vm('web3', 'app', 13),
  vm('app1', 'app', 21),
  vm('app2', 'app', 22),
  vm('app3', 'app', 23),
  vm('app4', 'app', 24),
  vm('app5', 'app', 25),
  vm('db1', 'db', 31),
  vm('db2', 'db', 32),
];

export const MINUTE_MS = 60_000;

export const SETTINGS: DatapathSnapshot['settings'] = {
  udpIdleMs: 2 * MINUTE_MS,
  tcpEstablishedIdleMs: 124 * MINUTE_MS,
  tcpTransitoryIdleMs: 4 * MINUTE_MS,
  activeFlowIdleMs: 30_000,
  answerEchoToVip: true,
  failFast: false,
  onTableFull: 'refuse',
};

export const DEFAULT_TOPOLOGY: Topology = {
  networks: [APP, DB],
  ports: PORTS,
  groups: [],
  settings: SETTINGS,
  balancer: 'port',
};

/** `app1` … with the last byte of their addresses, as members: `members([1, 3])` are app1 and app2. */
export const members = (
  weights: readonly number[],
  more: Partial<MemberDescription> & { family?: 4 | 6 } = {},
): MemberDescription[] => {
  const { family = 4, ...rest } = more;
  return weights.map((weight, i) => ({
    name: `app${i + 1}`,
    address: family === 4 ? `10.1.0.${21 + i}` : `fd00:1::${(21 + i).toString(16)}`,
    weight,
    ...rest,
  }));
};

/** Small numbers handed out once and kept: ids of ports, rules, groups, statistics rows. */
export class Numbers {
  private readonly numbers = new Map<string, number>();

  of(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    this.numbers.set(name, this.numbers.size);
    return this.numbers.size - 1;
  }
}

/** Turns descriptions into snapshots; ids stay the same over revisions, as the publisher's do. */
export class SnapshotMaker {
  private readonly ids = { network: new Numbers(), port: new Numbers(), rule: new Numbers() };
  private readonly members = new Numbers();
  /** Tables take milliseconds to make, and all load balancers share them. */
  private readonly maglev = new MaglevCache();

  networkId = (name: string): number => this.ids.network.of(name);
  portId = (name: string): number => this.ids.port.of(name);
  ruleId = (group: string, vip: string): number => this.ids.rule.of(`${group} ${vip}`);
  memberId = (group: string, member: string): number => this.members.of(`${group} ${member}`);

  routerMac = (network: string): string => `02:53:00:00:00:${hex2(this.networkId(network))}`;

  macOf(port: PortDescription): string {
    return port.mac ?? `02:00:00:00:${hex2(this.networkId(port.network))}:${hex2(this.portId(port.name))}`;
  }

  balancerOf(topology: Topology, port: string): number {
    return topology.balancer === 'host' ? 0 : this.portId(port);
  }

  snapshot(topology: Topology, revision: number): DatapathSnapshot {
    const ports = topology.ports.map((port): PortSpec => {
      const { name, addresses, offloads = true, balanced = true } = port;
      return {
        id: this.portId(name),
        name,
        network: this.networkId(port.network),
        mac: port.mac === null ? undefined : this.macOf(port),
        addresses,
        allowedSources: port.allowedSources,
        allowedMacs: port.allowedMacs,
        allowedEtherTypes: port.allowedEtherTypes,
        guards: {
          dhcp: port.uplink === undefined,
          routerAdvertisements: port.uplink === undefined,
          reservedMulticast: true,
          ...port.guards,
        },
        chain: port.chain,
        marks: port.marks,
        isMiddlebox: port.isMiddlebox,
        loadBalancer: balanced ? this.balancerOf(topology, name) : -1,
        offloads,
        uplink: port.uplink,
      };
    });
    const names = new Set(topology.groups.map(({ name }) => name));
    const groups = [...names].map((name) =>
      compileRules(
        topology.groups.filter((group) => group.name === name).map((group) => this.rule(group)),
        (members) => this.maglev.tableOf(members),
      ),
    );
    const balancers = new Set(ports.map((port) => port.loadBalancer).filter((id) => id >= 0));
    return {
      revision,
      networks: topology.networks.map((network) => ({
        id: this.networkId(network.name),
        vni: 5001 + this.networkId(network.name),
        mtu: 1500,
        routes: [],
        routerMac: this.routerMac(network.name),
        ...network,
      })),
      ports,
      loadBalancers: [...balancers].map((id) => ({
        id,
        scope: topology.balancer,
        name: `balancer ${id}`,
        groups,
      })),
      settings: topology.settings,
    };
  }

  private rule(group: GroupDescription): RuleSpec {
    const sets = group.criteria ?? [{ members: group.members ?? [] }];
    return {
      id: this.ruleId(group.name, group.vip),
      group: this.ids.rule.of(group.name),
      vip: group.vip,
      protocol: group.protocol ?? 'any',
      ports: group.port === undefined ? undefined : [[group.port, group.port]],
      sources: group.sources ?? [],
      sourcePorts: group.sourcePort === undefined ? undefined : [[group.sourcePort, group.sourcePort]],
      rewrite: group.rewrite ?? 'address',
      algorithm: group.algorithm ?? 'weighted-round-robin',
      hash: group.hash,
      affinityMs: group.affinityMs,
      avoidSelf: group.avoidSelf,
      udpIdleMs: group.udpIdleMs,
      udpRepickMs: group.udpRepickMs,
      udpScheduling: group.udpScheduling,
      drainFallback: group.drainFallback,
      isHop: group.isHop,
      through: group.through && {
        groups: group.through.map((name) => this.ids.rule.of(name)),
        onHopFailure: group.onHopFailure ?? 'rehash',
        onNoHop: group.onNoHop ?? 'reject',
      },
      onEmpty: group.onEmpty ?? 'reject',
      criteria: sets.map(
        ({ members: list, ...set }): CriteriaSpec => ({
          ...set,
          members: list.map((member) => ({
            weight: 1,
            state: 'active',
            ...member,
            id: this.memberId(group.name, member.name),
          })),
        }),
      ),
    };
  }
}

export const familyOf = (address: string): 4 | 6 => (addressBytes(address).length === 4 ? 4 : 6);

const hex2 = (number: number): string => number.toString(16).padStart(2, '0');
