/**
 * Software offload for ports whose device accepts complete packets only: completes partial checksums and segments GSO
 * super-segments as the kernel does (net/ipv4/tcp_offload.c, udp_offload.c): IPv4 identification counts up, FIN and
 * PSH go on the last segment, CWR on the first, every segment gets its own lengths and checksums.
 */

import { DROP } from '../../tables/port-counters.ts';
import { checkOf, fold, sumBytes } from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { pseudoSum4, pseudoSum6 } from '../../wire/pseudo-header.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import * as virtio from '../../wire/virtio-net.ts';
import type { Context } from './context.ts';
import { Fragmenter } from './fragmentation.ts';
import { FAMILY_IPV4, Frame } from './frame.ts';

export class OffloadFinisher {
  private readonly context: Context;
  private readonly fragmenter: Fragmenter;
  /** Cursor for segments that still exceed the MTU. */
  private readonly segmentFrame: Frame;

  constructor(context: Context) {
    this.context = context;
    this.fragmenter = new Fragmenter(context);
    this.segmentFrame = new Frame(context.arena);
  }

  /** Sends a frame whose vnet header requests offloads out of a port without them. */
  sendFinished(frame: Frame, port: number): void {
    if (frame.gsoType !== 0) return this.segment(frame, port);
    if (!frame.makeWritable()) return this.context.drop(frame, DROP.outOfBuffers);
    if (frame.needsChecksum) completeChecksum(frame);
    virtio.clear(frame.view, frame.offset);
    this.context.transmit(port, frame.slot, frame.offset, frame.length);
  }

  /** Sends a packet that exceeds the MTU of its outgoing network and may be fragmented out of a port. */
  sendCut(frame: Frame, port: number): void {
    if (frame.gsoType !== 0) return this.segment(frame, port);
    if (frame.needsChecksum) {
      if (!frame.makeWritable()) return this.context.drop(frame, DROP.outOfBuffers);
      completeChecksum(frame);
    }
    this.fragmenter.send(frame, frame.cutToMtu, port);
  }

  private segment(frame: Frame, port: number): void {
    const { view, offset, l4 } = frame;
    const { arena } = this.context;
    const isTcp = frame.protocol === ipv4.PROTOCOL_TCP;
    const headerEnd = l4 + (isTcp ? tcp.headerBytes(view, l4) : udp.HEADER_BYTES);
    const headerBytes = headerEnd - offset;
    const payloadEnd = frame.l3End;
    const size = virtio.gsoSize(view, offset);
    for (let from = headerEnd, index = 0; from < payloadEnd || index === 0; from += size, index++) {
      const payload = Math.min(size, payloadEnd - from);
      const slot = arena.take();
      if (slot < 0) return this.context.drop(frame, DROP.outOfBuffers);
      const at = arena.frameOffset(slot);
      virtio.clear(view, at);
      arena.bytes.copyWithin(at, offset, headerEnd);
      arena.bytes.copyWithin(at + headerBytes, from, from + payload);
      const segmentL4 = at + (l4 - offset);
      const segmentL4Bytes = headerEnd - l4 + payload;
      const pseudo = this.fixNetwork(frame, at, index, segmentL4Bytes);
      if (isTcp) fixTcp(view, segmentL4, index, from - headerEnd, from + payload === payloadEnd);
      else udp.setLength(view, segmentL4, segmentL4Bytes);
      const checkAt = segmentL4 + (isTcp ? tcp.CHECK_OFFSET : udp.CHECK_OFFSET);
      view.setUint16(checkAt, 0);
      const check = checkOf(view, segmentL4, segmentL4Bytes, pseudo);
      view.setUint16(checkAt, check === 0 && !isTcp ? 0xffff : check);
      this.sendSegment(frame, port, slot, at, headerBytes + payload);
      arena.release(slot);
    }
  }

  private sendSegment(whole: Frame, port: number, slot: number, offset: number, length: number): void {
    if (whole.cutToMtu === 0) return this.context.transmit(port, slot, offset, length);
    const { segmentFrame } = this;
    segmentFrame.load(slot, offset, length, whole.ingress, whole.network);
    this.fragmenter.send(segmentFrame, whole.cutToMtu, port);
  }

  /** Lengths, identification and header checksum of one segment; returns its pseudo-header sum. */
  private fixNetwork(frame: Frame, at: number, index: number, l4Bytes: number): number {
    const { view } = frame;
    const l3 = at + (frame.l3 - frame.offset);
    const l4 = at + (frame.l4 - frame.offset);
    if (frame.family === FAMILY_IPV4) {
      ipv4.setTotalLength(view, l3, l4 - l3 + l4Bytes);
      ipv4.setIdentification(view, l3, ipv4.identification(view, l3) + index);
      ipv4.setHeaderCheck(view, l3, 0);
      ipv4.setHeaderCheck(view, l3, checkOf(view, l3, l4 - l3, 0));
      return pseudoSum4(view, l3, frame.protocol, l4Bytes);
    }
    ipv6.setPayloadLength(view, l3, l4 - l3 - ipv6.HEADER_BYTES + l4Bytes);
    return pseudoSum6(view, l3, frame.protocol, l4Bytes);
  }
}

function fixTcp(view: DataView, l4: number, index: number, payloadBefore: number, isLast: boolean): void {
  tcp.setSequence(view, l4, tcp.sequence(view, l4) + payloadBefore);
  let flags = tcp.flags(view, l4);
  if (!isLast) flags &= ~(tcp.FIN | tcp.PSH);
  if (index > 0) flags &= ~tcp.CWR;
  tcp.setFlags(view, l4, flags);
}

/** Computes the checksum that the vnet header requests, in place; the frame's bytes are private. */
export function completeChecksum(frame: Frame): void {
  const { view, offset } = frame;
  const start = offset + virtio.csumStart(view, offset);
  const field = start + virtio.csumOffset(view, offset);
  // The sum excludes padding after the IP packet.
  const end = frame.l3 === 0 ? offset + frame.length : Math.min(frame.l3End, offset + frame.length);
  const check = ~fold(sumBytes(view, start, end - start, 0)) & 0xffff;
  view.setUint16(field, check === 0 && frame.protocol === ipv4.PROTOCOL_UDP ? 0xffff : check);
}
