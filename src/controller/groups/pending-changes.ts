/**
 * Changes of members with a time: a weight at T or over a duration, a drain from T on, a new member from T on. Pure.
 *
 * Theory of operation. A group's pending changes are one document, ordered by their times, and bounded. The leader makes
 * each when its time has come, as an override (member-overrides.ts) like any other, in one write with the document
 * without it; so a leader that is elected in between finds either the change pending or the change made. A ramp is made
 * in steps of at least a second: a step is due when the clock has passed its time, counts from the number of steps made
 * so far, and brings the weight to where the line from the first to the last weight is by then. Times are readings of
 * the leader's wall clock: if that is set forward, what it has jumped over is due at once; if it is set back, what is
 * pending waits longer, and a ramp rests but never goes back.
 */
import type { MemberAdd, UpcomingRow } from '../../api/shapes.ts';
import { Refusal } from '../../config/problems/refusal.ts';

/** Of one group. */
export const MAX_PENDING = 64;
const MAX_RAMP_STEPS = 100;
const SHORTEST_STEP_MS = 1_000;

interface Pending {
  readonly member: string;
  /** Wall clock, epoch milliseconds. */
  readonly atMs: number;
  /** Who has asked for it; for people. */
  readonly by?: string;
}

export interface PendingWeight extends Pending {
  readonly kind: 'weight';
  readonly weight: number;
  /** Duration of a ramp; absent: at once. */
  readonly overMs?: number;
  /** Of a ramp that has begun: the weight at its beginning. */
  readonly fromWeight?: number;
  /** Of a ramp that has begun: steps made. */
  readonly step?: number;
}

export interface PendingDrain extends Pending {
  readonly kind: 'drain';
  /** From the beginning of the drain. */
  readonly deadlineMs?: number;
}

export interface PendingAdd extends Pending {
  readonly kind: 'add';
  readonly add: MemberAdd;
}

export type PendingChange = PendingWeight | PendingDrain | PendingAdd;

export interface PendingDocument {
  /** In the order of their times. */
  readonly changes: readonly PendingChange[];
}

/** With one more; a Refusal if there are too many. */
export function withPending(
  group: string,
  pending: readonly PendingChange[],
  change: PendingChange,
): readonly PendingChange[] {
  if (pending.length >= MAX_PENDING) {
    const message = `group ${group}: found ${pending.length} pending changes, expected at most ${MAX_PENDING}; member cancel drops those of a member`;
    throw new Refusal(409, message);
  }
  return inOrder([...pending, change]);
}

export const inOrder = (pending: readonly PendingChange[]): readonly PendingChange[] =>
  [...pending].sort((a, b) => a.atMs - b.atMs);

export const withoutMember = (pending: readonly PendingChange[], member: string): readonly PendingChange[] =>
  pending.filter((change) => change.member !== member);

/** A weight that a person sets ends a ramp that has begun. */
export const withoutRunningRamps = (
  pending: readonly PendingChange[],
  member: string,
): readonly PendingChange[] => pending.filter((change) => change.member !== member || !isRunning(change));

const isRunning = (change: PendingChange): boolean =>
  change.kind === 'weight' && change.fromWeight !== undefined;

/** When something is to be done next; Infinity: never. */
export const nextDueMs = (pending: readonly PendingChange[]): number =>
  Math.min(Number.POSITIVE_INFINITY, ...pending.map(dueMs));

function dueMs(change: PendingChange): number {
  if (change.kind !== 'weight' || change.fromWeight === undefined) return change.atMs;
  return timeOfStep(change, (change.step ?? 0) + 1);
}

/** The change that is due first at this time; undefined: none is. */
export function firstDue(pending: readonly PendingChange[], nowMs: number): PendingChange | undefined {
  const due = pending.filter((change) => dueMs(change) <= nowMs);
  return due.sort((a, b) => dueMs(a) - dueMs(b))[0];
}

export interface RampStep {
  readonly weight: number;
  /** The ramp after the step; undefined: it has ended. */
  readonly rest: PendingWeight | undefined;
}

/** The step of a ramp that is due; the first only notes the weight from which it goes on. */
export function rampStep(ramp: PendingWeight, nowMs: number, weightNow: number): RampStep {
  const { fromWeight, weight, overMs = 0 } = ramp;
  if (overMs === 0 || (fromWeight ?? weightNow) === weight) return { weight, rest: undefined };
  if (fromWeight === undefined)
    return { weight: weightNow, rest: { ...ramp, fromWeight: weightNow, step: 0 } };
  const steps = stepsOf(ramp);
  // Multiplied first, as whole numbers: at the time of a step exactly that step.
  const step = Math.min(steps, Math.floor(((nowMs - ramp.atMs) * steps) / overMs));
  if (step >= steps) return { weight, rest: undefined };
  const onLine = Math.round(fromWeight + ((weight - fromWeight) * step) / steps);
  return { weight: onLine, rest: { ...ramp, step } };
}

/** One per unit of weight, as long as each has its second. */
function stepsOf({ overMs = 0, weight, fromWeight = weight }: PendingWeight): number {
  const most = Math.min(MAX_RAMP_STEPS, Math.floor(overMs / SHORTEST_STEP_MS));
  return Math.max(1, Math.min(most, Math.abs(weight - fromWeight)));
}

/** Rounded up, so that a clock of whole milliseconds that shows it is in that step. */
const timeOfStep = (ramp: PendingWeight, step: number): number =>
  Math.ceil(ramp.atMs + ((ramp.overMs ?? 0) * step) / stepsOf(ramp));

export function upcomingRow(change: PendingChange): UpcomingRow {
  const { member, kind, atMs, by = null } = change;
  const ofWeight = change.kind === 'weight' ? change : undefined;
  const ofDrain = change.kind === 'drain' ? change : undefined;
  const added = change.kind === 'add' ? change.add : undefined;
  const { overMs } = ofWeight ?? {};
  return {
    member,
    change: kind,
    at: new Date(atMs).toISOString(),
    until: overMs === undefined ? null : new Date(atMs + overMs).toISOString(),
    fromWeight: ofWeight?.fromWeight ?? null,
    weight: ofWeight?.weight ?? added?.weight ?? null,
    deadlineMs: ofDrain?.deadlineMs ?? null,
    address: added?.address ?? null,
    port: added?.port ?? null,
    by,
  };
}
