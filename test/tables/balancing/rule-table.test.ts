/** Compiled rules against a naive matcher that reads the specifications themselves. */
import { BlockList } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_AFFINITY_MS } from '../../../src/tables/balancing/affinity-table.ts';
import { compileMaglev, MAGLEV_ENTRIES } from '../../../src/tables/balancing/maglev-table.ts';
import type { CriteriaSpec, MemberSpec, RuleSpec } from '../../../src/tables/balancing/rule-spec.ts';
import {
  ALGORITHM,
  compileRules,
  MEMBER_STATE,
  ON_EMPTY,
  PROTOCOL_NUMBER,
  REWRITE_KIND,
  RuleTable,
} from '../../../src/tables/balancing/rule-table.ts';
import { NONE } from '../../../src/tables/common/bucket-index.ts';
import { addressWords } from '../../support/addresses.ts';
import { assertCovered, Random, runs, seed } from '../../support/seed.ts';
import { familyOf } from '../../support/topology.ts';

const matching = suite('rule table: matching');
const criteria = suite('rule table: criteria and members');

const member = (more: Partial<MemberSpec> = {}): MemberSpec => ({
  id: 0,
  name: 'app1',
  address: '10.1.0.21',
  weight: 1,
  state: 'active',
  ...more,
});

const rule = (id: number, more: Partial<RuleSpec> = {}): RuleSpec => ({
  id,
  group: id,
  vip: '10.1.0.100',
  protocol: 'any',
  sources: [],
  rewrite: 'address',
  algorithm: 'weighted-round-robin',
  onEmpty: 'reject',
  criteria: [{ members: [member()] }],
  ...more,
});

interface Packet {
  readonly to: string;
  readonly from: string;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Last octet of the source MAC. */
  readonly mac?: number;
}

const macOf = (octet: number): string => `02:00:00:00:01:${octet.toString(16).padStart(2, '0')}`;

/** Id of the rule that a datapath picks: the first position of the VIP that matches. */
function compiledChoice(table: RuleTable, packet: Packet): number {
  const to = addressWords(packet.to);
  for (let i = 0; i < table.ruleCount; i++) {
    if (to.some((word, at) => table.vipWord(i, at) !== word)) continue;
    const [s0, s1, s2, s3] = addressWords(packet.from);
    const macs = { macHigh: 0x0200, macLow: 0x0100 | (packet.mac ?? 0) };
    const fields = { ...packet, s0, s1, s2, s3, ...macs, dscp: 0, vlanPriority: 0 };
    if (table.matches(i, fields)) return table.id(i);
  }
  return NONE;
}

/** The platform's own prefix matching. */
function contains(prefix: string, address: string): boolean {
  const [network, bits] = prefix.split('/');
  if (familyOf(network) !== familyOf(address)) return false;
  const family = familyOf(network) === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(address, family);
}

/** ICMP is a rule's if the rule names it, in the VIP's family. */
function isOfProtocol({ protocol, vip }: RuleSpec, number: number): boolean {
  if (protocol === 'any') return number !== 1 && number !== 58;
  return number === (protocol === 'icmp' && familyOf(vip) === 6 ? 58 : PROTOCOL_NUMBER[protocol]);
}

const naiveHasPort = (ranges: RuleSpec['ports'], port: number): boolean =>
  ranges?.some(([first, last]) => first <= port && port <= last) ?? true;

function naiveMatches(spec: RuleSpec, packet: Packet): boolean {
  return (
    spec.vip === packet.to &&
    isOfProtocol(spec, packet.protocol) &&
    naiveHasPort(spec.ports, packet.destinationPort) &&
    naiveHasPort(spec.sourcePorts, packet.sourcePort) &&
    (spec.macs === undefined || spec.macs.includes(macOf(packet.mac ?? 0))) &&
    (spec.sources.length === 0 || spec.sources.some((prefix) => contains(prefix, packet.from)))
  );
}

const naivePortCount = (ranges: RuleSpec['ports'] = [[0, 65_535]]): number =>
  ranges.map(([first, last]) => last + 1 - first).reduce((sum, count) => sum + count);

/** Specificity as the rule table's header tells it, compared field by field. */
function isMoreSpecific(a: RuleSpec, b: RuleSpec): boolean {
  const longest = (spec: RuleSpec): number =>
    spec.sources.reduce((most, prefix) => Math.max(most, Number(prefix.split('/')[1])), -1);
  const ranks = (spec: RuleSpec): number[] => [
    spec.protocol === 'any' ? 0 : 1,
    -naivePortCount(spec.ports),
    -naivePortCount(spec.sourcePorts),
    spec.macs === undefined ? 0 : 1,
    longest(spec),
    -spec.id,
  ];
  const [ranksA, ranksB] = [ranks(a), ranks(b)];
  const first = ranksA.findIndex((rank, i) => rank !== ranksB[i]);
  return ranksA[first] > ranksB[first];
}

function naiveChoice(specs: readonly RuleSpec[], packet: Packet): number {
  const matches = specs.filter((spec) => naiveMatches(spec, packet));
  return (
    matches.find((spec) => matches.every((other) => other === spec || isMoreSpecific(spec, other)))?.id ??
    NONE
  );
}

const VIPS = ['10.1.0.100', '10.1.0.101', 'fd00:1::64'];
const SOURCES = {
  4: ['10.1.0.0/24', '10.1.0.0/16', '10.1.0.11/32', '10.1.0.10/31', '0.0.0.0/0', '192.168.0.0/16'],
  6: ['fd00:1::/64', 'fd00:1::/32', 'fd00:1::b/128', '::/0', 'fd00:1::/127', '8000::/1'],
};
const CLIENTS = {
  4: ['10.1.0.11', '10.1.0.10', '10.1.1.11', '10.2.0.1', '192.168.255.255', '203.0.113.9'],
  6: ['fd00:1::b', 'fd00:1::', 'fd00:1::1', 'fd00:1:0:1::b', 'fd01::1', '2001:db8::1'],
};

const PORTS: readonly NonNullable<RuleSpec['ports']>[] = [
  [[80, 80]],
  [[443, 443]],
  [[1, 1]],
  [[65_535, 65_535]],
  [
    [80, 80],
    [8_000, 8_100],
  ],
  [[79, 443]],
  [[1, 65_535]],
];
const SOURCE_PORTS: readonly NonNullable<RuleSpec['ports']>[] = [
  [[5_000, 5_000]],
  [[65_535, 65_535]],
  [[4_999, 6_000]],
];

function randomRule(random: Random, id: number): RuleSpec {
  const vip = random.pick(VIPS);
  const sources = random.chance(50)
    ? []
    : Array.from({ length: random.between(1, 3) }, () => random.pick(SOURCES[familyOf(vip)]));
  return rule(id, {
    vip,
    protocol: random.pick(['any', 'any', 'tcp', 'udp', 'icmp', 'sctp'] as const),
    ports: random.chance(50) ? random.pick(PORTS) : undefined,
    sourcePorts: random.chance(20) ? random.pick(SOURCE_PORTS) : undefined,
    macs: random.chance(20) ? random.pick([[macOf(1)], [macOf(2), macOf(1)], [macOf(3)]]) : undefined,
    sources,
  });
}

function randomPacket(random: Random): Packet {
  const to = random.pick([...VIPS, '10.1.0.102']);
  return {
    to,
    from: random.pick(CLIENTS[familyOf(to)]),
    protocol: random.pick([6, 6, 17, 1, 132, 58]),
    sourcePort: random.pick([5000, 65_535, 6000, 0]),
    destinationPort: random.pick([80, 443, 1, 65_535, 8080, 0]),
    mac: random.between(1, 4),
  };
}

matching('any rules, any packet: the most specific rule that matches', () => {
  const random = new Random(seed, 1);
  const chosen = { some: 0, none: 0, several: 0 };
  for (let run = 0; run < runs(1_500); run++) {
    const specs = Array.from({ length: random.below(13) }, (_, i) => randomRule(random, i));
    const table = new RuleTable(compileRules(specs));
    assert.is(table.ruleCount, specs.length);
    for (let i = 0; i < 20; i++) {
      const packet = randomPacket(random);
      const expected = naiveChoice(specs, packet);
      assert.is(compiledChoice(table, packet), expected, JSON.stringify({ specs, packet }));
      chosen[expected === NONE ? 'none' : 'some']++;
      if (specs.filter((spec) => naiveMatches(spec, packet)).length > 1) chosen.several++;
    }
  }
  const isCovered = chosen.some > 1_000 && chosen.none > 1_000 && chosen.several > 1_000;
  assertCovered(isCovered, JSON.stringify(chosen));
});

matching('protocol before ports, before source ports, before MAC, before source prefix, before age', () => {
  const specs = [
    rule(1),
    rule(2),
    rule(3, { sources: ['10.1.0.0/16'] }),
    rule(4, { sources: ['192.168.0.0/30', '10.1.0.0/24'] }),
    rule(5, { sourcePorts: [[5000, 5000]] }),
    rule(6, { ports: [[80, 80]] }),
    rule(7, { protocol: 'tcp' }),
    rule(8, { macs: [macOf(9), macOf(1)] }),
    rule(9, { ports: [[79, 81]] }),
    rule(10, { sourcePorts: [[1024, 65_535]] }),
  ];
  const ports = { sourcePort: 5000, destinationPort: 80 };
  const packet = { to: '10.1.0.100', from: '10.1.0.11', protocol: 6, ...ports, mac: 1 };
  const order: number[] = [];
  for (let left = specs; left.length > 0; ) {
    const choice = compiledChoice(new RuleTable(compileRules(left)), packet);
    order.push(choice);
    left = left.filter((spec) => spec.id !== choice);
  }
  assert.equal(order, [7, 6, 9, 5, 10, 8, 4, 3, 1, 2]);
});

matching('a prefix matches its own family only: ::/0 is no IPv4 source', () => {
  const table = new RuleTable(compileRules([rule(1, { sources: ['192.168.0.0/16', '::/0'] })]));
  const packet = { to: '10.1.0.100', protocol: 6, sourcePort: 5000, destinationPort: 80 };
  assert.is(compiledChoice(table, { ...packet, from: '192.168.7.7' }), 1);
  assert.is(compiledChoice(table, { ...packet, from: '10.1.0.11' }), NONE);
});

matching('no rules at all', () => {
  const table = new RuleTable(compileRules([]));
  assert.is(table.ruleCount, 0);
  assert.is(table.memberCount, 0);
});

matching('memory of another kind is refused', () => {
  assert.throws(
    () => new RuleTable({ ruleTable: new ArrayBuffer(64), maglevTables: [] }),
    /rule table: found magic 0, expected/,
  );
});

/** Position of the set that is in force, counted from the rule's first. */
function setAt(sets: readonly CriteriaSpec[], wallMs: number): number {
  const table = new RuleTable(compileRules([rule(1, { criteria: sets })]));
  const set = table.nextSet(0, table.firstCriteria(0), wallMs, undefined);
  return set === NONE ? NONE : set - table.firstCriteria(0);
}

const NOON = Date.parse('2026-12-01T12:00:00Z');

criteria('a period holds from its first millisecond until just before its last', () => {
  const sets = [
    { untilMs: NOON, members: [member()] },
    { fromMs: NOON, untilMs: NOON + 1_000, members: [member()] },
    { fromMs: NOON + 2_000, members: [member()] },
  ];
  assert.is(setAt(sets, 0), 0);
  assert.is(setAt(sets, NOON - 1), 0);
  assert.is(setAt(sets, NOON), 1);
  assert.is(setAt(sets, NOON + 999), 1);
  assert.is(setAt(sets, NOON + 1_000), NONE, 'a gap between periods');
  assert.is(setAt(sets, NOON + 1_999), NONE);
  assert.is(setAt(sets, NOON + 2_000), 2);
  assert.is(setAt(sets, NOON + 1e12), 2);
  assert.is(setAt(sets, NOON - 0.5), 0, 'clocks with fractions');
});

criteria('the specification: "until 13:00" and "after 12:59" overlap, and the first one decides', () => {
  const minute = (text: string): number => Date.parse(`2014-09-01T${text}:00Z`);
  const sets = [
    { untilMs: minute('13:00'), members: [member()] },
    { fromMs: minute('12:59'), members: [member()] },
  ];
  assert.is(setAt(sets, minute('12:59')), 0);
  assert.is(setAt(sets, minute('13:00') - 1), 0);
  assert.is(setAt(sets, minute('13:00')), 1);
});

criteria('a set without a period always holds; a rule without sets never', () => {
  assert.is(setAt([{ members: [] }], Number.MAX_SAFE_INTEGER), 0);
  assert.is(setAt([{ members: [] }], -1), 0);
  assert.is(setAt([], NOON), NONE);
});

criteria('everything that a rule says can be read back, wherever it stands', () => {
  const random = new Random(seed, 2);
  for (let run = 0; run < runs(200); run++) {
    const specs = Array.from({ length: random.between(1, 6) }, (_, id) => {
      const spec = randomRule(random, id);
      const sets = Array.from(
        { length: random.below(4) },
        (): CriteriaSpec => ({
          fromMs: random.chance(50) ? NOON + random.below(1e9) : undefined,
          untilMs: random.chance(50) ? NOON + random.below(1e9) : undefined,
          members: Array.from({ length: random.below(4) }, (): MemberSpec => randomMember(random)),
        }),
      );
      return { ...spec, criteria: sets, group: 100 + id, ...randomKinds(random) };
    });
    const table = new RuleTable(compileRules(specs));
    for (let i = 0; i < table.ruleCount; i++) checkRule(table, i, specs[table.id(i)]);
    assert.is(table.memberCount, specs.flatMap((spec) => spec.criteria.flatMap((set) => set.members)).length);
  }
});

criteria('Maglev sets have their tables, each its own, also where rules without one stand between', () => {
  const maglev = (id: number, ...sets: MemberSpec[][]) =>
    rule(id, { algorithm: 'maglev', criteria: sets.map((list) => ({ members: list })) });
  const [a, b, c] = ['10.1.0.21', '10.1.0.22', '10.1.0.23'].map((address) => member({ address }));
  const built: (readonly MemberSpec[])[] = [];
  const compiled = compileRules(
    [
      maglev(1, [a!, b!], []),
      rule(2, { protocol: 'tcp', ports: [[80, 80]] }),
      maglev(3, [member({ weight: 0 }), c!]),
    ],
    (list) => {
      built.push(list);
      return compileMaglev(list);
    },
  );
  assert.is(built.length, 3, 'asked for sets of Maglev rules only');
  assert.is(compiled.maglevTables.length, 2);
  const table = new RuleTable(compiled);
  const position = (id: number) => [0, 1, 2].find((i) => table.id(i) === id)!;
  const membersAt = (set: number) => {
    const entries = Array.from({ length: MAGLEV_ENTRIES }, (_, entry) => table.maglevMember(set, entry));
    return [...new Set(entries)].sort().map((at) => at - table.firstMember(set));
  };
  const first = table.firstCriteria(position(1));
  assert.equal([table.hasMaglev(first), table.hasMaglev(first + 1)], [true, false]);
  assert.not(table.hasMaglev(table.firstCriteria(position(2))));
  assert.equal(membersAt(first), [0, 1]);
  assert.equal(membersAt(table.firstCriteria(position(3))), [1]);
});

criteria('as many members as there can be, each with the largest weight: sums below 2^32 are right', () => {
  const many = Array.from({ length: 65_535 }, () => member({ weight: 65_535 }));
  const table = new RuleTable(compileRules([rule(1, { criteria: [{ members: many }] })]));
  assert.is(table.weightUpTo(65_534), 65_535 * 65_535);
});

const randomKinds = (random: Random) => ({
  algorithm: random.pick(['weighted-round-robin', 'least-connections', 'random-two-choices'] as const),
  hash: random.pick(['five-tuple', 'source-address', undefined] as const),
  affinityMs: random.pick([1_000, MAX_AFFINITY_MS, undefined]),
  avoidSelf: random.pick([true, false, undefined]),
  rewrite: random.pick(['address', 'mac', 'port'] as const),
  onEmpty: random.pick(['reject', 'drop'] as const),
});

const randomMember = (random: Random): MemberSpec =>
  member({
    id: random.below(1e6),
    address: random.pick(['10.1.0.21', 'fd00:1::15', '255.255.255.254', 'ffff::ffff']),
    port: random.chance(50) ? random.between(1, 65_535) : undefined,
    mac: random.chance(50) ? random.pick(['02:00:00:00:01:15', 'fe:ff:ff:ff:ff:ff']) : undefined,
    weight: random.pick([0, 1, 3, 65_535]),
    state: random.pick(['active', 'draining', 'failed'] as const),
  });

function checkRule(table: RuleTable, i: number, spec: RuleSpec): void {
  assert.is(table.group(i), spec.group);
  assert.is(table.rewriteKind(i), REWRITE_KIND[spec.rewrite]);
  assert.is(table.onEmpty(i), ON_EMPTY[spec.onEmpty]);
  assert.is(table.algorithm(i), ALGORITHM[spec.algorithm]);
  assert.is(table.hashesSourceAddress(i), spec.hash === 'source-address');
  assert.is(table.affinityMs(i), spec.affinityMs ?? 0);
  assert.is(table.avoidsSelf(i), spec.avoidSelf ?? false);
  assert.equal(
    [0, 1, 2, 3].map((word) => table.vipWord(i, word)),
    addressWords(spec.vip),
  );
  assert.is(table.criteriaCount(i), spec.criteria.length);
  spec.criteria.forEach((set, k) => {
    const first = table.firstMember(table.firstCriteria(i) + k);
    assert.is(table.membersOf(table.firstCriteria(i) + k), set.members.length);
    let weightUpTo = 0;
    set.members.forEach((given, m) => {
      checkMember(table, first + m, given);
      weightUpTo += table.weight(first + m);
      assert.is(table.weightUpTo(first + m), weightUpTo);
    });
  });
}

function checkMember(table: RuleTable, at: number, given: MemberSpec): void {
  assert.equal(
    [0, 1, 2, 3].map((word) => table.memberWord(at, word)),
    addressWords(given.address),
  );
  assert.is(table.memberId(at), given.id);
  assert.is(table.memberPort(at), given.port ?? -1);
  assert.is(table.weight(at), given.state === 'active' ? given.weight : 0, 'draining and failed count as 0');
  assert.is(table.memberWord(at, 5), MEMBER_STATE[given.state]);
  const own = addressWords(given.address);
  assert.ok(table.isAt(at, ...own));
  own.forEach((word, i) => {
    assert.not(table.isAt(at, ...(own.with(i, word ^ 1) as typeof own)), `word ${i}`);
  });
  const mac = given.mac?.replaceAll(':', '');
  assert.is(table.memberMacHigh(at), mac === undefined ? -1 : Number.parseInt(mac.slice(0, 4), 16));
  assert.is(table.memberMacLow(at), mac === undefined ? 0 : Number.parseInt(mac.slice(4), 16) | 0);
}

matching.run();
criteria.run();
