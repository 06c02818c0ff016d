/** Calls back when the deadline of a draining member is reached; one timer for the earliest of all. */
import type { Membership } from '../controller/membership.ts';

/** setTimeout counts in 31 bits; a longer wait is taken in steps. */
const LONGEST_WAIT_MS = 86_400_000;

export interface DrainDeadline {
  readonly group: string;
  readonly member: string;
  /** Wall clock, epoch milliseconds. */
  readonly atMs: number;
}

/** All deadlines that are set, earliest first. */
export function drainDeadlines(membership: Membership): DrainDeadline[] {
  const deadlines: DrainDeadline[] = [];
  for (const [group, overrides] of membership.overrides) {
    for (const [member, { state, drainDeadlineMs }] of overrides) {
      if (state !== 'draining' || drainDeadlineMs === undefined) continue;
      deadlines.push({ group, member, atMs: drainDeadlineMs });
    }
  }
  return deadlines.sort((a, b) => a.atMs - b.atMs);
}

export class DrainTimer {
  private readonly onDue: (due: DrainDeadline) => void;
  private timer: NodeJS.Timeout | undefined;

  constructor(onDue: (due: DrainDeadline) => void) {
    this.onDue = onDue;
  }

  /** Waits for the earliest deadline of this membership, in place of any former one. */
  watch(membership: Membership): void {
    this.stop();
    const [next] = drainDeadlines(membership);
    if (next === undefined) return;
    const waitMs = Math.min(Math.max(next.atMs - Date.now(), 0), LONGEST_WAIT_MS);
    this.timer = setTimeout(() => {
      if (next.atMs <= Date.now()) this.onDue(next);
      else this.watch(membership);
    }, waitMs);
    this.timer.unref();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
