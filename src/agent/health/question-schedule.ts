/**
 * The schedule of one network's questions to members: of health checks, or for their load.
 *
 * Theory of operation. A target's first question is at a random time within its interval, so that targets set together
 * are spread out; each further one follows an interval later, give or take a tenth. At most MAX_IN_FLIGHT questions are
 * open at a time; others wait, and the wait does not count against the member. A target that is set again unchanged
 * keeps its schedule.
 */
import type { Runtime, Timer } from '../../runtime/runtime.ts';

const MAX_IN_FLIGHT = 128;
/** Largest number of targets; others are not asked. */
export const MAX_TARGETS = 8_192;
/** Fraction of an interval by which a question may be earlier or later. */
const JITTER = 0.1;

export interface ScheduledTarget {
  readonly key: string;
  readonly intervalMs: number;
}

export interface QuestionScheduleOptions<Target, Answer> {
  /** Never rejects. */
  ask(target: Target): Promise<Answer>;
  answered(target: Target, answer: Answer): void;
  /** The target was removed, or replaced by one that differs. */
  dropped(key: string): void;
  readonly runtime: Runtime;
}

interface Turn<Target> {
  readonly target: Target;
  /** The target as text, to detect whether it is unchanged. */
  readonly text: string;
  timer: Timer | undefined;
  isDropped: boolean;
}

export class QuestionSchedule<Target extends ScheduledTarget, Answer> {
  private readonly options: QuestionScheduleOptions<Target, Answer>;
  private readonly runtime: Runtime;
  private readonly turns = new Map<string, Turn<Target>>();
  private readonly waiting = new Set<Turn<Target>>();
  private inFlight = 0;

  constructor(options: QuestionScheduleOptions<Target, Answer>) {
    this.options = options;
    this.runtime = options.runtime;
  }

  has(key: string): boolean {
    return this.turns.has(key);
  }

  /** Sets all targets, at most MAX_TARGETS; others are forgotten. */
  setTargets(targets: readonly Target[]): void {
    const keys = new Set(targets.map(({ key }) => key));
    for (const [key, turn] of this.turns) if (!keys.has(key)) this.drop(turn);
    for (const target of targets) {
      const text = JSON.stringify(target);
      const before = this.turns.get(target.key);
      if (before?.text === text) continue;
      if (before !== undefined) this.drop(before);
      const turn: Turn<Target> = { target, text, timer: undefined, isDropped: false };
      this.turns.set(target.key, turn);
      this.schedule(turn, this.runtime.random() * target.intervalMs);
    }
  }

  stop(): void {
    for (const turn of [...this.turns.values()]) this.drop(turn);
  }

  private drop(turn: Turn<Target>): void {
    turn.isDropped = true;
    this.runtime.clearTimer(turn.timer);
    this.waiting.delete(turn);
    this.turns.delete(turn.target.key);
    this.options.dropped(turn.target.key);
  }

  private schedule(turn: Turn<Target>, delayMs: number): void {
    turn.timer = this.runtime.setTimer(() => {
      this.waiting.add(turn);
      this.startWaiting();
    }, delayMs);
  }

  private startWaiting(): void {
    for (const turn of this.waiting) {
      if (this.inFlight >= MAX_IN_FLIGHT) return;
      this.waiting.delete(turn);
      this.inFlight++;
      this.run(turn);
    }
  }

  private async run(turn: Turn<Target>): Promise<void> {
    const startedAt = this.runtime.monotonicMs();
    const answer = await this.options.ask(turn.target);
    this.inFlight--;
    if (!turn.isDropped) {
      this.options.answered(turn.target, answer);
      const jittered = turn.target.intervalMs * (1 + (2 * this.runtime.random() - 1) * JITTER);
      this.schedule(turn, Math.max(0, startedAt + jittered - this.runtime.monotonicMs()));
    }
    this.startWaiting();
  }
}
