/**
 * What one network's prober does: it derives verdicts from the results of health checks, and passes on what members say
 * of their load.
 *
 * Theory of operation. Both have a schedule of their own (question-schedule.ts), so slow answers to one kind of question
 * do not delay the other. A target that is set again unchanged keeps its verdict. Changed verdicts are reported
 * together, once per turn of the event loop, and so are loads.
 *
 * An agent's word counts at once, whatever `rise` and `fall` say: it is no accident. An agent that does not answer is a failed
 * probe like others, and until it has failed `fall` times a member that drains goes on draining.
 */
import type { Runtime } from '../../runtime/runtime.ts';
import { type AgentState, type AgentWords, afterWords, agentVerdict } from './answers/agent-words.ts';
import type { LoadAnswer } from './load-questions.ts';
import type { ProbeOutcome } from './probe-outcome.ts';
import type {
  LoadReading,
  LoadSpec,
  LoadTarget,
  ProbeSpec,
  ProbeTarget,
  Verdict,
} from './prober-protocol.ts';
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

/** After one probe. */
interface Noted {
  readonly after: HealthState;
  readonly isDraining: boolean;
  readonly detail: string;
}

export class Prober {
  private readonly options: ProberOptions;
  private readonly checks: QuestionSchedule<ProbeTarget, ProbeOutcome>;
  private readonly loads: QuestionSchedule<LoadTarget, LoadAnswer>;
  private readonly health = new Map<string, HealthState>();
  private readonly draining = new Set<string>();
  private readonly agents = new Map<string, AgentState>();
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
      dropped: (key) => {
        this.health.delete(key);
        this.draining.delete(key);
        this.agents.delete(key);
      },
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

  private note(target: ProbeTarget, outcome: ProbeOutcome): void {
    if (outcome.isGood === undefined) {
      this.problem(`${target.probe.address} cannot be probed: ${outcome.detail}`);
      return;
    }
    const { key } = target;
    const before = this.health.get(key) ?? UNKNOWN;
    const wasDraining = this.draining.has(key);
    const { after, isDraining, detail } =
      outcome.said === undefined
        ? this.afterResult(target, before, outcome.isGood, outcome.detail)
        : this.afterWords(key, outcome.said);
    this.health.set(key, after);
    if (isDraining) this.draining.add(key);
    else this.draining.delete(key);
    const { verdict } = after;
    if (verdict === 'unknown' || (verdict === before.verdict && isDraining === wasDraining)) return;
    this.tellSoon();
    const sinceMs = this.options.runtime.wallMs();
    const told = { key, isHealthy: verdict === 'healthy', sinceMs, detail };
    this.untoldVerdicts.push(isDraining ? { ...told, isDraining } : told);
  }

  private afterResult(target: ProbeTarget, before: HealthState, isGood: boolean, detail: string): Noted {
    const after = afterProbe(before, isGood, target);
    const isDraining =
      this.draining.has(target.key) && after.verdict === 'unhealthy' && after.streak > -target.fall;
    return { after, isDraining, detail };
  }

  private afterWords(key: string, said: AgentWords): Noted {
    const state = afterWords(this.agents.get(key) ?? {}, said);
    this.agents.set(key, state);
    const { verdict, detail } = agentVerdict(state);
    const after = { verdict: verdict === 'up' ? ('healthy' as const) : ('unhealthy' as const), streak: 0 };
    return { after, isDraining: verdict === 'draining', detail };
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
