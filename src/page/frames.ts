/** What the page's streams carry (server-sent events); the page's server and the browser share these shapes. */
import type { AgentRow } from '../api/fleet-shapes.ts';
import type { GroupLoad, GroupSender } from '../api/page/overview.ts';
import type { MemberRow, Verdict } from '../api/shapes.ts';

export const STATE_EVENT = 'state';
export const GROUP_EVENT = 'group';

/** Facts about the process that serves the page; sent in each frame. */
export interface Self {
  kind: 'host' | 'controller';
  name: string;
  version: string;
  startedAt: string;
  /** `leader`, `follower`, or of a host how it gets its groups: `embedded`, `remote`. */
  role: string;
  isFleet: boolean;
  revision: number;
  verdict: Verdict;
  warnings: string[];
  /** Why there are no groups to show; null: nothing prevents it. */
  problem: string | null;
  /** Records of flows; null: it has none of its own. */
  connections: { inUse: number; max: number } | null;
}

export interface PortLoad {
  host: string;
  port: string;
  network: string;
  state: 'up' | 'down' | 'gone';
  isUplink: boolean;
  addresses: string[];
  rxBytesPerSecond: number;
  txBytesPerSecond: number;
  rxPacketsPerSecond: number;
  txPacketsPerSecond: number;
  dropsPerSecond: number;
}

export interface DropCount {
  host: string;
  port: string;
  reason: string;
  frames: number;
  framesPerSecond: number;
}

export type HostView = Pick<
  AgentRow,
  'host' | 'state' | 'version' | 'since' | 'ports' | 'groups' | 'error' | 'revision' | 'sentRevision'
>;

/** Something that changed; from the state itself. */
export interface Change {
  /** Wall clock, ms since 1970. */
  at: number;
  group: string;
  /** null: the group itself. */
  member: string | null;
  what: string;
  /** Whether it is one that people should look at. */
  isBad: boolean;
}

/** Rows of the state by section; each has a key of its own there. */
export interface Sections {
  groups: GroupLoad;
  senders: GroupSender;
  ports: PortLoad;
  hosts: HostView;
  drops: DropCount;
  changes: Change;
}

export const SECTIONS = ['groups', 'senders', 'ports', 'hosts', 'drops', 'changes'] as const;
export type SectionName = (typeof SECTIONS)[number];

export interface SectionDelta<Row> {
  /** In the order of the section, of a whole state. */
  set: [key: string, row: Row][];
  gone: string[];
}

export interface StateFrame {
  /** Wall clock of the state, ms since 1970. */
  at: number;
  /** Everything, in place of what the browser had; otherwise only what has changed. */
  isWhole: boolean;
  self: Self;
  /** Sections without changes are absent. */
  sections: { [Name in SectionName]?: SectionDelta<Sections[Name]> };
}

/** A member of a group that is looked at. */
export type MemberView = Pick<
  MemberRow,
  | 'member'
  | 'address'
  | 'port'
  | 'state'
  | 'weight'
  | 'flowsLeft'
  | 'activeFlows'
  | 'newFlows'
  | 'newFlowsPerSecond'
  | 'bytesPerSecond'
  | 'health'
>;

/** What one load balancer sends to one member. */
export interface MemberSender {
  host: string;
  loadBalancer: string;
  member: string;
  activeFlows: number;
  weight: number;
}

/** The figures of one moment: per member active flows, new flows per second, bytes per second, weight. */
export interface Sample {
  at: number;
  members: [
    member: string,
    activeFlows: number,
    newFlowsPerSecond: number,
    bytesPerSecond: number,
    weight: number,
  ][];
}

export interface GroupFrame {
  at: number;
  group: string;
  /** Why it cannot be shown; null: it is. */
  problem: string | null;
  facts: {
    networks: string[];
    vip: string[];
    protocol: string;
    ports: string[];
    algorithm: string;
    rewrite: string;
    origin: string;
    loadBalancers: number;
    nextChange: string | null;
  } | null;
  members: MemberView[];
  /** Members that are not listed, as there are too many. */
  unlisted: number;
  senders: MemberSender[];
  unanswered: string[];
  /** Samples that the browser does not have: all in the first frame, then the latest one. */
  samples: Sample[];
  changes: Change[];
}
