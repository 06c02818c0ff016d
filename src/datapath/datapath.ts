/** The datapath as its host sees it; the parts that do the work are the other files of this room. */
import type { FrameArena } from '../tables/frame-arena.ts';
import type { Tables } from '../tables/tables.ts';
import type { DatapathSnapshot } from './snapshot.ts';

/** Where frames go: an I/O engine, or a test. Takes a reference of its own on the slot, as engines do. */
export interface FrameOutput {
  transmit(port: number, slot: number, offset: number, length: number): void;
}

export interface DatapathOptions {
  readonly arena: FrameArena;
  readonly output: FrameOutput;
  /** Initialised by the caller; the datapath is the only writer from now on. */
  readonly tables: Tables;
}

export class Datapath {
  /** Revision of the snapshot in force; 0 before the first. */
  revision = 0;

  constructor(options: DatapathOptions) {
    void options;
  }

  /** Swaps a snapshot in, between two batches. Returns problems in words (a full endpoint table); empty: all in force. */
  apply(_snapshot: DatapathSnapshot, _nowMs: number): string[] {
    return [];
  }

  /** Connection records of these stat slots no longer count from now on; they are removed over the next batches. */
  purge(_statSlots: readonly number[], _nowMs: number): void {}

  /** The port's device has gone: its frames, MACs and connections go too. */
  portGone(_port: number): void {}

  /** Sets the clocks for a batch: monotonic and wall-clock milliseconds. */
  beginBatch(_nowMs: number, _wallMs: number): void {}

  /** Handles one frame and takes over the caller's reference on its slot. `offset`: Ethernet header in the arena. Never throws. */
  handleFrame(_port: number, _slot: number, _offset: number, _length: number): void {}

  /** Timers, neighbour probes and a step of ageing. Returns the milliseconds after which the next call is due at the latest. */
  endBatch(): number {
    return 1000;
  }
}
