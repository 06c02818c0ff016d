/** Weighted least connections, against a naive twin, and as flows come and go. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MemberSpec } from '../../../../src/tables/balancing/rule-spec.ts';
import { NONE } from '../../../../src/tables/common/bucket-index.ts';
import { assertCount } from '../../../support/chance.ts';
import { Random, runs, seed } from '../../../support/seed.ts';
import {
  CLIENT,
  flowFrom,
  memberAddress,
  membersOf,
  ruleOf,
  SelectionBed,
  sharesOf,
} from '../../../support/selection-bed.ts';

const selection = suite('least connections');

const rule = (weights: readonly number[], more = {}) =>
  ruleOf(0, weights, { algorithm: 'least-connections', ...more });

const bedOf = (weights: readonly number[], balancer = 0): SelectionBed =>
  new SelectionBed([rule(weights)], { balancer });

const begin = (bed: SelectionBed, count: number): number[] =>
  Array.from({ length: count }, () => bed.begin());

selection('flows that stay: after every full cycle the members have exactly their shares', () => {
  const weights = [1, 3, 1, 3, 2];
  const bed = bedOf(weights);
  for (let cycle = 1; cycle <= 20; cycle++) {
    begin(bed, 10);
    assert.equal(
      weights.map((_, place) => bed.active(place)),
      weights.map((weight) => weight * cycle),
    );
  }
});

selection(
  'any loads: the fewest (active + 1) / weight, and of equals the next one behind the last taken',
  () => {
    const random = new Random(seed, 1);
    for (let run = 0; run < runs(100); run++) {
      const weights = Array.from({ length: random.between(1, 10) }, () =>
        random.chance(20) ? 0 : random.between(1, random.pick([1, 4, 65_535])),
      );
      const balancer = random.below(20);
      const bed = bedOf(weights, balancer);
      let next = balancer % weights.length;
      for (let step = 0; step < 200; step++) {
        const order = weights
          .map((_, i) => (next + i) % weights.length)
          .filter((place) => weights[place]! > 0);
        // Fractions compared exactly, by integers without bound.
        const isLess = (a: number, b: number) =>
          BigInt(bed.active(a) + 1) * BigInt(weights[b]!) < BigInt(bed.active(b) + 1) * BigInt(weights[a]!);
        const expected = order.reduce(
          (best, place) => (isLess(place, best) ? place : best),
          order[0] ?? NONE,
        );
        const chosen = random.chance(70) ? bed.begin() : bed.pick();
        assert.is(chosen, expected, `weights ${weights}, step ${step}`);
        if (chosen === NONE) break;
        next = (chosen + 1) % weights.length;
        const ends = random.below(weights.length);
        if (random.chance(40) && bed.active(ends) > 0) bed.end(ends);
        if (random.chance(5)) bed.load(ends, random.below(1 << 23));
      }
    }
  },
);

selection('idle members of one weight take turns', () => {
  assert.equal(bedOf([2, 2, 2]).picks(6), [0, 1, 2, 0, 1, 2]);
  assert.equal(bedOf([2, 2, 2], 4).picks(3), [1, 2, 0], 'each load balancer begins elsewhere');
});

selection('a member that joins, or gets back from full, takes the new flows until it has caught up', () => {
  const bed = bedOf([1, 1]);
  begin(bed, 100);
  bed.adopt([rule([1, 1, 1])]);
  const chosen = begin(bed, 50);
  assert.ok(
    chosen.slice(0, 49).every((place) => place === 2),
    `${chosen}`,
  );
  begin(bed, 30);
  assert.equal([bed.active(0), bed.active(1), bed.active(2)], [60, 60, 60]);
});

selection('a slow member, whose flows stay longer, gets fewer', () => {
  const bed = bedOf([1, 1, 1]);
  const random = new Random(seed, 2);
  const running: number[] = [];
  const shares = [0, 0, 0];
  for (let i = 0; i < 30_000; i++) {
    const place = bed.begin();
    shares[place]!++;
    running.push(place);
    while (running.length > 30) {
      const at = random.below(running.length);
      if (running[at] === 0 && random.chance(80)) continue; // five times slower
      bed.end(running[at]!);
      running.splice(at, 1);
    }
  }
  // The slow one's flows end five times more rarely, while as many of them are active: a fifth, with a deviation of 1 %.
  assert.ok(shares[0]! < 0.35 * shares[1]!, `${shares}`);
  // Whose flow ends next is as likely the one as the other; what is active differs by a few.
  assertCount(shares[1]!, shares[1]! + shares[2]!, 0.5, 'flows of one of two that are alike', 30);
});

selection('more weight never means fewer flows', () => {
  const shareOf = (weight: number) => {
    const bed = bedOf([3, weight, 5]);
    begin(bed, 400);
    return bed.active(1);
  };
  const shares = [0, 1, 2, 3, 5, 8, 13, 100, 1_000].map(shareOf);
  for (let i = 1; i < shares.length; i++) assert.ok(shares[i]! > shares[i - 1]!, `${shares}`);
});

selection('draining, failed and weightless members get nothing, however idle; nobody left: NONE', () => {
  const members = membersOf([1, 5, 1, 1]) as [MemberSpec, MemberSpec, MemberSpec, MemberSpec];
  const changed = [
    { ...members[0], state: 'draining' as const },
    { ...members[1], state: 'failed' as const },
  ];
  const bed = bedOf([1, 5, 1, 1]);
  bed.adopt([rule([], { criteria: [{ members: [...changed, { ...members[2], weight: 0 }, members[3]] }] })]);
  bed.load(3, 1_000);
  assert.equal(bed.picks(5), [3, 3, 3, 3, 3]);
  bed.adopt([rule([], { criteria: [{ members: changed }] })]);
  assert.equal(bed.picks(2), [NONE, NONE]);
  assert.is(bedOf([]).pick(), NONE);
});

selection('turns among equals go on through a change of rules', () => {
  const bed = bedOf([1, 1, 1]);
  assert.equal(bed.picks(2), [0, 1]);
  bed.adopt([ruleOf(7, [1, 1]), rule([1, 1, 1])]);
  assert.is(bed.pick(CLIENT, 0), 2);
  bed.adopt([rule([1, 1])]);
  assert.equal(bed.picks(2), [0, 1]);
});

selection('a client that avoids itself gets another member, unless it is the only one', () => {
  const bed = new SelectionBed([rule([1, 1, 1], { avoidSelf: true })]);
  const self = flowFrom(memberAddress(1));
  assert.equal(sharesOf(bed.picks(30, self), 3), [15, 0, 15]);
  bed.load(0, 50);
  bed.load(2, 60);
  assert.is(bed.pick(self), 0);
  assert.is(bed.pick(CLIENT), 1);
  bed.adopt([rule([0, 1, 0], { avoidSelf: true })]);
  assert.is(bed.pick(self), 1);
});

selection.run();
