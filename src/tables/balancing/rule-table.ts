/**
 * The rules of one group, compiled into one block of memory.
 *
 * Theory of operation. The publisher compiles rule specifications off the packet path; the datapath swaps the block
 * in between two batches and never edits it. Rules are sorted by specificity, so the first matching rule of a VIP
 * applies: rules that name the protocol come first, then those with a destination port, then with a source port, then
 * the longest source prefix, then the older rule. State that changes while rules are in force (round-robin positions)
 * belongs to the LB.
 *
 * In memory: header, rules, criteria sets, members, source prefixes. Periods are 64-bit floats, epoch milliseconds.
 * The fields of members that selection reads are in columns after them, a word per member: number, weight, cumulative
 * weight. The tables of Maglev criteria sets (maglev-table.ts) are separate, because load balancers with the same
 * members share them; a criteria set refers to its own by number.
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

/** Words of the header: numbers of rules, criteria sets and members, then the start of each kind of row. */
const HEADER_WORDS = 16;
const HEADER = {
  magic: 0,
  rules: 1,
  criteria: 2,
  members: 3,
  ruleAt: 4,
  criteriaAt: 5,
  memberAt: 6,
  prefixAt: 7,
  columnAt: 8,
} as const;

/** Words of a rule. */
const RULE_WORDS = 24;
const RULE = {
  id: 0,
  group: 1,
  /** Four words, IPv4 as ::ffff:a.b.c.d. */
  vip: 2,
  /** ANY, or the value that a packet must have; likewise for both ports. */
  protocol: 6,
  port: 7,
  sourcePort: 8,
  /** Its source prefixes: number of the first, and count. */
  firstPrefix: 9,
  prefixes: 10,
  /** REWRITE_KIND, ALGORITHM, ON_EMPTY. */
  rewrite: 11,
  algorithm: 12,
  onEmpty: 13,
  /** Its criteria sets: number of the first, and count. */
  firstCriteria: 14,
  criteria: 15,
  affinityMs: 16,
  /** AVOID_SELF and other bits. */
  bits: 17,
  udpIdleMs: 18,
  udpRepickMs: 19,
  /** Bits of the longest source prefix, -1: the rule names no sources. */
  longestPrefix: 20,
  labels: 21,
} as const;

/** Words of a criteria set. Its period, two 64-bit floats, comes first. */
const CRITERIA_WORDS = 8;
const CRITERIA = { firstMember: 4, members: 5, maglev: 6 } as const;

/** Words of a member. Its address has four. */
const MEMBER_WORDS = 8;
const MEMBER = { address: 0, port: 4, state: 5, macHigh: 6, macLow: 7 } as const;

/** Words of a source prefix: four of the address, four of the mask, and 4 or 6. */
const PREFIX_WORDS = 12;
const PREFIX = { address: 0, mask: 4, family: 8 } as const;

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
/**
 * Reason of a member's selection in connection records (4 bits): the rule's algorithm, or affinity, which precedes
 * it.
 */
export const CHOSEN_BY: Record<Algorithm | 'affinity', number> = { ...ALGORITHM, affinity: 4 };
export const MEMBER_STATE: Record<MemberState, number> = { active: 0, draining: 1, failed: 2 };
export const ON_EMPTY: Record<RuleSpec['onEmpty'], number> = { reject: 0, drop: 1 };

/** Bits of `RULE.bits`. */
const AVOID_SELF = 1;
const HASH_SOURCE_ADDRESS = 2;
const EACH_DATAGRAM = 4;

/** A group's compiled rules in memory; never edited in place. */
export interface CompiledRules {
  readonly ruleTable: ArrayBufferLike;
  /** By number in the criteria sets; load balancers with the same members share them. */
  readonly maglevTables: readonly ArrayBufferLike[];
}

/**
 * Compiles the rules of a group, at least one. `maglevOf` may return an existing table of the same members. Throws
 * AddressError on addresses, prefixes or MACs that do not parse.
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
  words.set([MAGIC, rules.length, criteria.length, members.length], HEADER.magic);
  words.set([ruleAt, criteriaAt, memberAt, prefixAt, columnAt], HEADER.ruleAt);

  const maglevTables: SharedArrayBuffer[] = [];
  let nextCriteria = 0;
  let nextMember = 0;
  let nextPrefix = 0;
  rules.forEach((rule, i) => {
    const at = ruleAt + i * RULE_WORDS;
    words[at + RULE.id] = rule.id;
    words[at + RULE.group] = rule.group;
    addressToWords(rule.vip, words, at + RULE.vip);
    words[at + RULE.protocol] = protocolNumber(rule);
    words[at + RULE.port] = rule.port ?? ANY;
    words[at + RULE.sourcePort] = rule.sourcePort ?? ANY;
    words[at + RULE.firstPrefix] = nextPrefix;
    words[at + RULE.prefixes] = rule.sources.length;
    words[at + RULE.rewrite] = REWRITE_KIND[rule.rewrite];
    words[at + RULE.algorithm] = ALGORITHM[rule.algorithm];
    words[at + RULE.onEmpty] = ON_EMPTY[rule.onEmpty];
    words[at + RULE.firstCriteria] = nextCriteria;
    words[at + RULE.criteria] = rule.criteria.length;
    words[at + RULE.affinityMs] = rule.affinityMs ?? 0;
    words[at + RULE.bits] =
      (rule.avoidSelf ? AVOID_SELF : 0) |
      (rule.hash === 'source-address' ? HASH_SOURCE_ADDRESS : 0) |
      (rule.udpScheduling === 'per-datagram' ? EACH_DATAGRAM : 0);
    words[at + RULE.udpIdleMs] = rule.udpIdleMs ?? 0;
    words[at + RULE.udpRepickMs] = rule.udpRepickMs ?? 0;
    words[at + RULE.longestPrefix] = longestPrefix(rule);
    words[at + RULE.labels] = rule.labels ?? 0;
    for (const source of rule.sources) {
      const prefix = networkOf(parsePrefix(source));
      const to = prefixAt + nextPrefix++ * PREFIX_WORDS;
      for (let word = 0; word < 4; word++) {
        words[to + PREFIX.address + word] = prefix.words[word]!;
        words[to + PREFIX.mask + word] = prefixMask(prefix.bits, word);
      }
      words[to + PREFIX.family] = prefix.family;
    }
    for (const set of rule.criteria) {
      const to = criteriaAt + nextCriteria++ * CRITERIA_WORDS;
      floats[to >> 1] = set.fromMs ?? Number.NEGATIVE_INFINITY;
      floats[(to >> 1) + 1] = set.untilMs ?? Number.POSITIVE_INFINITY;
      words[to + CRITERIA.firstMember] = nextMember;
      words[to + CRITERIA.members] = set.members.length;
      const maglev = rule.algorithm === 'maglev' ? maglevOf(set.members) : undefined;
      words[to + CRITERIA.maglev] = maglev === undefined ? NONE : maglevTables.push(maglev) - 1;
      let weightUpToHere = 0;
      for (const member of set.members) {
        const column = columnAt + nextMember;
        const m = memberAt + nextMember++ * MEMBER_WORDS;
        addressToWords(member.address, words, m + MEMBER.address);
        words[m + MEMBER.port] = member.port ?? ANY;
        words[m + MEMBER.state] = MEMBER_STATE[member.state];
        words[m + MEMBER.macHigh] = member.mac === undefined ? ANY : macHigh16(member.mac);
        words[m + MEMBER.macLow] = member.mac === undefined ? 0 : macLow32(member.mac);
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

/** The same order for rules of two tables: negative if the first one takes precedence. */
export function compareSpecificity(a: RuleTable, ruleOfA: number, b: RuleTable, ruleOfB: number): number {
  const [atA, atB] = [a.wordOf(ruleOfA), b.wordOf(ruleOfB)];
  for (const field of [RULE.protocol, RULE.port, RULE.sourcePort]) {
    const difference = Number(a.words[atA + field] === ANY) - Number(b.words[atB + field] === ANY);
    if (difference !== 0) return difference;
  }
  return (
    b.words[atB + RULE.longestPrefix]! - a.words[atA + RULE.longestPrefix]! ||
    b.words[atB + RULE.labels]! - a.words[atA + RULE.labels]! ||
    a.id(ruleOfA) - b.id(ruleOfB)
  );
}

/** The fields of a packet to a VIP that rules match; a Frame has them. */
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

/** Read access to compiled rules; rules, criteria sets and members are identified by position. */
export class RuleTable {
  readonly words: Int32Array;
  readonly ruleCount: number;
  /** Number of criteria sets of all rules. */
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
    if (this.words[HEADER.magic] !== MAGIC)
      throw new TypeError(`rule table: found magic ${this.words[HEADER.magic]}, expected ${MAGIC}`);
    this.maglevTables = maglevTables.map((table) => new Uint16Array(table, 0, MAGLEV_ENTRIES));
    this.floats = new Float64Array(memory, 0, memory.byteLength >> 3);
    this.ruleCount = this.words[HEADER.rules]!;
    this.setCount = this.words[HEADER.criteria]!;
    this.memberCount = this.words[HEADER.members]!;
    this.ruleAt = this.words[HEADER.ruleAt]!;
    this.criteriaAt = this.words[HEADER.criteriaAt]!;
    this.memberAt = this.words[HEADER.memberAt]!;
    this.prefixAt = this.words[HEADER.prefixAt]!;
    this.idAt = this.words[HEADER.columnAt]!;
    this.weightAt = this.idAt + this.memberCount;
    this.weightUpToAt = this.weightAt + this.memberCount;
  }

  /** Offset of a rule's words. */
  wordOf(rule: number): number {
    return this.ruleAt + rule * RULE_WORDS;
  }

  /** Calls back for every member of every rule: position of the rule, number of the member. */
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
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.id]!;
  }

  group(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.group]!;
  }

  vipWord(rule: number, word: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.vip + word]!;
  }

  rewriteKind(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.rewrite]!;
  }

  algorithm(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.algorithm]!;
  }

  /** 0: no affinity. */
  affinityMs(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.affinityMs]!;
  }

  /** For datagram flows; 0: the host's timer. */
  udpIdleMs(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.udpIdleMs]!;
  }

  /** 0: a datagram flow keeps its member. */
  udpRepickMs(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.udpRepickMs]!;
  }

  avoidsSelf(rule: number): boolean {
    return (this.words[this.ruleAt + rule * RULE_WORDS + RULE.bits]! & AVOID_SELF) !== 0;
  }

  /** Whether each UDP datagram selects its own member. */
  choosesPerDatagram(rule: number): boolean {
    return (this.words[this.ruleAt + rule * RULE_WORDS + RULE.bits]! & EACH_DATAGRAM) !== 0;
  }

  hashesSourceAddress(rule: number): boolean {
    return (this.words[this.ruleAt + rule * RULE_WORDS + RULE.bits]! & HASH_SOURCE_ADDRESS) !== 0;
  }

  onEmpty(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.onEmpty]!;
  }

  /**
   * Whether a rule matches a packet to its VIP. Ports are 0 for protocols without ports. A rule of any protocol
   * excludes ICMP, which the VIP answers for its groups.
   */
  matches(rule: number, packet: PacketToVip): boolean {
    const { words } = this;
    const { protocol } = packet;
    const at = this.ruleAt + rule * RULE_WORDS;
    if (
      words[at + RULE.protocol] === ANY
        ? protocol === ICMP || protocol === ICMPV6
        : words[at + RULE.protocol] !== protocol
    )
      return false;
    if (words[at + RULE.port] !== ANY && words[at + RULE.port] !== packet.destinationPort) return false;
    if (words[at + RULE.sourcePort] !== ANY && words[at + RULE.sourcePort] !== packet.sourcePort)
      return false;
    return this.hasSource(rule, packet.s0, packet.s1, packet.s2, packet.s3);
  }

  /** Whether an address is among the rule's sources. */
  hasSource(rule: number, s0: number, s1: number, s2: number, s3: number): boolean {
    const words = this.words;
    const at = this.ruleAt + rule * RULE_WORDS;
    const count = words[at + RULE.prefixes]!;
    if (count === 0) return true;
    const family = isIpv4Mapped(s0, s1, s2) ? 4 : 6;
    let prefix = this.prefixAt + words[at + RULE.firstPrefix]! * PREFIX_WORDS;
    for (let i = 0; i < count; i++, prefix += PREFIX_WORDS) {
      if (
        words[prefix + PREFIX.family] === family &&
        ((s3 ^ words[prefix + PREFIX.address + 3]!) & words[prefix + PREFIX.mask + 3]!) === 0 &&
        ((s2 ^ words[prefix + PREFIX.address + 2]!) & words[prefix + PREFIX.mask + 2]!) === 0 &&
        ((s1 ^ words[prefix + PREFIX.address + 1]!) & words[prefix + PREFIX.mask + 1]!) === 0 &&
        ((s0 ^ words[prefix + PREFIX.address]!) & words[prefix + PREFIX.mask]!) === 0
      ) {
        return true;
      }
    }
    return false;
  }

  /** The first criteria set of a rule in effect at a wall-clock time, or NONE. */
  effectiveCriteria(rule: number, wallMs: number): number {
    const at = this.ruleAt + rule * RULE_WORDS;
    const first = this.words[at + RULE.firstCriteria]!;
    for (let set = first; set < first + this.words[at + RULE.criteria]!; set++) {
      const period = (this.criteriaAt + set * CRITERIA_WORDS) >> 1;
      if (this.floats[period]! <= wallMs && wallMs < this.floats[period + 1]!) return set;
    }
    return NONE;
  }

  firstCriteria(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.firstCriteria]!;
  }

  criteriaCount(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.criteria]!;
  }

  firstMember(criteria: number): number {
    return this.words[this.criteriaAt + criteria * CRITERIA_WORDS + CRITERIA.firstMember]!;
  }

  membersOf(criteria: number): number {
    return this.words[this.criteriaAt + criteria * CRITERIA_WORDS + CRITERIA.members]!;
  }

  memberWord(member: number, word: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + MEMBER.address + word]!;
  }

  /** MemberSpec.id */
  memberId(member: number): number {
    return this.words[this.idAt + member]!;
  }

  /** Destination port after translation, or -1: unchanged. */
  memberPort(member: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + MEMBER.port]!;
  }

  /** Weight for new flows: 0 for members that are draining or failed. */
  weight(member: number): number {
    return this.words[this.weightAt + member]!;
  }

  /** Cumulative weight of the criteria set's members, including this one: 0 … 2^32-1. */
  weightUpTo(member: number): number {
    return this.words[this.weightUpToAt + member]! >>> 0;
  }

  isAt(member: number, w0: number, w1: number, w2: number, w3: number): boolean {
    const { words } = this;
    const at = this.memberAt + member * MEMBER_WORDS + MEMBER.address;
    return words[at + 3] === w3 && words[at + 2] === w2 && words[at + 1] === w1 && words[at] === w0;
  }

  /** Whether a criteria set has a Maglev table: if the rule uses Maglev and a member has weight. */
  hasMaglev(criteria: number): boolean {
    return this.words[this.criteriaAt + criteria * CRITERIA_WORDS + CRITERIA.maglev] !== NONE;
  }

  /** Member at an entry of the criteria set's Maglev table, 0 … MAGLEV_ENTRIES-1. */
  maglevMember(criteria: number, entry: number): number {
    const table = this.words[this.criteriaAt + criteria * CRITERIA_WORDS + CRITERIA.maglev]!;
    return this.firstMember(criteria) + this.maglevTables[table]![entry]!;
  }

  /** High 16 bits of a configured MAC, or -1. */
  memberMacHigh(member: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + MEMBER.macHigh]!;
  }

  memberMacLow(member: number): number {
    return this.words[this.memberAt + member * MEMBER_WORDS + MEMBER.macLow]!;
  }
}
