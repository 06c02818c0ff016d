/**
 * Rewrites addresses and ports with checksum updates by delta. Each function keeps the cursor's fields consistent.
 *
 * A transport checksum may be complete, partial (offloaded: it holds the pseudo-header sum and takes address deltas
 * only), absent (UDP 0 over IPv4), or in another fragment. All four cases are handled only here.
 */
import { delta16, delta32, replace, replacePartial, replaceUdp } from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as wirePorts from '../../wire/ports.ts';
import * as sctp from '../../wire/sctp.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import { identifierOf, isIcmp } from './echo.ts';
import { FAMILY_IPV4, type Frame } from './frame.ts';

/**
 * Replaces the destination address by words[at …] (same family) and, unless `ports` is the frame's own, both
 * ports (source << 16 | destination).
 */
export function rewriteDestination(frame: Frame, words: Int32Array, at: number, ports: number): void {
  const { view, l3 } = frame;
  const w3 = words[at + 3]!;
  let delta = delta32(frame.d3, w3);
  if (frame.family === FAMILY_IPV4) {
    ipv4.setDestination(view, l3, w3);
    ipv4.setHeaderCheck(view, l3, replace(ipv4.headerCheck(view, l3), delta));
  } else {
    const w0 = words[at]!;
    const w1 = words[at + 1]!;
    const w2 = words[at + 2]!;
    delta += delta32(frame.d0, w0) + delta32(frame.d1, w1) + delta32(frame.d2, w2);
    ipv6.setDestination(view, l3, w0, w1, w2, w3);
    frame.d0 = w0;
    frame.d1 = w1;
    frame.d2 = w2;
  }
  frame.d3 = w3;
  fixTransport(frame, delta, ports === frame.ports ? 0 : setPorts(frame, ports));
}

/** Replaces the source address and, unless `ports` is the frame's own, both ports. */
export function rewriteSource(frame: Frame, words: Int32Array, at: number, ports: number): void {
  const { view, l3 } = frame;
  const w3 = words[at + 3]!;
  let delta = delta32(frame.s3, w3);
  if (frame.family === FAMILY_IPV4) {
    ipv4.setSource(view, l3, w3);
    ipv4.setHeaderCheck(view, l3, replace(ipv4.headerCheck(view, l3), delta));
  } else {
    const w0 = words[at]!;
    const w1 = words[at + 1]!;
    const w2 = words[at + 2]!;
    delta += delta32(frame.s0, w0) + delta32(frame.s1, w1) + delta32(frame.s2, w2);
    ipv6.setSource(view, l3, w0, w1, w2, w3);
    frame.s0 = w0;
    frame.s1 = w1;
    frame.s2 = w2;
  }
  frame.s3 = w3;
  fixTransport(frame, delta, ports === frame.ports ? 0 : setPorts(frame, ports));
}

/** Replaces both ports (source << 16 | destination); the addresses stay. */
export function rewritePorts(frame: Frame, ports: number): void {
  if (ports !== frame.ports) fixTransport(frame, 0, setPorts(frame, ports));
}

/** Writes the ports and returns their delta; a later fragment contains none. */
function setPorts(frame: Frame, ports: number): number {
  const was = frame.ports;
  frame.ports = ports;
  if (frame.l4 === 0) return 0;
  if (isIcmp(frame.protocol)) icmp.setIdentifier(frame.view, frame.l4, identifierOf(ports));
  else wirePorts.setPorts(frame.view, frame.l4, ports);
  if (frame.protocol === ipv4.PROTOCOL_SCTP)
    sctp.applyPortChange(frame.view, frame.l4, frame.l4Bytes, was ^ ports);
  return delta16(was >>> 16, ports >>> 16) + delta16(was & 0xffff, ports & 0xffff);
}

function fixTransport(frame: Frame, addressDelta: number, portDelta: number): void {
  const { view, l4 } = frame;
  if (l4 === 0) return;
  if (frame.protocol === ipv4.PROTOCOL_TCP) {
    const check = tcp.check(view, l4);
    const now = frame.partial
      ? replacePartial(check, addressDelta)
      : replace(check, addressDelta + portDelta);
    tcp.setCheck(view, l4, now);
  } else if (frame.protocol === ipv4.PROTOCOL_UDP) {
    const check = udp.check(view, l4);
    const now = frame.partial
      ? replacePartial(check, addressDelta)
      : replaceUdp(check, addressDelta + portDelta);
    udp.setCheck(view, l4, now);
  } else if (frame.icmpType >= 0) {
    // ICMPv6's checksum covers the addresses, ICMP's does not.
    const pseudoDelta = frame.family === FAMILY_IPV4 ? 0 : addressDelta;
    const check = icmp.check(view, l4);
    const now = frame.partial ? replacePartial(check, pseudoDelta) : replace(check, pseudoDelta + portDelta);
    icmp.setCheck(view, l4, now);
  }
}
