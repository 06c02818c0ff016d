/**
 * The rules of one LB, compiled into one block of memory.
 *
 * Theory of operation. The publisher compiles rule specifications off the packet path; the datapath swaps the
 * block in between two batches and never edits it. Rules lie sorted by specificity, so the first rule of a VIP
 * that matches a packet is the one to use: a rule that names the protocol comes before one that doesn't, then
 * the destination port, then the source port, then the longest source prefix, then the older rule.
 * What changes while rules are in force (round-robin positions) belongs to the LB, not here.
 *
 * Words: header (16), rules (16 each), criteria sets (8), members (16), source prefixes (12). Periods are 64-bit
 * floats, epoch milliseconds.
 */
import {
  addressToWords,
  MAPPED_WORD,
  macHigh16,
  macLow32,
  networkOf,
  parsePrefix,
  prefixMask,
} from '../wire/address.ts';
import { NONE } from './bucket-index.ts';
import type { Algorithm, MemberState, Protocol, RewriteKind, RuleSpec } from './rule-spec.ts';

const MAGIC = 0x534c_5231;
const HEADER_WORDS = 16;
const RULE_WORDS = 16;
const CRITERIA_WORDS = 8;
const MEMBER_WORDS = 16;
const PREFIX_WORDS = 12;

const ANY = -1;

export const PROTOCOL_NUMBER: Record<Protocol, number> = { any: ANY, icmp: 1, tcp: 6, udp: 17, sctp: 132 };
export const REWRITE_KIND: Record<RewriteKind, number> = { address: 0, mac: 1, port: 2 };
export const ALGORITHM: Record<Algorithm, number> = { 'weighted-round-robin': 0 };
export const MEMBER_STATE: Record<MemberState, number> = { active: 0, draining: 1, failed: 2 };
export const ON_EMPTY: Record<RuleSpec['onEmpty'], number> = { reject: 0, drop: 1 };

/** Compiles an LB's rules. Throws AddressError on addresses, prefixes or MACs that don't parse. */
export function compileRules(specs: readonly RuleSpec[]): SharedArrayBuffer {
  const rules = [...specs].sort(bySpecificity);
  const criteria = rules.flatMap((rule) => rule.criteria);
  const members = criteria.flatMap((set) => set.members);
  const prefixes = rules.flatMap((rule) => rule.sources);
  const ruleAt = HEADER_WORDS;
  const criteriaAt = ruleAt + rules.length * RULE_WORDS;
  const memberAt = criteriaAt + criteria.length * CRITERIA_WORDS;
  const prefixAt = memberAt + members.length * MEMBER_WORDS;
  const memory = new SharedArrayBuffer((prefixAt + prefixes.length * PREFIX_WORDS) * 4);
  const words = new Int32Array(memory);
  const floats = new Float64Array(memory, 0, memory.byteLength >> 3);
  words.set([MAGIC, rules.length, criteria.length, members.length, ruleAt, criteriaAt, memberAt, prefixAt]);

  let nextCriteria = 0;
  let nextMember = 0;
  let nextPrefix = 0;
  rules.forEach((rule, i) => {
    const at = ruleAt + i * RULE_WORDS;
    words[at] = rule.id;
    words[at + 1] = rule.group;
    addressToWords(rule.vip, words, at + 2);
    words[at + 6] = PROTOCOL_NUMBER[rule.protocol];
    words[at + 7] = rule.port ?? ANY;
    words[at + 8] = rule.sourcePort ?? ANY;
    words[at + 9] = nextPrefix;
    words[at + 10] = rule.sources.length;
    words[at + 11] = REWRITE_KIND[rule.rewrite];
    words[at + 12] = ALGORITHM[rule.algorithm];
    words[at + 13] = ON_EMPTY[rule.onEmpty];
    words[at + 14] = nextCriteria;
    words[at + 15] = rule.criteria.length;
    for (const source of rule.sources) {
      const prefix = networkOf(parsePrefix(source));
      const to = prefixAt + nextPrefix++ * PREFIX_WORDS;
      for (let word = 0; word < 4; word++) {
        words[to + word] = prefix.words[word]!;
        words[to + 4 + word] = prefixMask(prefix.bits, word);
      }
      words[to + 8] = prefix.family;
    }
    for (const set of rule.criteria) {
      const to = criteriaAt + nextCriteria++ * CRITERIA_WORDS;
      floats[to >> 1] = set.fromMs ?? Number.NEGATIVE_INFINITY;
      floats[(to >> 1) + 1] = set.untilMs ?? Number.POSITIVE_INFINITY;
      words[to + 4] = nextMember;
      words[to + 5] = set.members.length;
      for (const member of set.members) {
        const m = memberAt + nextMember++ * MEMBER_WORDS;
        addressToWords(member.address, words, m);
        words[m + 4] = member.statSlot;
        words[m + 5] = member.port ?? ANY;
        words[m + 6] = member.state === 'active' ? member.weight : 0;
        words[m + 7] = MEMBER_STATE[member.state];
        words[m + 8] = member.mac === undefined ? ANY : macHigh16(member.mac);
        words[m + 9] = member.mac === undefined ? 0 : macLow32(member.mac);
      }
    }
  });
  return memory;
}

function bySpecificity(a: RuleSpec, b: RuleSpec): number {
  const longest = (rule: RuleSpec): number =>
    Math.max(-1, ...rule.sources.map((source) => parsePrefix(source).bits));
  return (
    Number(a.protocol === 'any') - Number(b.protocol === 'any') ||
    Number(a.port === undefined) - Number(b.port === undefined) ||
    Number(a.sourcePort === undefined) - Number(b.sourcePort === undefined) ||
    longest(b) - longest(a) ||
    a.id - b.id
  );
}

/** Read access to compiled rules; rules, criteria sets and members are named by their position. */
export class RuleTable {
  readonly words: Int32Array;
  readonly ruleCount: number;
  readonly memberCount: number;
  private readonly floats: Float64Array;
  private readonly ruleAt: number;
  private readonly criteriaAt: number;
  private readonly memberAt: number;
  private readonly prefixAt: number;

  constructor(memory: ArrayBufferLike) {
    this.words = new Int32Array(memory);
    if (this.words[0] !== MAGIC)
      throw new TypeError(`rule table: found magic ${this.words[0]}, expected ${MAGIC}`);
    this.floats = new Float64Array(memory, 0, memory.byteLength >> 3);
    this.ruleCount = this.words[1]!;
    this.memberCount = this.words[3]!;
    this.ruleAt = this.words[4]!;
    this.criteriaAt = this.words[5]!;
    this.memberAt = this.words[6]!;
    this.prefixAt = this.words[7]!;
  }

  id(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS]!;
  }

  group(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + 1]!;
  }

  vipWord(rule: number, word: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + 2 + word]!;
  }

  rewriteKind(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + 11]!;
  }

  onEmpty(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + 13]!;
  }

  /** Whether a packet to the rule's VIP is the rule's. Ports are 0 where the protocol has none. */
  matches(
    rule: number,
    protocol: number,
    destinationPort: number,
    sourcePort: number,
    s0: number,
    s1: number,
    s2: number,
    s3: number,
  ): boolean {
    const words = this.words;
    const at = this.ruleAt + rule * RULE_WORDS;
    if (words[at + 6] !== ANY && words[at + 6] !== protocol) return false;
    if (words[at + 7] !== ANY && words[at + 7] !== destinationPort) return false;
    if (words[at + 8] !== ANY && words[at + 8] !== sourcePort) return false;
    const count = words[at + 10]!;
    if (count === 0) return true;
    const family = (s0 | s1) === 0 && s2 === MAPPED_WORD ? 4 : 6;
    let prefix = this.prefixAt + words[at + 9]! * PREFIX_WORDS;
    for (let i = 0; i < count; i++, prefix += PREFIX_WORDS) {
      if (
        words[prefix + 8] === family &&
        ((s3 ^ words[prefix + 3]!) & words[prefix + 7]!) === 0 &&
        ((s2 ^ words[prefix + 2]!) & words[prefix + 6]!) === 0 &&
        ((s1 ^ words[prefix + 1]!) & words[prefix + 5]!) === 0 &&
        ((s0 ^ words[prefix]!) & words[prefix + 4]!) === 0
      ) {
        return true;
      }
    }
    return false;
  }

  /** The first criteria set of a rule that is effective at a wall-clock time, or NONE. */
  effectiveCriteria(rule: number, wallMs: number): number {
    const at = this.ruleAt + rule * RULE_WORDS;
    const first = this.words[at + 14]!;
    for (let set = first; set < first + this.words[at + 15]!; set++) {
      const period = (this.criteriaAt + set * CRITERIA_WORDS) >> 1;
      if (this.floats[period]! <= wallMs && wallMs < this.floats[period + 1]!) return set;
    }
    return NONE;
  }

  firstCriteria(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + 14]!;
  }

  criteriaCount(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + 15]!;
  }

  firstMember(criteria: number): number {
    return this.words[this.criteriaAt + criteria * CRITERIA_WORDS + 4]!;
  }

  membersOf(criteria: number): number {
    return this.words[this.criteriaAt + criteria * CRITERIA_WORDS + 5]!;
  }

  memberWord(member: number, word: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + word]!;
  }

  statSlot(member: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + 4]!;
  }

  /** Destination port after translation, or -1: unchanged. */
  memberPort(member: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + 5]!;
  }

  /** Weight for new flows: 0 for members that are draining or failed. */
  weight(member: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + 6]!;
  }

  /** High 16 bits of a configured MAC, or -1. */
  memberMacHigh(member: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + 8]!;
  }

  memberMacLow(member: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + 9]!;
  }
}
