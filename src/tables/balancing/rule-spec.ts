/**
 * A rule before compilation: plain data, derived from configuration and group states.
 *
 * Addresses are canonical text (RFC 5952 for IPv6), MACs lower-case colon text, times epoch milliseconds.
 */

/** `address/bits`, e.g. `10.1.0.0/24`. */
export type PrefixText = string;
export type AddressText = string;
export type MacText = string;
/** First and last port, both included. */
export type PortRange = readonly [first: number, last: number];

export type Protocol = 'any' | 'tcp' | 'udp' | 'sctp' | 'icmp';
export type RewriteKind = 'address' | 'mac' | 'port';
export type Algorithm = 'weighted-round-robin' | 'least-connections' | 'random-two-choices' | 'maglev';
/** Input of consistent hashing: the source address, or with it both ports and the protocol. */
export type HashInput = 'five-tuple' | 'source-address';
export type MemberState = 'active' | 'draining' | 'failed';

export interface MemberSpec {
  /** Number of the member within the host: one per group, name, address and port, the same at all LBs. */
  readonly id: number;
  readonly name: string;
  readonly address: AddressText;
  /** Destination port after translation; absent: unchanged. */
  readonly port?: number;
  /** Absent: resolved by ARP/ND. */
  readonly mac?: MacText;
  /** 0 … 65535; 0: no new flows. */
  readonly weight: number;
  readonly state: MemberState;
}

/** UDP: one member for a flow, or one for each of its datagrams. */
export type UdpScheduling = 'per-flow' | 'per-datagram';

/** Draining and failed members get no new flows, whatever their weight. */
export const weightForNewFlows = ({ state, weight }: MemberSpec): number => (state === 'active' ? weight : 0);

/**
 * Members as new flows see them. With `drainFallback`, and no active one that has weight, the draining ones still serve: a
 * group whose members all drain at a time has no outage.
 */
export function membersForNewFlows(
  members: readonly MemberSpec[],
  drainFallback = false,
): readonly MemberSpec[] {
  if (!drainFallback || members.some((member) => weightForNewFlows(member) > 0)) return members;
  return members.map((member) => (member.state === 'draining' ? { ...member, state: 'active' } : member));
}

/** What a priority requires of a flow's first packet; empty lists and absent ones require nothing. */
export interface PriorityCondition {
  readonly sources: readonly PrefixText[];
  readonly sourcePorts?: readonly PortRange[];
  /** 0 … 63. */
  readonly dscps?: readonly number[];
  /** 0 … 7. */
  readonly vlanPriorities?: readonly number[];
}

/**
 * One criteria set: effective from `fromMs` (inclusive) until `untilMs` (exclusive); or a priority, which is in force at
 * any time, for flows that meet its condition.
 */
export interface CriteriaSpec {
  readonly fromMs?: number;
  readonly untilMs?: number;
  /** Of a priority, unique in its rule. */
  readonly name?: string;
  /** Absent: any flow; never: none, as the labels of the load balancer's ports do not fit. */
  readonly when?: PriorityCondition | 'never';
  /** Treatment of a flow that the set is for if it has no usable member. Absent: as the rule says. */
  readonly onEmpty?: 'next' | 'reject' | 'drop';
  readonly members: readonly MemberSpec[];
}

/** The service chain of a rule. */
export interface ThroughSpec {
  /** Numbers of the groups of middleboxes in the order of their passage, at most MAX_HOPS (chain-table.ts). */
  readonly groups: readonly number[];
  /** What becomes of flows whose middlebox fails. */
  readonly onHopFailure: 'rehash' | 'reset';
  /** Treatment of packets if no middlebox of a group is usable. */
  readonly onNoHop: 'reject' | 'bypass';
}

export interface RuleSpec {
  /** Stable id of the rule within the host. */
  readonly id: number;
  /** Stable id of the group. */
  readonly group: number;
  readonly vip: AddressText;
  /** `icmp`: echo of the VIP's family; `any`: all but ICMP. */
  readonly protocol: Protocol;
  /** Destination ports, distinct; absent: any. */
  readonly ports?: readonly PortRange[];
  /** Source prefixes; empty: any. */
  readonly sources: readonly PrefixText[];
  /** Source ports, distinct; absent: any. */
  readonly sourcePorts?: readonly PortRange[];
  /** Source MACs; absent: any. */
  readonly macs?: readonly MacText[];
  /**
   * Number of labels that select its ports: of otherwise equal rules, the one with more takes precedence. Absent: 0.
   */
  readonly labels?: number;
  readonly rewrite: RewriteKind;
  readonly algorithm: Algorithm;
  /** For `maglev`; absent: five-tuple. */
  readonly hash?: HashInput;
  /** A client keeps its member until it has opened no flow for this long, at most 2^30 ms; absent: no affinity. */
  readonly affinityMs?: number;
  /** A client that is itself a member gets another one if possible. */
  readonly avoidSelf?: boolean;
  /** Idle timeout of a datagram flow; absent: the host's. */
  readonly udpIdleMs?: number;
  /** A datagram flow idle for this long selects a member again; absent: it keeps its member. */
  readonly udpRepickMs?: number;
  /** Absent: per flow. */
  readonly udpScheduling?: UdpScheduling;
  /** If no active member is left, draining ones get new flows. */
  readonly drainFallback?: boolean;
  /** Middleboxes on the way to the members; absent: none. */
  readonly through?: ThroughSpec;
  /** The members are middleboxes: the rule has no VIP of its own (`vip` is `::`), others name its group in `through`. */
  readonly isHop?: boolean;
  /** Treatment of a packet if no member is usable. */
  readonly onEmpty: 'reject' | 'drop';
  /** In order; the first one in effect decides. At most 16 priorities, at most 4096 others. */
  readonly criteria: readonly CriteriaSpec[];
}
