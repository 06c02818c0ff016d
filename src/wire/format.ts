/**
 * A frame as one line, as `tcpdump -nn -S` prints it: for people, for logs, and for tests that compare with tcpdump.
 * Nothing here runs per packet.
 */
import { addressText, wordsToMac, wordToIpv4 } from './address.ts';
import * as arp from './arp.ts';
import * as ethernet from './ethernet.ts';
import * as icmp from './icmp.ts';
import * as icmpv6 from './icmpv6.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import * as tcp from './tcp.ts';
import * as udp from './udp.ts';

/** `at`: first byte of the Ethernet header, `end`: behind the frame's last byte. Tags stand in front: `vlan 5, …`. */
export function formatFrame(view: DataView, at: number, end: number): string {
  if (at + ethernet.HEADER_BYTES > end) return `[|ether] length ${end - at}`;
  let payload = at + ethernet.HEADER_BYTES;
  let type = ethernet.etherType(view, at);
  let tags = '';
  while (
    (type === ethernet.TYPE_VLAN || type === ethernet.TYPE_QINQ) &&
    payload + ethernet.TAG_BYTES <= end
  ) {
    tags += `vlan ${view.getUint16(payload) & 0xfff}, p ${view.getUint8(payload) >>> 5}, `;
    type = view.getUint16(payload + 2);
    payload += ethernet.TAG_BYTES;
  }
  return tags + formatPayload(view, payload, end, type, at);
}

function formatPayload(view: DataView, at: number, end: number, type: number, frame: number): string {
  if (type === ethernet.TYPE_ARP) return arp.format(view, at, end - at);
  if (type === ethernet.TYPE_IPV4) return formatIpv4(view, at, end);
  if (type === ethernet.TYPE_IPV6) return formatIpv6(view, at, end);
  const source = wordsToMac(ethernet.sourceHigh(view, frame), ethernet.sourceLow(view, frame));
  const destination = wordsToMac(ethernet.destinationHigh(view, frame), ethernet.destinationLow(view, frame));
  return `${source} > ${destination}, ethertype 0x${type.toString(16).padStart(4, '0')}, length ${end - frame}`;
}

function formatIpv4(view: DataView, at: number, frameEnd: number): string {
  if (at + ipv4.MIN_HEADER_BYTES > frameEnd) return '[|ip]';
  const total = ipv4.totalLength(view, at);
  const l4 = at + ipv4.headerBytes(view, at);
  const end = Math.min(frameEnd, at + total);
  const source = wordToIpv4(ipv4.source(view, at));
  const destination = wordToIpv4(ipv4.destination(view, at));
  const protocol = ipv4.protocol(view, at);
  const isLaterFragment = (ipv4.fragmentWord(view, at) & 0x1fff) !== 0;
  if (isLaterFragment) return `IP ${source} > ${destination}: ip-proto-${protocol}`;
  const upper = { protocol, l4, bytes: at + total - l4, end };
  return formatUpper(view, `IP ${source}`, destination, upper);
}

function formatIpv6(view: DataView, at: number, frameEnd: number): string {
  if (at + ipv6.HEADER_BYTES > frameEnd) return '[|ip6]';
  const source = addressText(view, at + ipv6.SOURCE_OFFSET);
  const destination = addressText(view, at + ipv6.SOURCE_OFFSET + 16);
  const packetEnd = at + ipv6.HEADER_BYTES + ipv6.payloadLength(view, at);
  const end = Math.min(frameEnd, packetEnd);
  let next = ipv6.nextHeader(view, at);
  let l4 = at + ipv6.HEADER_BYTES;
  while (ipv6.isExtension(next) && l4 + 8 <= end) {
    if (next === ipv6.NEXT_FRAGMENT) {
      const offset = ipv6.fragmentOffset(view, l4);
      return `IP6 ${source} > ${destination}: frag (${offset}|${packetEnd - l4 - ipv6.FRAGMENT_HEADER_BYTES})`;
    }
    const bytes = ipv6.extensionBytes(view, l4, next);
    next = view.getUint8(l4);
    l4 += bytes;
  }
  const upper = { protocol: next, l4, bytes: packetEnd - l4, end };
  return formatUpper(view, `IP6 ${source}`, destination, upper);
}

/** A packet's upper layer: offset of its header, bytes of it by the IP header, and end of the bytes that are there. */
interface UpperLayer {
  readonly protocol: number;
  readonly l4: number;
  readonly bytes: number;
  readonly end: number;
}

function formatUpper(view: DataView, from: string, destination: string, upper: UpperLayer): string {
  const { protocol, l4, bytes, end } = upper;
  if (protocol === ipv4.PROTOCOL_TCP && l4 + tcp.MIN_HEADER_BYTES <= end) {
    const header = tcp.headerBytes(view, l4);
    if (header < tcp.MIN_HEADER_BYTES || l4 + header > end) return `${from} > ${destination}: [|tcp]`;
    return `${withPorts(view, l4, from, destination)}: ${tcp.format(view, l4, bytes)}`;
  }
  if (protocol === ipv4.PROTOCOL_UDP && l4 + udp.HEADER_BYTES <= end) {
    return `${withPorts(view, l4, from, destination)}: ${udp.format(view, l4)}`;
  }
  if (protocol === ipv4.PROTOCOL_ICMP && l4 + icmp.HEADER_BYTES <= end) {
    return `${from} > ${destination}: ${icmp.format(view, l4, bytes, end)}`;
  }
  if (protocol === ipv6.NEXT_ICMPV6 && l4 + icmpv6.HEADER_BYTES <= end) {
    return `${from} > ${destination}: ${icmpv6.format(view, l4, bytes, end)}`;
  }
  return `${from} > ${destination}: ip-proto-${protocol} ${bytes}`;
}

const withPorts = (view: DataView, l4: number, from: string, destination: string): string =>
  `${from}.${view.getUint16(l4)} > ${destination}.${view.getUint16(l4 + 2)}`;
