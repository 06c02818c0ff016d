/** Weighted round robin: exact in every window of a cycle, spread out, and undisturbed by changes elsewhere. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WeightedRoundRobin } from '../../src/datapath/selection.ts';
import { NONE } from '../../src/tables/bucket-index.ts';
import type { MemberSpec, RuleSpec } from '../../src/tables/rule-spec.ts';
import { compileRules, RuleTable } from '../../src/tables/rule-table.ts';
import { Random, runs, seed } from '../support/seed.ts';

const selection = suite('weighted round robin');

const rule = (id: number, weights: readonly number[], firstSlot = id * 100): RuleSpec => ({
  id,
  group: id,
  vip: `10.1.0.${100 + id}`,
  protocol: 'any',
  sources: [],
  rewrite: 'address',
  algorithm: 'weighted-round-robin',
  onEmpty: 'reject',
  criteria: [
    {
      members: weights.map(
        (weight, i): MemberSpec => ({
          statSlot: firstSlot + i,
          name: `app${i}`,
          address: `10.1.0.${1 + i}`,
          weight,
          state: 'active',
        }),
      ),
    },
  ],
});

const tableOf = (...rules: RuleSpec[]): RuleTable => new RuleTable(compileRules(rules));

/** The next picks of a rule's criteria set, as positions among its members. */
function picks(robin: WeightedRoundRobin, table: RuleTable, count: number, id = 0): number[] {
  const position = Array.from({ length: table.ruleCount }, (_, i) => i).find((i) => table.id(i) === id) ?? 0;
  const set = table.firstCriteria(position);
  const first = table.firstMember(set);
  return Array.from({ length: count }, () => {
    const member = robin.pick(table, set);
    return member === NONE ? NONE : member - first;
  });
}

function robinFor(table: RuleTable, stagger = 0): WeightedRoundRobin {
  const robin = new WeightedRoundRobin();
  robin.adopt(table, undefined, stagger);
  return robin;
}

const total = (weights: readonly number[]): number => weights.reduce((sum, weight) => sum + weight, 0);

const shares = (chosen: readonly number[], members: number): number[] =>
  Array.from({ length: members }, (_, member) => chosen.filter((pick) => pick === member).length);

selection('weights 1, 3, 1, 3, 2: of ten new flows 1, 3, 1, 3, 2, wherever one begins to count', () => {
  const weights = [1, 3, 1, 3, 2];
  const table = tableOf(rule(0, weights));
  const chosen = picks(robinFor(table), table, 100);
  for (let from = 0; from <= 90; from++) assert.equal(shares(chosen.slice(from, from + 10), 5), weights);
});

selection(
  'any weights, any starting point: every window of one cycle has exactly the configured shares',
  () => {
    const random = new Random(seed, 1);
    for (let run = 0; run < runs(300); run++) {
      const weights = Array.from({ length: random.between(1, 12) }, () =>
        random.chance(20) ? 0 : random.between(1, random.pick([3, 10, 60])),
      );
      const cycle = total(weights);
      const table = tableOf(rule(0, weights));
      const chosen = picks(robinFor(table, random.below(1_000)), table, 3 * cycle);
      if (cycle === 0) continue;
      const window = shares(chosen.slice(0, cycle), weights.length);
      assert.equal(window, weights, `weights ${weights}`);
      for (let i = cycle; i < chosen.length; i++) {
        // The window moves by one: what comes in must be what goes out.
        assert.is(chosen[i], chosen[i - cycle], `weights ${weights}, pick ${i}`);
      }
    }
  },
);

selection('spread out: no member is ever more than a flow and a half ahead of or behind its share', () => {
  const random = new Random(seed, 2);
  let worst = 0;
  for (let run = 0; run < runs(200); run++) {
    const weights = Array.from({ length: random.between(2, 8) }, () => random.between(1, 20));
    const cycle = total(weights);
    const table = tableOf(rule(0, weights));
    const counts = new Array<number>(weights.length).fill(0);
    picks(robinFor(table), table, cycle).forEach((pick, i) => {
      counts[pick]++;
      weights.forEach((weight, member) => {
        worst = Math.max(worst, Math.abs(counts[member] - ((i + 1) * weight) / cycle));
      });
    });
  }
  // Handed out in runs, a member of weight 20 would be that far ahead.
  assert.ok(worst < 1.5, `a member was ${worst.toFixed(2)} flows off its share`);
});

selection('figure 15: weights 1 1 1 1 1 1000 send 5 and 1000 of the next 1005 flows', () => {
  const table = tableOf(rule(0, [1, 1, 1, 1, 1, 1000]));
  const chosen = picks(robinFor(table), table, 1005);
  assert.equal(shares(chosen, 6), [1, 1, 1, 1, 1, 1000]);
});

selection('figure 16: weight 0 gets nothing', () => {
  const table = tableOf(rule(0, [0, 2, 1, 1, 1, 1]));
  assert.equal(shares(picks(robinFor(table), table, 60), 6), [0, 20, 10, 10, 10, 10]);
});

selection('all weights 0: nobody', () => {
  const table = tableOf(rule(0, [0, 0]));
  assert.equal(picks(robinFor(table, 7), table, 3), [NONE, NONE, NONE]);
  const empty = tableOf(rule(0, []));
  assert.equal(picks(robinFor(empty, 7), empty, 1), [NONE]);
});

selection('the largest weights do not overflow', () => {
  const weights = new Array<number>(64).fill(65_535);
  const table = tableOf(rule(0, weights));
  assert.equal(shares(picks(robinFor(table), table, 640), 64), new Array(64).fill(10));
  const uneven = tableOf(rule(0, [65_535, 1, ...new Array<number>(62).fill(65_535)]));
  assert.is(shares(picks(robinFor(uneven), uneven, 65_535 * 63 + 1), 64)[1], 1);
});

selection('balancers that start together do not all begin with the same member', () => {
  const table = tableOf(rule(0, [1, 1, 1, 1, 1]));
  const firsts = Array.from({ length: 10 }, (_, id) => picks(robinFor(table, id), table, 1)[0]);
  assert.equal(shares(firsts, 5), [2, 2, 2, 2, 2]);
});

selection('a change of other rules leaves a cycle where it is', () => {
  const weights = [1, 3, 1, 3, 2];
  const before = tableOf(rule(0, weights));
  const undisturbed = picks(robinFor(before, 3), before, 40);
  for (let at = 0; at <= 20; at++) {
    const robin = robinFor(before, 3);
    const chosen = picks(robin, before, at);
    // Rules before and behind come, so positions of members and criteria sets move.
    const after = tableOf(rule(2, [5]), rule(0, weights), { ...rule(1, [7, 7]), protocol: 'tcp', port: 80 });
    robin.adopt(after, before, 3);
    chosen.push(...picks(robin, after, 7));
    robin.adopt(before, after, 3);
    chosen.push(...picks(robin, before, 40 - chosen.length));
    assert.equal(chosen, undisturbed, `changed after ${at} picks`);
  }
});

selection('a changed weight starts a new cycle, exact from its first flow on', () => {
  const random = new Random(seed, 3);
  const before = tableOf(rule(0, [1, 3, 1, 3, 2]));
  for (let at = 0; at < 12; at++) {
    const robin = robinFor(before);
    picks(robin, before, at);
    const weights = [1, 3, 1, 3, 2].map((weight) => weight + random.below(3));
    const after = tableOf(rule(0, weights));
    robin.adopt(after, before, 0);
    assert.equal(shares(picks(robin, after, total(weights)), 5), weights);
  }
});

selection('a member that joins starts a new cycle; one that is replaced too', () => {
  const before = tableOf(rule(0, [1, 1]));
  const robin = robinFor(before);
  picks(robin, before, 1);
  const joined = tableOf(rule(0, [1, 1, 1000]));
  robin.adopt(joined, before, 0);
  assert.equal(shares(picks(robin, joined, 1002), 3), [1, 1, 1000]);
  const replaced = tableOf(rule(0, [1, 1, 1000], 500));
  picks(robin, joined, 3);
  robin.adopt(replaced, joined, 0);
  assert.equal(shares(picks(robin, replaced, 1002), 3), [1, 1, 1000]);
});

selection.run();
