/**
 * The API of hosts and controllers as JSON over HTTP on the unix socket `RUN_DIR/api.sock` (mode 0600). Shapes only: the server
 * (server.ts) and the CLI's client share them. Column names of listings are these keys.
 * Durations carry their unit in the key, times are ISO 8601, numbers are numbers.
 *
 *   GET    /v1/status                              Status
 *   GET    /v1/ports                               PortRow[]
 *   GET    /v1/routers                             RouterRow[]
 *   GET    /v1/firewalls?port=P                    FirewallRow[]
 *   GET    /v1/groups                              GroupRow[]
 *   GET    /v1/groups/{group}                      GroupDetail
 *   GET    /v1/rules?port=P                        RuleRow[]
 *   GET    /v1/flows?port=P&group=G&member=M&limit=N   FlowRow[]
 *   GET    /v1/stats?by=group|member|load-balancer|port          StatRow[] | PortRow[]
 *   POST   /v1/groups/{group}/members              MemberAdd         → Changed
 *   POST   /v1/groups/{group}/members/{m}/weight   { weight, overMs? | port? } → Changed
 *   POST   /v1/groups/{group}/members/{m}/drain    { deadlineMs? }   → Changed
 *          these three also with `at` (ISO 8601) or `afterMs`: at that time, by the clock of the leading controller
 *   POST   /v1/groups/{group}/members/{m}/cancel   {}                → Changed: what was to come of that member does not
 *   POST   /v1/groups/{group}/members/{m}/fail     {}                → Changed
 *   DELETE /v1/groups/{group}/members/{m}                            → Changed
 *   POST   /v1/reload                              { path }          → Changed
 *   POST   /v1/captures                            captureStart (routes.ts) → pcapng, until it is ended; header sluice-capture: its id
 *   DELETE /v1/captures/{id}                                         → {}: the stream ends with its statistics
 *   POST   /v1/reload/plan                         { path }          → Difference[]: what a reload would change
 *   POST   /v1/diff                                { path }          → Difference[]: the file against what is in force
 *   POST   /v1/trace                               TraceQuestion    → TraceAnswer (tracing/trace-shapes.ts)
 *   POST   /v1/down                                {}                → {} once the host is about to stop
 *
 * Controllers have besides, for all their hosts:
 *
 *   GET    /v1/status                              ControllerStatus
 *   GET    /v1/agents                              AgentRow[]
 *   DELETE /v1/agents/{host}                       one that is away is not expected any more → {}
 *   GET    /v1/confirmation                        Changed: who has confirmed all rules
 *   GET    /v1/groups/{group}/confirmation         Changed: who has confirmed the group's rules
 *   GET    /v1/groups/{group}/all-hosts            GroupDetail over all hosts, also where it is asked at one host
 *   GET    /v1/groups/{group}/watch?intervalMs=N   GroupSample, line by line
 *   GET    /v1/groups/{group}/policy               PolicyDetail
 *   POST   /v1/groups/{group}/policy               { policy }, null: the file's → Changed
 *   POST   /v1/groups/{group}/scale                { count }, null: by thresholds → Changed
 *   GET    /v1/vms                                 VmRow[]
 *
 * Listings are sent while their rows are made: as an array, or as lines to a client that accepts `application/jsonl`.
 *
 * Errors: status 400 (wrong input), 404 (no such group, member, port), 409 (conflict), 500, 503 (not now, or not
 * here: the store is away, the leader is another controller); body ApiError.
 */
import type { CertificateStatus } from '../config/certificates.ts';
import type { HashInput, MemberState, UdpScheduling } from '../tables/balancing/rule-spec.ts';

export interface ApiError {
  error: string;
  /** One entry per problem, where there are several. */
  problems?: { path: string; found: string; expected: string }[];
}

export interface Changed {
  revision: number;
  /** From a controller: the hosts that have it in force, with their own revisions. */
  hosts?: Record<string, number>;
  /** Hosts that have not confirmed it in time; they get it as soon as they are reachable. */
  late?: string[];
  /** Hosts that should be attached and are away, and since when (ISO 8601); they get it when they are back. */
  away?: Record<string, string>;
  /** Host → why it keeps its previous rules. */
  refused?: Record<string, string>;
  /** When a change with a time begins and, later if it is a ramp, ends (ISO 8601); nothing has changed yet. */
  scheduled?: { at: string; until: string };
}

/** An entry in which a file and what is in force differ. */
export interface Difference {
  /** As in the file, with names in place of positions: `groups.api.members.app2.weight`. */
  path: string;
  /** null, here and in `file`: there is none. */
  inForce: unknown;
  /** In the file; of `reload --dry-run`: in force after the reload. */
  file: unknown;
  /** Who has changed it since the file was loaded, and when (ISO 8601); null: the file has changed, or it is not known. */
  by: string | null;
  at: string | null;
  /** A reload refuses the file: this cannot change while the process runs. */
  needsRestart: boolean;
}

export interface MemberAdd {
  name: string;
  address: string;
  port?: number;
  weight?: number;
  mac?: string;
  /** Of a group with priorities; absent: the last one. */
  priority?: string;
}

/** Whether all is well, and if not, why and what to do. */
export interface Verdict {
  well: boolean;
  problems: { problem: string; advice: string }[];
}

export interface Status {
  verdict: Verdict;
  version: string;
  host: string;
  pid: number;
  startedAt: string;
  uptimeMs: number;
  engine: 'uring' | 'syscall';
  /** Why this engine is used: it is configured, or the findings of `auto`. */
  engineReason: string;
  ports: number;
  uplinks: UplinkStatus[];
  groups: number;
  revision: number;
  connections: { inUse: number; max: number; created: number; expired: number; refused: number };
  /** Errors between datapath and devices; all writes to an uplink that is down fail. */
  ioErrors: {
    failedWrites: number;
    /** By errno's name, or `not-attached`. */
    failedWritesBy: Record<string, number>;
    fullQueues: number;
    failedReads: number;
    outOfBuffers: number;
  };
  /** Clients with affinity to a member; `evicted`: clients displaced by others. */
  affinities: { inUse: number; max: number; evicted: number };
  /** Reason → frames; reasons that never occurred are omitted. */
  drops: Record<string, number>;
  /** Frames handled by the datapath, including dropped ones. */
  frames: number;
  /** Resident memory of the host process, bytes. */
  residentBytes: number;
  controllers: ControllersStatus;
  /**
   * Warnings about the configuration in force: criteria that have all ended, `from` that matches no port; and about
   * certificates that expire within 30 days.
   */
  warnings: string[];
}

/** Streams of agents to a controller, since its start. */
export interface StreamCounts {
  accepted: number;
  /** Refused for their certificate, host name or version. */
  refused: number;
  /** Connections closed before an agent was accepted: too slow, too many, or of another user. */
  turnedAway: number;
  /** Ended by a malformed message. */
  malformed: number;
  /** Ended by a message that the controller failed to handle. */
  failed: number;
  /** Ended because the agent's queue was full. */
  overflows: number;
}

/** The source of the host's groups. */
export interface ControllersStatus {
  kind: 'embedded' | 'remote';
  /** Of an embedded controller: its store, and the number of attached agents, including its own host's. */
  store: 'file' | 'etcd' | null;
  agents: number | null;
  /** Of an embedded controller that other hosts attach to. */
  streams: StreamCounts | null;
  /** As in ControllerStatus; of an embedded controller. */
  setAside: { key: string; problem: string }[];
  certificates: CertificateStatus[];
  link: {
    state: 'connecting' | 'attached' | 'waiting';
    controller: string;
    /** ISO 8601: since when it is in this state. */
    since: string;
    lastError: string | null;
    attachments: number;
    failures: number;
    /** Streams that ended because the controller sent a malformed message. */
    malformed: number;
  };
}

export interface UplinkStatus {
  uplink: string;
  interface: string;
  state: 'up' | 'down' | 'gone';
  /** Since when it is in this state. */
  since: string;
  /** Number of times it was down or gone since the host uses it. */
  outages: number;
}

/** A port of a VM, or an uplink. */
export interface PortRow {
  /** In the answer of a controller. */
  host?: string;
  port: string;
  /** For an uplink all its networks: `app`, or `app vlan 100, data vlan 200`. */
  network: string;
  /** Empty for an uplink: it belongs to the host. */
  netns: string;
  interface: string;
  mac: string;
  addresses: string[];
  /** Prefixes that the VM may send from besides `addresses`. */
  allowedAddresses: string[];
  allowedMacs: string[];
  /** Checks of incoming frames that are on: `anti-spoofing`, `dhcp`, `ra`, `reserved-multicast`. */
  guards: string[];
  /** An uplink's interface may also be `down`, or without carrier. */
  state: 'up' | 'down' | 'gone';
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
  /** Reason → frames. */
  drops: Record<string, number>;
}

/**
 * Where a group comes from: a configuration file; a file, with changes that commands have made since; the controllers
 * that this host is attached to.
 */
export type GroupOrigin = 'file' | 'command' | 'controller';

export interface GroupRow {
  group: string;
  origin: GroupOrigin;
  network: string;
  /** All networks in which the VIPs apply; the first is `network`. */
  networks: string[];
  vip: string[];
  protocol: string;
  /** The only destination port; null: any, or those of `ports`. */
  port: number | null;
  /** Destination ports, `PORT` and `FIRST-LAST`; empty: any. */
  ports: string[];
  rewrite: string;
  algorithm: string;
  members: number;
  activeMembers: number;
  activeFlows: number;
  newFlows: number;
}

export interface MemberRow {
  member: string;
  address: string;
  port: number | null;
  /** Of a group with priorities; else null. */
  priority: string | null;
  state: MemberState;
  /**
   * Weight in force; where load balancers have different ones, that of most of them. 0 for a member of another criteria set
   * than the one in force.
   */
  weight: number;
  /** Remaining flows of a draining member; null: it is not draining. */
  flowsLeft: number | null;
  /** Where they are; hosts without any are omitted. */
  remaining: RemainingRow[];
  /** Deadline of a draining member's flows; null: none. */
  drainDeadline: string | null;
  activeFlows: number;
  newFlows: number;
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
  /** Retransmitted TCP segments, in either direction. */
  retransmissions: number;
  /** The member's TCP receive window, smoothed; null: not measured. */
  windowBytes: number | null;
  /** Over the agent's last interval. */
  newFlowsPerSecond: number;
  bytesPerSecond: number;
  /** From a controller: active flows by host, including those on draining and failed members. */
  flowsByHost?: Record<string, number>;
  /** Load balancers that send to the member, or that have another weight for it than `weight`. */
  loadBalancers: BalancerMemberRow[];
  /** Why it is failed: what health checks found, or who failed it; or that nobody checks it. */
  health?: string;
}

/** Flows that remain on a draining member at one host. */
export interface RemainingRow {
  /** In the answer of a controller. */
  host?: string;
  flows: number;
  /** Time until the last of them ends by its idle timer, if none of them sends anything until then. */
  idleEndMs: number;
}

/** A member as one load balancer has it. Totals restart after a minute without flows. */
export interface BalancerMemberRow {
  /** In the answer of a controller. */
  host?: string;
  /** `*`: all of the host that are not named. */
  loadBalancer: string;
  weight: number;
  activeFlows: number;
  newFlows: number;
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
  /** Retransmitted TCP segments, in either direction. */
  retransmissions: number;
  /** The member's TCP receive window, smoothed; null: not measured. */
  windowBytes: number | null;
}

/** Settings of member selection besides the algorithm's name. */
export interface SelectionDetail {
  algorithm: string;
  /** Input of maglev's hash; null for other algorithms. */
  hash: HashInput | null;
  /** null: no affinity. */
  affinityMs: number | null;
  avoidSelf: boolean;
  udpScheduling: UdpScheduling;
  /** Whether new flows go to draining members when no active one is left. */
  drainFallback: boolean;
}

/** The service chain of a group. */
export interface ChainDetail {
  /** Groups of middleboxes, in order. */
  through: string[];
  onHopFailure: 'rehash' | 'reset';
  onNoHop: 'reject' | 'bypass';
}

export interface GroupDetail extends Omit<GroupRow, 'members'>, SelectionDetail {
  kind: 'service' | 'middlebox';
  /** null: flows go to the members without detour. */
  chain: ChainDetail | null;
  /** The criteria set in force; null: without bound, or none is in force. */
  effectiveFrom: string | null;
  effectiveUntil: string | null;
  /** When another criteria set comes into force, or this one ends; null: never. */
  nextChange: string | null;
  /** How many load balancers enforce the group. */
  loadBalancers: number;
  /** Changes whose time has not come, by their times; null: not known here, ask the controllers. */
  upcoming: UpcomingRow[] | null;
  /** In order; empty: the group has none. */
  priorities: PriorityRow[];
  /** Of the criteria set in force, then those of others that still have flows. */
  members: MemberRow[];
  /** From a controller: hosts whose counters are missing. */
  unanswered?: string[];
}

/** A change of a member with a time. */
export interface UpcomingRow {
  member: string;
  change: 'add' | 'weight' | 'drain';
  /** ISO 8601: when it begins. */
  at: string;
  /** Of a ramp: when it ends; null: at once. */
  until: string | null;
  /** Of a ramp that has begun: the weight at its beginning. */
  fromWeight: number | null;
  /** The weight afterwards; null: of a drain, or of a new member without one. */
  weight: number | null;
  /** Of a drain: time from its beginning to the end of running flows; null: they may go on. */
  deadlineMs: number | null;
  /** Of a new member. */
  address: string | null;
  port: number | null;
  by: string | null;
}

export interface PriorityRow {
  priority: string;
  /** Conditions in words; null: any flow. */
  when: string | null;
  onEmpty: string;
  members: number;
  activeMembers: number;
  activeFlows: number;
  newFlows: number;
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
}

export interface RuleRow extends SelectionDetail {
  /** In the answer of a controller. */
  host?: string;
  loadBalancer: string;
  group: string;
  vip: string;
  protocol: string;
  /** The only destination port; null: any, or those of `ports`. */
  port: number | null;
  /** Destination ports, `PORT` and `FIRST-LAST`; empty: any. */
  ports: string[];
  sources: string[];
  sourcePort: number | null;
  sourcePorts: string[];
  /** Source MACs; empty: any. */
  mac: string[];
  rewrite: string;
  /** Of a rule with priorities: name, and conditions in words; null: none. `never`: at no port of this load balancer. */
  priority: string | null;
  when: string | null;
  /** null: effective at any time. */
  effectiveFrom: string | null;
  effectiveUntil: string | null;
  /** `name=weight`, in order. */
  members: string[];
  revision: number;
}

/** A rule of a firewall, or its default. */
export interface FirewallRow {
  /** In the answer of a controller. */
  host?: string;
  firewall: string;
  /** null: the default verdict. */
  rule: string | null;
  verdict: 'allow' | 'deny';
  direction: 'to-vm' | 'from-vm' | 'both';
  protocol: string;
  /** Destination ports or ICMP types; empty: any. */
  match: string[];
  /** Prefixes, or labels of ports; empty: any. */
  sources: string[];
  destinations: string[];
  log: boolean;
  /** Flows allowed or packets denied; null: not counted. */
  hits: number | null;
  /** Ports with the firewall in their chain. */
  ports: string[];
}

/** A logical router of a host. */
export interface RouterRow {
  /** In the answer of a controller. */
  host?: string;
  router: string;
  networks: string[];
  /** Its addresses in these networks. */
  gateways: string[];
  /** `PREFIX via ADDRESS`, static routes only. */
  routes: string[];
}

/** A middlebox that a flow passes. */
export interface FlowHop {
  group: string;
  member: string;
}

export interface FlowRow {
  /** In the answer of a controller. */
  host?: string;
  port: string;
  protocol: string;
  /** `address:port`, IPv6 in brackets; for echo the identifier is in place of the client's port. */
  client: string;
  vip: string;
  /** The chosen member's name, and its address:port. */
  member: string;
  destination: string;
  group: string;
  /** Middleboxes on the way to the member, in order; absent: none. */
  through?: FlowHop[];
  state: string;
  /** Of a group with priorities; else null. */
  priority: string | null;
  /** Why this member was chosen: algorithm, rule, criteria set or priority, and revision, in words. */
  why: string;
  ageMs: number;
  idleMs: number;
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
}

export interface StatRow {
  /** In the answer of a controller. */
  host?: string;
  loadBalancer?: string;
  group?: string;
  member?: string;
  newFlows: number;
  activeFlows: number;
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
  /** Retransmitted TCP segments, in either direction. */
  retransmissions: number;
  /** The member's TCP receive window, smoothed; null: not measured. */
  windowBytes: number | null;
}
