/**
 * The messages of sluice.proto as the program sees them: plain objects, told apart by `type`. Times are epoch
 * milliseconds unless the name carries another unit; every number is an exact integer below 2^53 or a rate.
 */
import type { Report } from './report.ts';

/** Peers that speak another version are refused. */
export const PROTOCOL_VERSION = 1;

type Tagged<Type extends string, Body> = Readonly<Body> & { readonly type: Type };

export type FromAgent =
  | Tagged<'hello', Hello>
  | Tagged<'report', Report>
  | Tagged<'ports', Ports>
  | Tagged<'applied', Applied>
  | Tagged<'probeResults', ProbeResults>
  | Tagged<'vmEvent', VmEvent>
  | Tagged<'request', Request>
  | Tagged<'reply', Reply>;

export type FromController =
  | Tagged<'welcome', Welcome>
  | Tagged<'redirect', Redirect>
  | Tagged<'rules', Rules>
  | Tagged<'globalStats', GlobalStats>
  | Tagged<'vmOrder', VmOrder>
  | Tagged<'request', Request>
  | Tagged<'reply', Reply>;

export interface Hello {
  protocolVersion: number;
  host: string;
  /** When this agent started; a restarted one has a greater epoch. */
  agentEpoch: number;
  version: string;
  ports: readonly Port[];
  /** The controller's rules that the host has in force; 0, 0: none. */
  rulesEpoch: number;
  rulesRevision: number;
  /** Absent: the agent is of a version that does not say. */
  networks?: HostNetworks;
  templates?: HostTemplates;
}

/** Names of the templates in the host's own configuration. */
export interface HostTemplates {
  all: readonly string[];
}

/** Of the host's configuration, all of them. */
export interface HostNetworks {
  all: readonly Network[];
}

export interface Network {
  name: string;
  vni: number;
  /** The host's logical router joins it with all others that have this. */
  routed?: boolean;
}

export interface Port {
  name: string;
  network: string;
  netns: string;
  mac: string;
  addresses: readonly string[];
  labels: Readonly<Record<string, string>>;
}

/** The host's ports and networks, all of them, after a change. */
export interface Ports {
  ports: readonly Port[];
  /** As in Hello. */
  networks?: HostNetworks;
  templates?: HostTemplates;
}

/** In force as the host's `localRevision`; or why not. */
export interface Applied {
  epoch: number;
  revision: number;
  localRevision: number;
  /** Empty: in force. NEEDS_FULL_RULES: a delta did not fit. Else what the host said. */
  error: string;
}

/** `Applied.error` of a host that cannot apply a delta to what it has. */
export const NEEDS_FULL_RULES = 'base';

export interface ProbeResults {
  /** All results of this host; else those that changed. */
  isFull: boolean;
  results: readonly ProbeResult[];
}

export interface ProbeResult {
  group: string;
  member: string;
  address: string;
  isHealthy: boolean;
  sinceMs: number;
  detail: string;
}

export interface VmEvent {
  vm: string;
  template: string;
  kind: 'created' | 'serving' | 'terminated' | 'crashed';
  detail: string;
  port?: Port;
}

/** A call of the other side's JSON API; `id` is the caller's. */
export interface Request {
  id: number;
  method: string;
  path: string;
  /** JSON; empty: none. */
  body: string;
}

export interface Reply {
  id: number;
  /** As of HTTP. */
  status: number;
  /** JSON. */
  body: string;
}

export interface Welcome {
  protocolVersion: number;
  /** The leader's; agents refuse rules of older ones. */
  epoch: number;
  controller: string;
  /** Where the leader listens. */
  leader: string;
  reportIntervalMs: number;
  /** One row per load balancer; else summed over the host's. */
  reportRaw: boolean;
}

/** "I do not lead; go there, or stay to hear who leads next." Empty: no leader is known. */
export interface Redirect {
  leader: string;
}

export interface Rules {
  epoch: number;
  revision: number;
  /** What a delta builds upon. */
  baseRevision: number;
  /** These groups are all that there are. */
  isFull: boolean;
  groups: readonly GroupDefinition[];
  removed: readonly string[];
}

export interface GroupDefinition {
  name: string;
  /** Canonical JSON of GroupConfig with effective members, weights and states. */
  definition: string;
  /** Load balancers of this host whose weights are others than the definition's; absent: none. */
  balancers?: readonly BalancerWeights[];
}

export interface BalancerWeights {
  loadBalancer: string;
  /** By member, 0 … 65535. */
  weights: Readonly<Record<string, number>>;
}

export interface GlobalStats {
  epoch: number;
  sequence: number;
  atMs: number;
  /** Groups that are not listed have not changed. */
  groups: readonly GroupGlobal[];
}

export interface GroupGlobal {
  name: string;
  members: readonly MemberGlobal[];
}

/** Summed over all hosts; times are averages weighted by active flows, 0: not measured. */
export interface MemberGlobal {
  name: string;
  /** How many hosts report it. */
  hosts: number;
  activeFlows: number;
  newFlowsPerSecond: number;
  bytesPerSecond: number;
  packetsPerSecond: number;
  synTimeMicros: number;
  rttMicros: number;
  retransmissionsPerSecond: number;
  resetsPerSecond: number;
  failedConnectsPerSecond: number;
  zeroWindowsPerSecond: number;
  congestionPercent: number;
  ageMs: number;
}

/** What the host's VM driver is to do. */
export interface VmOrder {
  command: 'start' | 'stop';
  vm: string;
  template: string;
  /** JSON of the template's definition, of which the host takes the addresses alone; empty for stop. */
  definition: string;
}
