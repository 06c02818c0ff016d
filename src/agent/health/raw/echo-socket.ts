/**
 * ICMP and ICMPv6 echo (RFC 792, RFC 4443 §4.1) over one raw socket per family.
 *
 * The identifier is per process, the sequence number per request: a reply must have both, and the probed address as
 * source. The kernel fills in the ICMPv6 checksum and prepends the IPv4 header.
 */
import { addressFamily, canonicalAddress } from '../../../wire/address.ts';
import { checkOf } from '../../../wire/checksum.ts';
import * as icmp from '../../../wire/icmp.ts';
import * as icmpv6 from '../../../wire/icmpv6.ts';
import { openRawSocket, type RawSocket, RawSockets } from './raw-socket.ts';

const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;
/** Length with header, identifier and sequence number. */
const MESSAGE_BYTES = 8;

interface Pending {
  readonly address: string;
  answered(): void;
}

export class EchoSocket {
  private static onClosed = (): void => {};
  private static readonly sockets = new RawSockets((family) => new EchoSocket(family));
  private readonly family: 4 | 6;
  private readonly socket: RawSocket;
  private readonly pending = new Map<number, Pending>();
  private lastSequence = 0;

  /** The socket for the address's family. Throws an Error that names what is missing. */
  static for(address: string): EchoSocket {
    return EchoSocket.sockets.of(addressFamily(address));
  }

  /** Opens both families' sockets, as far as possible, for a process that gives up the permission afterwards. */
  static openAll(onClosed: () => void): void {
    EchoSocket.onClosed = onClosed;
    EchoSocket.sockets.openAll();
  }

  private constructor(family: 4 | 6) {
    this.family = family;
    this.socket = openRawSocket(family, family === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6);
    this.socket.on('message', (buffer, source) => this.received(buffer, source));
    // The error concerns one message, which will time out, or the socket, which is then closed.
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      EchoSocket.sockets.forget(family);
      EchoSocket.onClosed();
    });
  }

  /** Sends one request; returns a function that cancels it. */
  ask(address: string, answered: () => void, failed: (error: Error) => void): () => void {
    const sequence = this.freeSequence();
    this.pending.set(sequence, { address: canonicalAddress(address), answered });
    this.socket.send(this.request(sequence), 0, MESSAGE_BYTES, address, (error) => {
      if (error !== null) failed(error);
    });
    return () => this.pending.delete(sequence);
  }

  private freeSequence(): number {
    do this.lastSequence = (this.lastSequence + 1) & 0xffff;
    while (this.pending.has(this.lastSequence));
    return this.lastSequence;
  }

  private request(sequence: number): Buffer {
    const message = Buffer.alloc(MESSAGE_BYTES);
    message[0] = this.family === 4 ? icmp.ECHO : icmpv6.ECHO;
    message.writeUInt16BE(process.pid & 0xffff, 4);
    message.writeUInt16BE(sequence, 6);
    const view = new DataView(message.buffer, message.byteOffset, MESSAGE_BYTES);
    if (this.family === 4) icmp.setCheck(view, 0, checkOf(view, 0, MESSAGE_BYTES, 0));
    return message;
  }

  private received(buffer: Buffer, source: string): void {
    const at = this.family === 4 ? (buffer[0]! & 0x0f) * 4 : 0;
    if (buffer.length < at + MESSAGE_BYTES) return;
    const reply = this.family === 4 ? icmp.ECHO_REPLY : icmpv6.ECHO_REPLY;
    if (buffer[at] !== reply || buffer.readUInt16BE(at + 4) !== (process.pid & 0xffff)) return;
    const pending = this.pending.get(buffer.readUInt16BE(at + 6));
    if (pending?.address === canonicalAddress(source)) pending.answered();
  }
}
