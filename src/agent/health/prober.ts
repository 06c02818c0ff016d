/**
 * What one network's prober does: it derives verdicts from the results of health checks, and passes on what members say
 * of their load.
 *
 * Theory of operation. Both have a schedule of their own (question-schedule.ts), so slow answers to one kind of question
 * do not delay the other. A target that is set again unchanged keeps its verdict. Changed verdicts are reported
 * together, once per turn of the event loop, and so are loads.
 */
import type { Runtime } from '../../runtime/runtime.ts';
import type { LoadAnswer } from './load-questions.ts';
import type {
  LoadReading,
  LoadSpec,
  LoadTarget,
  ProbeSpec,
  ProbeTarget,
  Verdict,
} from './prober-protocol.ts';
import type { ProbeOutcome } from './probes.ts';
import { MAX_TARGETS, QuestionSchedule } from './question-schedule.ts';
import { afterProbe, type HealthState, UNKNOWN } from './rise-fall.ts';

export interface ProberOptions {
  /** Never rejects. */
  probe(spec: ProbeSpec): Promise<ProbeOutcome>;
  /** Never rejects. */
  askLoad(spec: LoadSpec): Promise<LoadAnswer>;
  onVerdicts(verdicts: readonly Verdict[]): void;
  onLoads(loads: readonly LoadReading[]): void;
  /** Called once per reason for which probes cannot be made. */
  onProblem(reason: string): void;
  readonly runtime: Runtime;
}

export class Prober {
  private readonly options: ProberOptions;
  private readonly checks: QuestionSchedule<ProbeTarget, ProbeOutcome>;
  private readonly loads: QuestionSchedule<LoadTarget, LoadAnswer>;
  private readonly health = new Map<string, HealthState>();
  private readonly problems = new Set<string>();
  private untoldVerdicts: Verdict[] = [];
  private untoldLoads: LoadReading[] = [];

  constructor(options: ProberOptions) {
    this.options = options;
    const { runtime } = options;
    this.checks = new QuestionSchedule({
      runtime,
      ask: ({ probe }) => options.probe(probe),
      answered: (target, outcome) => this.note(target, outcome),
      dropped: (key) => this.health.delete(key),
    });
    this.loads = new QuestionSchedule({
      runtime,
      ask: ({ question }) => options.askLoad(question),
      answered: (target, answer) => this.noteLoad(target, answer),
      dropped: () => {},
    });
  }

  /** Sets all targets; others are forgotten. */
  setTargets(checks: readonly ProbeTarget[], loads: readonly LoadTarget[] = []): void {
    this.checks.setTargets(this.bounded(checks, 'members to probe'));
    this.loads.setTargets(this.bounded(loads, 'members to ask for their load'));
  }

  stop(): void {
    this.checks.stop();
    this.loads.stop();
  }

  private bounded<Target>(given: readonly Target[], what: string): readonly Target[] {
    if (given.length <= MAX_TARGETS) return given;
    this.problem(`found ${given.length} ${what}, expected at most ${MAX_TARGETS}; the others are left out`);
    return given.slice(0, MAX_TARGETS);
  }

  private note(target: ProbeTarget, { isGood, detail }: ProbeOutcome): void {
    if (isGood === undefined) {
      this.problem(`${target.probe.address} cannot be probed: ${detail}`);
      return;
    }
    const before = this.health.get(target.key) ?? UNKNOWN;
    const after = afterProbe(before, isGood, target);
    this.health.set(target.key, after);
    const { verdict } = after;
    if (verdict === before.verdict || verdict === 'unknown') return;
    this.tellSoon();
    const { key } = target;
    const sinceMs = this.options.runtime.wallMs();
    this.untoldVerdicts.push({ key, isHealthy: verdict === 'healthy', sinceMs, detail });
  }

  private noteLoad({ key }: LoadTarget, answer: LoadAnswer): void {
    this.tellSoon();
    this.untoldLoads.push({ key, ...answer });
  }

  private tellSoon(): void {
    if (this.untoldVerdicts.length === 0 && this.untoldLoads.length === 0)
      this.options.runtime.soon(() => this.tell());
  }

  private tell(): void {
    const verdicts = this.untoldVerdicts.filter(({ key }) => this.checks.has(key));
    const loads = this.untoldLoads.filter(({ key }) => this.loads.has(key));
    this.untoldVerdicts = [];
    this.untoldLoads = [];
    if (verdicts.length > 0) this.options.onVerdicts(verdicts);
    if (loads.length > 0) this.options.onLoads(loads);
  }

  private problem(reason: string): void {
    if (this.problems.has(reason) || this.problems.size >= MAX_TARGETS) return;
    this.problems.add(reason);
    this.options.onProblem(reason);
  }
}
