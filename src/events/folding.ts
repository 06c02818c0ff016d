/**
 * Bounds on events before they are kept.
 *
 * Theory of operation. Events of the same type, subject, reason and actor are alike. The first few are let through as they
 * come. When more follow, the next one waits for a second and then stands for all that have come meanwhile, the one after that
 * for two seconds, and so on up to a minute: `details.count` says for how many, `details.since` when the first one came, packets
 * are added up, and the rest is what the last one said. After a pause they are let through again. Besides, each type has
 * a budget; events that exceed it are counted, and the count is an event. All of it takes bounded memory.
 */
import type { Moment } from '../runtime/runtime.ts';
import type { Event, EventType } from './event.ts';

/** An event with its time, before it is made into text. */
export interface TimedEvent extends Omit<Event, 'time' | 'host'> {
  /** Wall clock. */
  readonly atMs: number;
  readonly apart?: string;
}

/** Alike events that are let through before the next ones are folded. */
const UNFOLDED = 4;
const FIRST_WINDOW_MS = 1_000;
const MAX_WINDOW_MS = 60_000;
/** Shortest time after which alike events are let through again. */
const MIN_PAUSE_MS = 5_000;
/** Different events that are remembered; further ones are not folded, but have a budget as well. */
const MAX_KINDS = 2_048;
/** Events of a type: at once, and per second in the long run. */
const BURST = 1_000;
const PER_SECOND = 10;

/** Alike events. Times by the monotonic clock, except `sinceMs`. */
interface Kind {
  letThrough: number;
  windowMs: number;
  /** End of the window, or of the last one. */
  untilMs: number;
  /** Folded in this window, with the last of them; 0: no window is open. */
  count: number;
  packets: number;
  /** Wall clock. */
  sinceMs: number;
  last: TimedEvent | undefined;
}

interface Budget {
  left: number;
  atMs: number;
  omitted: number;
}

export class EventFolder {
  private readonly keep: (event: TimedEvent) => void;
  private readonly kinds = new Map<string, Kind>();
  private readonly budgets = new Map<EventType, Budget>();

  /** `keep`: takes what is let through. */
  constructor(keep: (event: TimedEvent) => void) {
    this.keep = keep;
  }

  take(event: TimedEvent, now: Moment): void {
    const { type, subject, reason, actor, apart } = event;
    const key = JSON.stringify([type, subject, reason, actor, apart]);
    let kind = this.kinds.get(key);
    if (kind === undefined) {
      if (this.kinds.size >= MAX_KINDS) return this.spend(event, now);
      kind = { letThrough: 0, windowMs: 0, untilMs: 0, count: 0, packets: 0, sinceMs: 0, last: undefined };
      this.kinds.set(key, kind);
    }
    if (kind.count > 0 && kind.untilMs <= now.monotonicMs) this.close(kind, now);
    if (isOver(kind, now)) {
      kind.letThrough = 0;
      kind.windowMs = 0;
    }
    if (kind.letThrough < UNFOLDED) {
      kind.letThrough++;
      kind.untilMs = now.monotonicMs;
      return this.spend(event, now);
    }
    if (kind.count === 0) {
      kind.windowMs = Math.min(MAX_WINDOW_MS, Math.max(FIRST_WINDOW_MS, 2 * kind.windowMs));
      kind.untilMs = now.monotonicMs + kind.windowMs;
      kind.sinceMs = event.atMs;
    }
    kind.count += countOf(event);
    kind.packets += packetsOf(event);
    kind.last = event;
  }

  /** Call about once a second while it is true, which means that there is something left to do. */
  step(now: Moment): boolean {
    for (const [key, kind] of this.kinds) {
      if (kind.count > 0 && kind.untilMs <= now.monotonicMs) this.close(kind, now);
      if (isOver(kind, now)) this.kinds.delete(key);
    }
    for (const [type, budget] of this.budgets) {
      const { omitted } = budget;
      budget.omitted = 0;
      if (omitted > 0) this.take(omission(type, omitted, now), now);
      else if (now.monotonicMs - budget.atMs > (1_000 * BURST) / PER_SECOND) this.budgets.delete(type);
    }
    return this.kinds.size > 0 || this.budgets.size > 0;
  }

  /** Lets through everything that was folded. */
  end(now: Moment): void {
    this.step(now);
    for (const kind of this.kinds.values()) if (kind.count > 0) this.close(kind, now);
  }

  /** Lets the last one through, for all of the window. */
  private close(kind: Kind, now: Moment): void {
    const { count, sinceMs, packets, last } = kind;
    kind.count = 0;
    kind.packets = 0;
    kind.last = undefined;
    const folded = count === 1 ? {} : { count, since: new Date(sinceMs).toISOString() };
    const details = { ...last!.details, ...(packets > 0 && { packets }), ...folded };
    this.spend({ ...last!, details }, now);
  }

  private spend(event: TimedEvent, { monotonicMs }: Moment): void {
    let budget = this.budgets.get(event.type);
    if (budget === undefined) {
      budget = { left: BURST, atMs: monotonicMs, omitted: 0 };
      this.budgets.set(event.type, budget);
    }
    const earned = ((monotonicMs - budget.atMs) * PER_SECOND) / 1_000;
    budget.left = Math.min(BURST, budget.left + earned);
    budget.atMs = monotonicMs;
    if (budget.left < 1) {
      budget.omitted++;
      return;
    }
    budget.left--;
    this.keep(event);
  }
}

/** Whether the kind's pause has passed without any event. */
const isOver = ({ count, untilMs, windowMs }: Kind, { monotonicMs }: Moment): boolean =>
  count === 0 && monotonicMs - untilMs > Math.max(MIN_PAUSE_MS, windowMs);

/** An event that tells of others says how many. */
const countOf = ({ details }: TimedEvent): number => (typeof details.count === 'number' ? details.count : 1);

const packetsOf = ({ details }: TimedEvent): number =>
  typeof details.packets === 'number' ? details.packets : 0;

const omission = (subject: EventType, omitted: number, { wallMs }: Moment): TimedEvent => ({
  atMs: wallMs,
  type: 'events.omitted',
  subject,
  reason: `more than ${PER_SECOND} per second`,
  actor: '',
  details: { count: omitted },
});
