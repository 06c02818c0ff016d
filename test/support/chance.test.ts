import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAtMost, assertCount, assertMostly, assertShares, binomialBounds } from './chance.ts';

const chance = suite('bounds of chance');

/** P(X = count), by the definition. */
function binomial(trials: number, probability: number, count: number): number {
  let term = 1;
  for (let i = 0; i < count; i++) term *= (trials - i) / (count - i);
  return term * probability ** count * (1 - probability) ** (trials - count);
}

chance('the tails beyond the bounds are as small as asked for, and could be no smaller', () => {
  for (const trials of [1, 10, 60]) {
    for (const probability of [0.01, 0.3, 0.5, 0.95]) {
      for (const falseAlarm of [0.05, 1e-3, 1e-6]) {
        const { low, high } = binomialBounds(trials, probability, falseAlarm);
        const sum = (from: number, to: number): number =>
          Array.from({ length: Math.max(0, to - from + 1) }, (_, i) =>
            binomial(trials, probability, from + i),
          ).reduce((a, b) => a + b, 0);
        const what = `${trials} trials of ${probability}: ${low} to ${high} at ${falseAlarm}`;
        const half = (falseAlarm / 2) * (1 + 1e-9);
        assert.ok(sum(high + 1, trials) <= half && sum(0, low - 1) <= half, what);
        assert.ok(high === 0 || sum(high, trials) > falseAlarm / 2, `${what}: lower is possible`);
        assert.ok(low === trials || sum(0, low) > falseAlarm / 2, `${what}: higher is possible`);
      }
    }
  }
});

chance('many trials: six standard deviations for one in a thousand million', () => {
  const { low, high } = binomialBounds(1_000_000, 0.5);
  assert.ok(low > 496_800 && low < 497_000, `${low}`);
  assert.ok(high > 503_000 && high < 503_200, `${high}`);
});

chance('certain and impossible events have no luck', () => {
  assert.equal(binomialBounds(50, 0), { low: 0, high: 0 });
  assert.equal(binomialBounds(50, 1), { low: 50, high: 50 });
});

chance('a count, a rate or shares beyond chance fail, with what was found', () => {
  assertCount(520, 1_000, 0.5, 'heads');
  assert.throws(() => assertCount(700, 1_000, 0.5, 'heads'), /heads: 700 of 1000, expected 40\d to 59\d/);
  assertCount(700, 1_000, 0.5, 'heads', 150);
  assertAtMost(0, 100, 0.01, 'losses');
  assert.throws(() => assertAtMost(50, 100, 0.01, 'losses'), /losses: 50 of 100, expected at most 1\d/);
  assertShares([100, 310, 190], [1, 3, 2]);
  assert.throws(() => assertShares([300, 310, 190], [1, 3, 2]), /chi-square/);
  assert.throws(() => assertShares([100, 100, 1], [1, 1, 0]), /shares 100,100,1/);
});

chance('runs are made until it is certain how many fail', () => {
  const claim = { runs: 8, atMost: 0.05 };
  let made = 0;
  const runOf = (isBad: (i: number) => boolean) => (i: number) => {
    made = i + 1;
    return isBad(i) ? `run ${i}` : undefined;
  };
  assertMostly(
    claim,
    runOf(() => false),
  );
  assert.is(made, 2);
  assertMostly(
    claim,
    runOf((i) => i < 6),
  );
  assert.is(made, 8);
  assert.throws(
    () =>
      assertMostly(
        claim,
        runOf((i) => i !== 3),
      ),
    /^7 of 8 runs fail:\nrun 0\nrun 1/,
  );
});

chance.run();
