/**
 * Rewriting addresses and ports with checksum fix-ups by delta. Each function keeps the cursor's fields true.
 *
 * A transport check may be complete, partial (offloaded: it holds the pseudo-header sum and takes address deltas
 * only), absent (UDP 0 over IPv4), or in another fragment. All four cases are here and nowhere else.
 */
import { delta16, delta32, fold31, replace, replacePartial, replaceUdp } from '../wire/checksum.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { FAMILY_IPV4, type Frame } from './frame.ts';

/** Replaces the destination address; the family stays. */
export function rewriteDestination(frame: Frame, w0: number, w1: number, w2: number, w3: number): void {
  const { view, l3 } = frame;
  let delta = delta32(frame.d3, w3);
  if (frame.family === FAMILY_IPV4) {
    ipv4.setDestination(view, l3, w3);
    ipv4.setHeaderCheck(view, l3, replace(ipv4.headerCheck(view, l3), delta));
  } else {
    delta += delta32(frame.d0, w0) + delta32(frame.d1, w1) + delta32(frame.d2, w2);
    ipv6.setDestination(view, l3, w0, w1, w2, w3);
  }
  frame.d0 = w0;
  frame.d1 = w1;
  frame.d2 = w2;
  frame.d3 = w3;
  fixTransport(frame, delta, 0);
}

/** Replaces the source address; the family stays. */
export function rewriteSource(frame: Frame, w0: number, w1: number, w2: number, w3: number): void {
  const { view, l3 } = frame;
  let delta = delta32(frame.s3, w3);
  if (frame.family === FAMILY_IPV4) {
    ipv4.setSource(view, l3, w3);
    ipv4.setHeaderCheck(view, l3, replace(ipv4.headerCheck(view, l3), delta));
  } else {
    delta += delta32(frame.s0, w0) + delta32(frame.s1, w1) + delta32(frame.s2, w2);
    ipv6.setSource(view, l3, w0, w1, w2, w3);
  }
  frame.s0 = w0;
  frame.s1 = w1;
  frame.s2 = w2;
  frame.s3 = w3;
  fixTransport(frame, delta, 0);
}

/** Replaces source and destination port together (source << 16 | destination). */
export function rewritePorts(frame: Frame, ports: number): void {
  const was = frame.ports;
  frame.view.setInt32(frame.l4, ports);
  frame.ports = ports;
  fixTransport(frame, 0, delta16(was >>> 16, ports >>> 16) + delta16(was & 0xffff, ports & 0xffff));
}

function fixTransport(frame: Frame, addressDelta: number, portDelta: number): void {
  const { view, l4 } = frame;
  if (l4 === 0) return;
  if (frame.protocol === ipv4.PROTOCOL_TCP) {
    const check = tcp.check(view, l4);
    tcp.setCheck(
      view,
      l4,
      frame.partial ? replacePartial(check, addressDelta) : replace(check, fold31(addressDelta + portDelta)),
    );
  } else if (frame.protocol === ipv4.PROTOCOL_UDP) {
    const check = udp.check(view, l4);
    udp.setCheck(
      view,
      l4,
      frame.partial
        ? replacePartial(check, addressDelta)
        : replaceUdp(check, fold31(addressDelta + portDelta)),
    );
  } else if (frame.protocol === ipv6.NEXT_ICMPV6 && frame.family !== FAMILY_IPV4) {
    view.setUint16(l4 + 2, replace(view.getUint16(l4 + 2), fold31(addressDelta)));
  }
}
