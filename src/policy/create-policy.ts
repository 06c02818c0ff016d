/**
 * Creates a policy from its settings.
 *
 * Theory of operation. The steps, in order; each may be the last:
 *
 *   1. usable: active, and configured with a weight; all others have 0
 *   2. outliers are ejected
 *   3. no member has figures → configured weights; all figures are old → the weights in force stay
 *   4. the kind of policy computes shares of members with fresh figures; the others keep their share
 *   5. slow start of joining members, floor and ceiling
 *   6. hysteresis and damping against the weights in force
 *   7. whole numbers
 *
 * A member that joined too recently to have been reported counts as without load; one that should have been reported and
 * was not counts as one with old figures.
 */
import { Even } from './even.ts';
import { InverseLoad } from './inverse-load.ts';
import { LatencyAware } from './latency-aware.ts';
import { figureAgeMs, sum } from './load.ts';
import { damp, isNear, limit, slowStart, toWeights } from './modifiers.ts';
import { OutlierEjection } from './outlier-ejection.ts';
import type { Distribution, MemberLoad, Policy, PolicyInput } from './policy.ts';
import type { PolicyConfig } from './policy-config.ts';

export const createPolicy = (config: PolicyConfig): Policy => new ComposedPolicy(config);

function distributionOf(config: PolicyConfig): Distribution {
  switch (config.kind) {
    case 'even':
      return new Even();
    case 'inverse-load':
      return new InverseLoad(config);
    case 'latency-aware':
      return new LatencyAware();
  }
}

class ComposedPolicy implements Policy {
  private readonly config: PolicyConfig;
  private readonly distribution: Distribution;
  private readonly ejection: OutlierEjection | undefined;

  constructor(config: PolicyConfig) {
    this.config = config;
    this.distribution = distributionOf(config);
    this.ejection = config.outlierEjection && new OutlierEjection(config.outlierEjection);
  }

  weights(input: PolicyInput): number[] {
    const members = this.usable(input);
    const weights = input.members.map(() => 0);
    if (members.length === 0) return weights;
    const places = members.map((member) => input.members.indexOf(member));
    const inForce = input.previous;
    const weightsBefore = places.map((place) => inForce?.[place] ?? 0);
    const previous = sum(weightsBefore) > 0 ? weightsBefore : undefined;
    const localFlows = input.localFlows && places.map((place) => input.localFlows![place]!);
    const next = this.weightsOf({ nowMs: input.nowMs, members, localFlows, previous });
    places.forEach((place, i) => {
      weights[place] = next[i]!;
    });
    return weights;
  }

  /** Members that may get new flows. */
  private usable({ members, nowMs }: PolicyInput): MemberLoad[] {
    const usable = members.filter(
      ({ state, configuredWeight }) => state === 'active' && configuredWeight > 0,
    );
    const ejected = this.ejection?.ejected(usable, members.length, nowMs);
    return ejected === undefined ? usable : usable.filter((_, i) => !ejected[i]);
  }

  /** Weights of usable members. */
  private weightsOf(input: PolicyInput): number[] {
    const { members, previous } = input;
    const { floor, ceiling, slowStartMs, damping, hysteresis } = this.config;
    const configured = members.map(({ configuredWeight }) => configuredWeight);
    let shares = this.shares(input);
    if (shares === undefined)
      return toWeights(previous === undefined ? configured : fillIn(previous, configured));
    if (slowStartMs > 0) shares = slowStart(shares, members, slowStartMs);
    if (floor > 0 || ceiling !== undefined) {
      shares = limit(shares, configured, floor, ceiling ?? Number.POSITIVE_INFINITY);
    }
    if (previous !== undefined) {
      if (hysteresis > 0 && isNear(shares, previous, hysteresis)) return [...previous];
      if (damping > 0) shares = damp(shares, previous, damping);
    }
    return toWeights(shares);
  }

  /** Shares from fresh figures; undefined if there are none. */
  private shares({ nowMs, members, localFlows, previous }: PolicyInput): number[] | undefined {
    const { staleAfterMs, metric } = this.config;
    const isNew = (member: MemberLoad): boolean =>
      figureAgeMs(member, metric) === Infinity && member.sinceMs < staleAfterMs;
    const isReported = (member: MemberLoad): boolean => figureAgeMs(member, metric) <= staleAfterMs;
    if (!members.some(isReported)) return undefined;
    const isFresh = members.map((member) => isReported(member) || isNew(member));
    const fresh = <T>(values: readonly T[]): T[] => values.filter((_, i) => isFresh[i]);
    const computed = this.distribution.shares({
      nowMs,
      members: fresh(members),
      localFlows: localFlows && fresh(localFlows),
    });
    if (computed.length === members.length) return computed;

    const configured = members.map(({ configuredWeight }) => configuredWeight);
    const kept = previous === undefined ? configured : fillIn(previous, configured);
    const scale = sum(computed) / sum(fresh(kept));
    let next = 0;
    return kept.map((weight, i) => (isFresh[i] ? computed[next++]! : weight * scale));
  }
}

/** Weights in force; a new member gets the others' ratio of weight in force to configured weight. */
function fillIn(previous: readonly number[], configured: readonly number[]): number[] {
  const known = configured.filter((_, i) => previous[i]! > 0);
  const perConfigured = sum(previous) / sum(known);
  return previous.map((weight, i) => (weight > 0 ? weight : configured[i]! * perConfigured));
}
