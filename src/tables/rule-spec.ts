/**
 * What a rule says, before it is compiled: plain data, as configuration and membership make it.
 *
 * Addresses are canonical text (RFC 5952 for IPv6), MACs lower-case colon text, times epoch milliseconds.
 */

/** `address/bits`, e.g. `10.1.0.0/24`. */
export type PrefixText = string;
export type AddressText = string;
export type MacText = string;

export type Protocol = 'any' | 'tcp' | 'udp' | 'sctp' | 'icmp';
export type RewriteKind = 'address' | 'mac' | 'port';
export type Algorithm = 'weighted-round-robin';
export type MemberState = 'active' | 'draining' | 'failed';

export interface MemberSpec {
  /** Where this LB counts what it sent to this member: row of the stat table, unique per LB × group × member. */
  readonly statSlot: number;
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

/** One criteria set: effective from `fromMs` (inclusive) until `untilMs` (exclusive). */
export interface CriteriaSpec {
  readonly fromMs?: number;
  readonly untilMs?: number;
  readonly members: readonly MemberSpec[];
}

export interface RuleSpec {
  /** Stable id of the rule within the host. */
  readonly id: number;
  /** Stable id of the group. */
  readonly group: number;
  readonly vip: AddressText;
  readonly protocol: Protocol;
  /** Destination port; absent: any. */
  readonly port?: number;
  /** Source prefixes; empty: any. */
  readonly sources: readonly PrefixText[];
  /** Source port; absent: any. */
  readonly sourcePort?: number;
  readonly rewrite: RewriteKind;
  readonly algorithm: Algorithm;
  /** What a packet gets when no member is usable. */
  readonly onEmpty: 'reject' | 'drop';
  /** In order; the first one that is effective now decides. */
  readonly criteria: readonly CriteriaSpec[];
}
