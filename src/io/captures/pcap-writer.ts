/**
 * Writes captures, little-endian: classic pcap with microseconds or nanoseconds, or pcapng (pcapng-writer.ts).
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
  enhancedPacket,
  interfaceDescription,
  SNAP_LENGTH,
  sectionHeader,
  type WrittenInterface,
} from './pcapng-writer.ts';

export type CaptureFormat = 'pcap' | 'pcap-ns' | 'pcapng';

export interface PcapWriterOptions {
  /** Default `pcap`: microseconds, which every tool reads. */
  readonly format?: CaptureFormat;
  /** Default: one Ethernet interface. Classic pcap holds one, without its name. */
  readonly interfaces?: readonly WrittenInterface[];
}

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
    if (this.format === 'pcapng') this.sink(enhancedPacket({ time, bytes, interfaceIndex, originalLength }));
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
}

function pcapHeader(format: 'pcap' | 'pcap-ns', linkType: number): Buffer {
  const header = Buffer.alloc(PCAP_FILE_HEADER_BYTES);
  header.writeUInt32LE(format === 'pcap' ? PCAP_MAGIC_MICROSECONDS : PCAP_MAGIC_NANOSECONDS, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(SNAP_LENGTH, 16);
  header.writeUInt32LE(linkType, 20);
  return header;
}
