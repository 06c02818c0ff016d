/**
 * The messages of sluice.proto as the program sees them: plain objects, told apart by `type`. Times are epoch
 * milliseconds unless the name carries another unit; every number is an exact integer below 2^53 or a rate.
 */
import type { Report } from './report.ts';

/** Versions of the protocol that one side speaks, all from `oldest` to `newest`. */
export interface ProtocolVersions {
  readonly oldest: number;
  readonly newest: number;
}

/** Those of this program. */
export const PROTOCOL_VERSIONS: ProtocolVersions = { oldest: 1, newest: 1 };

type Tagged<Type extends string, Body> = Readonly<Body> & { readonly type: Type };

export type FromAgent =
  | Tagged<'hello', Hello>
  | Tagged<'report', Report>
  | Tagged<'ports', Ports>
  | Tagged<'applied', Applied>
  | Tagged<'probeResults', ProbeResults>
  | Tagged<'vmEvent', VmEvent>
  | Tagged<'request', Request>
  | Tagged<'reply', Reply>
  | Tagged<'memberLoads', MemberLoads>;

export type FromController =
  | Tagged<'welcome', Welcome>
  | Tagged<'redirect', Redirect>
  | Tagged<'rules', Rules>
  | Tagged<'globalStats', GlobalStats>
  | Tagged<'vmOrder', VmOrder>
  | Tagged<'request', Request>
  | Tagged<'reply', Reply>;

export interface Hello {
  /** The oldest version that the agent speaks. */
  protocolVersion: number;
  /** Absent or 0: the oldest is the only one. */
  newestProtocolVersion?: number;
  host: string;
  /** When this agent started; a restarted one has a greater epoch. */
  agentEpoch: number;
  version: string;
  ports: readonly Port[];
  /** The controller's rules that the host has in force; 0, 0: none. */
  rulesEpoch: number;
  rulesRevision: number;
  /** Absent: sent by an older version. */
  networks?: HostNetworks;
  templates?: HostTemplates;
}

/** Names of the templates in the host's own configuration. */
export interface HostTemplates {
  all: readonly string[];
}

/** All of the host's configuration. */
export interface HostNetworks {
  all: readonly Network[];
}

export interface Network {
  name: string;
  vni: number;
  /** Whether the host's logical router joins the network with the others that have this set and the same `router`. */
  routed?: boolean;
  /** Name of the router; empty: sent by an older version, which has one. */
  router?: string;
}

export interface Port {
  name: string;
  network: string;
  netns: string;
  mac: string;
  addresses: readonly string[];
  labels: Readonly<Record<string, string>>;
}

/** All ports and networks of the host, sent after a change. */
export interface Ports {
  ports: readonly Port[];
  /** As in Hello. */
  networks?: HostNetworks;
  templates?: HostTemplates;
}

/** Rules are in force as the host's `localRevision`, or `error` says why not. */
export interface Applied {
  epoch: number;
  revision: number;
  localRevision: number;
  /** Empty: in force. NEEDS_FULL_RULES: the delta's base did not match. Else the host's error. */
  error: string;
}

/** `Applied.error` of a host whose rules are not the delta's base. */
export const NEEDS_FULL_RULES = 'base';

export interface ProbeResults {
  /** Whether these are all results of this host, or only changed ones. */
  isFull: boolean;
  results: readonly ProbeResult[];
}

export interface ProbeResult {
  group: string;
  member: string;
  address: string;
  isHealthy: boolean;
  /** An unhealthy one that answers, and wants no new flows. Absent: sent by an older version. */
  isDraining?: boolean;
  sinceMs: number;
  detail: string;
}

/** What members have said of their own load since the last such message. */
export interface MemberLoads {
  loads: readonly MemberLoad[];
}

export interface MemberLoad {
  group: string;
  member: string;
  address: string;
  /** Whether the answer was usable; otherwise `detail` says why not. */
  isKnown: boolean;
  /** In the unit of the group's `load`, 0 … MAX_LOAD. */
  load: number;
  /** Time since the answer. */
  ageMs: number;
  detail: string;
}

/** Larger loads are refused, wherever they come from. */
export const MAX_LOAD = 1e15;

export interface VmEvent {
  vm: string;
  template: string;
  kind: 'created' | 'serving' | 'terminated' | 'crashed';
  detail: string;
  port?: Port;
}

/** A request to the peer's JSON API; the sender chooses `id`. */
export interface Request {
  id: number;
  method: string;
  path: string;
  /** JSON; empty: none. */
  body: string;
  /** Who asks at the sender's machine, for audit trails; absent or empty: the sender itself. */
  actor?: string;
}

export interface Reply {
  id: number;
  /** HTTP status. */
  status: number;
  /** JSON. */
  body: string;
}

export interface Welcome {
  /** The newest version that both sides speak. */
  protocolVersion: number;
  /** The leader's epoch; agents refuse rules of older epochs. */
  epoch: number;
  controller: string;
  /** The leader's listening address. */
  leader: string;
  reportIntervalMs: number;
  /** Whether reports have a row per load balancer, or sums over the host's. */
  reportRaw: boolean;
}

/** The sender is not the leader. Attach there, or stay and wait for the next leader. Empty: no leader is known. */
export interface Redirect {
  leader: string;
}

export interface Rules {
  epoch: number;
  revision: number;
  /** Base of a delta. */
  baseRevision: number;
  /** Whether these are all groups. */
  isFull: boolean;
  groups: readonly GroupDefinition[];
  removed: readonly string[];
  /** The sender's clock when it sent this: drain deadlines count from it. Absent or 0: sent by an older version. */
  atMs?: number;
  /** With `isFull`: groups that were removed; a host's own ones of these names are not in force. */
  tombstones?: readonly string[];
}

export interface GroupDefinition {
  name: string;
  /** Canonical JSON of GroupConfig with effective members, weights and states. */
  definition: string;
  /** Load balancers of this host whose weights differ from the definition's; absent: none. */
  balancers?: readonly BalancerWeights[];
}

export interface BalancerWeights {
  loadBalancer: string;
  /** The criteria set that they belong to (`setKey` of config/model/criteria-sets.ts); absent or empty: all of the group. */
  criteriaSet?: string;
  /** Weights by member, 0 … 65535. */
  weights: Readonly<Record<string, number>>;
}

export interface GlobalStats {
  epoch: number;
  sequence: number;
  atMs: number;
  /** Groups that are not listed are unchanged. */
  groups: readonly GroupGlobal[];
}

export interface GroupGlobal {
  name: string;
  members: readonly MemberGlobal[];
}

/** Summed over all hosts; times are averages weighted by active flows, 0: not measured. */
export interface MemberGlobal {
  name: string;
  /** Number of hosts that report it. */
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
  windowBytes: number;
  /** By the members' own answers; `loadReporters`: the number of hosts that asked, 0: none has an answer. */
  reportedLoad: number;
  loadReporters: number;
  reportedAgeMs: number;
}

/** A command to the host's VM driver. */
export interface VmOrder {
  command: 'start' | 'stop';
  vm: string;
  template: string;
  /** JSON of the template's definition, of which the host uses only the addresses; empty for stop. */
  definition: string;
}
