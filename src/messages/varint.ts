/**
 * Protocol Buffers' varints (encoding guide, "Base 128 Varints" and "Signed Integers") for numbers up to 2^53 in both
 * directions, straight between bytes and numbers. protobufjs goes through an object per 64-bit number, which costs
 * five times as much; a report has thousands of them.
 */

/** A message that is not what sluice.proto says. */
export class MalformedMessage extends Error {}

const FIRST_CAPACITY = 4096;
/** Longest varint of a number below 2^53, zigzag-encoded. */
const MAX_VARINT_BYTES = 8;

/** Bytes that grow as they are written; reused from message to message. */
export class VarintWriter {
  bytes = new Uint8Array(FIRST_CAPACITY);
  length = 0;

  /** Makes room for `count` varints, so that the writes themselves need not look. */
  reserveVarints(count: number): void {
    this.reserve(count * MAX_VARINT_BYTES);
  }

  /** 0 … 2^53-1. */
  unsigned(value: number): void {
    this.reserve(MAX_VARINT_BYTES);
    this.unsignedUnchecked(value);
  }

  /** 0 … 2^53-1, into room that was reserved. */
  unsignedUnchecked(value: number): void {
    const bytes = this.bytes;
    let at = this.length;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      bytes[at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.length = at;
  }

  /** sint64, |value| < 2^53, into room that was reserved: its magnitude shifted left by one, the sign in bit 0. */
  signedUnchecked(value: number): void {
    const sign = value < 0 ? 1 : 0;
    const magnitude = sign === 1 ? -value - 1 : value;
    if (magnitude < 0x40) {
      this.bytes[this.length++] = (magnitude << 1) | sign;
      return;
    }
    this.bytes[this.length++] = ((magnitude % 0x40) << 1) | sign | 0x80;
    this.unsignedUnchecked(Math.floor(magnitude / 0x40));
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  private reserve(byteCount: number): void {
    const needed = this.length + byteCount;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}

/** Reads from `at` up to `end`; throws MalformedMessage where the bytes end within a number. */
export class VarintReader {
  readonly bytes: Uint8Array;
  at: number;
  end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** What is above 2^53 loses precision; above ten bytes it is malformed. */
  unsigned(): number {
    const bytes = this.bytes;
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      if (this.at >= this.end) throw new MalformedMessage('a number ends after the message does');
      const byte = bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw new MalformedMessage('a number of more than ten bytes');
  }

  signed(): number {
    if (this.at >= this.end) throw new MalformedMessage('a number ends after the message does');
    const first = this.bytes[this.at++]!;
    const low = (first & 0x7f) >>> 1;
    const magnitude = first < 0x80 ? low : this.unsigned() * 0x40 + low;
    return (first & 1) === 0 ? magnitude : -magnitude - 1;
  }

  /** The next `byteCount` bytes, as a view. */
  take(byteCount: number): Uint8Array {
    if (this.at + byteCount > this.end) throw new MalformedMessage('a field ends after the message does');
    this.at += byteCount;
    return this.bytes.subarray(this.at - byteCount, this.at);
  }

  /** Passes over a field of a wire type (0 varint, 1 64-bit, 2 length-delimited, 5 32-bit). */
  skip(wireType: number): void {
    if (wireType === 0) this.unsigned();
    else if (wireType === 1) this.take(8);
    else if (wireType === 2) this.take(this.unsigned());
    else if (wireType === 5) this.take(4);
    else throw new MalformedMessage(`wire type ${wireType}, expected 0, 1, 2 or 5`);
  }
}
