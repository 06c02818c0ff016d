/**
 * One record in a file, preceded by length and checksum, so that a reader can tell a complete record from a torn one.
 *
 *   llllllll cccccccc {"json":…}\n
 *
 * Length of the JSON in bytes and its CRC-32 (IEEE 802.3), eight hexadecimal digits each. All of it is text: a
 * person with an editor can read a store, and repair it.
 */
import { crc32 } from 'node:zlib';

const HEADER_BYTES = 18;
const HEADER = /^([0-9a-f]{8}) ([0-9a-f]{8}) $/;
const NEWLINE = 0x0a;

const hex8 = (value: number): string => value.toString(16).padStart(8, '0');

export function encodeFrame(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  return Buffer.concat([Buffer.from(`${hex8(json.length)} ${hex8(crc32(json))} `), json, Buffer.from('\n')]);
}

export interface Frame {
  readonly value: unknown;
  /** Offset of the byte after it. */
  readonly end: number;
}

/** The complete and undamaged frame at `offset`; undefined if there is none. */
export function decodeFrame(bytes: Buffer, offset: number): Frame | undefined {
  const header = HEADER.exec(bytes.toString('latin1', offset, offset + HEADER_BYTES));
  if (header === null) return undefined;
  const start = offset + HEADER_BYTES;
  const end = start + Number.parseInt(header[1]!, 16);
  if (end >= bytes.length || bytes[end] !== NEWLINE) return undefined;
  const json = bytes.subarray(start, end);
  if (crc32(json) !== Number.parseInt(header[2]!, 16)) return undefined;
  return { value: JSON.parse(json.toString()), end: end + 1 };
}

/** Whether a complete frame begins at any line after `offset`: then the data at `offset` is not a torn tail. */
export function hasFrameAfter(bytes: Buffer, offset: number): boolean {
  for (let line = bytes.indexOf(NEWLINE, offset); line !== -1; line = bytes.indexOf(NEWLINE, line + 1))
    if (decodeFrame(bytes, line + 1) !== undefined) return true;
  return false;
}
