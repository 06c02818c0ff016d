/** Medians and paired ratios. A null is a measurement that failed or does not apply; it never counts. */

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
