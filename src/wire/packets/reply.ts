/**
 * The packet with which a host would answer another: for traces, which ask for the reply's way. SYN gets SYN/ACK, other
 * segments an ACK, FIN is answered with FIN; a datagram comes back with its payload, an echo request as its reply.
 */
import { checkOf } from '../checksum.ts';
import * as ethernet from '../ethernet.ts';
import * as icmp from '../icmp.ts';
import * as icmpv6 from '../icmpv6.ts';
import * as ipv4 from '../ipv4.ts';
import * as ipv6 from '../ipv6.ts';
import { swapPorts } from '../ports.ts';
import { pseudoSum4, pseudoSum6 } from '../pseudo-header.ts';
import * as tcp from '../tcp.ts';
import * as udp from '../udp.ts';

const HOPS = 64;
const WINDOW = 64_240;

/** Parts of a whole packet; offsets in its view. */
interface Packet {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly isIpv4: boolean;
  readonly l3: number;
  readonly l4: number;
  readonly end: number;
  readonly protocol: number;
}

/**
 * The answer to a frame, complete with its checksums, from the receiver's MAC to the sender's; undefined: a host would
 * send none, or the frame is no packet that is understood here (fragments, other protocols).
 */
export function replyTo(frame: Uint8Array): Uint8Array | undefined {
  const packet = load(frame);
  if (packet === undefined) return undefined;
  const upper = upperOf(packet);
  if (upper === undefined) return undefined;
  const { view, bytes, isIpv4, l3, protocol } = packet;
  const headerBytes = isIpv4 ? ipv4.MIN_HEADER_BYTES : ipv6.HEADER_BYTES;
  const reply = new Uint8Array(l3 + headerBytes + upper.length);
  const out = new DataView(reply.buffer);
  reply.set(bytes.subarray(6, 12), 0);
  reply.set(bytes.subarray(0, 6), 6);
  reply.set(bytes.subarray(12, l3), 12);
  const l4 = l3 + headerBytes;
  reply.set(upper, l4);
  if (isIpv4) {
    ipv4.setSource(out, l3, ipv4.destination(view, l3));
    ipv4.setDestination(out, l3, ipv4.source(view, l3));
    ipv4.write(out, l3, headerBytes + upper.length, HOPS, protocol);
  } else {
    ipv6.writeFixed(out, l3, upper.length, protocol, HOPS);
    reply.set(bytes.subarray(l3 + ipv6.SOURCE_OFFSET + 16, l3 + ipv6.HEADER_BYTES), l3 + ipv6.SOURCE_OFFSET);
    reply.set(
      bytes.subarray(l3 + ipv6.SOURCE_OFFSET, l3 + ipv6.SOURCE_OFFSET + 16),
      l3 + ipv6.SOURCE_OFFSET + 16,
    );
  }
  completeCheck(out, l3, l4, protocol, isIpv4);
  return reply;
}

function load(bytes: Uint8Array): Packet | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < ethernet.HEADER_BYTES) return undefined;
  let l3 = ethernet.HEADER_BYTES;
  let type = ethernet.etherType(view, 0);
  while (ethernet.isTag(type) && l3 + ethernet.TAG_BYTES <= bytes.length) {
    type = view.getUint16(l3 + 2);
    l3 += ethernet.TAG_BYTES;
  }
  if (type === ethernet.TYPE_IPV4 && l3 + ipv4.MIN_HEADER_BYTES <= bytes.length) {
    const end = Math.min(bytes.length, l3 + ipv4.totalLength(view, l3));
    if ((ipv4.fragmentWord(view, l3) & 0x3fff) !== 0) return undefined;
    const l4 = l3 + ipv4.headerBytes(view, l3);
    return { view, bytes, isIpv4: true, l3, l4, end, protocol: ipv4.protocol(view, l3) };
  }
  if (type === ethernet.TYPE_IPV6 && l3 + ipv6.HEADER_BYTES <= bytes.length) {
    const end = Math.min(bytes.length, l3 + ipv6.HEADER_BYTES + ipv6.payloadLength(view, l3));
    const protocol = ipv6.nextHeader(view, l3);
    return { view, bytes, isIpv4: false, l3, l4: l3 + ipv6.HEADER_BYTES, end, protocol };
  }
  return undefined;
}

/** The upper layer of the answer, its checksum still to be computed. */
function upperOf(packet: Packet): Uint8Array | undefined {
  const { protocol, isIpv4, l4, end } = packet;
  if (protocol === ipv4.PROTOCOL_TCP && l4 + tcp.MIN_HEADER_BYTES <= end) return segment(packet);
  if (protocol === ipv4.PROTOCOL_UDP && l4 + udp.HEADER_BYTES <= end) return datagram(packet);
  const isIcmp = protocol === (isIpv4 ? ipv4.PROTOCOL_ICMP : ipv6.NEXT_ICMPV6);
  return isIcmp && l4 + icmp.HEADER_BYTES <= end ? echo(packet) : undefined;
}

function segment({ view, l4, end }: Packet): Uint8Array | undefined {
  const flags = tcp.flags(view, l4);
  if ((flags & tcp.RST) !== 0) return undefined;
  const opens = (flags & tcp.SYN) !== 0;
  const ends = (flags & tcp.FIN) !== 0;
  const payload = Math.max(0, end - l4 - tcp.headerBytes(view, l4));
  const acknowledged = (tcp.sequence(view, l4) + payload + Number(opens) + Number(ends)) | 0;
  const own = (flags & tcp.ACK) === 0 ? 0 : tcp.acknowledgment(view, l4);
  const isRequest = opens && (flags & tcp.ACK) === 0;
  const out = new DataView(new ArrayBuffer(tcp.MIN_HEADER_BYTES));
  const answer = tcp.ACK | (isRequest ? tcp.SYN : 0) | (ends ? tcp.FIN : 0);
  tcp.write(out, 0, swapPorts(tcp.ports(view, l4)), own, acknowledged, answer);
  out.setUint16(14, WINDOW);
  return new Uint8Array(out.buffer);
}

function datagram({ view, bytes, l4, end }: Packet): Uint8Array {
  const upper = bytes.slice(l4, end);
  const out = new DataView(upper.buffer);
  out.setInt32(0, swapPorts(udp.ports(view, l4)));
  udp.setCheck(out, 0, 0);
  return upper;
}

function echo({ view, bytes, isIpv4, l4, end }: Packet): Uint8Array | undefined {
  if (icmp.type(view, l4) !== (isIpv4 ? icmp.ECHO : icmpv6.ECHO)) return undefined;
  const upper = bytes.slice(l4, end);
  const out = new DataView(upper.buffer);
  icmp.setType(out, 0, isIpv4 ? icmp.ECHO_REPLY : icmpv6.ECHO_REPLY);
  icmp.setCheck(out, 0, 0);
  return upper;
}

/** Computes the checksum of a whole TCP, UDP, ICMP or ICMPv6 packet from `l4` to the end of the view. */
export function completeCheck(
  view: DataView,
  l3: number,
  l4: number,
  protocol: number,
  isIpv4: boolean,
): void {
  const bytes = view.byteLength - l4;
  const pseudo = isIpv4 ? pseudoSum4 : pseudoSum6;
  if (protocol === ipv4.PROTOCOL_TCP) {
    tcp.setCheck(view, l4, 0);
    tcp.setCheck(view, l4, checkOf(view, l4, bytes, pseudo(view, l3, protocol, bytes)));
  } else if (protocol === ipv4.PROTOCOL_UDP) {
    udp.setCheck(view, l4, 0);
    udp.setCheck(view, l4, checkOf(view, l4, bytes, pseudo(view, l3, protocol, bytes)) || 0xffff);
  } else if (protocol === ipv4.PROTOCOL_ICMP || protocol === ipv6.NEXT_ICMPV6) {
    icmp.setCheck(view, l4, 0);
    const sum = protocol === ipv6.NEXT_ICMPV6 ? pseudoSum6(view, l3, protocol, bytes) : 0;
    icmp.setCheck(view, l4, checkOf(view, l4, bytes, sum));
  }
}
