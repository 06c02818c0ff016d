/**
 * Nanoseconds per choice of a member, by algorithm and size of the group: `node dist/test/bench/selection.js`. CPU time,
 * which other processes disturb less than they do the clock. Every choice is for another flow, of 1000 clients. Members
 * have a few active flows each, so that least connections and two choices compare what differs.
 */
import type { NewFlow } from '../../src/datapath/balancing/selection/candidates.ts';
import type { Algorithm, RuleSpec } from '../../src/tables/balancing/rule-spec.ts';
import { ALGORITHM } from '../../src/tables/balancing/rule-table.ts';
import { flowFrom, memberAddress, membersOf, ruleOf, SelectionBed } from '../support/selection-bed.ts';
import { spreadOf } from './statistics.ts';

const FLOWS = 4_096;
const ROUNDS = 9;
const ROUND_NS = 50_000_000;

const clients = Array.from({ length: FLOWS }, (_, i) => {
  const client = i % 1_000;
  return flowFrom(`10.9.${client >> 8}.${client & 255}`, 1_024 + i);
});

/** Median over the rounds. */
function nanosecondsPerPick(rule: RuleSpec, flows: readonly NewFlow[]): number {
  const bed = new SelectionBed([rule], { maxAffinities: 65_536 });
  const { rules, selection } = bed;
  rule.criteria[0]!.members.forEach((_, place) => {
    bed.load(place, (place * 7) % 5);
  });
  const set = rules.firstCriteria(0);
  const run = (picks: number): number => {
    const begin = process.cpuUsage();
    for (let i = 0; i < picks; i++) selection.pick(rules, 0, set, flows[i % FLOWS]!, 1_000);
    const { user, system } = process.cpuUsage(begin);
    return (user + system) * 1_000;
  };
  run(20_000);
  const picks = Math.ceil((20_000 * ROUND_NS) / run(20_000));
  return spreadOf(Array.from({ length: ROUNDS }, () => run(picks) / picks))!.median;
}

const sizes = [10, 1_000];
const variants: [name: string, more: Partial<RuleSpec>, flows: readonly NewFlow[]][] = [
  ...(Object.keys(ALGORITHM) as Algorithm[]).map((algorithm): [string, Partial<RuleSpec>, NewFlow[]] => [
    algorithm,
    { algorithm },
    clients,
  ]),
  ['affinity, kept', { algorithm: 'maglev', affinityMs: 60_000 }, clients],
  ['maglev, avoidSelf, other client', { algorithm: 'maglev', avoidSelf: true }, clients],
  [
    'maglev, avoidSelf, own client',
    { algorithm: 'maglev', avoidSelf: true },
    clients.map((_, i) => flowFrom(memberAddress(3), 1_024 + i)),
  ],
];
console.log(`${'ns per pick'.padEnd(34)}${sizes.map((size) => `${size} members`.padStart(14)).join('')}`);
for (const [name, more, flows] of variants) {
  const figures = sizes.map((size) => {
    const members = membersOf(Array.from({ length: size }, (_, i) => 1 + (i % 3)));
    return nanosecondsPerPick(ruleOf(0, [], { criteria: [{ members }], ...more }), flows);
  });
  console.log(`${name.padEnd(34)}${figures.map((ns) => ns.toFixed(ns < 100 ? 1 : 0).padStart(14)).join('')}`);
}
