/**
 * The frame being processed: a cursor over the arena, reused for every packet.
 *
 * `load` points it at a frame and checks each layer once: lengths, versions, header checksums, the vnet header.
 * After that the accessors of `wire` cannot run out of bounds, and lengths are not checked again. Headers that a
 * frame lacks are marked (l3 = 0, l4 = 0, protocol = -1). A malformed frame gets a drop reason.
 *
 * Addresses are four signed 32-bit words, IPv4 as ::ffff:a.b.c.d. All offsets are bytes in the arena.
 */

import { NONE } from '../../tables/common/bucket-index.ts';
import type { FrameArena } from '../../tables/frame-arena.ts';
import { DROP } from '../../tables/port-counters.ts';
import * as arp from '../../wire/arp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as sctp from '../../wire/sctp.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import * as virtio from '../../wire/virtio-net.ts';
import { isChecksumPlaceRight } from './checksum-place.ts';
import { echoPorts, identifierOf, replyType, requestType } from './echo.ts';
import { keptPriority } from './kept-priority.ts';

/** Third word of an IPv4 address in 128-bit form. */
export const IPV4_MAPPED = 0xffff;

/** TTL and hop limit of packets that the datapath makes (RFC 1700's recommendation, as Linux does). */
export const HOPS = 64;

/** Extension headers that are followed; RFC 8200 names six kinds. */
const MAX_EXTENSION_HEADERS = 8;

export const FAMILY_NONE = 0;
export const FAMILY_ARP = 1;
export const FAMILY_IPV4 = 4;
export const FAMILY_IPV6 = 6;

export class Frame {
  readonly arena: FrameArena;
  readonly view: DataView;

  slot = 0;
  /** Ethernet header. */
  offset = 0;
  /** Bytes from the Ethernet header on. */
  length = 0;
  /** Ingress port. */
  ingress = 0;
  /** Egress port. */
  egress = 0;
  /** Network whose switch or router processes the frame. */
  network = 0;

  family = FAMILY_NONE;
  /** EtherType, or the length of an IEEE 802.2 frame, behind the tags if there are any. */
  etherType = 0;
  /** Offset of the payload behind the Ethernet header and its tags. */
  payload = 0;
  /** True if there is an 802.1Q tag. */
  tagged = false;
  /** IP or ARP header; 0 if neither. */
  l3 = 0;
  /** Transport header; 0 in later fragments, and in a first one that does not contain all of it. */
  l4 = 0;
  /** Bytes from l4 to the end of the IP packet. */
  l4Bytes = 0;
  /** IP protocol or IPv6 upper-layer number; -1 if there is none. */
  protocol = -1;
  /** 0 … 255. */
  ttl = 0;
  /** Part of a fragmented packet, the first one included; the fields below are then valid. */
  fragment = false;
  /** Offset of a fragment's payload in that of the whole packet, bytes; 0: the first fragment. */
  fragmentOffset = 0;
  moreFragments = false;
  /** Identification: 16 bits in IPv4, 32 in IPv6. */
  fragmentId = 0;
  /** Payload of the fragment: after the IPv4 header or the IPv6 fragment header. */
  fragmentData = 0;
  s0 = 0;
  s1 = 0;
  s2 = 0;
  s3 = 0;
  d0 = 0;
  d1 = 0;
  d2 = 0;
  d3 = 0;
  /**
   * Source port << 16 | destination port for TCP, UDP and SCTP, identifiers of echoes (echo.ts), else 0. Later
   * fragments get that of their first one (Fragments.admit).
   */
  ports = 0;
  /** Type of an ICMP message of the packet's own family, else -1; also set for later fragments. */
  icmpType = -1;
  /** TCP flags, else 0. */
  tcpFlags = 0;
  /**
   * Why addresses and ports must not be rewritten, else DROP.none. authenticationHeader: AH signs them (RFC 4302
   * §3.3.3). routingHeader, sourceRoute: with hops left, `d0` … `d3` are an intermediate hop, and checksums cover the
   * final destination (RFC 8200 §8.1). homeAddress: the receiver uses another source than `s0` … `s3` (RFC 6275
   * §11.3.1).
   */
  untranslatable: number = DROP.none;

  /** The vnet header requests a checksum (NEEDS_CSUM). */
  needsChecksum = false;
  /** That checksum is the transport one: its field holds a pseudo-header sum. */
  partial = false;
  /** GSO type without ECN bit; 0: one wire packet. */
  gsoType = 0;
  /** Wire packets in this frame. */
  segments = 1;

  /** Endpoint to which an LB directs the frame, or NONE. */
  member = NONE;
  /** Created or forwarded by the datapath itself: may leave by its ingress port. */
  routed = false;
  /** Set when the frame is dropped (Context.drop). Callers that test it must clear it first. */
  dropped = false;
  /** Other frames use the same bytes: copy before writing (makeWritable). */
  shared = false;
  /** MTU in bytes of the outgoing network if the packet must be fragmented; else 0. */
  cutToMtu = 0;
  /** Row of a first fragment in the fragment table, once admitted. */
  datagram = NONE;
  /** Connection record of a fragmented datagram whose ports are not the record's key (PER_DATAGRAM), or NONE. */
  record = NONE;
  /** Connection record by which a load balancer last translated the packet, or NONE. */
  flow = NONE;
  /** Number of the group whose rule matched a packet without a record, or NONE. */
  group = NONE;
  /** A middlebox returns a packet that it was handed (chains/handed-flows.ts), or NONE. */
  handed = NONE;
  /** A load balancer has translated the packet, a reply, for its client. */
  turnedBack = false;
  /** State of the datagram, in a fragment that waited for its first one; else 0. */
  released = 0;

  constructor(arena: FrameArena) {
    this.arena = arena;
    this.view = arena.view;
  }

  get sourcePort(): number {
    return this.ports >>> 16;
  }

  get destinationPort(): number {
    return this.ports & 0xffff;
  }

  /** Source MAC: its upper 16 bits, and its lower 32, signed. */
  get macHigh(): number {
    return ethernet.sourceHigh(this.view, this.offset);
  }

  get macLow(): number {
    return ethernet.sourceLow(this.view, this.offset);
  }

  /** Of an IP packet: differentiated services code point, 0 … 63. */
  get dscp(): number {
    return this.family === FAMILY_IPV4 ? ipv4.dscp(this.view, this.l3) : ipv6.dscp(this.view, this.l3);
  }

  /** Priority (PCP) of the frame's outer tag, also of a removed priority tag; 0 without any. */
  get vlanPriority(): number {
    const kept = keptPriority(this.arena, this.slot, this.offset);
    return kept > 0 || !this.tagged ? kept : ethernet.tagPriority(this.view, this.offset);
  }

  /** The packet declares another source address than its header's. */
  get hasHomeAddress(): boolean {
    return this.untranslatable === DROP.homeAddress;
  }

  /** The destination is an intermediate hop of the packet's route. */
  get isForHop(): boolean {
    return this.untranslatable === DROP.routingHeader || this.untranslatable === DROP.sourceRoute;
  }

  get isEchoRequest(): boolean {
    return this.icmpType === requestType(this.family === FAMILY_IPV4);
  }

  get isEchoReply(): boolean {
    return this.icmpType === replyType(this.family === FAMILY_IPV4);
  }

  /** Transport fields of a first fragment that later ones need: ports, or ICMP type and identifier. */
  get firstWord(): number {
    return this.icmpType < 0 ? this.ports : (this.icmpType << 24) | identifierOf(this.ports);
  }

  /** Sets the protocol and transport fields of a later fragment from its first one's protocol and `firstWord`. */
  followFirst(protocol: number, word: number): void {
    const isIpv4 = this.family === FAMILY_IPV4;
    const isIcmp = protocol === (isIpv4 ? ipv4.PROTOCOL_ICMP : ipv6.NEXT_ICMPV6);
    this.protocol = protocol;
    this.icmpType = isIcmp ? word >>> 24 : -1;
    this.ports = isIcmp ? echoPorts(isIpv4, this.icmpType, word & 0xffff) : word;
  }

  /** End of the IP packet, padding excluded. */
  get l3End(): number {
    return this.family === FAMILY_IPV4
      ? this.l3 + ipv4.totalLength(this.view, this.l3)
      : this.l3 + ipv6.HEADER_BYTES + ipv6.payloadLength(this.view, this.l3);
  }

  /** Points the cursor at a frame and checks it. Returns DROP.none or the reason to drop it. */
  load(slot: number, offset: number, length: number, ingress: number, network: number): number {
    const view = this.view;
    this.slot = slot;
    this.offset = offset;
    this.length = length;
    this.ingress = ingress;
    this.network = network;
    this.family = FAMILY_NONE;
    this.tagged = false;
    this.l3 = 0;
    this.l4 = 0;
    this.protocol = -1;
    this.ports = 0;
    this.icmpType = -1;
    this.tcpFlags = 0;
    this.untranslatable = DROP.none;
    this.fragment = false;
    this.needsChecksum = false;
    this.partial = false;
    this.gsoType = 0;
    this.segments = 1;
    this.member = NONE;
    this.routed = false;
    this.shared = false;
    this.cutToMtu = 0;
    this.released = 0;
    this.record = NONE;
    this.flow = NONE;
    this.group = NONE;
    this.handed = NONE;
    this.turnedBack = false;

    if (length < ethernet.HEADER_BYTES) return DROP.truncatedEthernet;
    if (ethernet.isGroup(ethernet.sourceHigh(view, offset))) return DROP.badSourceMac;
    let l3 = offset + ethernet.HEADER_BYTES;
    let type = ethernet.etherType(view, offset);
    while (ethernet.isTag(type)) {
      if (l3 + ethernet.TAG_BYTES > offset + length) return DROP.truncatedVlan;
      type = ethernet.typeBehindTag(view, l3);
      l3 += ethernet.TAG_BYTES;
      this.tagged = true;
    }
    this.etherType = type;
    this.payload = l3;
    if (type === ethernet.TYPE_IPV4) {
      const reason = this.loadIpv4(l3, offset + length - l3);
      return reason === DROP.none ? this.loadOffload() : reason;
    }
    if (type === ethernet.TYPE_IPV6) {
      const reason = this.loadIpv6(l3, offset + length - l3);
      return reason === DROP.none ? this.loadOffload() : reason;
    }
    if (type === ethernet.TYPE_ARP) {
      if (l3 + arp.BYTES > offset + length) return DROP.truncatedArp;
      if (!arp.isValid(view, l3)) return DROP.badArp;
      this.family = FAMILY_ARP;
      this.l3 = l3;
    }
    return this.loadOffload();
  }

  /** The fixed header is read as five words, once, for both its checks and its checksum. */
  private loadIpv4(l3: number, available: number): number {
    const view = this.view;
    if (available < ipv4.MIN_HEADER_BYTES) return DROP.truncatedIpv4;
    const w0 = ipv4.headerWord(view, l3, 0);
    const w1 = ipv4.headerWord(view, l3, 1);
    const w2 = ipv4.headerWord(view, l3, 2);
    const source = ipv4.source(view, l3);
    const destination = ipv4.destination(view, l3);
    if (w0 >>> 28 !== 4) return DROP.badIpVersion;
    const headerBytes = (w0 >>> 22) & 0x3c;
    if (headerBytes < ipv4.MIN_HEADER_BYTES) return DROP.badIpHeaderLength;
    const totalBytes = w0 & 0xffff;
    if (totalBytes < headerBytes) return DROP.badIpTotalLength;
    if (totalBytes > available) return DROP.truncatedIpv4;
    let sum = (w0 >>> 16) + (w0 & 0xffff) + (w1 >>> 16) + (w1 & 0xffff) + (w2 >>> 16) + (w2 & 0xffff);
    sum += (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
    for (let i = ipv4.MIN_HEADER_BYTES; i < headerBytes; i += 2) sum += view.getUint16(l3 + i);
    sum = (sum & 0xffff) + (sum >>> 16);
    if ((sum & 0xffff) + (sum >>> 16) !== 0xffff) return DROP.badIpChecksum;
    if (ipv4.isBadSource(source)) return DROP.badIpAddress;
    this.family = FAMILY_IPV4;
    this.l3 = l3;
    this.ttl = w2 >>> 24;
    this.protocol = (w2 >>> 16) & 0xff;
    this.s0 = 0;
    this.s1 = 0;
    this.s2 = IPV4_MAPPED;
    this.s3 = source;
    this.d0 = 0;
    this.d1 = 0;
    this.d2 = IPV4_MAPPED;
    this.d3 = destination;
    const payload = l3 + headerBytes;
    if (w0 >>> 24 !== 0x45 && ipv4.hasHopsLeft(view, l3 + ipv4.MIN_HEADER_BYTES, payload))
      this.untranslatable = DROP.sourceRoute;
    if ((w1 & 0x3fff) !== 0) {
      this.fragment = true;
      this.fragmentOffset = (w1 & 0x1fff) << 3;
      this.moreFragments = (w1 & 0x2000) !== 0;
      this.fragmentId = w1 >>> 16;
      this.fragmentData = payload;
      if (this.fragmentOffset !== 0) return DROP.none;
    }
    return this.loadTransport(payload, totalBytes - headerBytes);
  }

  private loadIpv6(l3: number, available: number): number {
    const view = this.view;
    if (available < ipv6.HEADER_BYTES) return DROP.truncatedIpv6;
    if (ipv6.version(view, l3) !== 6) return DROP.badIpVersion;
    const payloadBytes = ipv6.payloadLength(view, l3);
    if (ipv6.HEADER_BYTES + payloadBytes > available) return DROP.truncatedIpv6;
    this.s0 = ipv6.sourceWord(view, l3, 0);
    this.s1 = ipv6.sourceWord(view, l3, 1);
    this.s2 = ipv6.sourceWord(view, l3, 2);
    this.s3 = ipv6.sourceWord(view, l3, 3);
    this.d0 = ipv6.destinationWord(view, l3, 0);
    this.d1 = ipv6.destinationWord(view, l3, 1);
    this.d2 = ipv6.destinationWord(view, l3, 2);
    this.d3 = ipv6.destinationWord(view, l3, 3);
    // RFC 4291 §2.5.3, §2.7: multicast and loopback sources are invalid; mapped addresses must not appear on the
    // wire.
    const mapped = (this.s0 | this.s1) === 0 && this.s2 === IPV4_MAPPED;
    if (ipv6.isGroup(this.s0) || ipv6.isLoopback(this.s0, this.s1, this.s2, this.s3) || mapped) {
      return DROP.badIpAddress;
    }
    if ((this.d0 | this.d1) === 0 && this.d2 === IPV4_MAPPED) return DROP.badIpAddress;
    this.family = FAMILY_IPV6;
    this.l3 = l3;
    this.ttl = ipv6.hopLimit(view, l3);
    const end = l3 + ipv6.HEADER_BYTES + payloadBytes;
    let at = l3 + ipv6.HEADER_BYTES;
    let next = ipv6.nextHeader(view, l3);
    for (let i = 0; ; i++) {
      if (!ipv6.isExtension(next)) break;
      if (i === MAX_EXTENSION_HEADERS) return DROP.badExtensionHeader;
      if (at + 8 > end) return this.incomplete(DROP.badExtensionHeader);
      if (next === ipv6.NEXT_FRAGMENT) {
        if (this.fragment) break; // a fragment of a fragment: its datagram is unknown
        this.loadFragmentHeader(at);
        next = ipv6.nextOfExtension(view, at);
        at += 8;
        if (this.fragment && this.fragmentOffset !== 0) {
          this.protocol = next;
          return DROP.none;
        }
      } else {
        const bytes = ipv6.extensionBytes(view, at, next);
        if (at + bytes > end) return this.incomplete(DROP.badExtensionHeader);
        if (next === ipv6.NEXT_HOP_BY_HOP && i > 0) return DROP.badExtensionHeader;
        if (next === ipv6.NEXT_DESTINATION && ipv6.hasHomeAddress(view, at, bytes)) {
          this.untranslatable = DROP.homeAddress;
        } else if (next === ipv6.NEXT_AUTHENTICATION && this.untranslatable === DROP.none) {
          this.untranslatable = DROP.authenticationHeader;
        } else if (next === ipv6.NEXT_ROUTING && ipv6.segmentsLeft(view, at) !== 0 && !this.hasHomeAddress) {
          this.untranslatable = DROP.routingHeader;
        }
        next = ipv6.nextOfExtension(view, at);
        at += bytes;
      }
    }
    this.protocol = next;
    return this.loadTransport(at, end - at);
  }

  /** An atomic fragment, both first and last, is a whole packet (RFC 6946). */
  private loadFragmentHeader(at: number): void {
    const { view } = this;
    this.fragmentOffset = ipv6.fragmentOffset(view, at);
    this.moreFragments = ipv6.hasMoreFragments(view, at);
    this.fragmentId = ipv6.fragmentIdentification(view, at);
    this.fragmentData = at + 8;
    this.fragment = this.fragmentOffset !== 0 || this.moreFragments;
  }

  /** Verdict on truncated headers: valid in a first fragment, else the reason to drop. */
  private incomplete(reason: number): number {
    return this.fragment ? DROP.none : reason;
  }

  private loadTransport(l4: number, bytes: number): number {
    const view = this.view;
    switch (this.protocol) {
      case ipv4.PROTOCOL_TCP: {
        if (bytes < tcp.MIN_HEADER_BYTES) return this.incomplete(DROP.truncatedTransport);
        const headerBytes = tcp.headerBytes(view, l4);
        if (headerBytes < tcp.MIN_HEADER_BYTES) return DROP.badTransportHeader;
        if (headerBytes > bytes) return this.incomplete(DROP.truncatedTransport);
        this.ports = tcp.ports(view, l4);
        this.tcpFlags = tcp.flags(view, l4);
        break;
      }
      case ipv4.PROTOCOL_UDP: {
        if (bytes < udp.HEADER_BYTES) return this.incomplete(DROP.truncatedTransport);
        const length = udp.length(view, l4);
        if (length < udp.HEADER_BYTES) return DROP.badTransportHeader;
        if (length > bytes && !this.fragment) return DROP.truncatedTransport;
        this.ports = udp.ports(view, l4);
        break;
      }
      case ipv4.PROTOCOL_SCTP:
        if (bytes < sctp.HEADER_BYTES) return this.incomplete(DROP.truncatedTransport);
        this.ports = sctp.ports(view, l4);
        break;
      case ipv4.PROTOCOL_ICMP:
      case ipv6.NEXT_ICMPV6:
        if (bytes < 8 && !(this.family === FAMILY_IPV6 && bytes >= 4)) {
          return this.incomplete(DROP.truncatedTransport);
        }
        if (bytes >= icmp.HEADER_BYTES) this.loadIcmp(l4);
        break;
      case ipv6.NEXT_AUTHENTICATION: // an upper-layer protocol over IPv4
        if (this.untranslatable === DROP.none) this.untranslatable = DROP.authenticationHeader;
        break;
      default:
    }
    this.l4 = l4;
    this.l4Bytes = bytes;
    return DROP.none;
  }

  /** An echo's identifier stands for ports (echo.ts). */
  private loadIcmp(l4: number): void {
    const { view } = this;
    const isIpv4 = this.family === FAMILY_IPV4;
    if (this.protocol !== (isIpv4 ? ipv4.PROTOCOL_ICMP : ipv6.NEXT_ICMPV6)) return;
    this.icmpType = icmp.type(view, l4);
    this.ports = echoPorts(isIpv4, this.icmpType, icmp.identifier(view, l4));
  }

  /** Checks the vnet header against the packet. */
  private loadOffload(): number {
    const view = this.view;
    const at = this.offset;
    // One load for the common case: no flags, no GSO.
    if (virtio.isEmpty(view, at)) return DROP.none;
    if ((virtio.flags(view, at) & virtio.FLAG_NEEDS_CSUM) !== 0) {
      if (!isChecksumPlaceRight(this)) return DROP.badVnetHeader;
      this.needsChecksum = true;
      this.partial = this.l4 !== 0 && virtio.csumStart(view, at) === this.l4 - at;
    }
    const type = virtio.gsoType(view, at);
    if (type === virtio.GSO_NONE) return virtio.hasEcn(view, at) ? DROP.badVnetHeader : DROP.none;
    const size = virtio.gsoSize(view, at);
    const fits =
      type === virtio.GSO_TCPV4
        ? this.family === FAMILY_IPV4 && this.protocol === ipv4.PROTOCOL_TCP
        : type === virtio.GSO_TCPV6
          ? this.family === FAMILY_IPV6 && this.protocol === ipv4.PROTOCOL_TCP
          : type === virtio.GSO_UDP_L4 && this.protocol === ipv4.PROTOCOL_UDP;
    if (!fits || size === 0 || !this.partial || this.fragment) return DROP.badVnetHeader;
    this.gsoType = type;
    const headerBytes =
      this.protocol === ipv4.PROTOCOL_TCP ? tcp.headerBytes(view, this.l4) : udp.HEADER_BYTES;
    this.segments = Math.max(1, Math.ceil((this.l4Bytes - headerBytes) / size));
    return DROP.none;
  }

  /**
   * Makes the bytes private: a shared frame is copied into a new slot, on which the cursor then holds the reference.
   * False if the arena has no free slot.
   */
  makeWritable(): boolean {
    if (!this.shared) return true;
    const { arena, slot } = this;
    const copy = arena.take();
    if (copy < 0) return false;
    const to = arena.frameOffset(copy);
    arena.bytes.copyWithin(
      to - virtio.HEADER_BYTES,
      this.offset - virtio.HEADER_BYTES,
      this.offset + this.length,
    );
    const moved = to - this.offset;
    this.slot = copy;
    this.offset = to;
    if (this.l3 !== 0) this.l3 += moved;
    if (this.l4 !== 0) this.l4 += moved;
    this.fragmentData += moved;
    this.shared = false;
    arena.release(slot);
    return true;
  }
}
