/**
 * Reads captures: classic pcap here (draft-ietf-opsawg-pcap), pcapng in pcapng-reader.ts. Pure: bytes in, packets
 * out; see capture-file.ts for files.
 *
 *    0                   1                   2                   3
 *    |  Magic: a1b2c3d4 µs, a1b23c4d ns; either byte order           |
 *    |  Major version 2              |  Minor version 4              |
 *    |  Reserved                                                     |
 *    |  Reserved                                                     |
 *    |  SnapLen                                                      |
 *    |  FCS length (4 bits), f, 11 bits of zero |  LinkType (16 bits)|
 *
 * then per packet seconds, fraction, captured length, original length (32 bits each) and the captured bytes.
 */
import {
  CaptureError,
  type CaptureInterface,
  type CapturePacket,
  type CaptureReader,
  hex32,
  packetLengthLimit,
  packetsOf,
  type Truncation,
} from './capture.ts';
import { isPcapng, PcapngReader } from './pcapng-reader.ts';

export const PCAP_MAGIC_MICROSECONDS = 0xa1b2c3d4;
export const PCAP_MAGIC_NANOSECONDS = 0xa1b23c4d;
export const PCAP_FILE_HEADER_BYTES = 24;
export const PCAP_RECORD_HEADER_BYTES = 16;
/** Bit in front of the link type: the FCS length is valid. It counts 16-bit words. */
const FCS_PRESENT = 1 << 26;
const FCS_SHIFT = 28;

/** A reader for either format. Throws CaptureError when the bytes are no capture. */
export function readCapture(bytes: Uint8Array): CaptureReader {
  return isPcapng(bytes) ? new PcapngReader(bytes) : new PcapReader(bytes);
}

export class PcapReader implements CaptureReader {
  readonly format = 'pcap';
  readonly interfaces: readonly CaptureInterface[];
  truncation: Truncation | null = null;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly littleEndian: boolean;
  /** Resolution of the file's timestamps: 1000 or 1. */
  readonly nanosecondsPerUnit: number;
  private readonly lengthLimit: number;
  private offset = PCAP_FILE_HEADER_BYTES;

  constructor(bytes: Uint8Array) {
    if (bytes.length < PCAP_FILE_HEADER_BYTES)
      throw new CaptureError(0, `${bytes.length} bytes`, `a file header of ${PCAP_FILE_HEADER_BYTES} bytes`);
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { littleEndian, nanosecondsPerUnit } = byteOrderAndUnit(this.view.getUint32(0, true));
    this.littleEndian = littleEndian;
    this.nanosecondsPerUnit = nanosecondsPerUnit;
    const major = this.view.getUint16(4, littleEndian);
    const minor = this.view.getUint16(6, littleEndian);
    if (major !== 2 || minor !== 4) throw new CaptureError(4, `version ${major}.${minor}`, 'version 2.4');
    const snapLength = this.view.getUint32(16, littleEndian);
    const link = this.view.getUint32(20, littleEndian);
    this.lengthLimit = packetLengthLimit(snapLength);
    this.interfaces = [
      {
        linkType: link & 0xffff,
        snapLength,
        fcsBytes: link & FCS_PRESENT ? (link >>> FCS_SHIFT) * 2 : 0,
        name: '',
      },
    ];
  }

  next(): CapturePacket | null {
    const { bytes, view, littleEndian, offset } = this;
    const left = bytes.length - offset;
    if (left === 0 || this.truncation !== null) return null;
    if (left < PCAP_RECORD_HEADER_BYTES) return this.truncated(PCAP_RECORD_HEADER_BYTES);
    const seconds = view.getUint32(offset, littleEndian);
    const nanoseconds = view.getUint32(offset + 4, littleEndian) * this.nanosecondsPerUnit;
    const capturedLength = view.getUint32(offset + 8, littleEndian);
    const originalLength = view.getUint32(offset + 12, littleEndian);
    if (nanoseconds >= 1e9)
      throw new CaptureError(offset + 4, `a fraction of ${nanoseconds} ns`, 'less than a second');
    if (capturedLength > this.lengthLimit)
      throw new CaptureError(
        offset + 8,
        `a packet of ${capturedLength} bytes`,
        `at most ${this.lengthLimit}`,
      );
    const end = PCAP_RECORD_HEADER_BYTES + capturedLength;
    if (left < end) return this.truncated(end);
    this.offset = offset + end;
    return {
      interfaceIndex: 0,
      time: { seconds, nanoseconds },
      originalLength,
      bytes: bytes.subarray(offset + PCAP_RECORD_HEADER_BYTES, offset + end),
      fileOffset: offset,
    };
  }

  [Symbol.iterator](): Generator<CapturePacket> {
    return packetsOf(this);
  }

  private truncated(expectedBytes: number): null {
    const { offset } = this;
    this.truncation = { fileOffset: offset, foundBytes: this.bytes.length - offset, expectedBytes };
    return null;
  }
}

/** `magic`: the first four bytes, read as little-endian. */
function byteOrderAndUnit(magic: number): { littleEndian: boolean; nanosecondsPerUnit: number } {
  switch (magic) {
    case PCAP_MAGIC_MICROSECONDS:
      return { littleEndian: true, nanosecondsPerUnit: 1000 };
    case PCAP_MAGIC_NANOSECONDS:
      return { littleEndian: true, nanosecondsPerUnit: 1 };
    case 0xd4c3b2a1:
      return { littleEndian: false, nanosecondsPerUnit: 1000 };
    case 0x4d3cb2a1:
      return { littleEndian: false, nanosecondsPerUnit: 1 };
    default:
      throw new CaptureError(0, `magic ${hex32(magic)}`, 'that of pcap or pcapng');
  }
}
