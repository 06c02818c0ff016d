/**
 * Replies of the datapath on behalf of gateways and VIPs: ARP replies, neighbour advertisements, echo replies, TCP
 * resets. A reply leaves by the port that the request came in by. If it has the request's size it is made in place.
 */

import { ROLE_ANSWERED } from '../../tables/balancing/endpoint-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { DROP, PORT } from '../../tables/port-counters.ts';
import * as arp from '../../wire/arp.ts';
import { checkOf, delta16, replace } from '../../wire/checksum.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { swapPorts } from '../../wire/ports.ts';
import { pseudoSum4, pseudoSum6, setIcmpv6Check } from '../../wire/pseudo-header.ts';
import * as tcp from '../../wire/tcp.ts';
import * as virtio from '../../wire/virtio-net.ts';
import type { Context } from '../frame/context.ts';
import { FAMILY_IPV4, FAMILY_IPV6, Frame, HOPS, IPV4_MAPPED } from '../frame/frame.ts';
import { isIcmpCheckRight } from '../frame/icmp-check.ts';
import { rewriteDestination } from '../frame/rewrite.ts';
import { CONSUMED, PASS } from '../frame/verdict.ts';
import type { Network, Networks } from '../ports/networks.ts';
import type { Port } from '../ports/port.ts';
import type { IcmpErrors } from './icmp-errors.ts';
import { advertise } from './packets.ts';

/** Last word of ff02::2. */
const ALL_ROUTERS = 2;

export class Responder {
  /** Setting: whether a VIP answers echo requests. */
  answersEchoToVip = true;
  private readonly context: Context;
  private readonly networks: Networks;
  private readonly errors: IcmpErrors;
  private readonly ports: readonly (Port | undefined)[];
  /** Cursor for a reply that is not made in place. */
  private readonly copy: Frame;

  constructor(
    context: Context,
    networks: Networks,
    errors: IcmpErrors,
    ports: readonly (Port | undefined)[],
  ) {
    this.context = context;
    this.networks = networks;
    this.errors = errors;
    this.ports = ports;
    this.copy = new Frame(context.arena);
  }

  /** Whether the datapath answers for this address of the network: it is a gateway's or a VIP. */
  isOurs(network: number, w0: number, w1: number, w2: number, w3: number): boolean {
    if (this.networks.at(network).isGateway(w0, w1, w2, w3)) return true;
    const { endpoints } = this.context.tables;
    const endpoint = endpoints.find(network, w0, w1, w2, w3);
    if (endpoint === NONE || !endpoints.hasRole(endpoint, ROLE_ANSWERED)) return false;
    // A VIP of another network is reached through the router.
    return !this.networks.isBehindRouter(network, w0, w1, w2, w3);
  }

  /** Answers an ARP request for a gateway or a VIP; PASS if it is for someone else. */
  answerArp(frame: Frame): number {
    const { view, l3, offset } = frame;
    if (arp.operation(view, l3) !== arp.REQUEST) return PASS;
    const target = arp.targetIp(view, l3);
    const sender = arp.senderIp(view, l3);
    if (sender === target || !this.isOurs(frame.network, 0, 0, IPV4_MAPPED, target)) return PASS;
    const network = this.networks.at(frame.network);
    const high = arp.senderMacHigh(view, l3);
    const low = arp.senderMacLow(view, l3);
    arp.write(view, l3, arp.REPLY);
    arp.setSender(view, l3, network.routerMacHigh, network.routerMacLow, target);
    arp.setTarget(view, l3, high, low, sender);
    ethernet.setDestination(view, offset, high, low);
    ethernet.setSource(view, offset, network.routerMacHigh, network.routerMacLow);
    this.sendBack(frame, frame.length);
    return CONSUMED;
  }

  /** Answers a neighbour solicitation for a gateway or a VIP (RFC 4861 §7.2.4); the message has been validated. */
  answerSolicitation(frame: Frame): number {
    const { view, l3, offset } = frame;
    const t0 = icmpv6.targetWord(view, frame.l4, 0);
    const t1 = icmpv6.targetWord(view, frame.l4, 1);
    const t2 = icmpv6.targetWord(view, frame.l4, 2);
    const t3 = icmpv6.targetWord(view, frame.l4, 3);
    if (!this.isOurs(frame.network, t0, t1, t2, t3)) return PASS;
    const network = this.networks.at(frame.network);
    const isProbe = ipv6.isUnspecified(frame.s0, frame.s1, frame.s2, frame.s3);
    // The solicitation's extension headers are removed, a missing link-layer option is added.
    const l4 = l3 + ipv6.HEADER_BYTES;
    const isAnycast = network.isAnycast(t0, t1, t2, t3);
    // RFC 4861 §7.2.7: other routers may answer for an anycast address, too.
    let flags = isAnycast ? 0 : icmpv6.FLAG_OVERRIDE;
    if (network.isGateway(t0, t1, t2, t3)) flags |= icmpv6.FLAG_ROUTER;
    if (!isProbe) flags |= icmpv6.FLAG_SOLICITED;
    const high = ethernet.sourceHigh(view, offset);
    const low = ethernet.sourceLow(view, offset);
    ipv6.writeFixed(view, l3, icmpv6.ND_WITH_ADDRESS_BYTES, ipv6.NEXT_ICMPV6, 255);
    if (isProbe) {
      ipv6.setDestination(view, l3, 0xff02_0000 | 0, 0, 0, 1);
      ethernet.setDestination(view, offset, 0x3333, 1);
    } else {
      ipv6.setDestination(view, l3, frame.s0, frame.s1, frame.s2, frame.s3);
      ethernet.setDestination(view, offset, high, low);
    }
    const { routerMacHigh, routerMacLow } = network;
    ethernet.setSource(view, offset, routerMacHigh, routerMacLow);
    ipv6.setSource(view, l3, t0, t1, t2, t3);
    advertise(view, l3, flags, routerMacHigh, routerMacLow);
    if (isAnycast) {
      const local = network.linkLocal!;
      ipv6.setSource(view, l3, local[0]!, local[1]!, local[2]!, local[3]!);
      setIcmpv6Check(view, l3, l4, icmpv6.ND_WITH_ADDRESS_BYTES);
    }
    frame.needsChecksum = false;
    this.sendBack(frame, l4 + icmpv6.ND_WITH_ADDRESS_BYTES - offset);
    return CONSUMED;
  }

  /**
   * Turns an echo request into its reply, in place; false for any other packet. An admitted fragment becomes the same
   * fragment of the reply: the first one has the type and the checksum. `asked`: network of the destination. A whole
   * request with a wrong checksum is dropped; a fragmented request's checksum error is carried over into the reply.
   */
  answerEcho(frame: Frame, asked = this.networks.at(frame.network)): boolean {
    if (!frame.isEchoRequest) return false;
    if (frame.untranslatable !== DROP.none) {
      this.context.drop(frame, frame.untranslatable);
      return true;
    }
    if (!frame.fragment && !frame.needsChecksum && !isIcmpCheckRight(frame)) {
      this.context.drop(frame, DROP.badTransportChecksum);
      return true;
    }
    const { view, l3, l4, offset } = frame;
    const isIpv4 = frame.family === FAMILY_IPV4;
    if (!isIpv4) this.setUnicastDestination(frame, asked);
    if (l4 !== 0) {
      const was = icmp.type(view, l4);
      const now = isIpv4 ? icmp.ECHO_REPLY : icmpv6.ECHO_REPLY;
      icmp.setType(view, l4, now);
      const check = icmp.check(view, l4);
      if (!frame.partial) icmp.setCheck(view, l4, replace(check, delta16(was << 8, now << 8)));
    }
    if (isIpv4) {
      ipv4.setSource(view, l3, frame.d3);
      ipv4.setDestination(view, l3, frame.s3);
      ipv4.setTtlWithChecksum(view, l3, HOPS);
    } else {
      ipv6.setSource(view, l3, frame.d0, frame.d1, frame.d2, frame.d3);
      ipv6.setDestination(view, l3, frame.s0, frame.s1, frame.s2, frame.s3);
      ipv6.setHopLimit(view, l3, HOPS);
    }
    const high = ethernet.sourceHigh(view, offset);
    const low = ethernet.sourceLow(view, offset);
    const network = this.networks.at(frame.network);
    ethernet.setDestination(view, offset, high, low);
    ethernet.setSource(view, offset, network.routerMacHigh, network.routerMacLow);
    this.sendBack(frame, frame.length);
    return true;
  }

  /**
   * Answers an ICMPv6 echo request to all routers of the link (RFC 4443 §4.2). The switch floods the request as well,
   * since the link may have other routers.
   */
  answerGroupEcho(frame: Frame): void {
    const isForUs = frame.d0 === (0xff02_0000 | 0) && (frame.d1 | frame.d2) === 0;
    if (!isForUs || frame.d3 !== ALL_ROUTERS || frame.fragment) return;
    // Across an uplink each host answers for its own VMs only.
    if (this.ports[frame.ingress]?.isUplink !== false) return;
    const { arena } = this.context;
    const slot = arena.take();
    if (slot < 0) return;
    const to = arena.frameOffset(slot);
    const from = frame.offset - virtio.HEADER_BYTES;
    arena.bytes.copyWithin(to - virtio.HEADER_BYTES, from, frame.offset + frame.length);
    const { copy } = this;
    if (copy.load(slot, to, frame.length, frame.ingress, frame.network) === DROP.none) this.answerEcho(copy);
    arena.release(copy.slot);
  }

  /** Source of a reply to a group or anycast address: the router's own address in the requester's scope. */
  private setUnicastDestination(frame: Frame, asked: Network): void {
    const network = this.networks.at(frame.network);
    const { d0, d1, d2, d3 } = frame;
    if (!ipv6.isGroup(d0) && !asked.isAnycast(d0, d1, d2, d3)) return;
    const at = network.gatewayOf(false);
    const isLocal = at === NONE || ipv6.isLinkLocal(frame.s0);
    rewriteDestination(frame, isLocal ? network.linkLocal! : network.gateways, isLocal ? 0 : at, frame.ports);
  }

  /** Rejects a client's packet: RST for TCP, port unreachable for protocols with ports, protocol unreachable for others. */
  reject(frame: Frame): number {
    if (frame.protocol === ipv4.PROTOCOL_TCP) return this.reset(frame);
    if (frame.isEchoRequest) {
      this.errors.hostUnreachable(frame, true);
      return CONSUMED;
    }
    const hasPorts = frame.protocol === ipv4.PROTOCOL_UDP || frame.protocol === ipv4.PROTOCOL_SCTP;
    if (hasPorts) this.errors.portUnreachable(frame);
    else this.errors.protocolUnreachable(frame);
    return CONSUMED;
  }

  /** Drops a packet for which an address of ours would be a hop, or that names another source. Always CONSUMED. */
  refuseHop(frame: Frame): number {
    const isRouting = frame.untranslatable === DROP.routingHeader;
    this.context.consume(frame, frame.untranslatable);
    if (isRouting) this.errors.routingHeader(frame);
    return CONSUMED;
  }

  /** Answers a TCP segment with a reset from its destination (RFC 9293 §3.10.7.1); never one reset with another. */
  reset(frame: Frame): number {
    const { view: from } = frame;
    if ((frame.tcpFlags & tcp.RST) !== 0 || frame.fragment) return CONSUMED;
    const { arena } = this.context;
    const slot = arena.take();
    if (slot < 0) return CONSUMED;
    const { view } = arena;
    const at = arena.frameOffset(slot);
    const l2Bytes = frame.l3 - frame.offset;
    virtio.clear(view, at);
    // The Ethernet header with its tags, source and destination swapped.
    arena.bytes.copyWithin(at, frame.offset, frame.l3);
    const network = this.networks.at(frame.network);
    const high = ethernet.sourceHigh(from, frame.offset);
    ethernet.setDestination(view, at, high, ethernet.sourceLow(from, frame.offset));
    ethernet.setSource(view, at, network.routerMacHigh, network.routerMacLow);
    const l3 = at + l2Bytes;
    const isIpv4 = frame.family === FAMILY_IPV4;
    const l4 = l3 + (isIpv4 ? ipv4.MIN_HEADER_BYTES : ipv6.HEADER_BYTES);
    this.writeReset(view, l4, frame);
    if (isIpv4) {
      const total = ipv4.MIN_HEADER_BYTES + tcp.MIN_HEADER_BYTES;
      ipv4.setSource(view, l3, frame.d3);
      ipv4.setDestination(view, l3, frame.s3);
      ipv4.write(view, l3, total, HOPS, ipv4.PROTOCOL_TCP);
    } else {
      ipv6.writeFixed(view, l3, tcp.MIN_HEADER_BYTES, ipv4.PROTOCOL_TCP, HOPS);
      ipv6.setSource(view, l3, frame.d0, frame.d1, frame.d2, frame.d3);
      ipv6.setDestination(view, l3, frame.s0, frame.s1, frame.s2, frame.s3);
    }
    const pseudo = isIpv4 ? pseudoSum4 : pseudoSum6;
    const sum = pseudo(view, l3, ipv4.PROTOCOL_TCP, tcp.MIN_HEADER_BYTES);
    tcp.setCheck(view, l4, checkOf(view, l4, tcp.MIN_HEADER_BYTES, sum));
    this.context.count(frame.ingress, PORT.answered);
    this.context.transmit(frame.ingress, slot, at, l4 + tcp.MIN_HEADER_BYTES - at);
    arena.release(slot);
    return CONSUMED;
  }

  private writeReset(view: DataView, l4: number, frame: Frame): void {
    const { view: from, l4: was } = frame;
    const ports = swapPorts(frame.ports);
    if ((frame.tcpFlags & tcp.ACK) !== 0) {
      tcp.write(view, l4, ports, tcp.acknowledgment(from, was), 0, tcp.RST);
      return;
    }
    const payload = frame.l4Bytes - tcp.headerBytes(from, was);
    const control = Number((frame.tcpFlags & tcp.SYN) !== 0) + Number((frame.tcpFlags & tcp.FIN) !== 0);
    const acknowledged = (tcp.sequence(from, was) + payload + control) | 0;
    tcp.write(view, l4, ports, 0, acknowledged, tcp.RST | tcp.ACK);
  }

  /** Sends a reply that was made in place; it is complete unless its checksum was offloaded. */
  private sendBack(frame: Frame, length: number): void {
    this.context.count(frame.ingress, PORT.answered);
    if (!frame.needsChecksum) virtio.clear(frame.view, frame.offset);
    frame.length = length;
    this.ports[frame.ingress]!.deliver(frame);
  }
}

/** Router and neighbour solicitations and advertisements, and redirects. */
export function isNeighbourDiscovery(frame: Frame): boolean {
  if (frame.protocol !== ipv6.NEXT_ICMPV6 || frame.family !== FAMILY_IPV6 || frame.l4 === 0) return false;
  const type = icmpv6.type(frame.view, frame.l4);
  return type >= icmpv6.ROUTER_SOLICITATION && type <= icmpv6.REDIRECT;
}

/** Whether a packet is a valid ND message (RFC 4861 §7.1): hop limit 255, code 0, long enough, right checksum. */
export function isValidNd(frame: Frame): boolean {
  const { view, l4 } = frame;
  if (!hasNdForm(frame, icmpv6.ND_BYTES) || ipv6.isGroup(icmpv6.targetWord(view, l4, 0))) return false;
  return icmpv6.linkAddressAt(view, l4, l4 + frame.l4Bytes, icmpv6.OPTION_SOURCE_LINK_ADDRESS) >= 0;
}

/** Whether a packet is a valid router solicitation (RFC 4861 §6.1.1). */
export function isValidRouterSolicitation(frame: Frame): boolean {
  const { view, l4 } = frame;
  const bytes = icmpv6.ROUTER_SOLICITATION_BYTES;
  if (!hasNdForm(frame, bytes)) return false;
  const option = icmpv6.OPTION_SOURCE_LINK_ADDRESS;
  const at = icmpv6.linkAddressAt(view, l4, l4 + frame.l4Bytes, option, bytes);
  return at === 0 || (at > 0 && !ipv6.isUnspecified(frame.s0, frame.s1, frame.s2, frame.s3));
}

/** Checks common to all ND messages; `bytes`: length of the message before its options. */
function hasNdForm(frame: Frame, bytes: number): boolean {
  const { view, l3, l4 } = frame;
  if (frame.family !== FAMILY_IPV6 || frame.ttl !== 255 || icmpv6.code(view, l4) !== 0) return false;
  if (frame.l4Bytes < bytes || frame.fragment) return false;
  if (frame.needsChecksum) return true;
  return checkOf(view, l4, frame.l4Bytes, pseudoSum6(view, l3, ipv6.NEXT_ICMPV6, frame.l4Bytes)) === 0;
}
