/**
 * The rules of one group, compiled into one block of memory.
 *
 * Theory of operation. The publisher compiles rule specifications off the packet path; the datapath swaps the
 * block in between two batches and never edits it. Rules lie sorted by specificity, so the first rule of a VIP
 * that matches a packet is the one to use: a rule that names the protocol comes before one that doesn't, then
 * the destination port, then the source port, then the longest source prefix, then the older rule.
 * What changes while rules are in force (round-robin positions) belongs to the LB, not here.
 *
 * Words: header (16), rules (24 each), criteria sets (8), members (8), source prefixes (12). Periods are 64-bit
 * floats, epoch milliseconds. What selection looks at of every member stands in columns behind them, a word per
 * member: number, weight, sum of the weights up to here. The tables of Maglev criteria sets (maglev-table.ts) lie beside the block, because
 * load balancers with the same members share them; a criteria set names its own by number.
 */
import {
  addressFamily,
  addressToWords,
  isIpv4Mapped,
  macHigh16,
  macLow32,
  networkOf,
  parsePrefix,
  prefixMask,
} from '../../wire/address.ts';
import { NONE } from '../common/bucket-index.ts';
import { compileMaglev, MAGLEV_ENTRIES } from './maglev-table.ts';
import {
  type Algorithm,
  type MemberSpec,
  type MemberState,
  membersForNewFlows,
  type Protocol,
  type RewriteKind,
  type RuleSpec,
  weightForNewFlows,
} from './rule-spec.ts';

const MAGIC = 0x534c_5232;
const HEADER_WORDS = 16;
const RULE_WORDS = 24;
const CRITERIA_WORDS = 8;
const MEMBER_WORDS = 8;
const PREFIX_WORDS = 12;
const COLUMNS = 3;

const ANY = -1;
const ICMP = 1;
const ICMPV6 = 58;

/** `icmp` is that of the VIP's family. */
export const PROTOCOL_NUMBER: Record<Protocol, number> = { any: ANY, icmp: ICMP, tcp: 6, udp: 17, sctp: 132 };
const protocolNumber = ({ protocol, vip }: RuleSpec): number =>
  protocol === 'icmp' && addressFamily(vip) === 6 ? ICMPV6 : PROTOCOL_NUMBER[protocol];

export const REWRITE_KIND: Record<RewriteKind, number> = { address: 0, mac: 1, port: 2 };
export const ALGORITHM: Record<Algorithm, number> = {
  'weighted-round-robin': 0,
  'least-connections': 1,
  'random-two-choices': 2,
  maglev: 3,
};
/** What chose a flow's member, as connection records keep it (4 bits): the rule's algorithm, or affinity before it. */
export const CHOSEN_BY: Record<Algorithm | 'affinity', number> = { ...ALGORITHM, affinity: 4 };
export const MEMBER_STATE: Record<MemberState, number> = { active: 0, draining: 1, failed: 2 };
export const ON_EMPTY: Record<RuleSpec['onEmpty'], number> = { reject: 0, drop: 1 };

/** Bits of a rule's word 17. */
const AVOID_SELF = 1;
const HASH_SOURCE_ADDRESS = 2;
const EACH_DATAGRAM = 4;

/** A group's rules as they lie in memory; never edited in place. */
export interface CompiledRules {
  readonly ruleTable: ArrayBufferLike;
  /** By the numbers that criteria sets have for them; load balancers with the same members share them. */
  readonly maglevTables: readonly ArrayBufferLike[];
}

/**
 * Compiles the rules of a group, at least one. `maglevOf` may answer with a table that it has built before for the same members. Throws
 * AddressError on addresses, prefixes or MACs that don't parse.
 */
export function compileRules(
  specs: readonly RuleSpec[],
  maglevOf: (members: readonly MemberSpec[]) => SharedArrayBuffer | undefined = compileMaglev,
): CompiledRules {
  const rules = [...specs].sort(bySpecificity).map(withServingMembers);
  const criteria = rules.flatMap((rule) => rule.criteria);
  const members = criteria.flatMap((set) => set.members);
  const prefixes = rules.flatMap((rule) => rule.sources);
  const ruleAt = HEADER_WORDS;
  const criteriaAt = ruleAt + rules.length * RULE_WORDS;
  const memberAt = criteriaAt + criteria.length * CRITERIA_WORDS;
  const prefixAt = memberAt + members.length * MEMBER_WORDS;
  const columnAt = prefixAt + prefixes.length * PREFIX_WORDS;
  const memory = new SharedArrayBuffer((columnAt + members.length * COLUMNS) * 4);
  const words = new Int32Array(memory);
  const floats = new Float64Array(memory, 0, memory.byteLength >> 3);
  words.set([MAGIC, rules.length, criteria.length, members.length]);
  words.set([ruleAt, criteriaAt, memberAt, prefixAt, columnAt], 4);

  const maglevTables: SharedArrayBuffer[] = [];
  let nextCriteria = 0;
  let nextMember = 0;
  let nextPrefix = 0;
  rules.forEach((rule, i) => {
    const at = ruleAt + i * RULE_WORDS;
    words[at] = rule.id;
    words[at + 1] = rule.group;
    addressToWords(rule.vip, words, at + 2);
    words[at + 6] = protocolNumber(rule);
    words[at + 7] = rule.port ?? ANY;
    words[at + 8] = rule.sourcePort ?? ANY;
    words[at + 9] = nextPrefix;
    words[at + 10] = rule.sources.length;
    words[at + 11] = REWRITE_KIND[rule.rewrite];
    words[at + 12] = ALGORITHM[rule.algorithm];
    words[at + 13] = ON_EMPTY[rule.onEmpty];
    words[at + 14] = nextCriteria;
    words[at + 15] = rule.criteria.length;
    words[at + 16] = rule.affinityMs ?? 0;
    words[at + 17] =
      (rule.avoidSelf ? AVOID_SELF : 0) |
      (rule.hash === 'source-address' ? HASH_SOURCE_ADDRESS : 0) |
      (rule.udpScheduling === 'per-datagram' ? EACH_DATAGRAM : 0);
    words[at + 18] = rule.udpIdleMs ?? 0;
    words[at + 19] = rule.udpRepickMs ?? 0;
    words[at + 20] = longestPrefix(rule);
    words[at + 21] = rule.labels ?? 0;
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
      const maglev = rule.algorithm === 'maglev' ? maglevOf(set.members) : undefined;
      words[to + 6] = maglev === undefined ? NONE : maglevTables.push(maglev) - 1;
      let weightUpToHere = 0;
      for (const member of set.members) {
        const column = columnAt + nextMember;
        const m = memberAt + nextMember++ * MEMBER_WORDS;
        addressToWords(member.address, words, m);
        words[m + 4] = member.port ?? ANY;
        words[m + 5] = MEMBER_STATE[member.state];
        words[m + 6] = member.mac === undefined ? ANY : macHigh16(member.mac);
        words[m + 7] = member.mac === undefined ? 0 : macLow32(member.mac);
        weightUpToHere += weightForNewFlows(member);
        words[column] = member.id;
        words[column + members.length] = weightForNewFlows(member);
        words[column + 2 * members.length] = weightUpToHere;
      }
    }
  });
  return { ruleTable: memory, maglevTables };
}

const withServingMembers = (rule: RuleSpec): RuleSpec => ({
  ...rule,
  criteria: rule.criteria.map((set) => ({
    ...set,
    members: membersForNewFlows(set.members, rule.drainFallback),
  })),
});

/** -1: the rule names no sources. */
const longestPrefix = ({ sources }: RuleSpec): number =>
  Math.max(-1, ...sources.map((source) => parsePrefix(source).bits));

const bySpecificity = (a: RuleSpec, b: RuleSpec): number =>
  Number(a.protocol === 'any') - Number(b.protocol === 'any') ||
  Number(a.port === undefined) - Number(b.port === undefined) ||
  Number(a.sourcePort === undefined) - Number(b.sourcePort === undefined) ||
  longestPrefix(b) - longestPrefix(a) ||
  (b.labels ?? 0) - (a.labels ?? 0) ||
  a.id - b.id;

/** The same order for rules of two tables: negative, if the first one is to be asked first. */
export function compareSpecificity(a: RuleTable, ruleOfA: number, b: RuleTable, ruleOfB: number): number {
  const [atA, atB] = [a.wordOf(ruleOfA), b.wordOf(ruleOfB)];
  for (const field of [6, 7, 8]) {
    const difference = Number(a.words[atA + field] === ANY) - Number(b.words[atB + field] === ANY);
    if (difference !== 0) return difference;
  }
  return (
    b.words[atB + 20]! - a.words[atA + 20]! ||
    b.words[atB + 21]! - a.words[atA + 21]! ||
    a.id(ruleOfA) - b.id(ruleOfB)
  );
}

/** What rules look at of a packet to their VIP; a Frame has it. */
export interface PacketToVip {
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Source address in four words, IPv4 as ::ffff:a.b.c.d. */
  readonly s0: number;
  readonly s1: number;
  readonly s2: number;
  readonly s3: number;
}

/** Read access to compiled rules; rules, criteria sets and members are named by their position. */
export class RuleTable {
  readonly words: Int32Array;
  readonly ruleCount: number;
  /** Criteria sets of all rules. */
  readonly setCount: number;
  readonly memberCount: number;
  private readonly maglevTables: readonly Uint16Array[];
  private readonly floats: Float64Array;
  private readonly ruleAt: number;
  private readonly criteriaAt: number;
  private readonly memberAt: number;
  private readonly prefixAt: number;
  private readonly idAt: number;
  private readonly weightAt: number;
  private readonly weightUpToAt: number;

  constructor({ ruleTable: memory, maglevTables }: CompiledRules) {
    this.words = new Int32Array(memory);
    if (this.words[0] !== MAGIC)
      throw new TypeError(`rule table: found magic ${this.words[0]}, expected ${MAGIC}`);
    this.maglevTables = maglevTables.map((table) => new Uint16Array(table, 0, MAGLEV_ENTRIES));
    this.floats = new Float64Array(memory, 0, memory.byteLength >> 3);
    this.ruleCount = this.words[1]!;
    this.setCount = this.words[2]!;
    this.memberCount = this.words[3]!;
    this.ruleAt = this.words[4]!;
    this.criteriaAt = this.words[5]!;
    this.memberAt = this.words[6]!;
    this.prefixAt = this.words[7]!;
    this.idAt = this.words[8]!;
    this.weightAt = this.idAt + this.memberCount;
    this.weightUpToAt = this.weightAt + this.memberCount;
  }

  /** Where a rule's words begin. */
  wordOf(rule: number): number {
    return this.ruleAt + rule * RULE_WORDS;
  }

  /** Calls with every member of every rule: position of the rule, number of the member. */
  forEachMember(visit: (rule: number, memberId: number) => void): void {
    for (let rule = 0; rule < this.ruleCount; rule++) {
      const first = this.firstCriteria(rule);
      for (let set = first; set < first + this.criteriaCount(rule); set++) {
        const member = this.firstMember(set);
        for (let m = member; m < member + this.membersOf(set); m++) visit(rule, this.memberId(m));
      }
    }
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

  algorithm(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + 12]!;
  }

  /** 0: no affinity. */
  affinityMs(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + 16]!;
  }

  /** Of datagram flows; 0: the host's timer. */
  udpIdleMs(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + 18]!;
  }

  /** 0: a datagram flow keeps its member. */
  udpRepickMs(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + 19]!;
  }

  avoidsSelf(rule: number): boolean {
    return (this.words[this.ruleAt + rule * RULE_WORDS + 17]! & AVOID_SELF) !== 0;
  }

  /** Whether each UDP datagram finds a member of its own. */
  choosesPerDatagram(rule: number): boolean {
    return (this.words[this.ruleAt + rule * RULE_WORDS + 17]! & EACH_DATAGRAM) !== 0;
  }

  hashesSourceAddress(rule: number): boolean {
    return (this.words[this.ruleAt + rule * RULE_WORDS + 17]! & HASH_SOURCE_ADDRESS) !== 0;
  }

  onEmpty(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + 13]!;
  }

  /**
   * Whether a packet to the rule's VIP is the rule's. Ports are 0 where the protocol has none. A rule of any protocol
   * leaves ICMP to the VIP, which answers for its groups.
   */
  matches(rule: number, packet: PacketToVip): boolean {
    const { words } = this;
    const { protocol } = packet;
    const at = this.ruleAt + rule * RULE_WORDS;
    if (words[at + 6] === ANY ? protocol === ICMP || protocol === ICMPV6 : words[at + 6] !== protocol)
      return false;
    if (words[at + 7] !== ANY && words[at + 7] !== packet.destinationPort) return false;
    if (words[at + 8] !== ANY && words[at + 8] !== packet.sourcePort) return false;
    return this.hasSource(rule, packet.s0, packet.s1, packet.s2, packet.s3);
  }

  /** Whether an address is among the sources whose packets are the rule's. */
  hasSource(rule: number, s0: number, s1: number, s2: number, s3: number): boolean {
    const words = this.words;
    const at = this.ruleAt + rule * RULE_WORDS;
    const count = words[at + 10]!;
    if (count === 0) return true;
    const family = isIpv4Mapped(s0, s1, s2) ? 4 : 6;
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

  /** MemberSpec.id */
  memberId(member: number): number {
    return this.words[this.idAt + member]!;
  }

  /** Destination port after translation, or -1: unchanged. */
  memberPort(member: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + 4]!;
  }

  /** Weight for new flows: 0 for members that are draining or failed. */
  weight(member: number): number {
    return this.words[this.weightAt + member]!;
  }

  /** Weights of the criteria set's members up to and with this one: 0 … 2^32-1. */
  weightUpTo(member: number): number {
    return this.words[this.weightUpToAt + member]! >>> 0;
  }

  isAt(member: number, w0: number, w1: number, w2: number, w3: number): boolean {
    const { words } = this;
    const at = this.memberAt + member * MEMBER_WORDS;
    return words[at + 3] === w3 && words[at + 2] === w2 && words[at + 1] === w1 && words[at] === w0;
  }

  /** Whether a Maglev table belongs to a criteria set: it has one if the rule says so and a member has weight. */
  hasMaglev(criteria: number): boolean {
    return this.words[this.criteriaAt + criteria * CRITERIA_WORDS + 6] !== NONE;
  }

  /** Member at an entry of the criteria set's Maglev table, 0 … MAGLEV_ENTRIES-1. */
  maglevMember(criteria: number, entry: number): number {
    const table = this.words[this.criteriaAt + criteria * CRITERIA_WORDS + 6]!;
    return this.firstMember(criteria) + this.maglevTables[table]![entry]!;
  }

  /** High 16 bits of a configured MAC, or -1. */
  memberMacHigh(member: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + 6]!;
  }

  memberMacLow(member: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + 7]!;
  }
}
