/**
 * Sends new flows to the members that answer fast, in the spirit of Prequal (NSDI '24): a member is hot if it has many
 * more flows in flight than the others or a much longer latency; cold members share the flows, and hot ones get just
 * enough to show when they have cooled down.
 *
 * Theory of operation. Three signals, each compared with the group's lower median, so that a slowdown of all members
 * changes nothing:
 *
 *   connect time     SYN → SYN/ACK: path and kernel, and a full accept queue
 *   round-trip time  of running connections
 *   residence        active flows / new flows per second, the mean duration of a flow by Little's law: the only signal
 *                    of a slow application, as its kernel still answers SYNs fast
 *
 * Ratios up to `TOLERATED` are noise. Above, the member's factor becomes (TOLERATED / ratio)^STEEPNESS: steep, because a
 * slow member with one flow in a hundred still sets the 99th percentile. A factor rises slowly, and not at all for a hold
 * time after a fall; the hold grows with every relapse, so that a permanently slow member is tried less and less often.
 * Falls and rises depend on time, not on the number of calls.
 *
 * A signal's ratio is the smaller of the current and the smoothed one: a single long time, as on a busy machine, or a
 * queue that has drained, has no effect. So the weights of equal servers stay equal, and a server that has become slow
 * loses its share within seconds.
 *
 * Connect and round-trip times do not depend on a member's share, so a factor follows their ratio directly. Residence
 * does: a member with more flows has longer queues. Taking too much from one member overloads the others, whose weights
 * would fall in turn. Therefore, for residence only:
 *   - a member is compared with members whose factors are not much lower than its own
 *   - a factor falls gradually, unless the ratio is unmistakable
 *   - a member with much shorter flows than the group's mean has room, and rises at once and fast
 * The mean of all factors stays at least one half.
 *
 * Every signal has a slack, added to numerator and denominator: half a millisecond, or one flow in flight at a full share.
 * Smaller differences are noise.
 */
import { capacities, lowerMedian, sum } from './load.ts';
import type { Candidates, Distribution, MemberLoad } from './policy.ts';

/** Ratio to the median up to which a member counts as fast: more than the queues of equal servers differ. */
const TOLERATED = 1.85;
const STEEPNESS = 4;
/** Smallest factor: one hundredth of a cold member's flows. */
const LEAST = 0.01;
/** Shares of cold members; LEAST of it is still a whole number. */
const FULL_SHARE = 1000;
const LATENCY_SLACK_MS = 0.5;
const FLOWS_SLACK = 1;
/** Flows per second; fewer do not show their duration. */
const LEAST_RATE = 0.01;
/** Time constant of the smoothed signals. */
const SMOOTHING_MS = 8_000;
/**
 * Residence grows with load, too. While its ratio is not unmistakable, a factor falls by a factor of e in this time: a
 * member as fast as the others will then have shorter flows than they before it has lost much.
 */
const FALL_MS = 5_000;
const UNMISTAKABLE = 10;
/** Growth of a factor: e-fold in this time; and when the member is idle while others are not. */
const RECOVERY_MS = 8_000;
const FAST_RECOVERY_MS = 2_000;
/** Members whose factor is at least this fraction of a member's factor are compared with it. */
const PEER = 0.9;
/** Smallest mean of the factors: at least this much of the group stays in use. */
const ENOUGH = 0.5;
const SHORTEST_HOLD_MS = 10_000;
const LONGEST_HOLD_MS = 120_000;
/** Growth of the hold from one relapse to the next. */
const RELAPSE = 3;
/** A fall this long after the last one is not a relapse. */
const FORGIVEN_AFTER_MS = 600_000;

interface Memory {
  /** Smoothed; times geometrically. */
  activeFlows: number;
  flowsPerSecond: number;
  synTimeMs: number | undefined;
  rttMs: number | undefined;
  factor: number;
  seenMs: number;
  /** No rise before this time. */
  heldUntilMs: number;
  holdMs: number;
  fellMs: number;
}

export class LatencyAware implements Distribution {
  private memories = new Map<string, Memory>();

  shares({ members, nowMs }: Candidates): number[] {
    const memories = members.map((member) => this.remember(member, nowMs));
    this.memories = new Map(members.map(({ name }, i) => [name, memories[i]!]));
    const slowness = slownessOf(members, memories);
    const isIdle = idleness(memories);
    memories.forEach((memory, i) => {
      adjust(memory, slowness[i]!, isIdle[i]!, nowMs);
      memory.seenMs = nowMs;
    });
    const capacity = capacities(members);
    const factors = keepEnough(memories.map(({ factor }) => factor));
    return factors.map((factor, i) => capacity[i]! * Math.max(1, Math.round(FULL_SHARE * factor)));
  }

  /** The member's state, with its current figures blended in. */
  private remember(member: MemberLoad, nowMs: number): Memory {
    const { name, activeFlows, newFlowsPerSecond, synTimeMs, rttMs } = member;
    const memory = this.memories.get(name);
    if (memory === undefined) {
      return {
        activeFlows,
        flowsPerSecond: newFlowsPerSecond,
        synTimeMs,
        rttMs,
        factor: 1,
        seenMs: nowMs,
        heldUntilMs: 0,
        holdMs: 0,
        fellMs: Number.NEGATIVE_INFINITY,
      };
    }
    const fresh = 1 - Math.exp(-(nowMs - memory.seenMs) / SMOOTHING_MS);
    memory.activeFlows += fresh * (activeFlows - memory.activeFlows);
    memory.flowsPerSecond += fresh * (newFlowsPerSecond - memory.flowsPerSecond);
    memory.synTimeMs = blended(memory.synTimeMs, synTimeMs, fresh);
    memory.rttMs = blended(memory.rttMs, rttMs, fresh);
    return memory;
  }
}

/** Blends on the logarithmic scale of ratios: a single time a hundred times longer than others has little weight. */
function blended(was: number | undefined, now: number | undefined, fresh: number): number | undefined {
  if (was === undefined || now === undefined) return now;
  const ratio = (now + LATENCY_SLACK_MS) / (was + LATENCY_SLACK_MS);
  return (was + LATENCY_SLACK_MS) * ratio ** fresh - LATENCY_SLACK_MS;
}

type Flow = Pick<Memory, 'activeFlows' | 'flowsPerSecond' | 'factor'>;

/** Ratios to the group's median; 1 where nothing is known. */
interface Slowness {
  readonly latency: number;
  readonly residence: number;
}

function slownessOf(members: readonly MemberLoad[], memories: readonly Memory[]): Slowness[] {
  const connect = ratios(members, memories, ({ synTimeMs }) => synTimeMs);
  const roundTrip = ratios(members, memories, ({ rttMs }) => rttMs);
  const lately = residenceRatios(memories);
  const now = residenceRatios(members.map(({ activeFlows }, i) => ({ ...memories[i]!, activeFlows })));
  return members.map((_, i) => ({
    latency: Math.max(connect[i]!, roundTrip[i]!),
    residence: Math.min(lately[i]!, now[i]!),
  }));
}

type Times = Pick<MemberLoad, 'synTimeMs' | 'rttMs'>;

/** The smaller of the current and the smoothed value. */
function ratios(
  now: readonly Times[],
  lately: readonly Times[],
  timeOf: (times: Times) => number | undefined,
): number[] {
  const late = ratiosToMedian(lately.map(timeOf));
  return ratiosToMedian(now.map(timeOf)).map((ratio, i) => Math.min(ratio, late[i]!));
}

function ratiosToMedian(values: readonly (number | undefined)[]): number[] {
  const median = lowerMedian(values.filter((value) => value !== undefined));
  return values.map((value) =>
    value === undefined ? 1 : (value + LATENCY_SLACK_MS) / (median + LATENCY_SLACK_MS),
  );
}

/**
 * Ratio of mean flow durations, among members whose factors are not much lower than the member's own: members that are
 * faster because they get fewer flows are no reason to lower its factor. The slack is in flows, scaled by the member's
 * rate.
 */
function residenceRatios(flows: readonly Flow[]): number[] {
  const busiest = Math.max(...flows.map(({ flowsPerSecond }) => flowsPerSecond));
  const durations = flows.map(({ activeFlows, flowsPerSecond }) =>
    flowsPerSecond >= LEAST_RATE ? activeFlows / flowsPerSecond + FLOWS_SLACK / busiest : undefined,
  );
  return durations.map((duration, i) => {
    if (duration === undefined) return 1;
    const peers = durations.filter(
      (other, j) => other !== undefined && flows[j]!.factor >= PEER * flows[i]!.factor,
    );
    return duration / lowerMedian(peers as number[]);
  });
}

/** Whether a member's flows are much shorter than the group's: its factor is too low. */
function idleness(flows: readonly Flow[]): boolean[] {
  const active = sum(flows.map(({ activeFlows }) => activeFlows));
  const rate = sum(flows.map(({ flowsPerSecond }) => flowsPerSecond));
  const slack = FLOWS_SLACK / Math.max(...flows.map(({ flowsPerSecond }) => flowsPerSecond));
  const limit = (active / rate + slack) / TOLERATED;
  return flows.map(
    ({ activeFlows, flowsPerSecond }) =>
      flowsPerSecond >= LEAST_RATE && activeFlows / flowsPerSecond + slack < limit,
  );
}

function adjust(memory: Memory, { latency, residence }: Slowness, isIdle: boolean, nowMs: number): void {
  const gradual = residence > UNMISTAKABLE ? 0 : memory.factor * Math.exp(-(nowMs - memory.seenMs) / FALL_MS);
  const target = Math.min(factorFor(latency), Math.max(factorFor(residence), gradual));
  const isHeld = nowMs < memory.heldUntilMs;
  if (target < memory.factor) {
    const isRelapse = nowMs - memory.fellMs < FORGIVEN_AFTER_MS;
    if (!isHeld) {
      memory.holdMs = isRelapse ? Math.min(LONGEST_HOLD_MS, RELAPSE * memory.holdMs) : SHORTEST_HOLD_MS;
    }
    memory.factor = target;
    memory.fellMs = nowMs;
    memory.heldUntilMs = nowMs + memory.holdMs;
  } else if (!isHeld || isIdle) {
    const recovery = isIdle ? FAST_RECOVERY_MS : RECOVERY_MS;
    memory.factor = Math.min(target, memory.factor * Math.exp((nowMs - memory.seenMs) / recovery));
  }
}

const factorFor = (slowness: number): number =>
  slowness <= TOLERATED ? 1 : Math.max(LEAST, (TOLERATED / slowness) ** STEEPNESS);

/** Lifts factors until their mean is at least ENOUGH. */
function keepEnough(factors: readonly number[]): number[] {
  const mean = sum(factors) / factors.length;
  if (mean >= ENOUGH) return [...factors];
  const lift = (ENOUGH - mean) / (1 - mean);
  return factors.map((factor) => factor + lift * (1 - factor));
}
