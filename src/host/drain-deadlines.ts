/** Calls back when the deadline of a draining member is reached; one timer for the earliest of all. */

import { membersOf } from '../config/model/group-members.ts';
import type { Configuration } from '../config/model/model.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';

/** Timers count in 31 bits; a longer wait is taken in steps. */
const LONGEST_WAIT_MS = 86_400_000;

export interface DrainDeadline {
  readonly group: string;
  readonly member: string;
  /** Wall clock, epoch milliseconds. */
  readonly atMs: number;
}

/** All deadlines that are set, earliest first. */
export function drainDeadlines(configuration: Configuration): DrainDeadline[] {
  const deadlines = configuration.groups.flatMap((group) =>
    membersOf(group).flatMap(({ name, state, drainDeadlineMs }): DrainDeadline[] =>
      state !== 'draining' || drainDeadlineMs === undefined
        ? []
        : [{ group: group.name, member: name, atMs: drainDeadlineMs }],
    ),
  );
  return deadlines.sort((a, b) => a.atMs - b.atMs);
}

export class DrainTimer {
  private readonly runtime: Runtime;
  private readonly onDue: (due: DrainDeadline) => void;
  private timer: Timer | undefined;
  /** Deadlines that were called out: a configuration goes on saying them. */
  private done = new Set<string>();

  constructor(runtime: Runtime, onDue: (due: DrainDeadline) => void) {
    this.runtime = runtime;
    this.onDue = onDue;
  }

  /** Waits for the earliest deadline of this configuration, in place of any former one. */
  watch(configuration: Configuration): void {
    this.stop();
    const deadlines = drainDeadlines(configuration);
    this.done = new Set(deadlines.map(keyOf).filter((key) => this.done.has(key)));
    const next = deadlines.find((deadline) => !this.done.has(keyOf(deadline)));
    if (next === undefined) return;
    const waitMs = Math.min(Math.max(next.atMs - this.runtime.wallMs(), 0), LONGEST_WAIT_MS);
    this.timer = this.runtime.setTimer(() => {
      if (next.atMs > this.runtime.wallMs()) return this.watch(configuration);
      this.done.add(keyOf(next));
      this.onDue(next);
    }, waitMs);
    this.timer.unref();
  }

  stop(): void {
    this.runtime.clearTimer(this.timer);
  }
}

const keyOf = ({ group, member, atMs }: DrainDeadline): string => JSON.stringify([group, member, atMs]);
