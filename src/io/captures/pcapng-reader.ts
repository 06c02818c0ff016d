/**
 * Reads pcapng (draft-ietf-opsawg-pcapng): a file of blocks
 *
 *    |  Block type (32)  |  Total length (32)  |  Body …  |  Total length again (32)  |
 *
 * in sections that each start with a section header, which tells the byte order. Packets lie in enhanced, simple
 * and (obsolete) packet blocks; interface description blocks tell link type and clock, statistics blocks what was lost;
 * all others are passed over. A capture that is still being written is read piece by piece: `append`.
 */
import {
  CaptureError,
  type CaptureInterface,
  type CapturePacket,
  type CaptureReader,
  type CaptureTime,
  hex32,
  type InterfaceStatistics,
  packetLengthLimit,
  packetsOf,
  type Truncation,
} from './capture.ts';

export const SECTION_HEADER = 0x0a0d0d0a;
export const INTERFACE_DESCRIPTION = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
export const INTERFACE_STATISTICS = 5;
export const ENHANCED_PACKET = 6;
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const BYTE_ORDER_MAGIC_SWAPPED = 0x4d3c2b1a;

/** Type, length and the length again. */
const BLOCK_OVERHEAD_BYTES = 12;
/** Longest block that is taken for a block and not for damage. */
const MAX_BLOCK_BYTES = 256 * 1024 * 1024;
const SECTION_BODY_BYTES = 16;
const INTERFACE_BODY_BYTES = 8;
const SIMPLE_BODY_BYTES = 4;
const PACKET_BODY_BYTES = 20;
const STATISTICS_BODY_BYTES = 12;

export const OPTION_END = 0;
export const OPTION_COMMENT = 1;
/** Of section headers. */
export const OPTION_SHB_USERAPPL = 4;
/** Of interface descriptions. */
export const OPTION_IF_NAME = 2;
export const OPTION_IF_TSRESOL = 9;
const OPTION_IF_FCSLEN = 13;
const OPTION_IF_TSOFFSET = 14;
/** Of enhanced packets. */
export const OPTION_EPB_FLAGS = 2;
export const OPTION_EPB_PACKET_ID = 5;
/** Of interface statistics. */
export const OPTION_ISB_IFRECV = 4;
export const OPTION_ISB_IFDROP = 5;
export const OPTION_ISB_USRDELIV = 8;

/** Lowest bits of an enhanced packet's flags. */
const DIRECTIONS = [undefined, 'in', 'out', undefined] as const;

const NANOSECONDS = 1_000_000_000n;
const EPOCH: CaptureTime = { seconds: 0, nanoseconds: 0 };

/** How an interface's 64-bit timestamps count. */
interface Clock {
  readonly unitsPerSecond: bigint;
  readonly offsetSeconds: bigint;
}

export const isPcapng = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && bytes[0] === 0x0a && bytes[1] === 0x0d && bytes[2] === 0x0d && bytes[3] === 0x0a;

export class PcapngReader implements CaptureReader {
  readonly format = 'pcapng';
  readonly interfaces: CaptureInterface[] = [];
  /** Last statistics block of each interface, by its index. */
  readonly statistics = new Map<number, InterfaceStatistics>();
  truncation: Truncation | null = null;
  private bytes: Uint8Array;
  private view: DataView;
  /** Position in the file of `bytes`. */
  private bytesOffset = 0;
  private readonly clocks: Clock[] = [];
  /** Interface numbers restart in each section: index of the current section's first. */
  private firstOfSection = 0;
  private littleEndian = true;
  private offset = 0;

  constructor(bytes: Uint8Array) {
    if (bytes.length > 0 && !isPcapng(bytes))
      throw new CaptureError(0, 'no section header block', `type ${hex32(SECTION_HEADER)}`);
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * Goes on with the bytes behind those that were given before. Packets that `next` has answered stay valid. Errors count
   * positions from the last block that was cut. Returns the bytes at hand: the cut block's and the new ones.
   */
  append(bytes: Uint8Array): Uint8Array {
    this.bytesOffset += this.offset;
    this.bytes = Buffer.concat([this.bytes.subarray(this.offset), bytes]);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.offset = 0;
    this.truncation = null;
    return this.bytes;
  }

  /** Bytes of whole blocks that `next` has passed, of those at hand. */
  get wholeBytes(): number {
    return this.offset;
  }

  next(): CapturePacket | null {
    while (this.truncation === null && this.offset < this.bytes.length) {
      const start = this.offset;
      const left = this.bytes.length - start;
      if (left < BLOCK_OVERHEAD_BYTES) return this.truncated(BLOCK_OVERHEAD_BYTES);
      // The section header's type reads the same in both byte orders.
      const type = this.view.getUint32(start, this.littleEndian);
      if (type === SECTION_HEADER) this.readByteOrder(start + 8);
      const length = this.view.getUint32(start + 4, this.littleEndian);
      if (length < BLOCK_OVERHEAD_BYTES || length % 4 !== 0 || length > MAX_BLOCK_BYTES)
        throw new CaptureError(
          start + 4,
          `a block of ${length} bytes`,
          `a multiple of 4 from ${BLOCK_OVERHEAD_BYTES} to ${MAX_BLOCK_BYTES}`,
        );
      if (left < length) return this.truncated(length);
      const end = start + length - 4;
      const again = this.view.getUint32(end, this.littleEndian);
      if (again !== length)
        throw new CaptureError(end, `block length ${again}`, `${length} as at its beginning`);
      this.offset = start + length;
      const packet = this.readBlock(type, start, start + 8, end);
      if (packet !== null) return packet;
    }
    return null;
  }

  [Symbol.iterator](): Generator<CapturePacket> {
    return packetsOf(this);
  }

  private truncated(expectedBytes: number): null {
    const { offset } = this;
    this.truncation = {
      fileOffset: this.bytesOffset + offset,
      foundBytes: this.bytes.length - offset,
      expectedBytes,
    };
    return null;
  }

  private readBlock(type: number, start: number, body: number, end: number): CapturePacket | null {
    switch (type) {
      case SECTION_HEADER:
        this.readSection(body, end);
        return null;
      case INTERFACE_DESCRIPTION:
        this.readInterface(body, end);
        return null;
      case ENHANCED_PACKET:
      case OBSOLETE_PACKET:
        return this.readPacket(type, start, body, end);
      case SIMPLE_PACKET:
        return this.readSimplePacket(start, body, end);
      case INTERFACE_STATISTICS:
        this.readStatistics(body, end);
        return null;
      default:
        return null;
    }
  }

  private readByteOrder(at: number): void {
    const magic = this.view.getUint32(at, true);
    if (magic !== BYTE_ORDER_MAGIC && magic !== BYTE_ORDER_MAGIC_SWAPPED)
      throw new CaptureError(at, `byte-order magic ${hex32(magic)}`, hex32(BYTE_ORDER_MAGIC));
    this.littleEndian = magic === BYTE_ORDER_MAGIC;
  }

  private readSection(body: number, end: number): void {
    this.needBody('section header', body, end, SECTION_BODY_BYTES);
    const major = this.view.getUint16(body + 4, this.littleEndian);
    if (major !== 1) throw new CaptureError(body + 4, `section version ${major}`, 'version 1');
    this.firstOfSection = this.interfaces.length;
  }

  private readInterface(body: number, end: number): void {
    this.needBody('interface description', body, end, INTERFACE_BODY_BYTES);
    let unitsPerSecond = 1_000_000n;
    let offsetSeconds = 0n;
    let name = '';
    let fcsBytes = 0;
    this.eachOption(body + INTERFACE_BODY_BYTES, end, (code, at, length) => {
      if (code === OPTION_IF_NAME) name = this.text(at, length);
      else if (code === OPTION_IF_TSRESOL && length === 1) unitsPerSecond = resolution(this.bytes[at]!);
      else if (code === OPTION_IF_FCSLEN && length === 1) fcsBytes = this.bytes[at]!;
      else if (code === OPTION_IF_TSOFFSET && length === 8)
        offsetSeconds = this.view.getBigInt64(at, this.littleEndian);
    });
    this.interfaces.push({
      linkType: this.view.getUint16(body, this.littleEndian),
      snapLength: this.view.getUint32(body + 4, this.littleEndian),
      fcsBytes,
      name,
    });
    this.clocks.push({ unitsPerSecond, offsetSeconds });
  }

  private readPacket(type: number, start: number, body: number, end: number): CapturePacket {
    const { view, littleEndian } = this;
    this.needBody('packet', body, end, PACKET_BODY_BYTES);
    // The obsolete block has 16 bits of interface and 16 of drop count.
    const id =
      type === ENHANCED_PACKET ? view.getUint32(body, littleEndian) : view.getUint16(body, littleEndian);
    const interfaceIndex = this.interfaceOf(id, body);
    const high = view.getUint32(body + 4, littleEndian);
    const low = view.getUint32(body + 8, littleEndian);
    const capturedLength = view.getUint32(body + 12, littleEndian);
    const originalLength = view.getUint32(body + 16, littleEndian);
    const data = body + PACKET_BODY_BYTES;
    const limit = Math.min(end - data, packetLengthLimit(this.interfaces[interfaceIndex]!.snapLength));
    if (capturedLength > limit)
      throw new CaptureError(
        body + 12,
        `a packet of ${capturedLength} bytes`,
        `at most ${limit} in this block`,
      );
    const packet = {
      interfaceIndex,
      time: this.timeOf(interfaceIndex, high, low, body + 4),
      originalLength,
      bytes: this.bytes.subarray(data, data + capturedLength),
      fileOffset: this.bytesOffset + start,
    };
    const options = data + Math.ceil(capturedLength / 4) * 4;
    return type === ENHANCED_PACKET ? { ...packet, ...this.packetOptions(options, end) } : packet;
  }

  private packetOptions(
    from: number,
    end: number,
  ): Pick<CapturePacket, 'comment' | 'direction' | 'packetId'> {
    let comment: string | undefined;
    let direction: CapturePacket['direction'];
    let packetId: number | undefined;
    this.eachOption(from, end, (code, at, length) => {
      if (code === OPTION_COMMENT) comment = this.text(at, length);
      else if (code === OPTION_EPB_FLAGS && length === 4)
        direction = DIRECTIONS[this.view.getUint32(at, this.littleEndian) & 3];
      else if (code === OPTION_EPB_PACKET_ID && length === 8)
        packetId = Number(this.view.getBigUint64(at, this.littleEndian));
    });
    return { comment, direction, packetId };
  }

  private readStatistics(body: number, end: number): void {
    this.needBody('interface statistics', body, end, STATISTICS_BODY_BYTES);
    const interfaceIndex = this.interfaceOf(this.view.getUint32(body, this.littleEndian), body);
    let received = 0;
    let dropped = 0;
    this.eachOption(body + STATISTICS_BODY_BYTES, end, (code, at, length) => {
      if (length !== 8) return;
      const value = Number(this.view.getBigUint64(at, this.littleEndian));
      if (code === OPTION_ISB_IFRECV) received = value;
      else if (code === OPTION_ISB_IFDROP) dropped = value;
    });
    this.statistics.set(interfaceIndex, { received, dropped });
  }

  private text(at: number, length: number): string {
    return Buffer.from(this.bytes.subarray(at, at + length)).toString('utf8');
  }

  private readSimplePacket(start: number, body: number, end: number): CapturePacket {
    this.needBody('simple packet', body, end, SIMPLE_BODY_BYTES);
    const interfaceIndex = this.interfaceOf(0, start);
    const { snapLength } = this.interfaces[interfaceIndex]!;
    const originalLength = this.view.getUint32(body, this.littleEndian);
    const data = body + SIMPLE_BODY_BYTES;
    const capturedLength = snapLength > 0 ? Math.min(originalLength, snapLength) : originalLength;
    if (capturedLength > end - data)
      throw new CaptureError(
        body,
        `a packet of ${capturedLength} bytes`,
        `at most ${end - data} in this block`,
      );
    return {
      interfaceIndex,
      time: EPOCH,
      originalLength,
      bytes: this.bytes.subarray(data, data + capturedLength),
      fileOffset: this.bytesOffset + start,
    };
  }

  private needBody(what: string, body: number, end: number, bytes: number): void {
    if (end - body < bytes)
      throw new CaptureError(body, `${end - body} bytes of ${what} block`, `at least ${bytes}`);
  }

  private interfaceOf(id: number, at: number): number {
    const described = this.interfaces.length - this.firstOfSection;
    if (id >= described)
      throw new CaptureError(at, `interface ${id}`, `one of the ${described} described in this section`);
    return this.firstOfSection + id;
  }

  private timeOf(interfaceIndex: number, high: number, low: number, at: number): CaptureTime {
    const { unitsPerSecond, offsetSeconds } = this.clocks[interfaceIndex]!;
    const units = (BigInt(high) << 32n) | BigInt(low);
    const seconds = Number(units / unitsPerSecond + offsetSeconds);
    if (!Number.isSafeInteger(seconds))
      throw new CaptureError(at, `a time of ${seconds} seconds`, 'one within 2^53 seconds of the epoch');
    return { seconds, nanoseconds: Number(((units % unitsPerSecond) * NANOSECONDS) / unitsPerSecond) };
  }

  private eachOption(
    from: number,
    end: number,
    visit: (code: number, at: number, length: number) => void,
  ): void {
    for (let at = from; at < end; ) {
      if (end - at < 4) throw new CaptureError(at, `${end - at} bytes of option`, 'at least 4');
      const code = this.view.getUint16(at, this.littleEndian);
      const length = this.view.getUint16(at + 2, this.littleEndian);
      if (code === OPTION_END) return;
      if (at + 4 + length > end)
        throw new CaptureError(at, `an option of ${length} bytes`, `at most ${end - at - 4} in this block`);
      visit(code, at + 4, length);
      at += 4 + Math.ceil(length / 4) * 4;
    }
  }
}

/** if_tsresol: a negative power of 10, or of 2 when the highest bit is set. */
function resolution(value: number): bigint {
  const exponent = BigInt(value & 0x7f);
  return value & 0x80 ? 2n ** exponent : 10n ** exponent;
}
