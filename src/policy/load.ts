/** Loads by the metric of a policy, and the capacities that they are divided by. */
import type { MemberLoad } from './policy.ts';
import type { LoadMetric } from './policy-config.ts';

type Loaded = Pick<MemberLoad, 'activeFlows' | 'newFlowsPerSecond' | 'bytesPerSecond'>;

/** Flows, flows per second, or bytes per second. */
export function loadOf(member: Loaded, metric: LoadMetric): number {
  if (metric === 'active-flows') return member.activeFlows;
  return metric === 'new-flows' ? member.newFlowsPerSecond : member.bytesPerSecond;
}

/** Configured weight relative to the members' mean: the load that each should carry, relative to the average. */
export function capacities(members: readonly Pick<MemberLoad, 'configuredWeight'>[]): number[] {
  const mean = sum(members.map(({ configuredWeight }) => configuredWeight)) / members.length;
  return members.map(({ configuredWeight }) => configuredWeight / mean);
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The lower median; NaN for no values. */
export function lowerMedian(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}
