/**
 * Decides from the results of probes whether a member is healthy: a pure state machine.
 *
 * `rise` good probes in a row make a member healthy, `fall` failed ones unhealthy, whatever its verdict was, including
 * unknown. Until then the verdict stays, so that one lost packet changes nothing.
 */

export interface HealthState {
  readonly verdict: 'unknown' | 'healthy' | 'unhealthy';
  /** Probes with the same result in a row, including the last: positive if good, negative if failed. */
  readonly streak: number;
}

export const UNKNOWN: HealthState = { verdict: 'unknown', streak: 0 };

export interface RiseFall {
  readonly rise: number;
  readonly fall: number;
}

export function afterProbe(
  { verdict, streak }: HealthState,
  isGood: boolean,
  { rise, fall }: RiseFall,
): HealthState {
  const next = isGood ? Math.max(streak, 0) + 1 : Math.min(streak, 0) - 1;
  if (next >= rise) return { verdict: 'healthy', streak: rise };
  if (-next >= fall) return { verdict: 'unhealthy', streak: -fall };
  return { verdict, streak: next };
}
