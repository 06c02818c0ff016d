/**
 * The API of hosts and controllers as JSON over HTTP on the unix socket `RUN_DIR/api.sock` (mode 0600). Shapes only: the server
 * (server.ts) and the CLI's client share them. Column names of listings are these keys.
 * Durations carry their unit in the key, times are ISO 8601, numbers are numbers.
 *
 *   GET    /v1/status                              Status
 *   GET    /v1/ports                               PortRow[]
 *   GET    /v1/groups                              GroupRow[]
 *   GET    /v1/groups/{group}                      GroupDetail
 *   GET    /v1/rules?port=P                        RuleRow[]
 *   GET    /v1/flows?port=P&group=G&member=M&limit=N   FlowRow[]
 *   GET    /v1/stats?by=group|member|port          StatRow[] | PortRow[]
 *   POST   /v1/groups/{group}/members              MemberAdd         → Changed
 *   POST   /v1/groups/{group}/members/{m}/weight   { weight }        → Changed
 *   POST   /v1/groups/{group}/members/{m}/drain    { deadlineMs? }   → Changed
 *   POST   /v1/groups/{group}/members/{m}/fail     {}                → Changed
 *   DELETE /v1/groups/{group}/members/{m}                            → Changed
 *   POST   /v1/reload                              { path }          → Changed
 *   POST   /v1/down                                {}                → {} once the host is about to stop
 *
 * Of a controller besides, and for all its hosts:
 *
 *   GET    /v1/status                              ControllerStatus
 *   GET    /v1/agents                              AgentRow[]
 *   GET    /v1/groups/{group}/watch?intervalMs=N   GroupSample, line by line
 *   GET    /v1/groups/{group}/policy               PolicyDetail
 *   POST   /v1/groups/{group}/policy               { policy }, null: the file's → Changed
 *   POST   /v1/groups/{group}/scale                { count } → Changed
 *   GET    /v1/vms                                 VmRow[]
 *
 * Errors: status 400 (wrong input), 404 (no such group, member, port), 409 (conflict), 500, 503 (not now, or not
 * here: the store is away, the leader is another controller); body ApiError.
 */
import type { HashInput, MemberState, UdpScheduling } from '../tables/balancing/rule-spec.ts';

export interface ApiError {
  error: string;
  /** One entry per problem, where there are several. */
  problems?: { path: string; found: string; expected: string }[];
}

export interface Changed {
  revision: number;
  /** Of a controller: the hosts that have it in force, with their own revisions. */
  hosts?: Record<string, number>;
  /** Hosts that have not confirmed it in time; they get it as soon as they can be reached. */
  late?: string[];
  /** Host → why it keeps what it had. */
  refused?: Record<string, string>;
}

export interface MemberAdd {
  name: string;
  address: string;
  port?: number;
  weight?: number;
  mac?: string;
}

export interface Status {
  version: string;
  host: string;
  pid: number;
  startedAt: string;
  uptimeMs: number;
  engine: 'uring' | 'syscall';
  /** Why this engine: asked for, or what `auto` found. */
  engineReason: string;
  ports: number;
  uplinks: UplinkStatus[];
  groups: number;
  revision: number;
  connections: { inUse: number; max: number; created: number; expired: number; refused: number };
  /** What went wrong between datapath and devices; an uplink that is down fails all writes to it. */
  ioErrors: {
    failedWrites: number;
    /** By errno's name, or `not-attached`. */
    failedWritesBy: Record<string, number>;
    fullQueues: number;
    failedReads: number;
    outOfBuffers: number;
  };
  /** Clients whose member is remembered; `evicted`: those that had to make room for others. */
  affinities: { inUse: number; max: number; evicted: number };
  /** Reason → frames; reasons that never occurred are left out. */
  drops: Record<string, number>;
  /** Frames handled by the datapath, dropped ones too. */
  frames: number;
  /** Resident memory of the host process, bytes. */
  residentBytes: number;
  controllers: ControllersStatus;
  /** What the configuration in force hardly means: criteria that have all ended, `from` that matches no port. */
  warnings: string[];
}

/** Streams of agents to a controller, since its start. */
export interface StreamCounts {
  accepted: number;
  /** Sent away for who they are: certificate, host name, version. */
  refused: number;
  /** Connections that were closed before an agent was accepted on them: too slow, too many, or of another user. */
  turnedAway: number;
  /** Ended by bytes that are no message. */
  malformed: number;
  /** Ended by a message that the controller failed to handle. */
  failed: number;
  /** Ended because too much waited for the agent. */
  overflows: number;
}

/** Whom the host has its groups from. */
export interface ControllersStatus {
  kind: 'embedded' | 'remote';
  /** Of an embedded controller: where its state lies, and how many agents are attached, its own host's included. */
  store: 'file' | 'etcd' | null;
  agents: number | null;
  /** Of an embedded controller that other hosts attach to. */
  streams: StreamCounts | null;
  /** As in ControllerStatus; of an embedded controller. */
  setAside: { key: string; problem: string }[];
  link: {
    state: 'connecting' | 'attached' | 'waiting';
    controller: string;
    /** ISO 8601: since when it is in this state. */
    since: string;
    lastError: string | null;
    attachments: number;
    failures: number;
    /** Streams that ended because the controller sent bytes that are no message. */
    malformed: number;
  };
}

export interface UplinkStatus {
  uplink: string;
  interface: string;
  state: 'up' | 'down' | 'gone';
  /** Since when it is in this state. */
  since: string;
  /** How often it was down or gone since this host knows it. */
  outages: number;
}

/** A port of a VM, or an uplink. */
export interface PortRow {
  /** In the answer of a controller. */
  host?: string;
  port: string;
  /** Of an uplink all that it carries: `app`, or `app vlan 100, data vlan 200`. */
  network: string;
  /** Empty for an uplink: it belongs to the host. */
  netns: string;
  interface: string;
  mac: string;
  addresses: string[];
  /** Prefixes that its VM may send from besides `addresses`. */
  allowedAddresses: string[];
  /** What the port drops of what comes in by it: `anti-spoofing`, `dhcp`, `ra`, `reserved-multicast`. */
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

export interface GroupRow {
  group: string;
  network: string;
  vip: string[];
  protocol: string;
  port: number | null;
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
  state: MemberState;
  weight: number;
  /** Of a draining member: its flows that have not ended yet; null: it does not drain. */
  flowsLeft: number | null;
  /** Of a draining member: when they end at the latest; null: when they will. */
  drainDeadline: string | null;
  activeFlows: number;
  newFlows: number;
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
  /** Over the agent's last interval. */
  newFlowsPerSecond: number;
  bytesPerSecond: number;
  /** Of a controller: active flows by host, on draining and failed members too. */
  flowsByHost?: Record<string, number>;
  /** Of a controller: why health checks have failed it. */
  health?: string;
}

/** How a group's members are selected, beside the algorithm's name. */
export interface SelectionDetail {
  algorithm: string;
  /** What maglev hashes; null for other algorithms. */
  hash: HashInput | null;
  /** null: no affinity. */
  affinityMs: number | null;
  avoidSelf: boolean;
  udpScheduling: UdpScheduling;
  /** With no active member left, new flows go to the draining ones. */
  drainFallback: boolean;
}

export interface GroupDetail extends Omit<GroupRow, 'members'>, SelectionDetail {
  members: MemberRow[];
  /** Of a controller: hosts whose counters are missing here. */
  unanswered?: string[];
}

export interface RuleRow extends SelectionDetail {
  /** In the answer of a controller. */
  host?: string;
  loadBalancer: string;
  group: string;
  vip: string;
  protocol: string;
  port: number | null;
  sources: string[];
  sourcePort: number | null;
  rewrite: string;
  /** null: effective at any time. */
  effectiveFrom: string | null;
  effectiveUntil: string | null;
  /** `name=weight`, in order. */
  members: string[];
  revision: number;
}

export interface FlowRow {
  /** In the answer of a controller. */
  host?: string;
  port: string;
  protocol: string;
  /** `address:port`, IPv6 in brackets; of echo the identifier stands in place of the client's port. */
  client: string;
  vip: string;
  /** The chosen member's name, and its address:port. */
  member: string;
  destination: string;
  group: string;
  state: string;
  /** Why this member: algorithm, rule, criteria set and revision, in words. */
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
  group: string;
  member?: string;
  newFlows: number;
  activeFlows: number;
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
}
