/** What only controllers answer: shapes of the routes that hosts don't have (shapes.ts). */
import type { MemberState } from '../tables/balancing/rule-spec.ts';
import type { StreamCounts } from './shapes.ts';

/** What a controller says of itself in place of Status. */
export interface ControllerStatus {
  version: string;
  controller: string;
  pid: number;
  startedAt: string;
  uptimeMs: number;
  role: 'leader' | 'follower';
  /** Of its own term; null: it follows. */
  epoch: number | null;
  /** Where the leader is; null: none is known. */
  leader: string | null;
  store: 'file' | 'etcd';
  groups: number;
  /** Hosts that are attached. */
  agents: number;
  streams: StreamCounts;
  /** Documents of the store that are not what controllers write, and are left out. */
  setAside: { key: string; problem: string }[];
  /** Of the rules that were distributed last in this term. */
  revision: number;
  /** Resident memory of the process, bytes. */
  residentBytes: number;
}

export interface AgentRow {
  host: string;
  peer: string;
  version: string;
  since: string;
  ports: number;
  groups: number;
  /** Rules that the host has in force, as the controller numbers them; `sentRevision`: that it was sent. */
  revision: number;
  sentRevision: number;
  /** The host's own revision. */
  localRevision: number;
  /** Why it refuses what it was sent; null: it does not. */
  error: string | null;
  reports: number;
  missedReports: number;
  /** null: none has come yet. */
  lastReportAgeMs: number | null;
}

export interface PolicyDetail {
  group: string;
  /** file: as in the file; runtime: set by `policy set`; none: configured weights. */
  from: 'file' | 'runtime' | 'none';
  policy: object | null;
  members: PolicyMemberRow[];
}

export interface PolicyMemberRow {
  member: string;
  state: MemberState;
  configuredWeight: number;
  weight: number;
  activeFlows: number;
  newFlowsPerSecond: number;
  bytesPerSecond: number;
  /** null: not measured. */
  synTimeMs: number | null;
  rttMs: number | null;
  congestionPercent: number;
  /** Of the figures; null: there are none. */
  ageMs: number | null;
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
  /** null: of no group. */
  group: string | null;
  /** null: it has no host yet. */
  host: string | null;
  addresses: string[];
  phase: 'pending' | 'starting' | 'created' | 'serving' | 'stopping' | 'lost';
  /** Why a pending one has not been started; null: nothing keeps it. */
  waitsFor: string | null;
  /** When the phase began. */
  since: string;
  /** In a row, of itself and those that it replaces. */
  failures: number;
  replaces: string | null;
}
