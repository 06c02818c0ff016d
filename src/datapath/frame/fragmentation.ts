/**
 * Packets that exceed the MTU of their outgoing network: IPv4 packets without DF are fragmented (RFC 791 §3.2, RFC
 * 1812 §5.2.6); for all others the router sends an ICMP error (RFC 1191, RFC 8201).
 *
 * Fragments keep the identification, and begin at multiples of 8 bytes of the original packet's payload, which may be
 * a fragment itself. Options without the copied flag stay in the first fragment; later ones have no-operations in
 * their place, as in Linux, so that all headers have the same length.
 */
import { DROP } from '../../tables/port-counters.ts';
import { checkOf } from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import * as virtio from '../../wire/virtio-net.ts';
import type { Context } from './context.ts';
import { FAMILY_IPV4, type Frame } from './frame.ts';

/** Whether an IP packet, or the largest segment of a super-segment, is longer than `mtu` bytes. */
export const isOverMtu = (frame: Frame, mtu: number): boolean =>
  frame.length - (frame.l3 - frame.offset) > mtu && packetBytes(frame) > mtu;

export const mayFragment = (frame: Frame): boolean =>
  frame.family === FAMILY_IPV4 && (ipv4.fragmentWord(frame.view, frame.l3) & ipv4.FLAG_DF) === 0;

/** Bytes of the largest IP packet of the frame on the wire. */
function packetBytes(frame: Frame): number {
  const { view, l3, l4 } = frame;
  const whole = frame.l3End - l3;
  if (frame.gsoType === 0) return whole;
  const headerBytes = frame.protocol === ipv4.PROTOCOL_TCP ? tcp.headerBytes(view, l4) : udp.HEADER_BYTES;
  return Math.min(whole, l4 - l3 + headerBytes + virtio.gsoSize(view, frame.offset));
}

export class Fragmenter {
  private readonly context: Context;

  constructor(context: Context) {
    this.context = context;
  }

  /**
   * Sends an IPv4 packet, with complete checksums, out of a port: unchanged if it fits into `mtu` bytes, else in
   * fragments. Its bytes are not modified. `mtu` is at least 68 (RFC 791 §3.2).
   */
  send(frame: Frame, mtu: number, port: number): void {
    const { context } = this;
    const { arena } = context;
    const { view, offset, l3 } = frame;
    const headerBytes = ipv4.headerBytes(view, l3);
    const data = l3 + headerBytes;
    const end = frame.l3End;
    if (end - l3 <= mtu) return context.transmit(port, frame.slot, offset, frame.length);
    const bytesEach = (mtu - headerBytes) & ~7;
    for (let from = data; from < end; from += bytesEach) {
      const bytes = Math.min(bytesEach, end - from);
      const slot = arena.take();
      if (slot < 0) return context.drop(frame, DROP.outOfBuffers);
      const at = arena.frameOffset(slot);
      virtio.clear(view, at);
      arena.bytes.copyWithin(at, offset, data);
      arena.bytes.copyWithin(at + data - offset, from, from + bytes);
      fixHeader(view, at + l3 - offset, from - data, bytes, from + bytes < end);
      context.transmit(port, slot, at, data - offset + bytes);
      arena.release(slot);
    }
  }
}

/** Turns the copied header into that of a fragment whose payload begins at byte `from` of the original's. */
function fixHeader(view: DataView, l3: number, from: number, bytes: number, moreFollow: boolean): void {
  const headerBytes = ipv4.headerBytes(view, l3);
  if (from > 0) blankOptions(view, l3 + ipv4.MIN_HEADER_BYTES, l3 + headerBytes);
  const word = ipv4.fragmentWord(view, l3) + (from >>> 3);
  ipv4.setTotalLength(view, l3, headerBytes + bytes);
  ipv4.setFragmentWord(view, l3, moreFollow ? word | ipv4.FLAG_MF : word);
  ipv4.setHeaderCheck(view, l3, 0);
  ipv4.setHeaderCheck(view, l3, checkOf(view, l3, headerBytes, 0));
}

/** Overwrites the options that belong only into the first fragment; malformed ones end the list. */
function blankOptions(view: DataView, from: number, end: number): void {
  for (let at = from; at < end; ) {
    const type = view.getUint8(at);
    if (type === ipv4.OPTION_END) return;
    const isNoOperation = type === ipv4.OPTION_NO_OPERATION;
    const bytes = isNoOperation ? 1 : at + 1 < end ? view.getUint8(at + 1) : 0;
    if (at + bytes > end || (!isNoOperation && bytes < 2)) return;
    if ((type & ipv4.OPTION_COPIED) === 0) {
      for (let i = at; i < at + bytes; i++) view.setUint8(i, ipv4.OPTION_NO_OPERATION);
    }
    at += bytes;
  }
}
