/**
 * The configuration after loading: defaults filled in, addresses canonical, every cross reference checked.
 * The YAML surface is described by schema.ts; contract names are kept (`match`, `from`, `criteria`, …).
 */
import type { GroupScalingConfig, PolicyConfig } from '../../policy/policy-config.ts';
import type {
  Algorithm,
  HashInput,
  MemberState,
  PortRange,
  PriorityCondition,
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
    /** Time to spin before sleeping, microseconds. */
    busyPollUs: number;
    /** Packets measured per millisecond, besides handshakes; 0: nothing is measured. */
    meterPacketsPerMs: number;
    /** One LB per port, or one shared by a network's ports, or by the whole host; or the ports of each shared LB by name. */
    loadBalancers: 'port' | 'network' | 'host' | Record<string, string[]>;
    udpIdleMs: number;
    tcpEstablishedIdleMs: number;
    tcpTransitoryIdleMs: number;
    activeFlowIdleMs: number;
    answerEchoToVip: boolean;
    /** Whether a failed member's TCP clients are reset at once. */
    failFast: boolean;
    /** Treatment of a new flow when the connection table is full of live flows. */
    onTableFull: 'refuse' | 'evict-idle';
  };
  networks: NetworkConfig[];
  ports: PortConfig[];
  /** Absent: none. */
  firewalls?: FirewallConfig[];
  groups: GroupConfig[];
  /** Commands that hosts may run as VMs. */
  templates: TemplateConfig[];
  /** Settings of a fleet; absent on a single host. */
  uplinks?: UplinkConfig[];
  /** Listening addresses of an embedded or separate controller: `address:port`. */
  listen?: { agents?: string; http?: string };
  /** Controllers that the agent may connect to, `host:port`; absent: the embedded one. */
  controllers?: string[];
  /** User of `sluice controller` (native/processes/users.ts); absent: the default one. */
  user?: string;
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
  /** Whether frames to reserved group addresses are dropped in both directions. */
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
  /** Source addresses of this host's health checks, at most one per family; probe-port.ts chooses absent ones. */
  probeAddresses: string[];
  /** Operators in the default chain of its ports, in front of the load balancer. */
  chain?: ChainItem[];
  /** Absent: DEFAULT_ROUTER if the network has a gateway (`routerOf`). */
  router?: string;
}

/** Router of networks with a gateway in a configuration without `routers`. */
export const DEFAULT_ROUTER = 'default';

/** Name of the logical router that joins a network; undefined: the network is not routed. */
export const routerOf = ({
  gateway,
  router,
}: Pick<NetworkConfig, 'gateway' | 'router'>): string | undefined =>
  gateway.length === 0 ? undefined : (router ?? DEFAULT_ROUTER);

export interface RouterAdvertisementConfig {
  /** 0: no default router. */
  lifetimeMs: number;
  /** Longest time between two unsolicited advertisements. */
  intervalMs: number;
  /** Whether VMs form addresses of their own in /64 subnets (SLAAC). */
  autonomous: boolean;
}

export interface PortConfig extends PortProtection {
  name: string;
  network: string;
  netns: string;
  interface: string;
  /** If absent in the file: locally administered, derived from host and port name, the same on every start. */
  mac: string;
  addresses: string[];
  labels: Record<string, string>;
  /** Operators from the VM on; absent: anti-spoofing, those of the network, load balancer. */
  chain?: ChainItem[];
  /** DSCP of packets to the VM by source prefixes. */
  marks?: { sources: string[]; dscp: number }[];
  /** Purpose of a port that is not from the file. `probe` ports have no load balancer. */
  purpose?: 'vm' | 'probe';
}

/** A step of a port's chain. */
export type ChainItem =
  | { kind: 'anti-spoofing' }
  | { kind: 'load-balancer' }
  | { kind: 'firewall'; name: string }
  | { kind: 'rate-limit'; packetsPerSecond?: number; bitsPerSecond?: number; burstMs: number }
  /** `match`: packets to copy; absent: all frames. */
  | { kind: 'mirror'; port: string; match?: FirewallRuleConfig };

/** The chain of a port, with defaults; probe ports have no operators. */
export function effectiveChain(port: PortConfig, { networks }: Pick<Configuration, 'networks'>): ChainItem[] {
  if (port.chain !== undefined) return port.chain;
  if (port.purpose === 'probe') return [];
  const ofNetwork = networks.find(({ name }) => name === port.network)?.chain ?? [];
  return [{ kind: 'anti-spoofing' }, ...ofNetwork, { kind: 'load-balancer' }];
}

export interface FirewallConfig {
  name: string;
  default: 'allow' | 'deny';
  rules: FirewallRuleConfig[];
}

export interface FirewallRuleConfig {
  name: string;
  verdict: 'allow' | 'deny';
  log: boolean;
  direction?: 'to-vm' | 'from-vm';
  protocol: Protocol;
  /** Destination ports, or ICMP types; empty: any. */
  ranges: [first: number, last: number][];
  sources: string[];
  destinations: string[];
  /** Labels of the ports whose addresses are matched; absent: `sources` and `destinations` decide. */
  fromLabels?: Record<string, string>;
  toLabels?: Record<string, string>;
}

export interface GroupConfig {
  name: string;
  /** Network that the VIP and the members belong to. */
  network: string;
  /** Further networks whose ports have the group's VIPs, joined to the first by a router. Absent: none. */
  otherNetworks?: string[];
  /** The members are middleboxes: the group has no VIP, and is named in the `through` of others. Absent: servers. */
  kind?: 'middlebox';
  /** Empty for middleboxes only. */
  vip: string[];
  /** Groups of middleboxes that flows pass on their way to a member. Absent: none. */
  chain?: ChainConfig;
  protocol: Protocol;
  /** The only destination port; absent: any, or those of `ports`. */
  port?: number;
  /** Destination ports, ascending and apart, if they are not a single one. */
  ports?: readonly PortRange[];
  /** `sourcePort`, `sourcePorts` as `port`, `ports`; `macs` absent: any source MAC. */
  match: { sources: string[]; sourcePort?: number; sourcePorts?: readonly PortRange[]; macs?: string[] };
  /** Label selector of source ports; absent: all ports of the networks. */
  from?: Record<string, string>;
  rewrite: RewriteKind;
  algorithm: Algorithm;
  /** Input of `maglev`'s hash; absent for other algorithms. */
  hash?: HashInput;
  /** Absent: no affinity. */
  affinityMs?: number;
  avoidSelf: boolean;
  /** Idle timeout of datagram flows; absent: the host's. */
  udpIdleMs?: number;
  /** Absent: a datagram flow keeps its member. */
  udpRepickMs?: number;
  /** Absent: per flow. */
  udpScheduling?: UdpScheduling;
  /** Whether new flows go to draining members when no active one is left. */
  drainFallback?: boolean;
  onEmpty: 'reject' | 'drop';
  /** Adapts weights to the load; absent: weights stay as configured. */
  policy?: PolicyConfig;
  scaling?: GroupScalingConfig;
  /** Absent: members are not checked. */
  health?: HealthConfig;
  /** Absent: members are not asked for their load. */
  load?: LoadConfig;
  /** `members:` in the file becomes one criteria set without a period, `priorities:` one for each. */
  criteria: CriteriaConfig[];
}

/** Networks in which all of the group's VIPs apply. */
export const networksOf = ({
  network,
  otherNetworks = [],
}: Pick<GroupConfig, 'network' | 'otherNetworks'>): string[] => [network, ...otherNetworks];

/** Groups of middleboxes in a chain at most, as in the datapath (tables/balancing/chain-table.ts). */
export const MAX_HOPS = 4;

/** The service chain of a group. */
export interface ChainConfig {
  /** Names of groups of middleboxes, at least one. */
  through: string[];
  onHopFailure: 'rehash' | 'reset';
  onNoHop: 'reject' | 'bypass';
}

export const isMiddleboxGroup = ({ kind }: Pick<GroupConfig, 'kind'>): boolean => kind === 'middlebox';

export interface CriteriaConfig {
  fromMs?: number;
  untilMs?: number;
  /** Of a priority: in force at any time, for flows that meet `when`. All sets of a group have names, or none has. */
  name?: string;
  /** Absent: any flow. */
  when?: WhenConfig;
  /** Treatment of a flow without usable member; absent: the group's. */
  onEmpty?: 'next' | 'reject' | 'drop';
  members: MemberConfig[];
}

export interface WhenConfig extends PriorityCondition {
  /** Labels that the sending port must have. */
  labels?: Record<string, string>;
}

export interface MemberConfig {
  name: string;
  address: string;
  port?: number;
  mac?: string;
  weight: number;
  /** In groups of controllers: the weight before the policy; absent: `weight`. */
  configuredWeight?: number;
  /** In groups of controllers, by source port: the weight that the port's load balancer uses, given by hand. */
  weightsByPort?: Readonly<Record<string, number>>;
  state: MemberState;
  /** Wall clock, epoch milliseconds, at which the remaining flows of a draining member are dropped. */
  drainDeadlineMs?: number;
}

export interface HealthConfig {
  kind: 'tcp' | 'http' | 'icmp' | 'tcp-syn' | 'agent' | 'grpc' | 'udp';
  /** Absent: the member's, else the group's. */
  port?: number;
  /** Of `http`. */
  path: string;
  /** Accepted statuses of `http`; empty: 200 to 399. */
  expectStatus: number[];
  /** Of `grpc`; absent: the server as a whole. */
  service?: string;
  /** Of `udp`, a byte per character: the datagram, and what its answer must contain. */
  payload?: string;
  answer?: string;
  intervalMs: number;
  timeoutMs: number;
  /** Good probes in a row that make a member healthy, failed ones that make it unhealthy. */
  rise: number;
  fall: number;
  /** Number of probing hosts that must find a member unhealthy. */
  quorum: 'majority' | 'any' | 'all' | number;
  /** Absent: members come and go as often as they fail and recover. */
  flapDamping?: FlapDampingConfig;
}

/** How a group's members are asked for their load. */
export interface LoadConfig {
  /** Whether `policy.metric: reported` is the members' answer alone, or together with the flows that hosts count. */
  from: 'members' | 'both';
  kind: 'http' | 'agent-check' | 'orca';
  /** Absent: the member's, else the group's. */
  port?: number;
  /** Of `http` and `orca`. */
  path: string;
  /** Of `http`: a metric of Prometheus text; of `orca`: a field of the report. */
  metric?: string;
  /** Of `http`: a place in a JSON document, RFC 6901. */
  pointer?: string;
  intervalMs: number;
  timeoutMs: number;
}

/** Failures count 1 each, and half as much after each half-life. */
export interface FlapDampingConfig {
  halfLifeMs: number;
  /** From this penalty on a member is held back, until it is below `reuse`. */
  suppress: number;
  reuse: number;
  /** Longest time for which a member is held that stays healthy. */
  maxHoldMs: number;
}

/** A command that hosts run as VMs, each in a namespace of its own with a port. */
export interface TemplateConfig {
  name: string;
  network: string;
  /** Program and arguments. */
  command: string[];
  group?: string;
  labels: Record<string, string>;
  /** Port at which a VM serves. */
  port?: number;
  /** Weight of its members. */
  weight: number;
  /** Prefixes and ranges (address-pool.ts). */
  addresses: string[];
  interface: string;
  env: Record<string, string>;
  /** Absent: root. */
  user?: string;
  directory: string;
  readyTimeoutMs: number;
  /** Time between SIGTERM and SIGKILL. */
  stopTimeoutMs: number;
  /** Total over all hosts. */
  maxInstances: number;
  /** Empty: all. */
  hosts: string[];
}
