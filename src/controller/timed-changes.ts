/**
 * Makes pending changes of members (groups/pending-changes.ts) when their time has come, in a leader's term.
 *
 * Theory of operation. One timer waits for the earliest of all groups, a second at most: the wall clock may be set
 * meanwhile. What is due is made one change after the other. A change that does not fit the group any more, such as a
 * drain of a member that has failed, is dropped, and the log says so; while the store cannot be written all wait.
 */
import type { Logger } from 'pino';
import { messageOf, Refusal } from '../config/problems/refusal.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';
import type { GroupChanges } from './group-changes.ts';
import type { GroupStates } from './groups/group-states.ts';
import { firstDue, nextDueMs, type PendingChange } from './groups/pending-changes.ts';

/** After this time the wall clock is read again, whatever it said. */
const LONGEST_WAIT_MS = 1_000;

export class TimedChanges {
  private readonly changes: GroupChanges;
  private readonly runtime: Runtime;
  private readonly log: Logger;
  /** Groups with pending changes. */
  private waiting: readonly string[] = [];
  private timer: Timer | undefined;
  private isBusy = false;
  private isStopped = false;

  constructor(changes: GroupChanges, runtime: Runtime, log: Logger) {
    this.changes = changes;
    this.runtime = runtime;
    this.log = log;
  }

  /** Called at the beginning and whenever the states of groups have changed. */
  watch(groups: GroupStates): void {
    this.waiting = [...groups].filter(([, { pending }]) => pending.length > 0).map(([name]) => name);
    if (!this.isBusy) this.wait();
  }

  stop(): void {
    this.isStopped = true;
    this.runtime.clearTimer(this.timer);
  }

  private wait(isAfterFailure = false): void {
    this.runtime.clearTimer(this.timer);
    if (this.isStopped || this.waiting.length === 0) return;
    const next = Math.min(...this.waiting.map((name) => nextDueMs(this.pendingOf(name))));
    const waitMs = isAfterFailure ? LONGEST_WAIT_MS : Math.max(0, next - this.runtime.wallMs());
    this.timer = this.runtime.setTimer(() => void this.work(), Math.min(waitMs, LONGEST_WAIT_MS));
    this.timer.unref();
  }

  /** Never rejects. */
  private async work(): Promise<void> {
    this.isBusy = true;
    let hasFailed = false;
    for (const group of this.waiting) {
      try {
        while (!this.isStopped && (await this.makeFirstDue(group)));
      } catch (error) {
        hasFailed = true;
        this.log.warn(`group ${group}: a change with a time waits: ${messageOf(error)}`);
      }
    }
    this.isBusy = false;
    this.wait(hasFailed);
  }

  /** Whether there was one. */
  private async makeFirstDue(group: string): Promise<boolean> {
    const due = firstDue(this.pendingOf(group), this.runtime.wallMs());
    if (due === undefined) return false;
    const what = `${due.kind} of group ${group}, member ${due.member}, asked for by ${due.by ?? 'unknown'}`;
    try {
      await this.changes.makePending(group, due, this.runtime.wallMs());
      if (due.kind !== 'weight' || due.fromWeight === undefined) this.log.info(`${what}: its time has come`);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status === 503) throw error;
      this.log.warn(`${what}: dropped, as it does not fit any more: ${error.message}`);
      await this.changes.dropPending(group, due);
    }
    return true;
  }

  private pendingOf(group: string): readonly PendingChange[] {
    return this.changes.groups.get(group)?.pending ?? [];
  }
}
