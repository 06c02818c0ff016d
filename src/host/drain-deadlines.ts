/**
 * Calls back when the deadline of a draining member is reached; one timer for the earliest of all.
 *
 * Theory of operation. A deadline is an instant of the controllers' clock, and rules say what that clock showed when
 * they were sent. So what travels is a duration: the first rules with a deadline tell how much of it is left, and from
 * then on the host counts by its own monotonic clock. Neither a wrong clock of the host, nor one that is set, nor
 * another controller's moves a deadline that is already counted.
 */

import { membersOf } from '../config/model/group-members.ts';
import type { Configuration, GroupConfig } from '../config/model/model.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';

/** Timers count in 31 bits; a longer wait is taken in steps. */
const LONGEST_WAIT_MS = 86_400_000;

export interface DrainDeadline {
  readonly group: string;
  readonly member: string;
  /** The controllers' wall clock, epoch milliseconds. */
  readonly atMs: number;
}

/** All deadlines that are set, earliest first. */
export function drainDeadlines(configuration: Configuration): DrainDeadline[] {
  return configuration.groups.flatMap(deadlinesOf).sort((a, b) => a.atMs - b.atMs);
}

/** By group, which never changes: each change of any group asks of all. */
const known = new WeakMap<GroupConfig, readonly DrainDeadline[]>();

function deadlinesOf(group: GroupConfig): readonly DrainDeadline[] {
  const before = known.get(group);
  if (before !== undefined) return before;
  const deadlines = membersOf(group).flatMap(({ name, state, drainDeadlineMs }): DrainDeadline[] =>
    state !== 'draining' || drainDeadlineMs === undefined
      ? []
      : [{ group: group.name, member: name, atMs: drainDeadlineMs }],
  );
  known.set(group, deadlines);
  return deadlines;
}

export class DrainTimer {
  private readonly runtime: Runtime;
  private readonly onDue: (due: DrainDeadline) => void;
  private timer: Timer | undefined;
  /** Deadlines that are counted: when they are reached, by the monotonic clock. */
  private dueMs = new Map<string, number>();
  /** Deadlines that were called out: a configuration goes on saying them. */
  private done = new Set<string>();
  /** What the controllers' clock shows when the monotonic one is at 0. */
  private controllersZeroMs: number;

  /** Until `controllersShow` is called, the controllers' clock is taken to be this machine's. */
  constructor(runtime: Runtime, onDue: (due: DrainDeadline) => void) {
    this.runtime = runtime;
    this.onDue = onDue;
    this.controllersZeroMs = runtime.wallMs() - runtime.monotonicMs();
  }

  /** The controllers' clock shows this now. */
  controllersShow(atMs: number): void {
    this.controllersZeroMs = atMs - this.runtime.monotonicMs();
  }

  /** Waits for the earliest deadline of this configuration, in place of any previous one. */
  watch(configuration: Configuration): void {
    this.stop();
    const deadlines = drainDeadlines(configuration);
    const counted = this.dueMs;
    this.dueMs = new Map(
      deadlines.map((deadline) => {
        const key = keyOf(deadline);
        return [key, counted.get(key) ?? deadline.atMs - this.controllersZeroMs];
      }),
    );
    this.done = new Set([...this.dueMs.keys()].filter((key) => this.done.has(key)));
    const waiting = deadlines.filter((deadline) => !this.done.has(keyOf(deadline)));
    const next = waiting.sort((a, b) => this.dueOf(a) - this.dueOf(b))[0];
    if (next === undefined) return;
    const waitMs = Math.min(Math.max(this.dueOf(next) - this.runtime.monotonicMs(), 0), LONGEST_WAIT_MS);
    this.timer = this.runtime.setTimer(() => {
      if (this.dueOf(next) > this.runtime.monotonicMs()) return this.watch(configuration);
      this.done.add(keyOf(next));
      this.onDue(next);
    }, waitMs);
    this.timer.unref();
  }

  stop(): void {
    this.runtime.clearTimer(this.timer);
  }

  private dueOf(deadline: DrainDeadline): number {
    return this.dueMs.get(keyOf(deadline))!;
  }
}

const keyOf = ({ group, member, atMs }: DrainDeadline): string => JSON.stringify([group, member, atMs]);
