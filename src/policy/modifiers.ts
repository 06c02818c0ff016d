/** Adjustments of the shares that a policy has computed. Each is a pure function over members in the same order. */
import { sum } from './load.ts';
import type { MemberLoad } from './policy.ts';

/** Fraction of its share that a joining member starts with. */
const SLOW_START_FROM = 0.1;

/** A joining member's share grows linearly over `slowStartMs`. */
export function slowStart(
  shares: readonly number[],
  members: readonly Pick<MemberLoad, 'sinceMs'>[],
  slowStartMs: number,
): number[] {
  return shares.map((share, i) => {
    const { sinceMs } = members[i]!;
    return sinceMs >= slowStartMs ? share : share * Math.max(SLOW_START_FROM, sinceMs / slowStartMs);
  });
}

/**
 * Keeps every share between `floor` and `ceiling` times the member's share of the configured weights; the others are
 * scaled to keep the sum. Exact, unless the bounds have no solution (floor > 1 or ceiling < 1).
 */
export function limit(
  shares: readonly number[],
  configured: readonly number[],
  floor: number,
  ceiling: number,
): number[] {
  const total = sum(shares);
  const even = sum(configured);
  const least = configured.map((weight) => (floor * weight) / even);
  const most = configured.map((weight) => (ceiling * weight) / even);
  const limited = (scale: number): number[] =>
    shares.map((share, i) => Math.min(most[i]!, Math.max(least[i]!, (scale * share) / total)));
  if (shares.every((share, i) => share >= least[i]! * total && share <= most[i]! * total)) return [...shares];

  // The sum grows with the scale: bisection of its logarithm.
  let low = -40;
  let high = 40;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (sum(limited(2 ** middle)) < 1) low = middle;
    else high = middle;
  }
  return limited(2 ** high).map((share) => share * total);
}

/**
 * Moves part of the way from the weights in force to the new ones. A member whose weight rises from 0 or falls to 0
 * moves the whole way. `damping`: the fraction that remains.
 */
export function damp(shares: readonly number[], previous: readonly number[], damping: number): number[] {
  const scale = sum(shares) / sum(previous);
  return shares.map((share, i) => {
    const was = previous[i]! * scale;
    return share === 0 || was === 0 ? share : share + damping * (was - share);
  });
}

/** Whether no member's share differs from its share in force by more than the fraction `hysteresis`. */
export function isNear(shares: readonly number[], previous: readonly number[], hysteresis: number): boolean {
  const scale = sum(shares) / sum(previous);
  return shares.every((share, i) => {
    const was = previous[i]! * scale;
    return Math.abs(share - was) <= hysteresis * was;
  });
}

const MAX_WEIGHT = 65_535;
/** Largest weight if shares are not whole numbers: three digits, and round-robin cycles of moderate length. */
const SCALE = 1000;

/** Whole weights up to 65535: the shares themselves if they are such, else scaled. No share is rounded to 0. */
export function toWeights(shares: readonly number[]): number[] {
  const max = Math.max(...shares);
  if (max <= MAX_WEIGHT && shares.every(Number.isInteger)) return [...shares];
  return shares.map((share) => (share === 0 ? 0 : Math.max(1, Math.round((share / max) * SCALE))));
}
