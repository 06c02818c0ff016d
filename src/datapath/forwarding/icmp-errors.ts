/**
 * ICMP and ICMPv6 errors that the logical router sends back to the port a packet came from: unreachable, time
 * exceeded, too big. They quote the packet and pass through the port's chain, where the LB rewrites the quotation to
 * the client's view.
 *
 * No error is sent about an ICMP error, a fragment other than the first, a group address, or a packet without a unicast
 * source (RFC 1122 §3.2.2, RFC 4443 §2.4). Errors are rate-limited per causing port (RFC 1812 §4.3.2.8).
 */

import { NONE } from '../../tables/common/bucket-index.ts';
import { PortRates } from '../../tables/common/port-shares.ts';
import { DROP, PORT } from '../../tables/port-counters.ts';
import { checkOf } from '../../wire/checksum.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { setIcmpv6Check } from '../../wire/pseudo-header.ts';
import * as virtio from '../../wire/virtio-net.ts';
import type { Context } from '../frame/context.ts';
import { FAMILY_IPV4, FAMILY_IPV6, Frame, HOPS } from '../frame/frame.ts';
import { completeChecksum } from '../frame/offload.ts';
import type { Networks } from '../ports/networks.ts';
import type { Port } from '../ports/port.ts';

/** Rate of one port while no other port causes errors. */
const ERRORS_PER_SECOND = 1_000;
const ERROR_BURST = 200;
/** Longest error packet: RFC 1812 §4.3.2.3, and the minimum IPv6 MTU (RFC 4443 §2.4 c). */
const MAX_IPV4_BYTES = 576;
const MAX_IPV6_BYTES = 1_280;

export class IcmpErrors {
  private readonly context: Context;
  private readonly networks: Networks;
  private readonly ports: readonly (Port | undefined)[];
  private readonly error: Frame;
  private readonly rates: PortRates;
  /** The error to be written; `asDestination`: it comes from the packet's destination. */
  private readonly message = { type: 0, code: 0, rest: 0, asDestination: false };

  constructor(context: Context, networks: Networks, ports: readonly (Port | undefined)[]) {
    this.context = context;
    this.networks = networks;
    this.ports = ports;
    this.error = new Frame(context.arena);
    this.rates = new PortRates(context.tables.limits.maxPorts, ERROR_BURST, ERRORS_PER_SECOND);
  }

  /** The next hop does not answer; or, sent from the packet's destination, a VIP has no usable member. */
  hostUnreachable(frame: Frame, asDestination = false): void {
    const isIpv4 = frame.family === FAMILY_IPV4;
    const type = isIpv4 ? icmp.UNREACHABLE : icmpv6.UNREACHABLE;
    const code = isIpv4 ? icmp.CODE_HOST_UNREACHABLE : icmpv6.CODE_ADDRESS_UNREACHABLE;
    this.send(frame, type, code, 0, asDestination);
  }

  noRoute(frame: Frame): void {
    if (frame.family === FAMILY_IPV4) this.send(frame, icmp.UNREACHABLE, icmp.CODE_NET_UNREACHABLE, 0);
    else this.send(frame, icmpv6.UNREACHABLE, icmpv6.CODE_NO_ROUTE, 0);
  }

  timeExceeded(frame: Frame): void {
    this.send(frame, frame.family === FAMILY_IPV4 ? icmp.TIME_EXCEEDED : icmpv6.TIME_EXCEEDED, 0, 0);
  }

  /** Drops a packet that is larger than the next network's MTU, in bytes, and reports it to its sender. */
  dropOverMtu(frame: Frame, mtu: number): void {
    this.context.drop(frame, DROP.mtuExceeded);
    this.tooBig(frame, mtu);
  }

  /**
   * The packet does not fit into the next network: `mtu` in bytes (RFC 1191 §4, RFC 4443 §3.2). For a balanced packet
   * in a network without a router the error's source is the VIP.
   */
  tooBig(frame: Frame, mtu: number): void {
    const isIpv4 = frame.family === FAMILY_IPV4;
    const network = this.ports[frame.ingress]?.network ?? frame.network;
    const asVip = frame.member !== NONE && this.networks.at(network).gatewayOf(isIpv4) === NONE;
    if (isIpv4) this.send(frame, icmp.UNREACHABLE, icmp.CODE_FRAGMENTATION_NEEDED, mtu, asVip);
    else this.send(frame, icmpv6.PACKET_TOO_BIG, 0, mtu, asVip);
  }

  /** Port unreachable, sent from the packet's destination. */
  portUnreachable(frame: Frame): void {
    if (frame.family === FAMILY_IPV4) this.send(frame, icmp.UNREACHABLE, icmp.CODE_PORT_UNREACHABLE, 0, true);
    else this.send(frame, icmpv6.UNREACHABLE, icmpv6.CODE_PORT_UNREACHABLE, 0, true);
  }

  /**
   * Protocol unreachable, sent from the packet's destination (RFC 1122 §3.2.2.1). IPv6 points at the next-header field
   * (RFC 4443 §3.4).
   */
  protocolUnreachable(frame: Frame): void {
    if (frame.family === FAMILY_IPV4) {
      this.send(frame, icmp.UNREACHABLE, icmp.CODE_PROTOCOL_UNREACHABLE, 0, true);
    } else {
      const pointer = ipv6.upperLayerFieldAt(frame.view, frame.l3, frame.l4) - frame.l3;
      this.send(frame, icmpv6.PARAMETER_PROBLEM, icmpv6.CODE_UNKNOWN_NEXT_HEADER, pointer, true);
    }
  }

  /** A routing header with segments left is not followed: points at its type (RFC 5095 §3, RFC 8200 §4.4). */
  routingHeader(frame: Frame): void {
    const pointer = ipv6.routingTypeAt(frame.view, frame.l3, frame.l4) - frame.l3;
    this.send(frame, icmpv6.PARAMETER_PROBLEM, icmpv6.CODE_ERRONEOUS_FIELD, pointer, true);
  }

  private send(frame: Frame, type: number, code: number, rest: number, asDestination = false): void {
    const port = this.ports[frame.ingress];
    if (port === undefined || !isQuotable(frame)) return;
    if (!this.rates.take(frame.ingress, 1, this.context.nowMs)) {
      return this.context.count(frame.ingress, PORT.errorsSuppressed);
    }
    const slot = this.context.arena.take();
    if (slot < 0) return;
    // The packet is not forwarded: it is quoted as it would have been on the wire.
    if (frame.partial) completeChecksum(frame);
    const { message } = this;
    message.type = type;
    message.code = code;
    message.rest = rest;
    message.asDestination = asDestination;
    const length =
      frame.family === FAMILY_IPV4
        ? this.writeIpv4(slot, frame, port.network)
        : this.writeIpv6(slot, frame, port.network);
    if (length > 0) {
      const { error } = this;
      error.load(slot, this.context.arena.frameOffset(slot), length, this.context.selfPort, port.network);
      this.context.count(frame.ingress, PORT.answered);
      port.send(error);
    }
    this.context.arena.release(slot);
  }

  /** Writes `message` into a slot; returns its length, or 0 if the network has no address to send it from. */
  private writeIpv4(slot: number, frame: Frame, networkId: number): number {
    const { asDestination } = this.message;
    const { view, bytes } = this.context.arena;
    const network = this.networks.at(networkId);
    const gateway = network.gatewayOf(true);
    if (!asDestination && gateway === NONE) return 0;
    const l3 = this.writeEthernet(slot, frame, networkId);
    const l4 = l3 + ipv4.MIN_HEADER_BYTES;
    const room = MAX_IPV4_BYTES - ipv4.MIN_HEADER_BYTES - icmp.HEADER_BYTES;
    const quoted = Math.min(frame.l3End - frame.l3, room);
    const total = ipv4.MIN_HEADER_BYTES + icmp.HEADER_BYTES + quoted;
    const source = asDestination ? frame.d3 : network.gateways[gateway + 3]!;
    ipv4.setSource(view, l3, source);
    ipv4.setDestination(view, l3, frame.s3);
    ipv4.write(view, l3, total, HOPS, ipv4.PROTOCOL_ICMP);
    this.writeHeader(l4);
    bytes.copyWithin(l4 + icmp.HEADER_BYTES, frame.l3, frame.l3 + quoted);
    icmp.setCheck(view, l4, checkOf(view, l4, icmp.HEADER_BYTES + quoted, 0));
    return frame.l3 - frame.offset + total;
  }

  private writeIpv6(slot: number, frame: Frame, networkId: number): number {
    const { asDestination } = this.message;
    const { view, bytes } = this.context.arena;
    const network = this.networks.at(networkId);
    const gateway = network.gatewayOf(false);
    if (!asDestination && gateway === NONE) return 0;
    const l3 = this.writeEthernet(slot, frame, networkId);
    const l4 = l3 + ipv6.HEADER_BYTES;
    const room = MAX_IPV6_BYTES - ipv6.HEADER_BYTES - icmpv6.HEADER_BYTES;
    const quoted = Math.min(frame.l3End - frame.l3, room);
    ipv6.writeFixed(view, l3, icmpv6.HEADER_BYTES + quoted, ipv6.NEXT_ICMPV6, HOPS);
    const g = network.gateways;
    if (asDestination) ipv6.setSource(view, l3, frame.d0, frame.d1, frame.d2, frame.d3);
    else ipv6.setSource(view, l3, g[gateway]!, g[gateway + 1]!, g[gateway + 2]!, g[gateway + 3]!);
    ipv6.setDestination(view, l3, frame.s0, frame.s1, frame.s2, frame.s3);
    this.writeHeader(l4);
    bytes.copyWithin(l4 + icmpv6.HEADER_BYTES, frame.l3, frame.l3 + quoted);
    setIcmpv6Check(view, l3, l4, icmpv6.HEADER_BYTES + quoted);
    return frame.l3 - frame.offset + ipv6.HEADER_BYTES + icmpv6.HEADER_BYTES + quoted;
  }

  /** The ICMP header but for its checksum, the same in both versions. */
  private writeHeader(l4: number): void {
    const { view } = this.context.arena;
    const { type, code, rest } = this.message;
    icmp.writeHeader(view, l4, type, code, rest);
  }

  /** Returns the offset of the IP header. */
  private writeEthernet(slot: number, frame: Frame, networkId: number): number {
    const { view } = this.context.arena;
    const network = this.networks.at(networkId);
    const at = this.context.arena.frameOffset(slot);
    virtio.clear(view, at);
    // The Ethernet header with its tags, source and destination swapped.
    this.context.arena.bytes.copyWithin(at, frame.offset, frame.l3);
    const high = ethernet.sourceHigh(frame.view, frame.offset);
    ethernet.setDestination(view, at, high, ethernet.sourceLow(frame.view, frame.offset));
    ethernet.setSource(view, at, network.routerMacHigh, network.routerMacLow);
    return at + (frame.l3 - frame.offset);
  }
}

/** Whether an error may be sent about a packet. */
function isQuotable(frame: Frame): boolean {
  if (frame.l4 === 0) return false;
  if (ethernet.isGroup(ethernet.destinationHigh(frame.view, frame.offset)) && !frame.routed) return false;
  if (frame.family === FAMILY_IPV4) {
    if (ipv4.isGroup(frame.d3) || frame.s3 === 0) return false;
    return frame.protocol !== ipv4.PROTOCOL_ICMP || !icmp.isError(icmp.type(frame.view, frame.l4));
  }
  if (frame.family !== FAMILY_IPV6) return false;
  if (ipv6.isGroup(frame.d0) || ipv6.isUnspecified(frame.s0, frame.s1, frame.s2, frame.s3)) return false;
  return frame.protocol !== ipv6.NEXT_ICMPV6 || !icmpv6.isError(icmpv6.type(frame.view, frame.l4));
}
