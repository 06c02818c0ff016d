/** Weighted round robin: exact in every window of a cycle, spread out, and undisturbed by changes elsewhere. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NONE } from '../../../../src/tables/common/bucket-index.ts';
import { isTurn, Random, runs, seed } from '../../../support/seed.ts';
import {
  CLIENT,
  flowFrom,
  memberAddress,
  membersOf,
  ruleOf,
  SelectionBed,
  sharesOf,
  sum,
} from '../../../support/selection-bed.ts';

const selection = suite('weighted round robin');

const bedOf = (weights: readonly number[], balancer = 0): SelectionBed =>
  new SelectionBed([ruleOf(0, weights)], { balancer });

selection('weights 1, 3, 1, 3, 2: of ten new flows 1, 3, 1, 3, 2, wherever one begins to count', () => {
  const weights = [1, 3, 1, 3, 2];
  const chosen = bedOf(weights).picks(100);
  for (let from = 0; from <= 90; from++) assert.equal(sharesOf(chosen.slice(from, from + 10), 5), weights);
});

selection(
  'any weights, any starting point: every window of one cycle has exactly the configured shares',
  () => {
    const random = new Random(seed, 1);
    for (let run = 0; run < runs(300); run++) {
      const weights = Array.from({ length: random.between(1, 12) }, () =>
        random.chance(20) ? 0 : random.between(1, random.pick([3, 10, 60])),
      );
      const cycle = sum(weights);
      const chosen = bedOf(weights, random.below(1_000)).picks(3 * cycle);
      if (cycle === 0) continue;
      const window = sharesOf(chosen.slice(0, cycle), weights.length);
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
    const cycle = sum(weights);
    const counts = new Array<number>(weights.length).fill(0);
    bedOf(weights)
      .picks(cycle)
      .forEach((pick, i) => {
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
  const weights = [1, 1, 1, 1, 1, 1000];
  assert.equal(sharesOf(bedOf(weights).picks(1005), 6), weights);
});

selection('figure 16: weight 0 gets nothing', () => {
  assert.equal(sharesOf(bedOf([0, 2, 1, 1, 1, 1]).picks(60), 6), [0, 20, 10, 10, 10, 10]);
});

selection('all weights 0: nobody', () => {
  assert.equal(bedOf([0, 0], 7).picks(3), [NONE, NONE, NONE]);
  assert.equal(bedOf([], 7).picks(1), [NONE]);
});

selection('the largest weights do not overflow', () => {
  const weights = new Array<number>(64).fill(65_535);
  assert.equal(sharesOf(bedOf(weights).picks(640), 64), new Array(64).fill(10));
  if (!isTurn()) return; // four million picks
  const uneven = [65_535, 1, ...new Array<number>(62).fill(65_535)];
  assert.is(sharesOf(bedOf(uneven).picks(65_535 * 63 + 1), 64)[1], 1);
});

selection('balancers that start together do not all begin with the same member', () => {
  const firsts = Array.from({ length: 10 }, (_, id) => bedOf([1, 1, 1, 1, 1], id).pick());
  assert.equal(sharesOf(firsts, 5), [2, 2, 2, 2, 2]);
});

selection('a change of other rules leaves a cycle where it is', () => {
  const before = [ruleOf(0, [1, 3, 1, 3, 2])];
  // Rules before and behind come, so positions of members and criteria sets move.
  const after = [ruleOf(2, [5]), ...before, ruleOf(1, [7, 7], { protocol: 'tcp', ports: [[80, 80]] })];
  const undisturbed = new SelectionBed(before, { balancer: 3 }).picks(40);
  for (let at = 0; at <= 20; at++) {
    const bed = new SelectionBed(before, { balancer: 3 });
    const chosen = bed.picks(at);
    bed.adopt(after);
    chosen.push(...bed.picks(7, CLIENT, 0));
    bed.adopt(before);
    chosen.push(...bed.picks(40 - chosen.length));
    assert.equal(chosen, undisturbed, `changed after ${at} picks`);
  }
});

selection('a changed weight starts a new cycle, exact from its first flow on', () => {
  const random = new Random(seed, 3);
  for (let at = 0; at < 12; at++) {
    const bed = bedOf([1, 3, 1, 3, 2]);
    bed.picks(at);
    const weights = [1, 3, 1, 3, 2].map((weight) => weight + random.below(3));
    bed.adopt([ruleOf(0, weights)]);
    assert.equal(sharesOf(bed.picks(sum(weights)), 5), weights);
  }
});

selection('a member that joins starts a new cycle; one that is replaced too', () => {
  const bed = bedOf([1, 1]);
  bed.picks(1);
  bed.adopt([ruleOf(0, [1, 1, 1000])]);
  assert.equal(sharesOf(bed.picks(1002), 3), [1, 1, 1000]);
  bed.picks(3);
  bed.adopt([ruleOf(0, [1, 1, 1000], { criteria: [{ members: membersOf([1, 1, 1000], 500) }] })]);
  assert.equal(sharesOf(bed.picks(1002), 3), [1, 1, 1000]);
});

selection(
  'a client that avoids itself gets exact shares of the others, and leaves theirs to all the rest',
  () => {
    const weights = [1, 3, 1, 3, 2];
    const bed = new SelectionBed([ruleOf(0, weights, { avoidSelf: true })]);
    const self = flowFrom(memberAddress(1));
    for (let cycle = 0; cycle < 5; cycle++) {
      assert.equal(sharesOf(bed.picks(7, self), 5), [1, 0, 1, 3, 2]);
      assert.equal(sharesOf(bed.picks(10), 5), weights);
    }
  },
);

selection('however clients that avoid themselves mix with others, no share runs away', () => {
  const random = new Random(seed, 4);
  for (let run = 0; run < runs(20); run++) {
    const weights = Array.from({ length: random.between(2, 8) }, () => random.between(1, 20));
    const bed = new SelectionBed([ruleOf(0, weights, { avoidSelf: true })]);
    const cycle = sum(weights);
    const due = new Array<number>(weights.length).fill(0);
    for (let i = 0; i < 5_000; i++) {
      const self = random.chance(50) ? random.below(weights.length) : NONE;
      const chosen = bed.pick(self === NONE ? CLIENT : flowFrom(memberAddress(self)));
      assert.is.not(chosen, self);
      // What each may expect of this flow: its weight's part among those who may have it.
      const among = cycle - (self === NONE ? 0 : weights[self]);
      weights.forEach((weight, member) => {
        if (member !== self) due[member] += weight / among;
      });
      due[chosen]--;
      const worst = Math.max(...due.map(Math.abs));
      assert.ok(worst < 2, `weights ${weights}: a member is ${worst.toFixed(1)} flows off after ${i + 1}`);
    }
  }
});

selection.run();
