/**
 * The configuration after loading: defaults filled in, addresses canonical, every cross reference checked.
 * The YAML surface is described by schema.ts; contract names are kept (`match`, `from`, `criteria`, …).
 */
import type { GroupScalingConfig, PolicyConfig } from '../../policy/policy-config.ts';
import type {
  Algorithm,
  HashInput,
  MemberState,
  Protocol,
  RewriteKind,
  UdpScheduling,
} from '../../tables/balancing/rule-spec.ts';
import type { PortProtection } from './port-protection.ts';

export interface Configuration {
  host: string;
  datapath: {
    engine: 'auto' | 'uring' | 'syscall';
    /** Rows of the connection table, rounded up to a power of two. */
    maxConnections: number;
    /** Spin before sleeping, microseconds. */
    busyPollUs: number;
    /** Packets looked at for times and losses per millisecond, handshakes beyond that too; 0: none at all. */
    meterPacketsPerMs: number;
    /** One LB per port, or one shared by a network's ports, or by the whole host. */
    loadBalancers: 'port' | 'network' | 'host';
    udpIdleMs: number;
    tcpEstablishedIdleMs: number;
    tcpTransitoryIdleMs: number;
    activeFlowIdleMs: number;
    answerEchoToVip: boolean;
    /** When a member fails, its TCP clients are reset at once. */
    failFast: boolean;
    /** What a new flow gets when the connection table is full of live ones. */
    onTableFull: 'refuse' | 'evict-idle';
  };
  networks: NetworkConfig[];
  ports: PortConfig[];
  groups: GroupConfig[];
  /** What hosts may run as VMs. */
  templates: TemplateConfig[];
  /** Several hosts; absent on a host of its own. */
  uplinks?: UplinkConfig[];
  /** Where an embedded controller, or `controller`, listens: `address:port`. */
  listen?: { agents?: string; http?: string };
  /** Controllers that the agent may connect to, `host:port`; absent: the embedded one. */
  controllers?: string[];
  store?: StoreConfig;
  /** PEM files; absent: only loopback and unix sockets are used. */
  tls?: { ca: string; cert: string; key: string };
}

/** An existing interface to the physical network. */
export interface UplinkConfig {
  name: string;
  interface: string;
  /** `vlan` 1 … 4094; absent only if the uplink carries one network, untagged. */
  networks: { name: string; vlan?: number }[];
  /** Frames to reserved group addresses do not cross it, in either direction. */
  reservedMulticastGuard: boolean;
}

export type StoreConfig =
  | { kind: 'file'; dir: string }
  /** `prefix` ends in a slash; all keys begin with it. */
  | { kind: 'etcd'; endpoints: string[]; prefix: string; tls?: StoreTls };

/** PEM files, `cert` and `key` both or neither; absent: plain to loopback, the agents' `tls` if any to elsewhere. */
export type StoreTls = 'none' | { ca: string; cert?: string; key?: string };

export interface NetworkConfig {
  name: string;
  vni: number;
  mtu: number;
  /** Upper bound of the MSS that TCP connections announce, bytes, or `auto`: what fits into the MTU. Absent: none. */
  mssClamp?: 'auto' | number;
  subnets: string[];
  gateway: string[];
  /** What the logical router advertises to IPv6 hosts; absent: nothing. */
  routerAdvertisements?: RouterAdvertisementConfig;
  routes: { to: string; via: string }[];
  /** Where this host's health checks come from, at most one per family; see probe-address.ts for absent ones. */
  probeAddresses: string[];
}

export interface RouterAdvertisementConfig {
  /** 0: no default router. */
  lifetimeMs: number;
  /** Between two unsolicited ones, at most. */
  intervalMs: number;
  /** VMs make themselves addresses in /64 subnets. */
  autonomous: boolean;
}

export interface PortConfig extends PortProtection {
  name: string;
  network: string;
  netns: string;
  interface: string;
  /** Filled in when absent: locally administered, derived from host and port name, the same on every start. */
  mac: string;
  addresses: string[];
  labels: Record<string, string>;
  /** What a port that is in no file serves; absent: of the file. `probe` ports have no load balancer. */
  purpose?: 'vm' | 'probe';
}

export interface GroupConfig {
  name: string;
  network: string;
  vip: string[];
  protocol: Protocol;
  port?: number;
  match: { sources: string[]; sourcePort?: number };
  /** Label selector of source ports; absent: all ports of the network. */
  from?: Record<string, string>;
  rewrite: RewriteKind;
  algorithm: Algorithm;
  /** What `maglev` hashes; absent for other algorithms. */
  hash?: HashInput;
  /** Absent: no affinity. */
  affinityMs?: number;
  avoidSelf: boolean;
  /** Of datagram flows; absent: the host's. */
  udpIdleMs?: number;
  /** Absent: a datagram flow keeps its member. */
  udpRepickMs?: number;
  /** Absent: per flow. */
  udpScheduling?: UdpScheduling;
  /** With no active member left, new flows go to the draining ones. */
  drainFallback?: boolean;
  onEmpty: 'reject' | 'drop';
  /** How weights follow the load; absent: they stay as configured. */
  policy?: PolicyConfig;
  scaling?: GroupScalingConfig;
  /** Absent: members are not checked. */
  health?: HealthConfig;
  /** `members:` in the file becomes one criteria set without a period. */
  criteria: CriteriaConfig[];
}

export interface CriteriaConfig {
  fromMs?: number;
  untilMs?: number;
  members: MemberConfig[];
}

export interface MemberConfig {
  name: string;
  address: string;
  port?: number;
  mac?: string;
  weight: number;
  state: MemberState;
  /** Wall clock, epoch milliseconds: the remaining flows of a draining member are dropped then. */
  drainDeadlineMs?: number;
}

export interface HealthConfig {
  kind: 'tcp' | 'http' | 'icmp';
  /** Absent: the member's, else the group's. */
  port?: number;
  /** Of `http`. */
  path: string;
  /** Of `http`; empty: 200 to 399. */
  expectStatus: number[];
  intervalMs: number;
  timeoutMs: number;
  /** Good probes in a row that make a member healthy, failed ones that make it unhealthy. */
  rise: number;
  fall: number;
  /** How many of the hosts that probe a member must find it unhealthy. */
  quorum: 'majority' | 'any' | 'all' | number;
}

/** A command that hosts run as VMs, each in a namespace of its own with a port. */
export interface TemplateConfig {
  name: string;
  network: string;
  /** Program and arguments. */
  command: string[];
  group?: string;
  labels: Record<string, string>;
  /** At which a VM serves. */
  port?: number;
  /** Of its members. */
  weight: number;
  /** Prefixes and ranges (address-pool.ts). */
  addresses: string[];
  interface: string;
  env: Record<string, string>;
  /** Absent: root. */
  user?: string;
  directory: string;
  readyTimeoutMs: number;
  /** Between SIGTERM and SIGKILL. */
  stopTimeoutMs: number;
  /** Over all hosts. */
  maxInstances: number;
  /** Empty: all. */
  hosts: string[];
}
