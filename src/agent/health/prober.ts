/**
 * Schedules one network's probes and derives verdicts from their results.
 *
 * Theory of operation. A target's first probe is at a random time within its interval, so that targets set together are
 * spread out; each further probe follows an interval later, give or take a tenth. At most MAX_IN_FLIGHT probes run at a
 * time; others wait, and the wait does not count against the member. A target that is set again unchanged keeps its
 * verdict and schedule. Changed verdicts are reported together, once per turn of the event loop.
 */
import type { Runtime, Timer } from '../../runtime/runtime.ts';
import type { ProbeSpec, ProbeTarget, Verdict } from './prober-protocol.ts';
import type { ProbeOutcome } from './probes.ts';
import { afterProbe, type HealthState, UNKNOWN } from './rise-fall.ts';

const MAX_IN_FLIGHT = 128;
/** Largest number of targets; others are not probed. */
export const MAX_TARGETS = 8_192;
/** Fraction of an interval by which a probe may be earlier or later. */
const JITTER = 0.1;

export interface ProberOptions {
  /** Never rejects. */
  probe(spec: ProbeSpec): Promise<ProbeOutcome>;
  onVerdicts(verdicts: readonly Verdict[]): void;
  /** Called once per reason for which probes cannot be made. */
  onProblem(reason: string): void;
  readonly runtime: Runtime;
}

interface Turn {
  readonly target: ProbeTarget;
  /** The target as text, to detect whether it is unchanged. */
  readonly text: string;
  health: HealthState;
  timer: Timer | undefined;
  isDropped: boolean;
}

export class Prober {
  private readonly options: ProberOptions;
  private readonly runtime: Runtime;
  private readonly turns = new Map<string, Turn>();
  private readonly waiting = new Set<Turn>();
  private readonly problems = new Set<string>();
  private inFlight = 0;
  private untold: Verdict[] = [];

  constructor(options: ProberOptions) {
    this.options = options;
    this.runtime = options.runtime;
  }

  /** Sets all targets; others are forgotten. */
  setTargets(given: readonly ProbeTarget[]): void {
    const targets = given.slice(0, MAX_TARGETS);
    if (given.length > targets.length)
      this.problem(
        `found ${given.length} members to probe, expected at most ${MAX_TARGETS}; the others are not probed`,
      );
    const keys = new Set(targets.map(({ key }) => key));
    for (const [key, turn] of this.turns) if (!keys.has(key)) this.drop(turn);
    for (const target of targets) {
      const text = JSON.stringify(target);
      const before = this.turns.get(target.key);
      if (before?.text === text) continue;
      if (before !== undefined) this.drop(before);
      const turn: Turn = { target, text, health: UNKNOWN, timer: undefined, isDropped: false };
      this.turns.set(target.key, turn);
      this.schedule(turn, this.runtime.random() * target.intervalMs);
    }
  }

  stop(): void {
    for (const turn of [...this.turns.values()]) this.drop(turn);
  }

  private drop(turn: Turn): void {
    turn.isDropped = true;
    this.runtime.clearTimer(turn.timer);
    this.waiting.delete(turn);
    this.turns.delete(turn.target.key);
  }

  private schedule(turn: Turn, delayMs: number): void {
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

  private async run(turn: Turn): Promise<void> {
    const startedAt = this.runtime.monotonicMs();
    const outcome = await this.options.probe(turn.target.probe);
    this.inFlight--;
    if (!turn.isDropped) {
      this.note(turn, outcome);
      const jittered = turn.target.intervalMs * (1 + (2 * this.runtime.random() - 1) * JITTER);
      this.schedule(turn, Math.max(0, startedAt + jittered - this.runtime.monotonicMs()));
    }
    this.startWaiting();
  }

  private note(turn: Turn, { isGood, detail }: ProbeOutcome): void {
    if (isGood === undefined) {
      this.problem(`${turn.target.probe.address} cannot be probed: ${detail}`);
      return;
    }
    const before = turn.health.verdict;
    turn.health = afterProbe(turn.health, isGood, turn.target);
    const { verdict } = turn.health;
    if (verdict === before || verdict === 'unknown') return;
    if (this.untold.length === 0) this.runtime.soon(() => this.tell());
    const { key } = turn.target;
    this.untold.push({ key, isHealthy: verdict === 'healthy', sinceMs: this.runtime.wallMs(), detail });
  }

  private tell(): void {
    const verdicts = this.untold.filter(({ key }) => this.turns.has(key));
    this.untold = [];
    if (verdicts.length > 0) this.options.onVerdicts(verdicts);
  }

  private problem(reason: string): void {
    if (this.problems.has(reason) || this.problems.size >= MAX_TARGETS) return;
    this.problems.add(reason);
    this.options.onProblem(reason);
  }
}
