/**
 * When a member counts as healthy: a state machine over the outcomes of probes. Pure.
 *
 * `rise` good probes in a row make it healthy, `fall` failed ones unhealthy, from whatever it was before, also from
 * not known; until then the verdict stays, so that one lost packet changes nothing.
 */

export interface HealthState {
  readonly verdict: 'unknown' | 'healthy' | 'unhealthy';
  /** Probes with the same outcome in a row, the last one included: good ones above zero, failed ones below. */
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
