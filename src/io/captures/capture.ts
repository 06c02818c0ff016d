/** Packet captures independent of the file format: output of readers, input of writers. */

/** LINKTYPE_ETHERNET of the link-layer header type registry. */
export const LINKTYPE_ETHERNET = 1;

export interface CaptureInterface {
  readonly linkType: number;
  /** Longest packet that was captured whole, bytes; 0: no limit. */
  readonly snapLength: number;
  /** Bytes of frame check sequence at the end of each packet. */
  readonly fcsBytes: number;
  /** if_name of pcapng; '' where there is none. */
  readonly name: string;
}

/** A moment since the epoch, in two numbers as nanoseconds don't fit into one. */
export interface CaptureTime {
  readonly seconds: number;
  /** 0 … 999 999 999. */
  readonly nanoseconds: number;
}

export interface CapturePacket {
  /** Index into the reader's `interfaces`. */
  readonly interfaceIndex: number;
  /** Epoch for simple packet blocks, which carry no time. */
  readonly time: CaptureTime;
  /** Length on the wire; more than `bytes.length` when the capture cut it. */
  readonly originalLength: number;
  /** A view into the file's bytes. */
  readonly bytes: Uint8Array;
  /** Where the record or block begins in the file. */
  readonly fileOffset: number;
  /** pcapng's, if it has them: a text, the direction at the interface, and a number that is the same at all interfaces. */
  readonly comment?: string;
  readonly direction?: 'in' | 'out';
  readonly packetId?: number;
}

/** Packets that an interface has received for the capture, and how many of them are lost. */
export interface InterfaceStatistics {
  readonly received: number;
  readonly dropped: number;
}

/** The file ends inside a record: bytes present and expected. */
export interface Truncation {
  readonly fileOffset: number;
  readonly foundBytes: number;
  readonly expectedBytes: number;
}

/** Packets in file order, until null. */
export interface CaptureReader extends Iterable<CapturePacket> {
  readonly format: 'pcap' | 'pcapng';
  /** pcapng describes interfaces within the file: complete once `next` has returned null. */
  readonly interfaces: readonly CaptureInterface[];
  next(): CapturePacket | null;
  /** Set when `next` has answered null because the file is cut off; packets before are good. */
  readonly truncation: Truncation | null;
}

/** A file that is not a capture, or is inconsistent: position, found and expected. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
  readonly fileOffset: number;

  constructor(fileOffset: number, found: string, expected: string) {
    super(`capture file, byte ${fileOffset}: found ${found}, expected ${expected}`);
    this.fileOffset = fileOffset;
  }
}

export const hex32 = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

/**
 * Longest packet that is taken for a packet and not for damage: libpcap's MAXIMUM_SNAPLEN, or the file's own
 * limit up to 128 MB.
 */
export const packetLengthLimit = (snapLength: number): number =>
  Math.max(262_144, Math.min(snapLength, 128 * 1024 * 1024));

export function* packetsOf(reader: CaptureReader): Generator<CapturePacket> {
  for (let packet = reader.next(); packet !== null; packet = reader.next()) yield packet;
}
