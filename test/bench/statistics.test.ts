import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertCount } from '../support/chance.ts';
import { Random, seed } from '../support/seed.ts';
import { medianInterval, medianRanks, pairedRatios, spreadOf } from './statistics.ts';

const statistics = suite('bench statistics');

statistics('median, least and greatest; nulls do not count', () => {
  assert.equal(spreadOf([3, null, 1, 2]), { median: 2, min: 1, max: 3, count: 3 });
  assert.equal(spreadOf([10, 9]), { median: 9.5, min: 9, max: 10, count: 2 });
  assert.is(spreadOf([null, null]), null);
  assert.is(spreadOf([]), null);
});

statistics('the median leaves as many values below as above', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 }), (values) => {
      const { median } = spreadOf(values)!;
      const below = values.filter((value) => value < median).length;
      const above = values.filter((value) => value > median).length;
      assert.ok(below <= values.length / 2 && above <= values.length / 2);
    }),
  );
});

statistics('the interval of the median stands on the ranks that the binomial distribution gives', () => {
  const known: [count: number, low: number, high: number][] = [
    [6, 1, 6],
    [9, 2, 8],
    [10, 2, 9],
    [15, 4, 12],
    [20, 6, 15],
    [30, 10, 21],
    [50, 18, 33],
    [100, 40, 61],
    [1000, 469, 532],
  ];
  for (const [count, low, high] of known) assert.equal(medianRanks(count), [low, high], `${count} values`);
  for (let count = 0; count < 6; count++) assert.is(medianRanks(count), null, `${count} values`);
});

statistics('the interval of the median: values in any order, nulls do not count', () => {
  assert.equal(medianInterval([7, 3, null, 10, 1, 9, 2, 8, 4, 6, 5]), { low: 2, high: 9 });
  assert.is(medianInterval([1, 2, 3, 4, 5, null]), null);
});

statistics('of samples of a known median, as many have it in their interval as the ranks promise', () => {
  const random = new Random(seed, 0);
  const samples = 2_000;
  let within = 0;
  for (let i = 0; i < samples; i++) {
    // Skewed: the square of a uniform number, whose median is 1/4.
    const { low, high } = medianInterval(
      Array.from({ length: 30 }, () => (random.below(10_000) / 10_000) ** 2),
    )!;
    if (low <= 0.25 && 0.25 <= high) within++;
  }
  // Ranks 10 to 21 of 30: 1 - 2 P(Bin(30, 1/2) <= 9).
  assertCount(within, samples, 0.95723, 'intervals with the median');
});

statistics('ratios pair the rounds, so that a machine of varying speed does not show', () => {
  assert.equal(pairedRatios([10, 5, 20], [20, 10, 40]), [0.5, 0.5, 0.5]);
  assert.equal(pairedRatios([10, null, 20, 4], [5, 10, null, 0]), [2, null, null, null]);
  assert.equal(pairedRatios([1, 2], []), [null, null]);
});

statistics.run();
