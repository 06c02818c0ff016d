/**
 * Virtual time: a queue of events, and a Runtime for each simulated process.
 *
 * Theory of operation. One event at a time happens; promises that it settles run to their end before the next one, as
 * nothing here waits for anything real. Events at the same moment happen in the order in which they were planned. So a
 * run follows from its seed alone: `hash` goes over every event, and two runs of one seed have the same.
 *
 * Each event belongs to a process. A dead one has no events any more; those of a paused one (SIGSTOP, a migrated VM)
 * wait until it goes on.
 */
import { crc32 } from 'node:zlib';
import type { Runtime, Timer } from '../../src/runtime/runtime.ts';
import { Random } from '../support/seed.ts';

/** Wall clock at the simulation's beginning. */
const BEGINNING_MS = Date.UTC(2030, 0, 1);

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly of: SimulatedProcess | undefined;
  readonly label: string;
  act: (() => void) | undefined;
}

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

export class VirtualTime {
  nowMs = 0;
  events = 0;
  hash = 0;
  /** The last lines of the trace. */
  readonly trace: string[] = [];
  readonly random: Random;
  private readonly seed: number;
  private readonly heap: Event[] = [];
  private order = 0;
  private processes = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.random = new Random(seed, 1);
  }

  get pending(): number {
    return this.heap.length;
  }

  /** `of`: whose event it is; undefined: the world's. Returns what cancels it. */
  plan(delayMs: number, label: string, act: () => void, of?: SimulatedProcess): () => void {
    const event: Event = { atMs: this.nowMs + delayMs, order: this.order++, of, label, act };
    this.push(event);
    return () => {
      event.act = undefined;
    };
  }

  /** The next event, and what follows from it; false: there is none up to `untilMs`. */
  async step(untilMs: number): Promise<boolean> {
    const event = this.heap[0];
    if (event === undefined || event.atMs > untilMs) {
      this.nowMs = untilMs;
      return false;
    }
    this.pop();
    if (event.act === undefined || event.of?.isDead === true) return true;
    this.nowMs = event.atMs;
    const resumeMs = event.of?.pausedUntilMs ?? 0;
    if (resumeMs > this.nowMs) {
      this.push({ ...event, atMs: resumeMs });
      return true;
    }
    this.note(event.of === undefined ? event.label : `${event.of.name} ${event.label}`);
    this.events++;
    event.act();
    await settled();
    return true;
  }

  note(line: string): void {
    const text = `${this.nowMs} ${line}`;
    this.hash = crc32(text, this.hash);
    this.trace.push(text);
    if (this.trace.length > 2_000) this.trace.splice(0, 1_000);
  }

  process(name: string): SimulatedProcess {
    return new SimulatedProcess(this, name, new Random(this.seed, 100 + this.processes++));
  }

  private push(event: Event): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, event)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

/** Resolves when all promises that can settle have done so. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface SimulatedTimer extends Timer {
  cancel(): void;
}

/** A process from its start to its end; its wall clock may be set. */
export class SimulatedProcess implements Runtime {
  readonly name: string;
  isDead = false;
  pausedUntilMs = 0;
  /** How far the wall clock is ahead. */
  wallOffsetMs = 0;
  private readonly time: VirtualTime;
  private readonly chance: Random;
  private readonly bornMs: number;

  constructor(time: VirtualTime, name: string, chance: Random) {
    this.time = time;
    this.name = name;
    this.chance = chance;
    this.bornMs = time.nowMs;
  }

  monotonicMs(): number {
    return Math.floor(this.time.nowMs - this.bornMs);
  }

  wallMs(): number {
    return BEGINNING_MS + Math.floor(this.time.nowMs) + this.wallOffsetMs;
  }

  setTimer(act: () => void, delayMs: number): Timer {
    const cancel = this.time.plan(Math.max(1, delayMs), 'timer', act, this);
    return { unref: () => {}, cancel } as SimulatedTimer;
  }

  setTicker(act: () => void, intervalMs: number): Timer {
    let cancel = (): void => {};
    const next = (): void => {
      cancel = this.time.plan(
        Math.max(1, intervalMs),
        'ticker',
        () => {
          next();
          act();
        },
        this,
      );
    };
    next();
    return { unref: () => {}, cancel: () => cancel() } as SimulatedTimer;
  }

  clearTimer(timer: Timer | undefined): void {
    (timer as SimulatedTimer | undefined)?.cancel();
  }

  soon(act: () => void): void {
    this.time.plan(0, 'soon', act, this);
  }

  random(): number {
    return (this.chance.word() >>> 0) / 0x1_0000_0000;
  }
}
