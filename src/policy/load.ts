/** Loads by the metric of a policy, and the capacities that they are divided by. */
import type { MemberLoad } from './policy.ts';
import type { LoadMetric, ScalingMetric } from './policy-config.ts';

type Loaded = Pick<MemberLoad, 'activeFlows' | 'newFlowsPerSecond' | 'bytesPerSecond'>;

/** Flows, flows per second, or bytes per second. */
export function scalingLoadOf(member: Loaded, metric: ScalingMetric): number {
  if (metric === 'active-flows') return member.activeFlows;
  return metric === 'new-flows' ? member.newFlowsPerSecond : member.bytesPerSecond;
}

interface Measure {
  /** Undefined: not known of this member. */
  of(member: MemberLoad): number | undefined;
  /** Differences up to this are noise, whatever their ratio: few flows are never even. */
  readonly noise: number;
}

const MEASURES: Readonly<Record<LoadMetric, Measure>> = {
  'active-flows': { of: ({ activeFlows }) => activeFlows, noise: 2 },
  'new-flows': { of: ({ newFlowsPerSecond }) => newFlowsPerSecond, noise: 2 },
  bytes: { of: ({ bytesPerSecond }) => bytesPerSecond, noise: 2 },
  packets: { of: ({ packetsPerSecond }) => packetsPerSecond, noise: 2 },
  rtt: { of: ({ rttMs }) => rttMs, noise: 0.1 },
  // A member that is busy reads less and offers a smaller window.
  window: { of: ({ windowBytes }) => windowBytes && 1 / windowBytes, noise: 0 },
  retransmissions: { of: ({ retransmissionsPerSecond }) => retransmissionsPerSecond, noise: 1 },
  congestion: { of: ({ congestionPercent }) => congestionPercent, noise: 10 },
  reported: { of: ({ reportedLoad }) => reportedLoad, noise: 0 },
};

/** Undefined: the metric is not known of this member. */
export const loadOf = (member: MemberLoad, metric: LoadMetric): number | undefined =>
  MEASURES[metric].of(member);

export const noiseOf = (metric: LoadMetric): number => MEASURES[metric].noise;

/** Age of the metric's figures; Infinity: there are none. */
export const figureAgeMs = ({ ageMs, reportedAgeMs }: MemberLoad, metric: LoadMetric): number =>
  metric === 'reported' ? reportedAgeMs : ageMs;

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
