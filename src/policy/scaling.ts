/**
 * Decides when to add VMs to one side of a group, its members or its sources, and when to remove some.
 *
 * Theory of operation. A pure state machine: from the settings, the last state and the current loads it computes a
 * decision and the next state. The controller that carries decisions out keeps the state; if it is lost, only the waiting
 * times restart.
 *
 * The decisions, first match:
 *
 *   1. fewer than the minimum   → add at once; this also replaces crashed VMs, as failed ones do not count
 *   2. more than the maximum    → drain at once
 *   3. above a threshold for long enough, and cooled down   → add
 *   4. below one for long enough, cooled down, no VM starting, and the others can carry the load → drain
 *
 * Adding first reactivates draining VMs. A starting VM counts as active. Draining chooses the idle or least loaded VM;
 * its flows end by themselves or at the deadline. Old figures exceed no threshold.
 */
import { scalingLoadOf, sum } from './load.ts';
import type { MemberState } from './policy.ts';
import type { ScalingConfig } from './policy-config.ts';

/** Margin that the average must keep below the growth bound after shrinking. */
const MARGIN = 0.8;

/** A member, or a VM that sends to the group. */
export interface ScalingUnit {
  readonly name: string;
  readonly state: MemberState;
  /** Whether it was made from the template: only such units are drained. */
  readonly isVm: boolean;
  readonly activeFlows: number;
  readonly newFlowsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly ageMs: number;
  readonly sinceMs: number;
}

export interface ScalingInput {
  readonly nowMs: number;
  readonly units: readonly ScalingUnit[];
  /** VMs that are starting and are not units yet. */
  readonly starting: number;
}

export interface ScalingState {
  /** Start of the uninterrupted time with loads above, or below, a threshold. */
  readonly overSinceMs?: number;
  readonly underSinceMs?: number;
  readonly changedMs?: number;
}

export const INITIAL_SCALING_STATE: ScalingState = {};

export interface ScalingDecision {
  /** Draining units that become active again. */
  readonly reactivate: readonly string[];
  /** New VMs. */
  readonly add: number;
  readonly drain: readonly string[];
  /** The reason, for display; empty: no change. */
  readonly reason: string;
}

const NOTHING: ScalingDecision = { reactivate: [], add: 0, drain: [], reason: '' };

/** Older figures are not used. */
const STALE_AFTER_MS = 10_000;

export function decideScaling(
  config: ScalingConfig,
  state: ScalingState,
  input: ScalingInput,
): { decision: ScalingDecision; state: ScalingState } {
  const { nowMs, units, starting } = input;
  const view = new View(config, units, starting);
  const over = view.over();
  const under = over === '' ? view.under() : '';
  const overSinceMs = over === '' ? undefined : (state.overSinceMs ?? nowMs);
  const underSinceMs = under === '' ? undefined : (state.underSinceMs ?? nowMs);
  const hasCooled = nowMs - (state.changedMs ?? Number.NEGATIVE_INFINITY) >= config.coolDownMs;
  const isSustained = (sinceMs: number | undefined): boolean =>
    sinceMs !== undefined && nowMs - sinceMs >= config.sustainMs;

  let decision = NOTHING;
  if (view.count < config.minimum) {
    decision = view.grow(config.minimum - view.count, `${view.count} of at least ${config.minimum}`);
  } else if (view.count > config.maximum) {
    decision = view.shrink(view.count - config.maximum, `${view.count} of at most ${config.maximum}`);
  } else if (hasCooled && isSustained(overSinceMs)) {
    decision = view.grow(Math.min(config.step, config.maximum - view.count, view.useful()), over);
  } else if (hasCooled && isSustained(underSinceMs)) {
    decision = view.shrink(view.spare(), under);
  }
  if (decision === NOTHING) return { decision, state: { ...state, overSinceMs, underSinceMs } };
  return { decision, state: { changedMs: nowMs } };
}

/** The current units, measured by the settings. */
class View {
  /** Active or starting. */
  readonly count: number;
  private readonly config: ScalingConfig;
  private readonly active: readonly ScalingUnit[];
  private readonly draining: readonly ScalingUnit[];
  private readonly starting: number;
  private readonly total: number;
  private readonly isKnown: boolean;

  constructor(config: ScalingConfig, units: readonly ScalingUnit[], starting: number) {
    this.config = config;
    this.starting = starting;
    this.active = units.filter(({ state }) => state === 'active');
    this.draining = units.filter(({ state }) => state === 'draining');
    this.count = this.active.length + starting;
    this.total = sum(this.active.map((unit) => this.load(unit)));
    this.isKnown = this.active.some(({ ageMs }) => ageMs <= STALE_AFTER_MS);
  }

  /** Which threshold is exceeded; empty: none. */
  over(): string {
    const { average, single, metric } = this.config;
    if (!this.isKnown) return '';
    const mean = this.total / this.count;
    if (average.above !== undefined && mean > average.above) {
      return `${metric} ${round(mean)} on average, over ${average.above}`;
    }
    const worst = this.byLoad().at(-1);
    if (single.above === undefined || worst === undefined || this.load(worst) <= single.above) return '';
    return `${metric} ${round(this.load(worst))} of ${worst.name}, over ${single.above}`;
  }

  /** Largest number of VMs to add without taking the average below its lower threshold; at least one. */
  useful(): number {
    const { below } = this.config.average;
    if (below === undefined || below === 0) return Number.POSITIVE_INFINITY;
    return Math.max(1, Math.floor(this.total / below) - this.count);
  }

  under(): string {
    const { average, single, metric, minimum } = this.config;
    if (!this.isKnown || this.starting > 0 || this.draining.length > 0 || this.count <= minimum) return '';
    if (this.spare() === 0) return '';
    const mean = this.total / this.count;
    if (average.below !== undefined && mean < average.below) {
      return `${metric} ${round(mean)} on average, under ${average.below}`;
    }
    const idle = this.drainable()[0]!;
    if (single.below === undefined || this.load(idle) >= single.below) return '';
    return `${metric} ${round(this.load(idle))} of ${idle.name}, under ${single.below}`;
  }

  /** Number of units that may be drained in one step so that the others can carry the load. */
  spare(): number {
    const { minimum, step, average, single } = this.config;
    const bound = Math.min(
      average.above ?? Number.POSITIVE_INFINITY,
      single.above ?? Number.POSITIVE_INFINITY,
    );
    const most = Math.min(step, this.count - minimum, this.drainable().length);
    for (let spare = most; spare > 0; spare--) {
      if (this.total / (this.count - spare) <= MARGIN * bound) return spare;
    }
    return 0;
  }

  grow(wanted: number, reason: string): ScalingDecision {
    if (wanted <= 0) return NOTHING;
    const reactivate = [...this.draining]
      .sort((a, b) => this.load(b) - this.load(a))
      .slice(0, wanted)
      .map(({ name }) => name);
    return { reactivate, add: wanted - reactivate.length, drain: [], reason };
  }

  shrink(wanted: number, reason: string): ScalingDecision {
    const drain = this.drainable().slice(0, Math.max(0, wanted));
    return drain.length === 0
      ? NOTHING
      : { reactivate: [], add: 0, drain: drain.map(({ name }) => name), reason };
  }

  /** Least loaded first; among equals the youngest. */
  private drainable(): ScalingUnit[] {
    return this.byLoad().filter(({ isVm }) => isVm);
  }

  private byLoad(): ScalingUnit[] {
    return [...this.active].sort((a, b) => this.load(a) - this.load(b) || a.sinceMs - b.sinceMs);
  }

  private load(unit: ScalingUnit): number {
    return scalingLoadOf(unit, this.config.metric);
  }
}

const round = (load: number): string => (load >= 100 ? load.toFixed(0) : load.toPrecision(3));
