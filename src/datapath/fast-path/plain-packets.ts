/**
 * The plain packets of a batch: TCP and UDP over IPv4 or IPv6, whole, without tags, IP options, extension headers and
 * GSO, to a single station, and not to a DHCP client. Nearly every frame of a VM is one; its parsed fields
 * fit into one cache line.
 *
 * `parse` accepts a frame only if `Frame.load` finds nothing wrong with it, and reads the same from it
 * (test/datapath/fast-path/plain-packets.test.ts); `Frame.load` judges the frames that it declines. A packet is numbered by its
 * place in the batch. The lookahead adds the flow that the packet seems to belong to.
 */
import { FLAG_UNSEEN } from '../../tables/balancing/connection-record.ts';
import * as dhcp from '../../wire/dhcp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { ports } from '../../wire/ports.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import * as virtio from '../../wire/virtio-net.ts';
import { IPV4_MAPPED } from '../frame/frame.ts';

export const PACKET_WORDS = 16;
/** Most packets of a batch. */
export const MAX_PACKETS = 64;

/** Index of a packet's first word. After the mask V8 knows the number's range and omits overflow checks. */
export const packetAt = (number: number): number => (number & (MAX_PACKETS - 1)) * PACKET_WORDS;

/** Words of a packet. */
export const PACKET = {
  /** PACKET_… bits << 16 | TCP flags << 8 | protocol. */
  kind: 0,
  /** Source port << 16 | destination port. */
  ports: 1,
  /** Four words each, of which IPv4 uses only the last. */
  source: 2,
  destination: 6,
  /** Bytes of the IP packet. */
  ipBytes: 10,
  /** Set by the lookahead: endpoint on the service side, record, hash of the key. */
  endpoint: 11,
  row: 12,
  hash: 13,
  /** Set by FastPath: the port that the packet leaves by, and PACKET_UNSEEN. */
  egress: 14,
  /** Set by the lookahead: both ports in a record's order, the client's first. */
  keyPorts: 15,
} as const;

/** The record has been marked as unseen, with the same bit: the port's budget for measuring is used up. */
export const PACKET_UNSEEN = FLAG_UNSEEN << 16;
/** Bits of `kind`. The transport check is a partial one. */
export const PACKET_PARTIAL = 1 << 16;
export const PACKET_IPV6 = 1 << 17;
/** The packet comes from the service, else it goes to it. Set by the lookahead. */
export const PACKET_REPLY_SHIFT = 18;
export const PACKET_REPLY = 1 << PACKET_REPLY_SHIFT;
/** MAC and address of the source are the port's own. Set by the lookahead. */
export const PACKET_OWN = 1 << 19;
/** The packet has no offload state: every device takes it. */
export const PACKET_FINISHED = 1 << 20;

const VERSION_4_WITHOUT_OPTIONS = 0x45;
const IPV4_L4 = ethernet.HEADER_BYTES + ipv4.MIN_HEADER_BYTES;
const IPV6_L4 = ethernet.HEADER_BYTES + ipv6.HEADER_BYTES;

export class PlainPackets {
  readonly words: Int32Array;
  private readonly view: DataView;

  constructor(view: DataView, packets: number) {
    this.words = new Int32Array(packets * PACKET_WORDS);
    this.view = view;
  }

  /** Reads a frame as packet `number`; false if it is no plain packet. `offset`: its Ethernet header. */
  parse(number: number, offset: number, length: number): boolean {
    const { view } = this;
    // FastPath's 16-bit writes need even offsets, as all engines have.
    if (length < IPV4_L4 + udp.HEADER_BYTES || (offset & 1) !== 0) return false;
    // Group sources are invalid; some group destinations are inspected by guards.
    if (ethernet.hasGroup(view, offset)) return false;
    const type = ethernet.etherType(view, offset);
    if (type === ethernet.TYPE_IPV4) return this.parseIpv4(number, offset, length);
    return type === ethernet.TYPE_IPV6 && this.parseIpv6(number, offset, length);
  }

  private parseIpv4(number: number, offset: number, length: number): boolean {
    const { view, words } = this;
    const l3 = offset + ethernet.HEADER_BYTES;
    const w0 = ipv4.headerWord(view, l3, 0);
    const w1 = ipv4.headerWord(view, l3, 1);
    const w2 = ipv4.headerWord(view, l3, 2);
    const source = ipv4.source(view, l3);
    const destination = ipv4.destination(view, l3);
    const ipBytes = w0 & 0xffff;
    if (w0 >>> 24 !== VERSION_4_WITHOUT_OPTIONS || ipBytes > length - ethernet.HEADER_BYTES) return false;
    if ((w1 & 0x3fff) !== 0 || ipv4.isBadSource(source)) return false;
    let sum = (w0 >>> 16) + ipBytes + (w1 >>> 16) + (w1 & 0xffff) + (w2 >>> 16) + (w2 & 0xffff);
    sum += (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
    sum = (sum & 0xffff) + (sum >>> 16);
    if ((sum & 0xffff) + (sum >>> 16) !== 0xffff) return false;
    const at = packetAt(number);
    words[at + PACKET.source + 3] = source;
    words[at + PACKET.destination + 3] = destination;
    words[at + PACKET.ipBytes] = ipBytes;
    return this.parseTransport(at, offset, IPV4_L4, ipBytes - ipv4.MIN_HEADER_BYTES, (w2 >>> 16) & 0xff, 0);
  }

  private parseIpv6(number: number, offset: number, length: number): boolean {
    const { view, words } = this;
    if (length < IPV6_L4) return false;
    const l3 = offset + ethernet.HEADER_BYTES;
    const payloadBytes = ipv6.payloadLength(view, l3);
    if (ipv6.version(view, l3) !== 6 || IPV6_L4 + payloadBytes > length) return false;
    const at = packetAt(number);
    for (let i = 0; i < 4; i++) {
      words[at + PACKET.source + i] = ipv6.sourceWord(view, l3, i);
      words[at + PACKET.destination + i] = ipv6.destinationWord(view, l3, i);
    }
    const s0 = words[at + PACKET.source]!;
    const s1 = words[at + PACKET.source + 1]!;
    const s2 = words[at + PACKET.source + 2]!;
    const s3 = words[at + PACKET.source + 3]!;
    if (ipv6.isGroup(s0) || ipv6.isLoopback(s0, s1, s2, s3)) return false;
    if ((s0 | s1) === 0 && s2 === IPV4_MAPPED) return false;
    const d01 = words[at + PACKET.destination]! | words[at + PACKET.destination + 1]!;
    if (d01 === 0 && words[at + PACKET.destination + 2] === IPV4_MAPPED) return false;
    words[at + PACKET.ipBytes] = ipv6.HEADER_BYTES + payloadBytes;
    return this.parseTransport(at, offset, IPV6_L4, payloadBytes, ipv6.nextHeader(view, l3), PACKET_IPV6);
  }

  /** `headers`: bytes from the Ethernet header to the transport header. */
  private parseTransport(
    at: number,
    offset: number,
    headers: number,
    bytes: number,
    protocol: number,
    bits: number,
  ): boolean {
    const { view, words } = this;
    const l4 = offset + headers;
    let kind = bits | protocol;
    let checkOffset = tcp.CHECK_OFFSET;
    if (protocol === ipv4.PROTOCOL_TCP) {
      if (bytes < tcp.MIN_HEADER_BYTES) return false;
      const headerBytesAndFlags = tcp.lengthAndFlags(view, l4);
      const headerBytes = (headerBytesAndFlags >>> 12) << 2;
      if (headerBytes < tcp.MIN_HEADER_BYTES || headerBytes > bytes) return false;
      kind |= (headerBytesAndFlags & 0xff) << 8;
    } else if (protocol === ipv4.PROTOCOL_UDP) {
      if (bytes < udp.HEADER_BYTES) return false;
      const udpBytes = udp.length(view, l4);
      if (udpBytes < udp.HEADER_BYTES || udpBytes > bytes) return false;
      if (dhcp.isClientPort(udp.destinationPort(view, l4))) return false;
      checkOffset = udp.CHECK_OFFSET;
    } else {
      return false;
    }
    if (virtio.isEmpty(view, offset)) {
      kind |= PACKET_FINISHED;
    } else {
      if (virtio.isGso(view, offset)) return false;
      if ((virtio.flags(view, offset) & virtio.FLAG_NEEDS_CSUM) !== 0) {
        if (virtio.csumStart(view, offset) !== headers || virtio.csumOffset(view, offset) !== checkOffset)
          return false;
        kind |= PACKET_PARTIAL;
      }
    }
    words[at + PACKET.kind] = kind;
    words[at + PACKET.ports] = ports(view, l4);
    return true;
  }
}
