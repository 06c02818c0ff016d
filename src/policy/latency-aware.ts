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
 * The worst of the three ratios is the member's slowness. Up to `TOLERATED` it is noise. Beyond, the member's factor falls
 * at once to (TOLERATED / slowness)^STEEPNESS: steep, because a slow member that still gets one flow of a hundred
 * makes the 99th percentile. A factor rises slowly, and not at all for some time after a fall; that time doubles with every
 * relapse, so that a member that is slow for good is tried ever less often. Falls and rises go by time, not by number of
 * calls.
 *
 * Every signal has a slack, added above and below the fraction bar: half a millisecond, or two flows in flight at a
 * full share. Below that, ratios are those of noise.
 */
import { capacities, lowerMedian, sum } from './load.ts';
import type { Candidates, Distribution, MemberLoad } from './policy.ts';

/** Ratio to the median up to which a member is as fast as the others. */
const TOLERATED = 1.6;
const STEEPNESS = 4;
/** Least factor: one flow of a hundred of what a cold member gets. */
const LEAST = 0.01;
/** Shares of cold members; LEAST of it is still a whole number. */
const FULL_SHARE = 1000;
const LATENCY_SLACK_MS = 0.5;
const FLOWS_SLACK = 2;
/** Time constant of the smoothing of flows in flight and of their rate. */
const SMOOTHING_MS = 2_000;
/** Growth of a factor: e-fold in this time. */
const RECOVERY_MS = 4_000;
const SHORTEST_HOLD_MS = 5_000;
const LONGEST_HOLD_MS = 120_000;
/** A fall so long after the last one is no relapse. */
const FORGIVEN_AFTER_MS = 600_000;

interface Memory {
  activeFlows: number;
  flowsPerSecond: number;
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
    const capacity = capacities(members);
    return memories.map((memory, i) => {
      adjust(memory, slowness[i]!, nowMs);
      memory.seenMs = nowMs;
      return capacity[i]! * Math.max(1, Math.round(FULL_SHARE * memory.factor));
    });
  }

  /** The member's memory, with its figures of now blended in. */
  private remember({ name, activeFlows, newFlowsPerSecond }: MemberLoad, nowMs: number): Memory {
    const memory = this.memories.get(name);
    if (memory === undefined) {
      return {
        activeFlows,
        flowsPerSecond: newFlowsPerSecond,
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
    return memory;
  }
}

/** Ratio to the group's median, the worst of the signals; 1 where nothing is known. */
function slownessOf(members: readonly MemberLoad[], memories: readonly Memory[]): number[] {
  const signals = [
    ratios(members.map(({ synTimeMs }) => synTimeMs)),
    ratios(members.map(({ rttMs }) => rttMs)),
    residenceRatios(memories),
  ];
  return members.map((_, i) => Math.max(...signals.map((signal) => signal[i]!)));
}

function ratios(values: readonly (number | undefined)[]): number[] {
  const median = lowerMedian(values.filter((value) => value !== undefined));
  return values.map((value) =>
    value === undefined ? 1 : (value + LATENCY_SLACK_MS) / (median + LATENCY_SLACK_MS),
  );
}

/** Of the mean durations of flows; the slack is in flows, of which a member with a smaller rate gets a smaller part. */
function residenceRatios(memories: readonly Memory[]): number[] {
  const busiest = Math.max(...memories.map(({ flowsPerSecond }) => flowsPerSecond));
  const durations = memories.map(({ activeFlows, flowsPerSecond }) =>
    flowsPerSecond > 0 ? activeFlows / flowsPerSecond + FLOWS_SLACK / busiest : undefined,
  );
  const known = durations.filter((duration) => duration !== undefined);
  if (known.length === 0 || sum(known) === 0) return durations.map(() => 1);
  const median = lowerMedian(known);
  return durations.map((duration) => (duration === undefined ? 1 : duration / median));
}

function adjust(memory: Memory, slowness: number, nowMs: number): void {
  const target = slowness <= TOLERATED ? 1 : Math.max(LEAST, (TOLERATED / slowness) ** STEEPNESS);
  if (target < memory.factor) {
    const isRelapse = nowMs - memory.fellMs < FORGIVEN_AFTER_MS;
    const isNewFall = nowMs >= memory.heldUntilMs;
    if (isNewFall)
      memory.holdMs = isRelapse ? Math.min(LONGEST_HOLD_MS, 2 * memory.holdMs) : SHORTEST_HOLD_MS;
    memory.factor = target;
    memory.fellMs = nowMs;
    memory.heldUntilMs = nowMs + memory.holdMs;
  } else if (nowMs >= memory.heldUntilMs) {
    memory.factor = Math.min(target, memory.factor * Math.exp((nowMs - memory.seenMs) / RECOVERY_MS));
  }
}
