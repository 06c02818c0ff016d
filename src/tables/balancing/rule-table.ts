/**
 * The rules of one group, compiled into one block of memory.
 *
 * Theory of operation. The publisher compiles rule specifications off the packet path; the datapath swaps the block
 * in between two batches and never edits it. Rules are sorted by specificity, so the first matching rule of a VIP
 * applies: rules that name the protocol come first, then those with fewer destination ports, then with fewer source
 * ports, then those that name source MACs, then the longest source prefix, then more labels, then the older rule. State
 * that changes while rules are in force (round-robin positions) belongs to the LB.
 *
 * In memory: header, rules, criteria sets, members, conditions (packet-conditions.ts). Periods are 64-bit floats, epoch
 * milliseconds.
 * The fields of members that selection reads are in columns after them, a word per member: number, weight, cumulative
 * weight. The tables of Maglev criteria sets (maglev-table.ts) are separate, because load balancers with the same
 * members share them; a criteria set refers to its own by number.
 */
import { addressFamily, addressToWords, macHigh16, macLow32 } from '../../wire/address.ts';
import { NONE } from '../common/bucket-index.ts';
import { CHAIN_BYPASS, CHAIN_RESET } from './chain-table.ts';
import { compileMaglev, MAGLEV_ENTRIES } from './maglev-table.ts';
import { Conditions, compileConditions, type PacketToVip, portCount } from './packet-conditions.ts';
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
import { bySpecificity, longestPrefix } from './rule-specificity.ts';

const MAGIC = 0x534c_5233;

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
  conditionAt: 7,
  columnAt: 8,
} as const;

/** Words of a rule. */
const RULE_WORDS = 32;
const RULE = {
  id: 0,
  group: 1,
  /** Four words, IPv4 as ::ffff:a.b.c.d. */
  vip: 2,
  /** ANY, or the value that a packet must have. */
  protocol: 6,
  /** Of its condition, which has the rule's own position: number of ports of each kind, and of MACs. */
  ports: 7,
  sourcePorts: 8,
  macs: 9,
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
  /** Numbers of the groups of middleboxes, at most MAX_HOPS. */
  through: 24,
} as const;

/** Words of a criteria set, an even number. Its period, two 64-bit floats, comes first. */
const CRITERIA_WORDS = 10;
const CRITERIA = {
  firstMember: 4,
  members: 5,
  maglev: 6,
  /** Position of its condition, or NONE. */
  condition: 7,
  /** ON_EMPTY; the rule's where the set has none of its own. */
  onEmpty: 8,
  /** Place among the rule's priorities; 0 of a set that is none. */
  priority: 9,
} as const;

/** Words of a member. Its address has four. */
const MEMBER_WORDS = 8;
const MEMBER = { address: 0, port: 4, state: 5, macHigh: 6, macLow: 7 } as const;

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
/** `next`: a set without usable member leaves the flow to the next one. */
export const ON_EMPTY: Record<RuleSpec['onEmpty'] | 'next', number> = { reject: 0, drop: 1, next: 2 };

/** Bits of `RULE.bits`. */
const AVOID_SELF = 1;
const HASH_SOURCE_ADDRESS = 2;
const EACH_DATAGRAM = 4;
const IS_HOP = 8;
/** From here on: the shape of the rule's chain (chain-table.ts). */
const CHAIN_SHIFT = 8;

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
  const conditions = compileConditions([...rules, ...criteria.flatMap(({ when }) => when ?? [])]);
  const ruleAt = HEADER_WORDS;
  const criteriaAt = ruleAt + rules.length * RULE_WORDS;
  const memberAt = criteriaAt + criteria.length * CRITERIA_WORDS;
  const conditionAt = memberAt + members.length * MEMBER_WORDS;
  const columnAt = conditionAt + conditions.length;
  const memory = new SharedArrayBuffer((columnAt + members.length * COLUMNS) * 4);
  const words = new Int32Array(memory);
  const floats = new Float64Array(memory, 0, memory.byteLength >> 3);
  words.set([MAGIC, rules.length, criteria.length, members.length], HEADER.magic);
  words.set([ruleAt, criteriaAt, memberAt, conditionAt, columnAt], HEADER.ruleAt);
  words.set(conditions, conditionAt);

  const maglevTables: SharedArrayBuffer[] = [];
  let nextCriteria = 0;
  let nextMember = 0;
  let nextCondition = rules.length;
  rules.forEach((rule, i) => {
    const at = ruleAt + i * RULE_WORDS;
    words[at + RULE.id] = rule.id;
    words[at + RULE.group] = rule.group;
    addressToWords(rule.vip, words, at + RULE.vip);
    words[at + RULE.protocol] = protocolNumber(rule);
    words[at + RULE.ports] = portCount(rule.ports);
    words[at + RULE.sourcePorts] = portCount(rule.sourcePorts);
    words[at + RULE.macs] = rule.macs?.length ?? 0;
    words[at + RULE.rewrite] = REWRITE_KIND[rule.rewrite];
    words[at + RULE.algorithm] = ALGORITHM[rule.algorithm];
    words[at + RULE.onEmpty] = ON_EMPTY[rule.onEmpty];
    words[at + RULE.firstCriteria] = nextCriteria;
    words[at + RULE.criteria] = rule.criteria.length;
    words[at + RULE.affinityMs] = rule.affinityMs ?? 0;
    words[at + RULE.bits] =
      (rule.avoidSelf ? AVOID_SELF : 0) |
      (rule.hash === 'source-address' ? HASH_SOURCE_ADDRESS : 0) |
      (rule.udpScheduling === 'per-datagram' ? EACH_DATAGRAM : 0) |
      (rule.isHop ? IS_HOP : 0) |
      (chainShape(rule) << CHAIN_SHIFT);
    words.set(rule.through?.groups ?? [], at + RULE.through);
    words[at + RULE.udpIdleMs] = rule.udpIdleMs ?? 0;
    words[at + RULE.udpRepickMs] = rule.udpRepickMs ?? 0;
    words[at + RULE.longestPrefix] = longestPrefix(rule);
    words[at + RULE.labels] = rule.labels ?? 0;
    rule.criteria.forEach((set, place) => {
      const to = criteriaAt + nextCriteria++ * CRITERIA_WORDS;
      floats[to >> 1] = set.fromMs ?? Number.NEGATIVE_INFINITY;
      floats[(to >> 1) + 1] = set.untilMs ?? Number.POSITIVE_INFINITY;
      words[to + CRITERIA.firstMember] = nextMember;
      words[to + CRITERIA.members] = set.members.length;
      const maglev = rule.algorithm === 'maglev' ? maglevOf(set.members) : undefined;
      words[to + CRITERIA.maglev] = maglev === undefined ? NONE : maglevTables.push(maglev) - 1;
      words[to + CRITERIA.condition] = set.when === undefined ? NONE : nextCondition++;
      words[to + CRITERIA.onEmpty] = ON_EMPTY[set.onEmpty ?? rule.onEmpty];
      words[to + CRITERIA.priority] = set.name === undefined ? 0 : place;
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
    });
  });
  return { ruleTable: memory, maglevTables };
}

function chainShape({ through }: RuleSpec): number {
  if (through === undefined) return 0;
  const policy =
    (through.onHopFailure === 'reset' ? CHAIN_RESET : 0) | (through.onNoHop === 'bypass' ? CHAIN_BYPASS : 0);
  return through.groups.length | policy;
}

const withServingMembers = (rule: RuleSpec): RuleSpec => ({
  ...rule,
  criteria: rule.criteria.map((set) => ({
    ...set,
    members: membersForNewFlows(set.members, rule.drainFallback),
  })),
});

/** The order of `bySpecificity` for rules of two tables: negative if the first one takes precedence. */
export function compareSpecificity(a: RuleTable, ruleOfA: number, b: RuleTable, ruleOfB: number): number {
  const [atA, atB] = [a.wordOf(ruleOfA), b.wordOf(ruleOfB)];
  const [wordsA, wordsB] = [a.words, b.words];
  return (
    Number(wordsA[atA + RULE.protocol] === ANY) - Number(wordsB[atB + RULE.protocol] === ANY) ||
    wordsA[atA + RULE.ports]! - wordsB[atB + RULE.ports]! ||
    wordsA[atA + RULE.sourcePorts]! - wordsB[atB + RULE.sourcePorts]! ||
    Number(wordsA[atA + RULE.macs] === 0) - Number(wordsB[atB + RULE.macs] === 0) ||
    wordsB[atB + RULE.longestPrefix]! - wordsA[atA + RULE.longestPrefix]! ||
    wordsB[atB + RULE.labels]! - wordsA[atA + RULE.labels]! ||
    a.id(ruleOfA) - b.id(ruleOfB)
  );
}

/** Read access to compiled rules; rules, criteria sets and members are identified by position. */
export class RuleTable {
  readonly words: Int32Array;
  readonly ruleCount: number;
  /** Number of criteria sets of all rules. */
  readonly setCount: number;
  readonly memberCount: number;
  private readonly conditions: Conditions;
  private readonly maglevTables: readonly Uint16Array[];
  private readonly floats: Float64Array;
  private readonly ruleAt: number;
  private readonly criteriaAt: number;
  private readonly memberAt: number;
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
    this.conditions = new Conditions(this.words.subarray(this.words[HEADER.conditionAt]!));
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

  /** Number of middleboxes on the way to the members, and policy: a chain's shape (chain-table.ts). 0: no chain. */
  chainShape(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.bits]! >>> CHAIN_SHIFT;
  }

  /** Number of the group of middleboxes of a hop. */
  hopGroup(rule: number, hop: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.through + hop]!;
  }

  /** Whether the rule's members are middleboxes. */
  isHop(rule: number): boolean {
    return (this.words[this.ruleAt + rule * RULE_WORDS + RULE.bits]! & IS_HOP) !== 0;
  }

  hashesSourceAddress(rule: number): boolean {
    return (this.words[this.ruleAt + rule * RULE_WORDS + RULE.bits]! & HASH_SOURCE_ADDRESS) !== 0;
  }

  onEmpty(rule: number): number {
    return this.words[this.ruleAt + rule * RULE_WORDS + RULE.onEmpty]!;
  }

  /**
   * Whether a rule matches a packet to its VIP. A rule of any protocol excludes ICMP, which the VIP answers for its
   * groups.
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
    return this.conditions.areMet(rule, packet);
  }

  /** Whether an address is among the rule's sources. */
  hasSource(rule: number, s0: number, s1: number, s2: number, s3: number): boolean {
    return this.conditions.hasSource(rule, s0, s1, s2, s3);
  }

  /**
   * The first criteria set of a rule, from this one on, that is in effect at a wall-clock time and whose condition the packet
   * meets; undefined: any packet. NONE: there is none.
   */
  nextSet(rule: number, from: number, wallMs: number, packet: PacketToVip | undefined): number {
    const end = this.firstCriteria(rule) + this.criteriaCount(rule);
    for (let set = from; set < end; set++) {
      const at = this.criteriaAt + set * CRITERIA_WORDS;
      const period = at >> 1;
      if (this.floats[period]! > wallMs || wallMs >= this.floats[period + 1]!) continue;
      const condition = this.words[at + CRITERIA.condition]!;
      if (condition === NONE || packet === undefined || this.conditions.areMet(condition, packet)) return set;
    }
    return NONE;
  }

  /** Whether a criteria set has a condition on packets. */
  isConditional(set: number): boolean {
    return this.words[this.criteriaAt + set * CRITERIA_WORDS + CRITERIA.condition] !== NONE;
  }

  /** ON_EMPTY of a criteria set without usable member. */
  onEmptyOf(set: number): number {
    return this.words[this.criteriaAt + set * CRITERIA_WORDS + CRITERIA.onEmpty]!;
  }

  /** Place among the rule's priorities, below 16; 0 of a set that is none. */
  priority(set: number): number {
    return this.words[this.criteriaAt + set * CRITERIA_WORDS + CRITERIA.priority]!;
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
