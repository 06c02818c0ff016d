/**
 * Ring of captured packets in memory that two threads share: the datapath writes, the main thread reads.
 *
 * Theory of operation. One writer, one reader, no locks. `head` and `tail` count bytes modulo 2^32; the writer owns `head`,
 * the reader `tail`. The writer appends records at a head of its own and publishes it once they are final, so that what
 * was written for one frame can still be completed or taken back. If there is no room the packet is not written: the
 * writer never waits, and counts the packet as missed. A record lies in one piece; where the rest of the ring is too short
 * for it, a filler takes that rest.
 *
 *   | control: head, tail | accepted, missed: a 64-bit float each per source | records |
 *
 * A source is a point of the datapath at a port. A record is RECORD_WORDS words and the captured bytes, in a multiple of
 * 8 bytes.
 */

/** Where the datapath looks at packets. The position is the number. */
export const CAPTURE_POINTS = ['from-vm', 'balanced', 'to-vm', 'dropped', 'uplink'] as const;
export type CapturePoint = (typeof CAPTURE_POINTS)[number];

export const POINT = { fromVm: 0, balanced: 1, toVm: 2, dropped: 3, uplink: 4 } as const;
const POINTS = CAPTURE_POINTS.length;
/** In place of a point: a filler, or a record that was taken back. */
const NO_POINT = 0xff;

/** What has become of a packet. */
export const CAPTURE_VERDICTS = ['', 'delivered', 'answered', 'flooded', 'waiting', 'dropped'] as const;
export type CaptureVerdict = (typeof CAPTURE_VERDICTS)[number];
export const VERDICT = { none: 0, delivered: 1, answered: 2, flooded: 3, waiting: 4, dropped: 5 } as const;

/** Words of a record. */
const RECORD = {
  /** Bytes of the record with header and padding. */
  bytes: 0,
  point: 1,
  port: 2,
  /** Number of the frame in this capture: the same at all points that the frame passes; 0: the datapath's own. */
  frame: 3,
  /** Since 1970. */
  seconds: 4,
  nanoseconds: 5,
  /** Bytes from the Ethernet header on, and how many of them follow. */
  originalLength: 6,
  capturedLength: 7,
  /** Numbers of the snapshot's group and member; -1: none. */
  group: 8,
  member: 9,
  verdict: 10,
  /** Number of a drop reason; 0: none. */
  reason: 11,
  /** FROM_PORT, TO_PORT or 0. */
  direction: 12,
} as const;

/** An even number, as records are multiples of 8 bytes. */
const RECORD_WORDS = 14;
const RECORD_BYTES = RECORD_WORDS * 4;
/** Direction of a record: in by the port, or out by it. */
export const FROM_PORT = 1;
export const TO_PORT = 2;

const HEAD = 0;
const TAIL = 1;
/** A cache line. */
const CONTROL_BYTES = 64;

/** Bytes for the records; a power of two. At 10 Gbit/s at one point, 13 ms. */
export const RING_DATA_BYTES = 1 << 24;
const MASK = RING_DATA_BYTES - 1;

const counterFloats = (maxPorts: number): number => maxPorts * POINTS * 2;
export const ringBytes = (maxPorts: number): number =>
  CONTROL_BYTES + counterFloats(maxPorts) * 8 + RING_DATA_BYTES;

/** Number of a port's point among the sources. */
export const sourceOf = (port: number, point: number): number => port * POINTS + point;

/** The parts of a ring, in each thread. */
class RingMemory {
  readonly control: Int32Array;
  /** accepted and missed of each source. */
  readonly counters: Float64Array;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;

  constructor(memory: ArrayBufferLike, maxPorts: number) {
    const data = CONTROL_BYTES + counterFloats(maxPorts) * 8;
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.counters = new Float64Array(memory, CONTROL_BYTES, counterFloats(maxPorts));
    this.bytes = new Uint8Array(memory, data, RING_DATA_BYTES);
    this.words = new Int32Array(memory, data, RING_DATA_BYTES / 4);
  }
}

/** A packet to be written; reused. */
export interface RingPacket {
  point: number;
  port: number;
  frame: number;
  seconds: number;
  nanoseconds: number;
  group: number;
  member: number;
  verdict: number;
  reason: number;
  direction: number;
  /** Where the packet is in the source's bytes, and its length there. */
  offset: number;
  length: number;
}

/** Packets up to this length are copied word by word, longer ones by a view of their own, which is garbage afterwards. */
const WORDWISE_BYTES = 512;

/** The datapath's end. Records since the last `publish` or `takeBack` are open. */
export class RingWriter {
  private readonly memory: RingMemory;
  private readonly source: Uint8Array;
  /** The same bytes as words in memory's byte order. */
  private readonly sourceWords: Int32Array;
  private readonly snapLength: number;
  private head = 0;
  private published = 0;
  /** The reader's position when last looked at. */
  private tail = 0;
  /** Sources of open packets for which there was no room; of more than fit the last counts. */
  private readonly missed = new Int32Array(64);
  private missedCount = 0;
  private missedMore = 0;

  /** `source`: bytes that packets lie in, from a multiple of 4 of their buffer on. Captures at most `snapLength` bytes of each. */
  constructor(memory: ArrayBufferLike, maxPorts: number, source: Uint8Array, snapLength: number) {
    this.memory = new RingMemory(memory, maxPorts);
    this.source = source;
    this.sourceWords = new Int32Array(source.buffer, source.byteOffset, source.length >> 2);
    this.snapLength = snapLength;
  }

  /** Whether records are open. */
  get hasOpen(): boolean {
    return this.head !== this.published || this.missedCount > 0;
  }

  /** Appends a record, or notes that the packet was missed. */
  add(packet: RingPacket): void {
    const captured = Math.min(packet.length, this.snapLength);
    const bytes = RECORD_BYTES + ((captured + 7) & ~7);
    const at = this.reserve(bytes);
    if (at < 0) return this.miss(sourceOf(packet.port, packet.point));
    const { words } = this.memory;
    const word = at >> 2;
    words[word + RECORD.bytes] = bytes;
    words[word + RECORD.point] = packet.point;
    words[word + RECORD.port] = packet.port;
    words[word + RECORD.frame] = packet.frame;
    words[word + RECORD.seconds] = packet.seconds;
    words[word + RECORD.nanoseconds] = packet.nanoseconds;
    words[word + RECORD.originalLength] = packet.length;
    words[word + RECORD.capturedLength] = captured;
    words[word + RECORD.group] = packet.group;
    words[word + RECORD.member] = packet.member;
    words[word + RECORD.verdict] = packet.verdict;
    words[word + RECORD.reason] = packet.reason;
    words[word + RECORD.direction] = packet.direction;
    this.copy(packet.offset, at + RECORD_BYTES, captured);
    this.head = (this.head + bytes) | 0;
  }

  /** Offset for a record of this many bytes, or -1. */
  private reserve(bytes: number): number {
    const { control, words } = this.memory;
    const at = this.head & MASK;
    const filler = at + bytes > RING_DATA_BYTES ? RING_DATA_BYTES - at : 0;
    if (((this.head - this.tail) >>> 0) + filler + bytes > RING_DATA_BYTES) {
      this.tail = Atomics.load(control, TAIL);
      if (((this.head - this.tail) >>> 0) + filler + bytes > RING_DATA_BYTES) return -1;
    }
    if (filler === 0) return at;
    words[(at >> 2) + RECORD.bytes] = filler;
    words[(at >> 2) + RECORD.point] = NO_POINT;
    this.head = (this.head + filler) | 0;
    return 0;
  }

  private copy(from: number, to: number, length: number): void {
    const { source, sourceWords, memory } = this;
    if (length > WORDWISE_BYTES) {
      memory.bytes.set(source.subarray(from, from + length), to);
    } else if ((from & 3) === 0) {
      // Up to 3 bytes too many, which stay inside of the record's padding.
      for (let i = 0; i < (length + 3) >> 2; i++) memory.words[(to >> 2) + i] = sourceWords[(from >> 2) + i]!;
    } else {
      for (let i = 0; i < length; i++) memory.bytes[to + i] = source[from + i]!;
    }
  }

  private miss(source: number): void {
    if (this.missedCount < this.missed.length) this.missed[this.missedCount++] = source;
    else this.missedMore++;
  }

  /**
   * Completes the open records: group and member where none is known, and the verdict of those that have none and came in
   * (FROM_PORT) or were balanced.
   */
  complete(group: number, member: number, verdict: number, reason: number): void {
    const { words } = this.memory;
    for (let at = this.published; at !== this.head; ) {
      const word = (at & MASK) >> 2;
      const bytes = words[word + RECORD.bytes]!;
      if (words[word + RECORD.point] !== NO_POINT) {
        if (words[word + RECORD.group] === -1) words[word + RECORD.group] = group;
        if (words[word + RECORD.member] === -1) words[word + RECORD.member] = member;
        if (words[word + RECORD.verdict] === VERDICT.none && words[word + RECORD.direction] !== TO_PORT) {
          words[word + RECORD.verdict] = verdict;
          words[word + RECORD.reason] = reason;
        }
      }
      at = (at + bytes) | 0;
    }
  }

  /** Hands the open records to the reader, and counts them. */
  publish(): void {
    const { control, counters, words } = this.memory;
    for (let at = this.published; at !== this.head; ) {
      const word = (at & MASK) >> 2;
      const point = words[word + RECORD.point]!;
      if (point !== NO_POINT) counters[2 * sourceOf(words[word + RECORD.port]!, point)]! += 1;
      at = (at + words[word + RECORD.bytes]!) | 0;
    }
    for (let i = 0; i < this.missedCount; i++) counters[2 * this.missed[i]! + 1]! += 1;
    if (this.missedMore > 0) counters[2 * this.missed[this.missedCount - 1]! + 1]! += this.missedMore;
    this.missedCount = 0;
    this.missedMore = 0;
    this.published = this.head;
    Atomics.store(control, HEAD, this.head);
  }

  /** Takes the open records back: they were not asked for. */
  takeBack(): void {
    this.head = this.published;
    this.missedCount = 0;
    this.missedMore = 0;
  }
}

/** A packet as the reader sees it; its bytes are valid until the next call of `next`. */
export interface CapturedPacket {
  readonly point: number;
  readonly port: number;
  readonly frame: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly originalLength: number;
  readonly group: number;
  readonly member: number;
  readonly verdict: number;
  readonly reason: number;
  readonly direction: number;
  readonly bytes: Uint8Array;
}

/** The main thread's end. */
export class RingReader {
  private readonly memory: RingMemory;

  constructor(memory: ArrayBufferLike, maxPorts: number) {
    this.memory = new RingMemory(memory, maxPorts);
  }

  /** Empties the ring and its counters for another capture; nobody must be writing. */
  reset(): void {
    this.memory.control.fill(0);
    this.memory.counters.fill(0);
  }

  /** Passes the next packet to `take` and frees its room; false: there is none. */
  next(take: (packet: CapturedPacket) => void): boolean {
    const { control, words, bytes } = this.memory;
    let tail = Atomics.load(control, TAIL);
    while (tail !== Atomics.load(control, HEAD)) {
      const at = tail & MASK;
      const word = at >> 2;
      const end = (tail + words[word + RECORD.bytes]!) | 0;
      const point = words[word + RECORD.point]!;
      if (point !== NO_POINT) {
        const from = at + RECORD_BYTES;
        take({
          point,
          port: words[word + RECORD.port]!,
          frame: words[word + RECORD.frame]! >>> 0,
          seconds: words[word + RECORD.seconds]! >>> 0,
          nanoseconds: words[word + RECORD.nanoseconds]!,
          originalLength: words[word + RECORD.originalLength]!,
          group: words[word + RECORD.group]!,
          member: words[word + RECORD.member]!,
          verdict: words[word + RECORD.verdict]!,
          reason: words[word + RECORD.reason]!,
          direction: words[word + RECORD.direction]!,
          bytes: bytes.subarray(from, from + words[word + RECORD.capturedLength]!),
        });
      }
      tail = end;
      Atomics.store(control, TAIL, tail);
      if (point !== NO_POINT) return true;
    }
    return false;
  }

  /** Sources with packets: how many were written, and how many were missed as the ring was full. */
  *counts(): Generator<{ port: number; point: number; accepted: number; missed: number }> {
    const { counters } = this.memory;
    for (let source = 0; 2 * source < counters.length; source++) {
      const accepted = counters[2 * source]!;
      const missed = counters[2 * source + 1]!;
      if (accepted + missed === 0) continue;
      yield { port: Math.floor(source / POINTS), point: source % POINTS, accepted, missed };
    }
  }
}
