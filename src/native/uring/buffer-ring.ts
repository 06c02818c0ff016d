/**
 * Provided buffers (io_uring_register_buf_ring(3)): a ring of empty buffers that multishot reads take theirs from,
 * in the order in which they were added.
 *
 * struct io_uring_buf, 16 bytes: address 64, length 32, buffer id 16, and in the first entry the ring's 16-bit
 * tail in place of the reserved field.
 */

import { checkRange, type Mapping, mapAnonymous } from '../memory.ts';
import type { IoUring } from './io-uring.ts';

const ENTRY_WORDS = 4;
const ENTRY_HALVES = 8;
const BUFFER_ID_HALF = 6;
const TAIL_HALF = 7;

export class BufferRing {
  readonly entries: number;
  readonly group: number;
  private readonly buffers: Mapping;
  private readonly words: Int32Array;
  private readonly halves: Uint16Array;
  private tail = 0;

  /** `entries`: a power of two up to 32768. All buffers are inside `buffers`. */
  constructor(uring: IoUring, buffers: Mapping, entries: number, group: number) {
    if (!(entries >= 1 && entries <= 32_768 && (entries & (entries - 1)) === 0))
      throw new RangeError(`buffer ring: ${entries} entries, expected a power of two up to 32768`);
    const memory = mapAnonymous(entries * ENTRY_WORDS * 4);
    this.entries = entries;
    this.group = group;
    this.buffers = buffers;
    this.words = new Int32Array(memory.bytes);
    this.halves = new Uint16Array(memory.bytes);
    uring.registerBufferRing(memory.address, entries, group);
  }

  /** Add an empty buffer; seen by the kernel after `publish`. The caller never adds more than `entries` unread. */
  add(bufferId: number, offset: number, length: number): void {
    checkRange('buffer ring', this.buffers, offset, length);
    const place = this.tail & (this.entries - 1);
    const address = this.buffers.address + offset;
    this.words[place * ENTRY_WORDS] = address | 0;
    this.words[place * ENTRY_WORDS + 1] = Math.floor(address / 0x1_0000_0000);
    this.words[place * ENTRY_WORDS + 2] = length;
    this.halves[place * ENTRY_HALVES + BUFFER_ID_HALF] = bufferId;
    this.tail = (this.tail + 1) & 0xffff;
  }

  publish(): void {
    Atomics.store(this.halves, TAIL_HALF, this.tail);
  }
}
