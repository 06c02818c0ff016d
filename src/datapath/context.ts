/**
 * What all parts of one datapath share: memory, tables, clocks, and the two ways a frame can end, sent or
 * dropped. The clocks are handed in once per batch: the datapath never asks the time.
 */
import type { FrameArena } from '../tables/frame-arena.ts';
import { PORT, PORT_FIELDS } from '../tables/port-counters.ts';
import type { Tables } from '../tables/tables.ts';
import type { Frame } from './frame.ts';

/** Where frames go: an I/O engine, or a test. Takes a reference of its own on the slot, as engines do. */
export interface FrameOutput {
  transmit(port: number, slot: number, offset: number, length: number): void;
}

export class Context {
  readonly arena: FrameArena;
  readonly output: FrameOutput;
  readonly tables: Tables;
  /** Monotonic milliseconds as a signed 32-bit number; differences are taken modulo 2^32. */
  nowMs = 0;
  /** Wall clock, epoch milliseconds: for the periods of criteria sets only. */
  wallMs = 0;
  /** Counter row of frames that the datapath makes itself: the last port number, which no port has. */
  readonly selfPort: number;
  private readonly portFields: Float64Array;

  constructor(arena: FrameArena, output: FrameOutput, tables: Tables) {
    this.arena = arena;
    this.output = output;
    this.tables = tables;
    this.selfPort = tables.limits.maxPorts - 1;
    this.portFields = tables.portCounters.fields;
  }

  countReceived(port: number, bytes: number): void {
    const at = port * PORT_FIELDS;
    this.portFields[at + PORT.rxPackets]!++;
    this.portFields[at + PORT.rxBytes]! += bytes;
  }

  /** Counts a frame as dropped, under the port that it came in by. */
  drop(frame: Frame, reason: number): void {
    this.portFields[frame.ingress * PORT_FIELDS + PORT.drops + reason]!++;
  }

  count(port: number, field: number): void {
    this.portFields[port * PORT_FIELDS + field]!++;
  }

  /** Sends bytes out of a port as they are. */
  transmit(port: number, slot: number, offset: number, length: number): void {
    const at = port * PORT_FIELDS;
    this.portFields[at + PORT.txPackets]!++;
    this.portFields[at + PORT.txBytes]! += length;
    this.output.transmit(port, slot, offset, length);
  }
}
