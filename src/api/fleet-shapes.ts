/** Shapes of the routes that only controllers have; shapes.ts has the others. */
import type { CertificateStatus } from '../config/certificates.ts';
import type { MemberState } from '../tables/balancing/rule-spec.ts';
import type { StreamCounts, Verdict } from './shapes.ts';

/** A controller's status, in place of Status. */
export interface ControllerStatus {
  verdict: Verdict;
  version: string;
  controller: string;
  pid: number;
  startedAt: string;
  uptimeMs: number;
  role: 'leader' | 'follower';
  /** Epoch of its own term; null: it is not the leader. */
  epoch: number | null;
  /** The leader's address; null: unknown. */
  leader: string | null;
  store: 'file' | 'etcd';
  groups: number;
  /** Number of attached hosts. */
  agents: number;
  streams: StreamCounts;
  /** Invalid documents of the store, which are ignored. */
  setAside: { key: string; problem: string }[];
  certificates: CertificateStatus[];
  /** Certificates that expire within 30 days. */
  warnings: string[];
  /** Revision of the rules that were distributed last in this term. */
  revision: number;
  /** Resident memory of the process, bytes. */
  residentBytes: number;
}

export interface AgentRow {
  host: string;
  /** away: it should be attached, and is not; refused: it tried to attach within the last minute, and may not. */
  state: 'attached' | 'away' | 'refused';
  /** null, as other keys that say this: the host is away. */
  peer: string | null;
  version: string;
  /** Since when it is attached, or away; ISO 8601. */
  since: string;
  ports: number | null;
  groups: number | null;
  /** Of the leader whose rules the host has in force. */
  epoch: number | null;
  /** Revision of the rules that the host has in force; `sentRevision`: of the rules sent to it. */
  revision: number | null;
  sentRevision: number | null;
  /** The host's own revision. */
  localRevision: number | null;
  /** Why it refuses the rules, or why it is refused; null: neither. */
  error: string | null;
  reports: number | null;
  missedReports: number | null;
  /** Members that its health checks have a verdict on, and of how many they should: fewer, where it has no address. */
  checkedMembers: number | null;
  membersToCheck: number | null;
  /** null: none has arrived yet. */
  lastReportAgeMs: number | null;
  /** End of its certificate's validity, ISO 8601; null: it needs none, as it is on the same machine. */
  certificateExpires: string | null;
}

export interface PolicyDetail {
  group: string;
  /** file: as in the file; runtime: set by `policy set`; none: configured weights. */
  from: 'file' | 'runtime' | 'none';
  policy: object | null;
  /** The number of members set by `scale GROUP N`; null: thresholds decide, or there is no scaling. */
  heldCount: number | null;
  members: PolicyMemberRow[];
}

export interface PolicyMemberRow {
  member: string;
  state: MemberState;
  configuredWeight: number;
  /** In force; where load balancers have different weights, that of most of them. */
  weight: number;
  differing: DifferingWeight[];
  activeFlows: number;
  newFlowsPerSecond: number;
  bytesPerSecond: number;
  /** null: not measured. */
  synTimeMs: number | null;
  rttMs: number | null;
  packetsPerSecond: number;
  retransmissionsPerSecond: number;
  /** Average receive window of the member; null: not measured. */
  windowBytes: number | null;
  congestionPercent: number;
  /** Age of the figures above; null: there are none. */
  ageMs: number | null;
  /** In groups with `load`: what the policy takes the member's own answers for; null: there is no fresh one. */
  reportedLoad?: number | null;
  reportedAgeMs?: number | null;
  /** The last answer to each host that asks. */
  reports?: LoadReport[];
}

/** A member's answer to one host. */
export interface LoadReport {
  host: string;
  /** The last usable load; null: none yet. */
  load: number | null;
  /** The last answer in words, or why there is none. */
  detail: string;
  ageMs: number;
}

/** A load balancer that has another weight; `*`: all of the host that are not named. */
export interface DifferingWeight {
  host: string;
  loadBalancer: string;
  weight: number;
}

/** One line of `group watch`. */
export interface GroupSample {
  at: string;
  group: string;
  revision: number;
  members: PolicyMemberRow[];
}

export interface VmRow {
  /** Name of the VM. */
  instance: string;
  template: string;
  /** null: it belongs to no group. */
  group: string | null;
  /** null: not placed yet. */
  host: string | null;
  addresses: string[];
  phase: 'pending' | 'starting' | 'created' | 'serving' | 'stopping' | 'lost';
  /** Why a pending VM has not been started; null: nothing prevents it. */
  waitsFor: string | null;
  /** Start of the phase. */
  since: string;
  /** Crashes in a row, of this VM and those that it replaces. */
  failures: number;
  replaces: string | null;
}
