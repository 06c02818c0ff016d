/**
 * Blocks of pcapng (draft-ietf-opsawg-pcapng), little-endian, with times in nanoseconds. Pure: values in, bytes out. No
 * time, name or version of the writer goes into a block that was not handed in.
 */
import { type CaptureTime, LINKTYPE_ETHERNET } from './capture.ts';
import {
  BYTE_ORDER_MAGIC,
  ENHANCED_PACKET,
  INTERFACE_DESCRIPTION,
  INTERFACE_STATISTICS,
  OPTION_COMMENT,
  OPTION_END,
  OPTION_EPB_FLAGS,
  OPTION_EPB_PACKET_ID,
  OPTION_IF_NAME,
  OPTION_IF_TSRESOL,
  OPTION_ISB_IFDROP,
  OPTION_ISB_IFRECV,
  OPTION_ISB_USRDELIV,
  OPTION_SHB_USERAPPL,
  SECTION_HEADER,
} from './pcapng-reader.ts';

/** tcpdump's default: nothing that we write is longer. */
export const SNAP_LENGTH = 262_144;
/** if_tsresol: a power of ten. */
const NANOSECONDS_EXPONENT = 9;
const NANOSECONDS = 1_000_000_000n;

export interface WrittenInterface {
  readonly name?: string;
  readonly linkType?: number;
  /** Bytes of each packet that are kept; default: all. */
  readonly snapLength?: number;
}

export interface WrittenPacket {
  readonly time: CaptureTime;
  readonly interfaceIndex: number;
  readonly bytes: Uint8Array;
  /** More than `bytes.length` if the packet is cut. */
  readonly originalLength: number;
  readonly comment?: string;
  readonly direction?: 'in' | 'out';
  /** The same for a packet that was seen at several interfaces. */
  readonly packetId?: number;
}

/** Of one interface, at the end of a capture. */
export interface WrittenStatistics {
  readonly interfaceIndex: number;
  readonly time: CaptureTime;
  /** Packets that were to be captured, those of them that were lost, and those that were written. */
  readonly received: number;
  readonly dropped: number;
  readonly delivered: number;
}

/** `application`: who writes; absent: not said. */
export function sectionHeader(application?: string): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  body.writeUInt16LE(1, 4);
  // Section length: unspecified.
  body.fill(0xff, 8, 16);
  const options = application === undefined ? [] : [textOption(OPTION_SHB_USERAPPL, application)];
  return block(SECTION_HEADER, body, options);
}

export function interfaceDescription({
  name = '',
  linkType = LINKTYPE_ETHERNET,
  snapLength = SNAP_LENGTH,
}: WrittenInterface): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(linkType, 0);
  body.writeUInt32LE(snapLength, 4);
  const resolution = option(OPTION_IF_TSRESOL, Buffer.from([NANOSECONDS_EXPONENT]));
  const names = name === '' ? [] : [textOption(OPTION_IF_NAME, name)];
  return block(INTERFACE_DESCRIPTION, body, [...names, resolution]);
}

export function enhancedPacket(packet: WrittenPacket): Buffer {
  const { bytes, comment, direction, packetId } = packet;
  const body = Buffer.alloc(20 + padded(bytes.length));
  body.writeUInt32LE(packet.interfaceIndex, 0);
  writeTime(body, 4, packet.time);
  body.writeUInt32LE(bytes.length, 12);
  body.writeUInt32LE(packet.originalLength, 16);
  body.set(bytes, 20);
  const options: Buffer[] = [];
  if (comment !== undefined) options.push(textOption(OPTION_COMMENT, comment));
  if (direction !== undefined) {
    const flags = Buffer.alloc(4);
    flags.writeUInt32LE(direction === 'in' ? 1 : 2);
    options.push(option(OPTION_EPB_FLAGS, flags));
  }
  if (packetId !== undefined) options.push(option(OPTION_EPB_PACKET_ID, number64(packetId)));
  return block(ENHANCED_PACKET, body, options);
}

export function interfaceStatistics(statistics: WrittenStatistics): Buffer {
  const body = Buffer.alloc(12);
  body.writeUInt32LE(statistics.interfaceIndex, 0);
  writeTime(body, 4, statistics.time);
  return block(INTERFACE_STATISTICS, body, [
    option(OPTION_ISB_IFRECV, number64(statistics.received)),
    option(OPTION_ISB_IFDROP, number64(statistics.dropped)),
    option(OPTION_ISB_USRDELIV, number64(statistics.delivered)),
  ]);
}

const padded = (bytes: number): number => Math.ceil(bytes / 4) * 4;

function number64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function writeTime(body: Buffer, at: number, { seconds, nanoseconds }: CaptureTime): void {
  const units = BigInt(seconds) * NANOSECONDS + BigInt(nanoseconds);
  if (units < 0n || units >= 1n << 64n)
    throw new RangeError(`packet time: ${seconds} s, expected 0 to 18446744073 (2554) in pcapng`);
  body.writeUInt32LE(Number(units >> 32n), at);
  body.writeUInt32LE(Number(units & 0xffff_ffffn), at + 4);
}

const textOption = (code: number, text: string): Buffer => option(code, Buffer.from(text, 'utf8'));

/** `value`: at most 65 535 bytes. */
function option(code: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + padded(value.length));
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt16LE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

/** `body`: a multiple of 4 bytes. */
function block(type: number, body: Buffer, options: readonly Buffer[]): Buffer {
  const end = options.length === 0 ? [] : [option(OPTION_END, Buffer.alloc(0))];
  const content = Buffer.concat([body, ...options, ...end]);
  const bytes = Buffer.alloc(12 + content.length);
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(bytes.length, 4);
  content.copy(bytes, 8);
  bytes.writeUInt32LE(bytes.length, bytes.length - 4);
  return bytes;
}
