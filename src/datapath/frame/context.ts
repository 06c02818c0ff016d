/**
 * State that all parts of one datapath share: memory, tables, clocks, and the two ends of a frame, sent or dropped.
 * The clocks are set once per batch; the datapath never reads a clock.
 */
import { NONE } from '../../tables/common/bucket-index.ts';
import type { FrameArena } from '../../tables/frame-arena.ts';
import type { PortCounters } from '../../tables/port-counters.ts';
import type { Tables } from '../../tables/tables.ts';
import type { Frame } from './frame.ts';
import type { TraceSink } from './trace-sink.ts';
import { CONSUMED } from './verdict.ts';

/** Destination of frames: an I/O engine, or a test. Takes its own reference on the slot. */
export interface FrameOutput {
  transmit(port: number, slot: number, offset: number, length: number): void;
}

/** Sees packets at points of the datapath (datapath/capture). Offsets: of Ethernet headers in the arena. */
export interface CaptureSink {
  /** A frame that has been received, before it is handled, and its end. */
  begin(port: number, offset: number, length: number): void;
  end(port: number): void;
  /** A frame that a load balancer has translated. */
  balanced(frame: Frame): void;
  /** One that the fast path has translated and sent: its record, and the port whose load balancer it was. */
  steady(row: number, owner: number, egress: number, offset: number, length: number): void;
  sent(port: number, offset: number, length: number): void;
  dropped(frame: Frame, reason: number): void;
  /** `port`: that the frame came in by. */
  droppedBytes(port: number, offset: number, length: number, reason: number): void;
}

/** Frames received together: arrays of equal length, one element per frame, as engines fill them. */
export interface FrameList {
  readonly port: Int32Array;
  readonly slot: Int32Array;
  /** Byte offset of the Ethernet header in the arena. */
  readonly offset: Int32Array;
  /** Bytes from the Ethernet header on. */
  readonly length: Int32Array;
}

export const frameList = (frames: number): FrameList => ({
  port: new Int32Array(frames),
  slot: new Int32Array(frames),
  offset: new Int32Array(frames),
  length: new Int32Array(frames),
});

/**
 * All bits that port numbers and offsets have. After masking, V8 knows the value's range and omits overflow checks.
 */
export const PORT_MASK = 0xffff;
export const OFFSET_MASK = 0x7fff_ffff;

export class Context {
  readonly arena: FrameArena;
  readonly output: FrameOutput;
  readonly tables: Tables;
  /** Monotonic milliseconds as a signed 32-bit number; differences are taken modulo 2^32. */
  nowMs = 0;
  /** The same clock in microseconds modulo 2^32, for measuring. */
  nowUs = 0;
  /** Wall clock, epoch milliseconds; only the periods of criteria sets use it. */
  wallMs = 0;
  /** Number of snapshots applied and seconds passed: each invalidates the cached paths to endpoints. */
  private revalidations = 1;
  /** Statistics row of records without a member: the last row. */
  readonly selfSlot: number;
  /** Counter row of frames that the datapath makes itself: the last port number, which no port has. */
  readonly selfPort: number;
  readonly counters: PortCounters;
  /** null: nothing is captured. */
  capture: CaptureSink | null = null;
  /** Where the steps of packets are reported (trace-sink.ts); null in normal work. The fast path never looks at it. */
  sink: TraceSink | null = null;

  constructor(arena: FrameArena, output: FrameOutput, tables: Tables) {
    this.arena = arena;
    this.output = output;
    this.tables = tables;
    this.selfSlot = tables.limits.maxStatSlots - 1;
    this.selfPort = tables.limits.maxPorts - 1;
    this.counters = tables.portCounters;
  }

  setClocks(nowMs: number, wallMs: number, nowUs: number): void {
    if (nowMs >> 10 !== this.nowMs >> 10) this.revalidations++;
    this.nowMs = nowMs;
    this.nowUs = nowUs;
    this.wallMs = wallMs;
  }

  /** Invalidates cached paths after a change of ports or networks. */
  revalidate(): void {
    this.revalidations++;
  }

  /** Generation of MAC table, neighbours and ports: grows with every change of them. */
  get wayGeneration(): number {
    return this.revalidations + this.tables.macs.changes + this.tables.neighbours.changes;
  }

  /** Counts a frame as dropped, under the port that it came in by. */
  drop(frame: Frame, reason: number): void {
    frame.dropped = true;
    if (this.sink !== null) this.sink.dropped(frame, reason);
    this.counters.drop(frame.ingress, reason);
    if (this.capture !== null) this.capture.dropped(frame, reason);
  }

  /** The same for a frame that is not loaded; `port`: that it came in by. */
  dropBytes(port: number, offset: number, length: number, reason: number): void {
    this.counters.drop(port, reason);
    if (this.capture !== null) this.capture.droppedBytes(port, offset, length, reason);
  }

  /** Call where a frame leaves the forwarding element: it may have been balanced. */
  noteBalanced(frame: Frame): void {
    if (this.capture !== null && frame.flow !== NONE) this.capture.balanced(frame);
  }

  /** Drops a frame and returns the verdict on it, for operators: `return context.consume(frame, DROP.…)`. */
  consume(frame: Frame, reason: number): number {
    this.drop(frame, reason);
    return CONSUMED;
  }

  count(port: number, field: number): void {
    if (this.sink !== null) this.sink.counted(port, field);
    this.counters.add(port, field, 1);
  }

  /** Sends bytes out of a port without changes. */
  transmit(port: number, slot: number, offset: number, length: number): void {
    this.counters.countSent(port, length);
    if (this.capture !== null) this.capture.sent(port, offset, length);
    if (this.sink !== null && !this.sink.sent(port, offset, length)) return;
    this.output.transmit(port, slot, offset, length);
  }
}
