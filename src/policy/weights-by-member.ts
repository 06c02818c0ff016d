/**
 * From measured loads to weights by member: the step that controllers (for all load balancers, or for each) and
 * agents (for their own load balancers) share.
 */
import type { MemberLoad, MemberState, Policy } from './policy.ts';

/** A member's load over all hosts, as reported. Times in microseconds; 0: not measured. */
export interface MeasuredLoad {
  readonly activeFlows: number;
  readonly newFlowsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly synTimeMicros: number;
  readonly rttMicros: number;
  readonly retransmissionsPerSecond: number;
  readonly resetsPerSecond: number;
  readonly failedConnectsPerSecond: number;
  readonly packetsPerSecond: number;
  /** 0: not measured. */
  readonly windowBytes: number;
  readonly congestionPercent: number;
  /** Number of hosts that report it. */
  readonly hosts: number;
  /** When it was sent. */
  readonly ageMs: number;
  /** By the member's own answers, which `loadReporters` hosts have. */
  readonly reportedLoad: number;
  readonly loadReporters: number;
  readonly reportedAgeMs: number;
}

interface ConfiguredMember {
  readonly name: string;
  readonly state: MemberState;
  readonly weight: number;
}

/** `sinceMs`: how long it has been a member. `receivedAgoMs`: time since `measured` arrived. */
export const memberLoad = (
  { name, state, weight }: ConfiguredMember,
  measured: MeasuredLoad | undefined,
  sinceMs: number,
  receivedAgoMs = 0,
): MemberLoad => ({
  name,
  state,
  configuredWeight: weight,
  activeFlows: measured?.activeFlows ?? 0,
  newFlowsPerSecond: measured?.newFlowsPerSecond ?? 0,
  bytesPerSecond: measured?.bytesPerSecond ?? 0,
  synTimeMs: milliseconds(measured?.synTimeMicros),
  rttMs: milliseconds(measured?.rttMicros),
  retransmissionsPerSecond: measured?.retransmissionsPerSecond ?? 0,
  resetsPerSecond: measured?.resetsPerSecond ?? 0,
  failedConnectsPerSecond: measured?.failedConnectsPerSecond ?? 0,
  packetsPerSecond: measured?.packetsPerSecond ?? 0,
  windowBytes: measured?.windowBytes || undefined,
  congestionPercent: measured?.congestionPercent ?? 100,
  ageMs: measured === undefined || measured.hosts === 0 ? Infinity : measured.ageMs + receivedAgoMs,
  ...(measured === undefined || measured.loadReporters === 0
    ? { reportedAgeMs: Infinity }
    : { reportedLoad: measured.reportedLoad, reportedAgeMs: measured.reportedAgeMs + receivedAgoMs }),
  sinceMs,
});

const milliseconds = (micros = 0): number | undefined => (micros > 0 ? micros / 1000 : undefined);

export type WeightsByMember = ReadonlyMap<string, number>;

/** Weights 0 … 65535. `previous`: weights in force; `localFlows`: active flows of one load balancer, by member. */
export function weightsByMember(
  policy: Policy,
  input: {
    readonly nowMs: number;
    readonly members: readonly MemberLoad[];
    readonly previous: WeightsByMember | undefined;
    localFlows?(member: string): number;
  },
): WeightsByMember {
  const { nowMs, members, previous } = input;
  const weights = policy.weights({
    nowMs,
    members,
    localFlows: input.localFlows && members.map(({ name }) => input.localFlows!(name)),
    previous: previous && members.map(({ name }) => previous.get(name) ?? 0),
  });
  return new Map(members.map(({ name }, at) => [name, weights[at]!]));
}
