/**
 * Frame buffers: one block of memory cut into equal slots, each with a reference count.
 *
 * Theory of operation. A slot is owned by exactly one party at a time: the I/O engine's receive ring, the datapath
 * while it handles the frame, or one or more writes in flight. `take` returns a slot with one reference; every queued
 * write adds one (`retain`); each owner calls `release` when done, and the last release puts the slot on the free
 * stack. The stack is last-in first-out so that the most recently used slot, still in the CPU's cache, is filled
 * next: with 64 KB super-segments this is the difference between L2 and DRAM.
 *
 * Nothing is allocated after construction. The arena is bounded: `take` returns NO_SLOT when it is empty.
 */

/** Bytes from the start of a slot to the Ethernet header: room for the vnet header and for encapsulation. */
export const FRAME_HEADROOM_BYTES = 128;

/** One slot: headroom, a 64 KB GSO frame with its Ethernet header, and slack; a multiple of 64, not of 4096. */
export const SLOT_BYTES = 66_048;

/** Longest Ethernet frame that fits into a slot. */
export const MAX_FRAME_BYTES = SLOT_BYTES - FRAME_HEADROOM_BYTES;

export const NO_SLOT = -1;

export class FrameArena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly slotCount: number;
  private readonly references: Int32Array;
  private readonly freeSlots: Int32Array;
  private freeTop: number;

  /** `memory` must hold at least `slotCount × SLOT_BYTES` bytes; it may be anonymous, shared or mapped. */
  constructor(memory: ArrayBufferLike, slotCount: number) {
    if (memory.byteLength < slotCount * SLOT_BYTES) {
      throw new RangeError(
        `frame arena: ${memory.byteLength} bytes given, ${slotCount * SLOT_BYTES} needed for ${slotCount} slots`,
      );
    }
    this.bytes = new Uint8Array(memory, 0, slotCount * SLOT_BYTES);
    this.view = new DataView(memory, 0, slotCount * SLOT_BYTES);
    this.slotCount = slotCount;
    this.references = new Int32Array(slotCount);
    this.freeSlots = new Int32Array(slotCount);
    for (let i = 0; i < slotCount; i++) this.freeSlots[i] = slotCount - 1 - i;
    this.freeTop = slotCount;
  }

  get freeCount(): number {
    return this.freeTop;
  }

  /** A free slot with one reference, or NO_SLOT. */
  take(): number {
    if (this.freeTop === 0) return NO_SLOT;
    const slot = this.freeSlots[--this.freeTop]!;
    this.references[slot] = 1;
    return slot;
  }

  retain(slot: number): void {
    this.references[slot]!++;
  }

  release(slot: number): void {
    if (--this.references[slot]! === 0) this.freeSlots[this.freeTop++] = slot;
  }

  referencesOf(slot: number): number {
    return this.references[slot]!;
  }

  /** Byte offset of the Ethernet header of a frame that starts right after the headroom. */
  frameOffset(slot: number): number {
    return slot * SLOT_BYTES + FRAME_HEADROOM_BYTES;
  }
}
