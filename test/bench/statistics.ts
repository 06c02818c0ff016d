/** Medians, how sure they are, and paired ratios. A null is a measurement that failed or does not apply; it never counts. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** How many values it stands on. */
  readonly count: number;
}

/** Median (mean of the middle two of an even count), least and greatest; null when there is no value. */
export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const upper = sorted.length >> 1;
  const lower = (sorted.length - 1) >> 1;
  return {
    median: (sorted[lower]! + sorted[upper]!) / 2,
    min: sorted[0]!,
    max: sorted[sorted.length - 1]!,
    count: sorted.length,
  };
}

/** Of a confidence interval: the true value lies outside with at most the rest, half of it on either side. */
const CONFIDENCE = 0.95;

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Ranks, from 1 on in ascending order, between which the median of what `count` values are a sample of lies, with 95 %
 * confidence; null when so few say nothing (under 6). How many values are less than the median follows the binomial
 * distribution (count, 1/2), whatever the values' own distribution. `count`: at most 1000.
 */
export function medianRanks(count: number): readonly [number, number] | null {
  let probability = 2 ** -count;
  let below = 0;
  let rank = 0;
  while (rank < count && below + probability <= (1 - CONFIDENCE) / 2) {
    below += probability;
    probability *= (count - rank) / (rank + 1);
    rank++;
  }
  return rank === 0 ? null : [rank, count + 1 - rank];
}

/** The 95 % confidence interval of the median; null when there are too few values. */
export function medianInterval(values: readonly (number | null)[]): Interval | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const ranks = medianRanks(sorted.length);
  return ranks && { low: sorted[ranks[0] - 1]!, high: sorted[ranks[1] - 1]! };
}

/**
 * numerator[i] ÷ denominator[i] of each round that has both: the two were measured one right after the other,
 * so what disturbs the machine for longer than a round cancels out.
 */
export function pairedRatios(
  numerator: readonly (number | null)[],
  denominator: readonly (number | null)[],
): (number | null)[] {
  return numerator.map((value, round) => {
    const other = denominator[round] ?? null;
    return value === null || other === null || other === 0 ? null : value / other;
  });
}
