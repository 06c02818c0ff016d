/** A reader that follows: a queue of bounded length between what happens and how fast it is read. */
import type { Event } from './event.ts';

/** Events that may wait for a reader; further ones are counted, and the reader is told. */
export const MAX_WAITING = 1_000;

export class Follower {
  private readonly missed: (count: number) => Event;
  private waiting: Event[] = [];
  private missedCount = 0;
  private isOver = false;
  private wake = (): void => {};

  /** `missed`: the event that says how many were missed. */
  constructor(missed: (count: number) => Event) {
    this.missed = missed;
  }

  push(event: Event): void {
    if (this.waiting.length < MAX_WAITING && this.missedCount === 0) this.waiting.push(event);
    else this.missedCount++;
    this.wake();
  }

  /** The reader ends when it has read what waits. */
  end(): void {
    this.isOver = true;
    this.wake();
  }

  async *events(): AsyncGenerator<Event> {
    for (;;) {
      while (this.waiting.length > 0 || this.missedCount > 0) {
        const batch = this.waiting;
        const count = this.missedCount;
        this.waiting = [];
        this.missedCount = 0;
        yield* batch;
        if (count > 0) yield this.missed(count);
      }
      if (this.isOver) return;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
