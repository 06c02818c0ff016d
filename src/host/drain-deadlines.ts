/**
 * Calls back when the deadline of a draining member is reached; one timer for the earliest of all.
 *
 * Theory of operation. A deadline is a time on the controllers' clock, and rules carry that clock's reading when they
 * are sent. The host thus gets a duration: when rules first contain a deadline it computes the remaining time, and
 * from then on it counts by its own monotonic clock. A deadline already counting is therefore unaffected by a wrong
 * or adjusted clock of the host, and by another controller's clock.
 */

import { membersOf } from '../config/model/group-members.ts';
import type { Configuration, GroupConfig } from '../config/model/model.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';

/** Timers count in 31 bits; longer waits are split. */
const LONGEST_WAIT_MS = 86_400_000;

export interface DrainDeadline {
  readonly group: string;
  readonly member: string;
  /** The controllers' wall clock, epoch milliseconds. */
  readonly atMs: number;
}

/** All deadlines, earliest first. */
export function drainDeadlines(configuration: Configuration): DrainDeadline[] {
  return configuration.groups.flatMap(deadlinesOf).sort((a, b) => a.atMs - b.atMs);
}

/** By group, an immutable object: each change of any group asks for all. */
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
  /** Pending deadlines, as monotonic time. */
  private dueMs = new Map<string, number>();
  /** Deadlines already reported: the configuration still contains them. */
  private done = new Set<string>();
  /** Reading of the controllers' clock when the monotonic clock is 0. */
  private controllersZeroMs: number;

  /** Until `controllersShow` is called, this machine's clock stands for the controllers'. */
  constructor(runtime: Runtime, onDue: (due: DrainDeadline) => void) {
    this.runtime = runtime;
    this.onDue = onDue;
    this.controllersZeroMs = runtime.wallMs() - runtime.monotonicMs();
  }

  /** Sets the current reading of the controllers' clock. */
  controllersShow(atMs: number): void {
    this.controllersZeroMs = atMs - this.runtime.monotonicMs();
  }

  /** Waits for the earliest deadline of this configuration; replaces the previous wait. */
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
