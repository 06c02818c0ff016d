/**
 * New flows to the members that answer fast, in the spirit of Prequal (NSDI '24): a member is hot when it has
 * many more flows in flight than the others, or slow by its latency; cold members share the flows, hot ones get just
 * enough to see when they have cooled down.
 *
 * Theory of operation. Three signals, each compared with the group's lower median, so that what slows all members
 * changes nothing:
 *
 *   connect time     SYN → SYN/ACK: path and kernel, and a full accept queue
 *   round-trip time  of running connections
 *   residence        active flows / new flows per second, the mean duration of a flow by Little's law: a server that
 *                    computes slowly is seen by this only, as its kernel answers SYNs all the same
 *
 * Up to `TOLERATED` a ratio is noise. Beyond, the member's factor becomes (TOLERATED / ratio)^STEEPNESS: steep, because a
 * slow member that still gets one flow of a hundred makes the 99th percentile. A factor rises slowly, and not at all for
 * some time after a fall; that time grows with every relapse, so that a member that is slow for good is tried ever
 * less often. Falls and rises go by time, not by number of calls.
 *
 * A signal's ratio is the lesser of now and of late: a time that was long once, as on a busy machine some are, or a queue
 * that has passed, is no reason. So the weights of equal servers stay equal; one that has become slow has lost its share after
 * some seconds.
 *
 * Times of connects and round trips don't depend on what a member gets, so a factor follows their ratio. Residence does:
 * whoever gets more has longer queues. Taking too much from one member overloads the others, whose weights would
 * fall in turn. Therefore, for residence only:
 *   - a member is compared with those that are held back no more than itself
 *   - a factor falls gradually, unless the ratio is unmistakable
 *   - a member with much shorter flows than the group's mean has room, and rises at once and fast
 * And the mean of all factors does not fall under a half.
 *
 * Every signal has a slack, added above and below the fraction bar: half a millisecond, or a flow in flight at a full share.
 * Below that, ratios are those of noise.
 */
import { capacities, lowerMedian, sum } from './load.ts';
import type { Candidates, Distribution, MemberLoad } from './policy.ts';

/** Ratio to the median up to which a member is as fast as the others: more than what queues of equal servers differ by. */
const TOLERATED = 1.85;
const STEEPNESS = 4;
/** Least factor: one flow of a hundred of what a cold member gets. */
const LEAST = 0.01;
/** Shares of cold members; LEAST of it is still a whole number. */
const FULL_SHARE = 1000;
const LATENCY_SLACK_MS = 0.5;
const FLOWS_SLACK = 1;
/** Flows per second; less says nothing of their duration. */
const LEAST_RATE = 0.01;
/** Time constant of what is called `of late`. */
const SMOOTHING_MS = 8_000;
/**
 * Residence grows with load too. Where it does not tell beyond doubt, a factor falls to an e-th in this time: a member that is
 * as fast as the others will have shorter flows than they before it has lost much.
 */
const FALL_MS = 5_000;
const UNMISTAKABLE = 10;
/** Growth of a factor: e-fold in this time; and when the member is idle while others are not. */
const RECOVERY_MS = 8_000;
const FAST_RECOVERY_MS = 2_000;
/** Part of a member's factor that another one must have to be compared with. */
const PEER = 0.9;
/** Least mean of the factors: however slow they are, so much of the group stays in use. */
const ENOUGH = 0.5;
const SHORTEST_HOLD_MS = 10_000;
const LONGEST_HOLD_MS = 120_000;
/** Growth of the hold from one relapse to the next. */
const RELAPSE = 3;
/** A fall so long after the last one is no relapse. */
const FORGIVEN_AFTER_MS = 600_000;

interface Memory {
  /** Smoothed; times geometrically. */
  activeFlows: number;
  flowsPerSecond: number;
  synTimeMs: number | undefined;
  rttMs: number | undefined;
  factor: number;
  seenMs: number;
  /** No rise before. */
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

  /** The member's memory, with its figures of now blended in. */
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

/** On the logarithmic scale that ratios are compared on: a single time of a hundred times the others weighs little. */
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

/** The lesser of now and of late. */
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
 * Of the mean durations of flows, among members that are held back no more than the member itself: that those are
 * faster which get less to do is no reason to give it less. The slack is in flows, of which a member with a smaller rate
 * gets a smaller part.
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

/** Whether a member's flows are much shorter than the group's: it has been held back for too long. */
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
