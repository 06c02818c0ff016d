/**
 * The datapath without devices, threads or clocks: the caller passes in frames and time, and outgoing frames go to a
 * function. For replay, and for tests of the datapath.
 *
 * Deterministic: the hash key is fixed, and the caller sets the time. Time stands still between two calls unless
 * `advance` moves it; then the datapath's timers run when they are due. Each frame is a batch of its own, so everything
 * that it causes is sent before the next one comes in.
 */
import { Datapath } from '../datapath/datapath.ts';
import type { DatapathSnapshot } from '../datapath/snapshot.ts';
import { StepRecorder, type Trace } from '../datapath/tracing/step-recorder.ts';
import { FrameArena, MAX_FRAME_BYTES, NO_SLOT, SLOT_BYTES } from '../tables/frame-arena.ts';
import { type TableLimits, Tables } from '../tables/tables.ts';
import { HEADER_BYTES as VNET_HEADER_BYTES } from '../wire/virtio-net.ts';

/** Frames that the datapath can hold at once: waiting for neighbours, or being segmented. */
const SLOTS = 512;
const HASH_KEY = [0x536c_7569, 0x6365_2031] as const;
/** The datapath's monotonic clock starts here: not at 0, where "never" and "now" would look the same. */
const START_MS = 1_000_000;
/** Largest number of steps of `advance`; the rest of a longer gap is one step. */
const MAX_TIMER_STEPS = 10_000;

/** A frame that leaves; `vnetHeader` (12 bytes) and `bytes` are views, valid during the call only. */
export type FrameSink = (port: number, bytes: Uint8Array, vnetHeader: Uint8Array) => void;

export class OfflineDatapath {
  readonly tables: Tables;
  readonly arena: FrameArena;
  private readonly datapath: Datapath;
  /** Wall clock of the first call: epoch milliseconds. */
  private readonly epochMs: number;
  /** Wall clock now, never going back. */
  private nowMs: number;
  private dueMs: number;

  constructor(limits: TableLimits, startMs: number, sink: FrameSink) {
    this.tables = new Tables(new ArrayBuffer(Tables.bytesNeeded(limits)), 0, limits, HASH_KEY);
    this.tables.initialise();
    this.arena = new FrameArena(new ArrayBuffer(SLOTS * SLOT_BYTES), SLOTS);
    this.epochMs = startMs;
    this.nowMs = startMs;
    this.dueMs = startMs;
    const { bytes } = this.arena;
    this.datapath = new Datapath({
      arena: this.arena,
      tables: this.tables,
      output: {
        transmit: (port, _slot, offset, length) => {
          const vnetHeader = bytes.subarray(offset - VNET_HEADER_BYTES, offset);
          sink(port, bytes.subarray(offset, offset + length), vnetHeader);
        },
      },
    });
  }

  /** Brings a snapshot into force; throws if it does not fit as a whole. */
  apply(snapshot: DatapathSnapshot): void {
    const problems = this.datapath.apply(snapshot, this.monotonicMs());
    if (problems.length > 0) throw new Error(`datapath: ${problems.join('; ')}`);
  }

  /** Deletes the connection records of these members: all, or all but TCP. */
  purge(members: readonly number[], which: 'all' | 'datagrams'): void {
    this.datapath.purge(members, which, this.monotonicMs());
  }

  /** Handles a frame now. `vnetHeader`: 12 bytes, absent for a device without offloads. */
  feed(port: number, frame: Uint8Array, vnetHeader?: Uint8Array): void {
    if (frame.length > MAX_FRAME_BYTES) {
      throw new RangeError(`frame of ${frame.length} bytes, at most ${MAX_FRAME_BYTES} expected`);
    }
    const slot = this.arena.take();
    if (slot === NO_SLOT) throw new Error(`all ${SLOTS} frame buffers are in use`);
    const offset = this.arena.frameOffset(slot);
    const { bytes } = this.arena;
    if (vnetHeader === undefined) bytes.fill(0, offset - VNET_HEADER_BYTES, offset);
    else bytes.set(vnetHeader, offset - VNET_HEADER_BYTES);
    bytes.set(frame, offset);
    this.datapath.beginBatch(this.monotonicMs(), this.nowMs);
    this.datapath.handleFrame(port, slot, offset, frame.length);
    this.dueMs = this.nowMs + this.datapath.endBatch();
  }

  /** Handles a frame, and answers what happens to it. */
  explain(port: number, frame: Uint8Array, vnetHeader?: Uint8Array): Trace {
    const recorder = new StepRecorder(this.arena, port, true);
    this.datapath.report(recorder);
    try {
      this.feed(port, frame, vnetHeader);
    } finally {
      this.datapath.report(null);
    }
    return recorder.result;
  }

  /** Moves time forward, epoch milliseconds, and runs timers. A time in the past has no effect. */
  advance(untilMs: number): void {
    for (let steps = 0; this.dueMs <= untilMs && steps < MAX_TIMER_STEPS; steps++) {
      this.runTimers(Math.max(this.dueMs, this.nowMs));
    }
    if (untilMs > this.nowMs) this.nowMs = untilMs;
  }

  /** Runs timers now, so that the effects of the next `feed` are only those of its frame. */
  tick(): void {
    this.runTimers(this.nowMs);
  }

  /** Advances time until no frame waits, by at most `limitMs`. */
  settle(limitMs: number): void {
    const untilMs = this.nowMs + limitMs;
    while (this.arena.freeCount < this.arena.slotCount && this.nowMs < untilMs) this.advance(this.dueMs);
  }

  /** Epoch milliseconds. */
  get timeMs(): number {
    return this.nowMs;
  }

  private runTimers(atMs: number): void {
    this.nowMs = atMs;
    this.datapath.beginBatch(this.monotonicMs(), atMs);
    this.dueMs = atMs + Math.max(1, this.datapath.endBatch());
  }

  private monotonicMs(): number {
    return this.nowMs - this.epochMs + START_MS;
  }
}
