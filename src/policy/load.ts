/** Loads by the metric of a policy, and what they are compared by. */
import type { MemberLoad } from './policy.ts';
import type { LoadMetric } from './policy-config.ts';

type Loaded = Pick<MemberLoad, 'activeFlows' | 'newFlowsPerSecond' | 'bytesPerSecond'>;

/** Flows, flows per second, or bytes per second. */
export function loadOf(member: Loaded, metric: LoadMetric): number {
  if (metric === 'active-flows') return member.activeFlows;
  return metric === 'new-flows' ? member.newFlowsPerSecond : member.bytesPerSecond;
}

/** Configured weight in units of the members' mean: what part of an average member's load each should carry. */
export function capacities(members: readonly Pick<MemberLoad, 'configuredWeight'>[]): number[] {
  const mean = sum(members.map(({ configuredWeight }) => configuredWeight)) / members.length;
  return members.map(({ configuredWeight }) => configuredWeight / mean);
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The middle value, the lower one of two; NaN of none. */
export function lowerMedian(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}
