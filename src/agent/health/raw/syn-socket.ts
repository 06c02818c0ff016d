/**
 * Half-open TCP probes over one raw socket per family: a SYN, and the member's SYN/ACK or RST (RFC 9293 §3.5).
 *
 * Theory of operation. The kernel knows no connection at the SYN's port, so it answers the SYN/ACK with a RST by itself:
 * the member's application never sees a connection. Ports are outside of the range that Linux gives to its own
 * connections by default. An answer must come from the probed address and port, to the SYN's port, and acknowledge its
 * random sequence number. The source address, which the checksum covers, is asked of the kernel by connecting a UDP
 * socket, which sends nothing.
 */
import { createSocket } from 'node:dgram';
import { ADDRESS_WORDS, addressFamily, addressToWords, canonicalAddress } from '../../../wire/address.ts';
import { checkOf } from '../../../wire/checksum.ts';
import * as tcp from '../../../wire/tcp.ts';
import { openRawSocket, type RawSocket, RawSockets } from './raw-socket.ts';

const PROTOCOL_TCP = 6;
/** ip_local_port_range ends at 60 999. */
const FIRST_PORT = 61_000;
const PORTS = 65_536 - FIRST_PORT;
const SEGMENT_BYTES = tcp.MIN_HEADER_BYTES + tcp.MSS_OPTION_BYTES;
/** Which every path carries: RFC 9293 §3.7.1's default for IPv4. */
const MSS_BYTES = 536;
const WINDOW_BYTES = 1024;

interface Pending {
  readonly address: string;
  readonly port: number;
  readonly sequence: number;
  answered(isOpen: boolean): void;
}

export interface SynTarget {
  readonly address: string;
  readonly port: number;
}

export class SynSocket {
  private static onClosed = (): void => {};
  private static readonly sockets = new RawSockets((family) => new SynSocket(family));
  private readonly family: 4 | 6;
  private readonly socket: RawSocket;
  /** By the SYN's port. */
  private readonly pending = new Map<number, Pending>();
  private lastPort = FIRST_PORT;

  /** As EchoSocket's. */
  static for(address: string): SynSocket {
    return SynSocket.sockets.of(addressFamily(address));
  }

  /** As EchoSocket's. */
  static openAll(onClosed: () => void): void {
    SynSocket.onClosed = onClosed;
    SynSocket.sockets.openAll();
  }

  private constructor(family: 4 | 6) {
    this.family = family;
    this.socket = openRawSocket(family, PROTOCOL_TCP);
    this.socket.on('message', (buffer, source) => this.received(buffer, source));
    // As in EchoSocket.
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      SynSocket.sockets.forget(family);
      SynSocket.onClosed();
    });
  }

  /** Sends one SYN with this sequence number; returns a function that cancels the question. */
  ask(
    { address, port }: SynTarget,
    sequence: number,
    answered: (isOpen: boolean) => void,
    failed: (error: Error) => void,
  ): () => void {
    const ownPort = this.freePort();
    this.pending.set(ownPort, { address: canonicalAddress(address), port, sequence, answered });
    const route = createSocket(this.family === 4 ? 'udp4' : 'udp6');
    route.once('error', failed);
    route.connect(port, address, () => {
      const source = route.address().address;
      route.close();
      const segment = synSegment(source, address, (ownPort << 16) | port, sequence);
      this.socket.send(segment, 0, SEGMENT_BYTES, address, (error) => {
        if (error !== null) failed(error);
      });
    });
    return () => this.pending.delete(ownPort);
  }

  private freePort(): number {
    do this.lastPort = FIRST_PORT + ((this.lastPort + 1 - FIRST_PORT) % PORTS);
    while (this.pending.has(this.lastPort));
    return this.lastPort;
  }

  /** IPv4 comes with its header, IPv6 without. */
  private received(buffer: Buffer, source: string): void {
    const at = this.family === 4 ? (buffer[0]! & 0x0f) * 4 : 0;
    if (buffer.length < at + tcp.MIN_HEADER_BYTES) return;
    const pending = this.pending.get(buffer.readUInt16BE(at + 2));
    if (pending === undefined || pending.port !== buffer.readUInt16BE(at)) return;
    if (pending.address !== canonicalAddress(source)) return;
    const flags = buffer[at + 13]! & (tcp.SYN | tcp.RST | tcp.ACK);
    if (buffer.readUInt32BE(at + 8) !== (pending.sequence + 1) >>> 0) return;
    if (flags === (tcp.SYN | tcp.ACK)) pending.answered(true);
    else if (flags === (tcp.RST | tcp.ACK)) pending.answered(false);
  }
}

/** A SYN with its checksum; `ports`: source and destination. */
function synSegment(source: string, destination: string, ports: number, sequence: number): Buffer {
  const segment = Buffer.alloc(SEGMENT_BYTES);
  const view = new DataView(segment.buffer, segment.byteOffset, SEGMENT_BYTES);
  tcp.write(view, 0, ports, sequence, 0, tcp.SYN);
  view.setUint8(12, (SEGMENT_BYTES / 4) << 4);
  view.setUint16(14, WINDOW_BYTES);
  view.setUint8(tcp.MIN_HEADER_BYTES, tcp.OPTION_MSS);
  view.setUint8(tcp.MIN_HEADER_BYTES + 1, tcp.MSS_OPTION_BYTES);
  tcp.setMss(view, tcp.MIN_HEADER_BYTES, MSS_BYTES);
  const pseudo = PROTOCOL_TCP + SEGMENT_BYTES + sumOfAddress(source) + sumOfAddress(destination);
  tcp.setCheck(view, 0, checkOf(view, 0, SEGMENT_BYTES, pseudo));
  return segment;
}

/** Of 16-bit words; the prefix of a mapped IPv4 address adds 0xffff, which is 0 in one's complement. */
function sumOfAddress(address: string): number {
  const words = new Int32Array(ADDRESS_WORDS);
  addressToWords(address, words, 0);
  return words.reduce((sum, word) => sum + (word >>> 16) + (word & 0xffff), 0);
}
