/**
 * Writes captures, little-endian: classic pcap with microseconds or nanoseconds, or pcapng with nanoseconds.
 * Pure: gives bytes to a sink. The same packets give the same bytes: no time, name or version of the writer goes
 * into the file.
 */
import { type CaptureTime, LINKTYPE_ETHERNET } from './capture.ts';
import {
  PCAP_FILE_HEADER_BYTES,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_MAGIC_NANOSECONDS,
  PCAP_RECORD_HEADER_BYTES,
} from './pcap-reader.ts';
import {
  BYTE_ORDER_MAGIC,
  ENHANCED_PACKET,
  INTERFACE_DESCRIPTION,
  OPTION_END,
  OPTION_IF_NAME,
  OPTION_IF_TSRESOL,
  SECTION_HEADER,
} from './pcapng-reader.ts';

export type CaptureFormat = 'pcap' | 'pcap-ns' | 'pcapng';

export interface WrittenInterface {
  readonly name?: string;
  readonly linkType?: number;
}

export interface PcapWriterOptions {
  /** Default `pcap`: microseconds, which every tool reads. */
  readonly format?: CaptureFormat;
  /** Default: one Ethernet interface. Classic pcap holds one, without its name. */
  readonly interfaces?: readonly WrittenInterface[];
}

/** tcpdump's default: nothing that we write is cut. */
const SNAP_LENGTH = 262_144;
const PCAPNG_NANOSECONDS = 9;
const NANOSECONDS = 1_000_000_000n;
/** Of an enhanced packet block, without packet and padding. */
const ENHANCED_PACKET_BYTES = 32;

export class PcapWriter {
  private readonly sink: (bytes: Uint8Array) => void;
  private readonly format: CaptureFormat;
  private readonly interfaceCount: number;

  /** Writes the file header at once. `sink` must use or copy the bytes before it returns. */
  constructor(sink: (bytes: Uint8Array) => void, options: PcapWriterOptions = {}) {
    const { format = 'pcap', interfaces = [{}] } = options;
    this.sink = sink;
    this.format = format;
    this.interfaceCount = interfaces.length;
    if (format === 'pcapng') {
      sink(sectionHeader());
      for (const described of interfaces) sink(interfaceDescription(described));
      return;
    }
    if (interfaces.length !== 1)
      throw new RangeError(`${format} holds packets of 1 interface, not of ${interfaces.length}: use pcapng`);
    sink(pcapHeader(format, interfaces[0]!.linkType ?? LINKTYPE_ETHERNET));
  }

  /** `originalLength`: when `bytes` is only the beginning of the packet. */
  write(time: CaptureTime, bytes: Uint8Array, interfaceIndex = 0, originalLength = bytes.length): void {
    const { seconds, nanoseconds } = time;
    if (!(Number.isInteger(nanoseconds) && nanoseconds >= 0 && nanoseconds < 1e9))
      throw new RangeError(`packet time: ${nanoseconds} ns, expected 0 to 999999999`);
    if (!(interfaceIndex >= 0 && interfaceIndex < this.interfaceCount))
      throw new RangeError(`packet of interface ${interfaceIndex}, expected 0 to ${this.interfaceCount - 1}`);
    if (bytes.length > SNAP_LENGTH)
      throw new RangeError(`packet of ${bytes.length} bytes, expected at most ${SNAP_LENGTH}`);
    if (this.format === 'pcapng') this.writeBlock(time, bytes, interfaceIndex, originalLength);
    else this.writeRecord(seconds, nanoseconds, bytes, originalLength);
  }

  private writeRecord(seconds: number, nanoseconds: number, bytes: Uint8Array, originalLength: number): void {
    if (!(Number.isInteger(seconds) && seconds >= 0 && seconds <= 0xffff_ffff))
      throw new RangeError(`packet time: ${seconds} s, expected 0 to 4294967295 (2106) in pcap: use pcapng`);
    const record = Buffer.alloc(PCAP_RECORD_HEADER_BYTES + bytes.length);
    record.writeUInt32LE(seconds, 0);
    record.writeUInt32LE(this.format === 'pcap' ? Math.floor(nanoseconds / 1000) : nanoseconds, 4);
    record.writeUInt32LE(bytes.length, 8);
    record.writeUInt32LE(originalLength, 12);
    record.set(bytes, PCAP_RECORD_HEADER_BYTES);
    this.sink(record);
  }

  private writeBlock(
    { seconds, nanoseconds }: CaptureTime,
    bytes: Uint8Array,
    interfaceIndex: number,
    originalLength: number,
  ): void {
    const length = ENHANCED_PACKET_BYTES + padded(bytes.length);
    const block = Buffer.alloc(length);
    const units = BigInt(seconds) * NANOSECONDS + BigInt(nanoseconds);
    if (units < 0n || units >= 1n << 64n)
      throw new RangeError(`packet time: ${seconds} s, expected 0 to 18446744073 (2554) in pcapng`);
    block.writeUInt32LE(ENHANCED_PACKET, 0);
    block.writeUInt32LE(length, 4);
    block.writeUInt32LE(interfaceIndex, 8);
    block.writeUInt32LE(Number(units >> 32n), 12);
    block.writeUInt32LE(Number(units & 0xffff_ffffn), 16);
    block.writeUInt32LE(bytes.length, 20);
    block.writeUInt32LE(originalLength, 24);
    block.set(bytes, 28);
    block.writeUInt32LE(length, length - 4);
    this.sink(block);
  }
}

const padded = (bytes: number): number => Math.ceil(bytes / 4) * 4;

function pcapHeader(format: 'pcap' | 'pcap-ns', linkType: number): Buffer {
  const header = Buffer.alloc(PCAP_FILE_HEADER_BYTES);
  header.writeUInt32LE(format === 'pcap' ? PCAP_MAGIC_MICROSECONDS : PCAP_MAGIC_NANOSECONDS, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(SNAP_LENGTH, 16);
  header.writeUInt32LE(linkType, 20);
  return header;
}

function sectionHeader(): Buffer {
  const block = Buffer.alloc(28);
  block.writeUInt32LE(SECTION_HEADER, 0);
  block.writeUInt32LE(block.length, 4);
  block.writeUInt32LE(BYTE_ORDER_MAGIC, 8);
  block.writeUInt16LE(1, 12);
  // Section length: unspecified.
  block.fill(0xff, 16, 24);
  block.writeUInt32LE(block.length, 24);
  return block;
}

function interfaceDescription({ name = '', linkType = LINKTYPE_ETHERNET }: WrittenInterface): Buffer {
  const nameBytes = Buffer.from(name, 'utf8');
  const nameOption = nameBytes.length > 0 ? 4 + padded(nameBytes.length) : 0;
  const block = Buffer.alloc(16 + nameOption + 8 + 4 + 4);
  block.writeUInt32LE(INTERFACE_DESCRIPTION, 0);
  block.writeUInt32LE(block.length, 4);
  block.writeUInt16LE(linkType, 8);
  block.writeUInt32LE(SNAP_LENGTH, 12);
  if (nameOption > 0) {
    block.writeUInt16LE(OPTION_IF_NAME, 16);
    block.writeUInt16LE(nameBytes.length, 18);
    nameBytes.copy(block, 20);
  }
  const resolutionOption = 16 + nameOption;
  block.writeUInt16LE(OPTION_IF_TSRESOL, resolutionOption);
  block.writeUInt16LE(1, resolutionOption + 2);
  block.writeUInt8(PCAPNG_NANOSECONDS, resolutionOption + 4);
  block.writeUInt16LE(OPTION_END, resolutionOption + 8);
  block.writeUInt32LE(block.length, block.length - 4);
  return block;
}
