/** Random of two choices: shares by weight when idle, balance under load, and nothing left to chance in a replay. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MemberSpec } from '../../../../src/tables/balancing/rule-spec.ts';
import { NONE } from '../../../../src/tables/common/bucket-index.ts';
import { Xorshift } from '../../../../src/tables/common/xorshift.ts';
import { assertCount, assertShares } from '../../../support/chance.ts';
import { Random, runs, seed } from '../../../support/seed.ts';
import {
  flowFrom,
  memberAddress,
  membersOf,
  ruleOf,
  SelectionBed,
  type SelectionBedOptions,
  sharesOf,
  sum,
} from '../../../support/selection-bed.ts';

const numbers = suite('xorshift');
const selection = suite('random of two choices');

const rule = (weights: readonly number[], more = {}) =>
  ruleOf(0, weights, { algorithm: 'random-two-choices', ...more });

const random = new Random(seed, 1);
const someKey = (): [number, number] => [random.word(), random.word()];

const bedOf = (weights: readonly number[], options: SelectionBedOptions = { hashKey: someKey() }) =>
  new SelectionBed([rule(weights)], options);

numbers("Marsaglia's triple (13, 17, 5), recomputed by the definition with 64-bit integers", () => {
  const bits = (1n << 32n) - 1n;
  let state = 2_463_534_242n;
  const generator = new Xorshift(Number(state));
  for (let i = 0; i < 10_000; i++) {
    state ^= (state << 13n) & bits;
    state ^= state >> 17n;
    state ^= (state << 5n) & bits;
    assert.is(generator.below(2 ** 32), Number(state));
  }
});

numbers('below a bound, each number as often as any other; bound 1 gives 0; seed 0 works', () => {
  for (const bound of [2, 3, 7, 100]) {
    const generator = new Xorshift(random.word());
    const counts = sharesOf(
      Array.from({ length: 20_000 }, () => generator.below(bound)),
      bound,
    );
    assertShares(counts, new Array<number>(bound).fill(1));
  }
  const generator = new Xorshift(0);
  assert.is(generator.below(1), 0);
  assert.ok(new Set(Array.from({ length: 100 }, () => generator.below(1_000))).size > 80);
});

selection('idle members have the configured shares, weight 0 nothing', () => {
  for (let run = 0; run < runs(20); run++) {
    const weights = Array.from({ length: random.between(1, 12) }, () =>
      random.chance(20) ? 0 : random.between(1, 9),
    );
    if (sum(weights) === 0) continue;
    const shares = sharesOf(bedOf(weights).picks(20_000), weights.length);
    assertShares(shares, weights);
  }
});

selection('two members: both are drawn, so the less loaded one gets every flow', () => {
  const bed = bedOf([1, 4]);
  bed.load(0, 10);
  bed.load(1, 39);
  assert.equal(sharesOf(bed.picks(50), 2), [0, 50]);
  bed.load(1, 2);
  assert.equal(sharesOf(bed.picks(50), 2), [50, 0]);
  bed.load(1, -1); // 10 and 40: equal for their weights, so the first one drawn
  assertShares(sharesOf(bed.picks(5_000), 2), [1, 4]);
});

selection('among many, the fullest gets nothing and the emptiest about twice its share', () => {
  const bed = bedOf(new Array<number>(10).fill(1));
  for (let place = 0; place < 10; place++) bed.load(place, 10 * place);
  // The k-th emptiest of n wins if the other one drawn is fuller: 2 (n - k) / n (n - 1).
  const expected = Array.from({ length: 10 }, (_, place) => 9 - place);
  assertShares(sharesOf(bed.picks(20_000), 10), expected);
});

/**
 * How far flows that stay let members differ. The emptiest member gets twice its share, so how far it is behind falls off
 * at least like 2^-k, and the fullest is ahead by less: of 50 members one is beyond this less often than 10^-8.
 */
const STAYS_WITHIN = 36;

selection('flows that stay: loads stay within a few flows of each other, far closer than at random', () => {
  const spread = (chosen: (bed: SelectionBed) => number): number => {
    const bed = bedOf(new Array<number>(50).fill(1));
    for (let i = 0; i < 40_000; i++) bed.load(chosen(bed), 1);
    const loads = Array.from({ length: 50 }, (_, place) => bed.active(place));
    return Math.max(...loads) - Math.min(...loads);
  };
  const two = spread((bed) => bed.pick());
  // A load's standard deviation is 28; 50 loads lie as close together as that less often than 10^-15.
  const one = spread(() => random.below(50));
  assert.ok(two <= STAYS_WITHIN && one > STAYS_WITHIN, `two choices: ${two}, one: ${one}`);
});

selection('flows that stay, weighted: every member near its share', () => {
  const weights = [1, 3, 1, 3, 2, 10, 7];
  const bed = bedOf(weights);
  for (let i = 0; i < 27 * 1_000; i++) bed.begin();
  weights.forEach((weight, place) => {
    const found = bed.active(place);
    assert.ok(Math.abs(found - weight * 1_000) <= STAYS_WITHIN, `${found} at ${weight}`);
  });
});

selection('more weight means more flows', () => {
  const shareOf = (weight: number) => sharesOf(bedOf([3, weight, 5]).picks(20_000), 3)[1]!;
  const shares = [0, 1, 2, 4, 8, 16, 100].map(shareOf);
  // Neighbours are at least 24 standard deviations apart.
  for (let i = 1; i < shares.length; i++) assert.ok(shares[i]! > shares[i - 1]!, `${shares}`);
});

selection('the same hash key and load balancer: the same choices; another one: others', () => {
  const weights = [1, 3, 1, 3, 2];
  const choices = (hashKey: readonly [number, number], balancer: number) =>
    bedOf(weights, { hashKey, balancer }).picks(200).join();
  assert.is(choices([1, 2], 3), choices([1, 2], 3));
  const all = [choices([1, 2], 3), choices([1, 2], 4), choices([1, 3], 3), choices([2, 2], 3)];
  assert.is(new Set(all).size, all.length);
});

selection('draining and failed members get nothing; one or nobody left', () => {
  const members = membersOf([1, 5, 1, 1]) as [MemberSpec, MemberSpec, MemberSpec, MemberSpec];
  const changed = [
    { ...members[0], state: 'draining' as const },
    { ...members[1], state: 'failed' as const },
  ];
  const bed = bedOf([1]);
  const adopt = (list: MemberSpec[]) => bed.adopt([rule([], { criteria: [{ members: list }] })]);
  adopt([...changed, members[2], members[3]]);
  const shares = sharesOf(bed.picks(1_000), 4);
  assert.ok(shares[0] === 0 && shares[1] === 0, `${shares}`);
  assertCount(shares[2]!, 1_000, 0.5, 'flows of one of two');
  adopt([...changed, members[2]]);
  assert.equal(sharesOf(bed.picks(10), 3), [0, 0, 10]);
  adopt(changed);
  assert.equal(bed.picks(2), [NONE, NONE]);
  adopt([]);
  assert.equal(bed.picks(1), [NONE]);
});

selection('the largest weights do not overflow', () => {
  const bed = bedOf(new Array<number>(300).fill(65_535));
  const shares = sharesOf(bed.picks(60_000), 300);
  assertShares(shares, new Array<number>(300).fill(1));
});

selection(
  'a client that avoids itself: the others by their weights, also where it is several of the members',
  () => {
    const weights = [2, 3, 1, 3, 2, 4];
    for (const own of [[0], [2], [5], [0, 1], [1, 4, 5], [0, 2, 5]]) {
      const members = membersOf(weights).map((member, place) =>
        own.includes(place) ? { ...member, address: '10.9.9.9', port: 8080 + place } : member,
      );
      const bed = new SelectionBed([rule([], { criteria: [{ members }], avoidSelf: true })], {
        hashKey: someKey(),
      });
      const others = weights.map((weight, place) => (own.includes(place) ? 0 : weight));
      const shares = sharesOf(bed.picks(10_000, flowFrom('10.9.9.9')), 6);
      assertShares(shares, others);
      assertShares(sharesOf(bed.picks(10_000), 6), weights);
    }
    const alone = new SelectionBed([rule([0, 1], { avoidSelf: true })]);
    assert.is(alone.pick(flowFrom(memberAddress(1))), 1);
  },
);

numbers.run();
selection.run();
