/**
 * ICMP errors about balanced flows (RFC 5508 §4, RFC 5382 REQ-9, RFC 4787 REQ-12 and 13): the quoted packet is
 * translated back to what its sender had sent, so that path MTU discovery and unreachables work through a VIP, for
 * every balanced protocol. An error neither refreshes nor ends a record.
 *
 * Errors are rare: the quoted headers are changed by delta, and the message's own checksum, verified first, is
 * recomputed.
 */

import { REWRITE_SOURCE, REWRITE_TAGS } from '../../tables/balancing/connection-record.ts';
import { ENDPOINT_WORDS, ROLE_ANSWERED } from '../../tables/balancing/endpoint-table.ts';
import { FlowKey } from '../../tables/balancing/flow-key.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { DROP } from '../../tables/port-counters.ts';
import { delta16, delta32, fold31, replace, replaceUdp } from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { ports, setPorts, swapPorts } from '../../wire/ports.ts';
import * as sctp from '../../wire/sctp.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import type { Context } from '../frame/context.ts';
import { echoPorts, identifierOf, isEcho, isIcmp } from '../frame/echo.ts';
import { FAMILY_IPV4, type Frame, IPV4_MAPPED } from '../frame/frame.ts';
import { fixIcmpCheck, isIcmpCheckRight } from '../frame/icmp-check.ts';
import { rewriteDestination, rewriteSource } from '../frame/rewrite.ts';
import { PASS } from '../frame/verdict.ts';
import { restoreTags } from '../frame/vlan-tags.ts';
import { type Networks, setRouterSource } from '../ports/networks.ts';

/** Bytes in front of the quoted packet, in both versions. */
const QUOTE_OFFSET = 8;
const MAX_EXTENSION_HEADERS = 8;
/** Of an echo, up to and with its identifier. */
const ECHO_KEY_BYTES = 6;

/** True for an ICMP or ICMPv6 message that quotes a packet. */
export function isIcmpError(frame: Frame): boolean {
  if (frame.l4 === 0 || frame.fragment || frame.l4Bytes < QUOTE_OFFSET) return false;
  const type = icmp.type(frame.view, frame.l4);
  return frame.family === FAMILY_IPV4
    ? frame.protocol === ipv4.PROTOCOL_ICMP && icmp.isError(type)
    : frame.protocol === ipv6.NEXT_ICMPV6 && icmpv6.isError(type);
}

/**
 * True for the first fragment of such a message. None is translated: its checksum can only be verified on the whole
 * message (RFC 5508 REQ-3), and errors that conform to RFC 1812 §4.3.2.3 and RFC 4443 §2.4 c are never fragmented.
 */
export function isFirstOfIcmpError(frame: Frame): boolean {
  if (!frame.fragment || frame.fragmentOffset !== 0 || frame.l4 === 0 || frame.icmpType < 0) return false;
  return frame.family === FAMILY_IPV4 ? icmp.isError(frame.icmpType) : icmpv6.isError(frame.icmpType);
}

/** The packet inside an ICMP error: a cursor like Frame, for the quoted part of the packet. */
export class QuotedPacket {
  protocol = -1;
  /** Source port << 16 | destination port; for echo as in frame/echo.ts; else 0. */
  ports = 0;
  /** Addresses, four words each; IPv4 as ::ffff:a.b.c.d. */
  readonly source = new Int32Array(4);
  readonly destination = new Int32Array(4);
  private view: DataView | undefined;
  private isIpv4 = true;
  private l3 = 0;
  private l4 = 0;
  private end = 0;

  /**
   * Points at the packet quoted by an error. False if it cannot belong to a balanced flow, or the quote ends before
   * the fields that identify the flow: ports, or an echo's identifier.
   */
  load(frame: Frame): boolean {
    const { view } = frame;
    this.view = view;
    this.isIpv4 = frame.family === FAMILY_IPV4;
    this.l3 = frame.l4 + QUOTE_OFFSET;
    this.end = frame.l4 + frame.l4Bytes;
    const found = this.isIpv4 ? this.loadIpv4(view) : this.loadIpv6(view);
    return found && this.loadPorts(view);
  }

  /** GRE, ESP and the like have no ports: the addresses alone identify their flows. */
  private loadPorts(view: DataView): boolean {
    const { protocol, l4, end } = this;
    this.ports = 0;
    if (isIcmp(protocol)) {
      if (l4 + ECHO_KEY_BYTES > end) return false;
      const type = icmp.type(view, l4);
      if (!isEcho(this.isIpv4, protocol, type)) return false;
      this.ports = echoPorts(this.isIpv4, type, icmp.identifier(view, l4));
      return true;
    }
    if (protocol !== ipv4.PROTOCOL_TCP && protocol !== ipv4.PROTOCOL_UDP && protocol !== ipv4.PROTOCOL_SCTP) {
      return true;
    }
    if (l4 + 4 > end) return false;
    this.ports = ports(view, l4);
    return true;
  }

  private loadIpv4(view: DataView): boolean {
    const { l3 } = this;
    if (l3 + ipv4.MIN_HEADER_BYTES > this.end || ipv4.version(view, l3) !== 4) return false;
    const headerBytes = ipv4.headerBytes(view, l3);
    if (headerBytes < ipv4.MIN_HEADER_BYTES || (ipv4.fragmentWord(view, l3) & 0x1fff) !== 0) return false;
    this.l4 = l3 + headerBytes;
    this.protocol = ipv4.protocol(view, l3);
    this.source.fill(0);
    this.destination.fill(0);
    this.source[2] = IPV4_MAPPED;
    this.destination[2] = IPV4_MAPPED;
    this.source[3] = ipv4.source(view, l3);
    this.destination[3] = ipv4.destination(view, l3);
    return true;
  }

  private loadIpv6(view: DataView): boolean {
    const { l3 } = this;
    if (l3 + ipv6.HEADER_BYTES > this.end || ipv6.version(view, l3) !== 6) return false;
    let at = l3 + ipv6.HEADER_BYTES;
    let next = ipv6.nextHeader(view, l3);
    for (let i = 0; i < MAX_EXTENSION_HEADERS && at + 8 <= this.end && ipv6.isExtension(next); i++) {
      if (next === ipv6.NEXT_FRAGMENT && ipv6.fragmentOffset(view, at) !== 0) return false;
      // The header's destination is an intermediate hop, so the packet belongs to no flow of that address.
      if (next === ipv6.NEXT_ROUTING && ipv6.segmentsLeft(view, at) !== 0) return false;
      const bytes = ipv6.extensionBytes(view, at, next);
      next = ipv6.nextOfExtension(view, at);
      at += bytes;
    }
    this.l4 = at;
    this.protocol = next;
    for (let i = 0; i < 4; i++) {
      this.source[i] = ipv6.sourceWord(view, l3, i);
      this.destination[i] = ipv6.destinationWord(view, l3, i);
    }
    return true;
  }

  /** Changes the destination address and both ports; checksums by delta where they were quoted. */
  rewriteDestination(words: Int32Array, at: number, ports: number): void {
    this.rewriteAddress(
      this.l3 + (this.isIpv4 ? ipv4.DESTINATION_OFFSET : ipv6.DESTINATION_OFFSET),
      this.destination,
      words,
      at,
    );
    this.rewritePorts(ports);
  }

  /** Changes the source address and both ports. */
  rewriteSource(words: Int32Array, at: number, ports: number): void {
    this.rewriteAddress(
      this.l3 + (this.isIpv4 ? ipv4.SOURCE_OFFSET : ipv6.SOURCE_OFFSET),
      this.source,
      words,
      at,
    );
    this.rewritePorts(ports);
  }

  private rewriteAddress(to: number, was: Int32Array, words: Int32Array, at: number): void {
    const view = this.view!;
    if (this.isIpv4) {
      const delta = delta32(was[3]!, words[at + 3]!);
      view.setInt32(to, words[at + 3]!);
      ipv4.setHeaderCheck(view, this.l3, replace(ipv4.headerCheck(view, this.l3), delta));
      this.fixPseudoHeader(delta);
    } else {
      let delta = 0;
      for (let i = 0; i < 4; i++) {
        delta += delta32(was[i]!, words[at + i]!);
        view.setInt32(to + 4 * i, words[at + i]!);
      }
      this.fixPseudoHeader(delta);
    }
  }

  private rewritePorts(now: number): void {
    const view = this.view!;
    const was = this.ports;
    if (was === now) return;
    this.ports = now;
    if (isIcmp(this.protocol)) icmp.setIdentifier(view, this.l4, identifierOf(now));
    else setPorts(view, this.l4, now);
    if (this.protocol === ipv4.PROTOCOL_SCTP) return this.fixSctp(was ^ now);
    this.fixTransport(delta16(was >>> 16, now >>> 16) + delta16(was & 0xffff, now & 0xffff));
  }

  /** Fixes checksums after a change of the addresses, which ICMP over IPv4 and SCTP do not cover. */
  private fixPseudoHeader(delta: number): void {
    if (this.protocol !== ipv4.PROTOCOL_ICMP && this.protocol !== ipv4.PROTOCOL_SCTP)
      this.fixTransport(delta);
  }

  private fixTransport(delta: number): void {
    const view = this.view!;
    let at = this.l4;
    if (this.protocol === ipv4.PROTOCOL_TCP) at += tcp.CHECK_OFFSET;
    else if (this.protocol === ipv4.PROTOCOL_UDP) at += udp.CHECK_OFFSET;
    else if (isIcmp(this.protocol)) at += 2;
    else return;
    if (at + 2 > this.end) return;
    const check = view.getUint16(at);
    const isUdp = this.protocol === ipv4.PROTOCOL_UDP;
    view.setUint16(at, isUdp ? replaceUdp(check, fold31(delta)) : replace(check, fold31(delta)));
  }

  /** The checksum covers the whole packet, so a truncated quote cannot be verified. */
  private fixSctp(difference: number): void {
    const { l3, l4, end, isIpv4 } = this;
    const view = this.view!;
    const packetEnd = isIpv4
      ? l3 + ipv4.totalLength(view, l3)
      : l3 + ipv6.HEADER_BYTES + ipv6.payloadLength(view, l3);
    if (packetEnd > end || l4 + sctp.HEADER_BYTES > packetEnd) return;
    sctp.applyPortChange(view, l4, packetEnd - l4, difference);
  }
}

/** Translates ICMP errors about the flows of one LB. */
export class IcmpTranslator {
  private readonly context: Context;
  private readonly networks: Networks;
  private readonly key: FlowKey;
  private readonly quoted = new QuotedPacket();

  /** `balancer`: number of the LB. */
  constructor(context: Context, networks: Networks, balancer: number) {
    this.context = context;
    this.networks = networks;
    this.key = new FlowKey(balancer);
  }

  /** An error from the client about a packet that the VIP "sent": it is translated and sent to the member. */
  fromClient(vip: number, frame: Frame): number {
    const { quoted } = this;
    const { connections, endpoints } = this.context.tables;
    if (!quoted.load(frame)) return this.withoutFlow(vip, frame);
    const row = this.rowOfAnswer(vip);
    if (row === NONE) return this.fromOwnMember(vip, frame);
    if (frame.untranslatable !== DROP.none) return this.context.consume(frame, frame.untranslatable);
    if (!isIcmpCheckRight(frame)) return this.context.consume(frame, DROP.badTransportChecksum);
    const member = connections.member(row) * ENDPOINT_WORDS;
    const reverse = connections.reversePorts(row);
    quoted.rewriteSource(endpoints.rows, member, swapPorts(reverse));
    if ((connections.rewrite(row) & REWRITE_SOURCE) !== 0) {
      quoted.rewriteDestination(endpoints.rows, vip * ENDPOINT_WORDS, quoted.ports);
      return this.backToItself(row, vip, frame);
    }
    rewriteDestination(frame, endpoints.rows, member, frame.ports);
    fixIcmpCheck(frame);
    frame.member = connections.via(row);
    return PASS;
  }

  /** The first fragment of an error from a client to a VIP: dropped, unless it is certainly about another packet. */
  fragmentFromClient(vip: number, frame: Frame): number {
    const isOther = this.quoted.load(frame) && this.rowOfAnswer(vip) === NONE;
    return isOther ? this.withoutFlow(vip, frame) : this.context.consume(frame, DROP.icmpErrorFragment);
  }

  /** Row of the flow of the quoted packet, from a VIP to its client, or NONE. */
  private rowOfAnswer(vip: number): number {
    const { quoted, key } = this;
    key.readClient(quoted.destination, 0);
    key.setService(vip, swapPorts(quoted.ports), quoted.protocol);
    return this.context.tables.connections.findForward(key);
  }

  /**
   * An error on a hairpin from the VM as member, about a packet that the VIP "sent" as its client: the VM gets it as
   * client, about its own packet to the VIP. `quoted` is loaded.
   */
  private fromOwnMember(vip: number, frame: Frame): number {
    const { quoted } = this;
    const { connections, endpoints } = this.context.tables;
    const c = quoted.destination;
    const member = endpoints.find(frame.network, c[0]!, c[1]!, c[2]!, c[3]!);
    if (member === NONE) return this.withoutFlow(vip, frame);
    this.key.readClient(c, 0);
    this.key.setService(member, quoted.ports, quoted.protocol);
    const row = connections.findReverse(this.key);
    const isHairpin = row !== NONE && (connections.rewrite(row) & REWRITE_SOURCE) !== 0;
    if (!isHairpin || connections.vip(row) !== vip) return this.withoutFlow(vip, frame);
    if (!isIcmpCheckRight(frame)) return this.context.consume(frame, DROP.badTransportChecksum);
    quoted.rewriteSource(endpoints.rows, member * ENDPOINT_WORDS, quoted.ports);
    quoted.rewriteDestination(endpoints.rows, vip * ENDPOINT_WORDS, connections.forwardPorts(row));
    return this.backToItself(row, vip, frame);
  }

  /** An error about no balanced flow: a VM's own address also has its own traffic, any other VIP has none. */
  private withoutFlow(vip: number, frame: Frame): number {
    const isOwned = !this.context.tables.endpoints.hasRole(vip, ROLE_ANSWERED);
    return isOwned ? PASS : this.context.consume(frame, DROP.noConnection);
  }

  /** From the VIP, to the VM that sent it. */
  private backToItself(row: number, vip: number, frame: Frame): number {
    const { connections, endpoints } = this.context.tables;
    rewriteSource(frame, endpoints.rows, vip * ENDPOINT_WORDS, frame.ports);
    setRouterSource(frame, this.networks);
    rewriteDestination(frame, endpoints.rows, connections.member(row) * ENDPOINT_WORDS, frame.ports);
    fixIcmpCheck(frame);
    frame.member = connections.via(row);
    return PASS;
  }

  /** An error about a packet of the client's that was translated: the client sees its own packet quoted. */
  toClient(frame: Frame): number {
    const { quoted } = this;
    const { connections, endpoints } = this.context.tables;
    if (!quoted.load(frame)) return PASS;
    const row = this.rowOfQuestion(frame);
    if (row === NONE) return PASS;
    // RFC 5508 §7: a redirect on the way to the member does not apply to the VIP.
    const isRedirect = frame.family === FAMILY_IPV4 && icmp.type(frame.view, frame.l4) === icmp.REDIRECT;
    if (isRedirect) return this.context.consume(frame, DROP.icmpRedirect);
    if (frame.untranslatable !== DROP.none) return this.context.consume(frame, frame.untranslatable);
    if (!isIcmpCheckRight(frame)) return this.context.consume(frame, DROP.badTransportChecksum);
    if (!frame.makeWritable()) return this.context.consume(frame, DROP.outOfBuffers);
    quoted.load(frame);
    const d = quoted.destination;
    const vip = connections.vip(row) * ENDPOINT_WORDS;
    quoted.rewriteDestination(endpoints.rows, vip, connections.forwardPorts(row));
    if (frame.s3 === d[3] && frame.s2 === d[2] && frame.s1 === d[1] && frame.s0 === d[0]) {
      // The member itself sent the error: the client sees it as from the VIP.
      rewriteSource(frame, endpoints.rows, vip, frame.ports);
      setRouterSource(frame, this.networks);
    }
    fixIcmpCheck(frame);
    if ((connections.rewrite(row) & REWRITE_TAGS) !== 0) restoreTags(frame, connections.cold, row);
    return PASS;
  }

  /** The first fragment of an error to a client: dropped, unless it is certainly about another packet. */
  fragmentToClient(frame: Frame): number {
    const isOther = this.quoted.load(frame) && this.rowOfQuestion(frame) === NONE;
    return isOther ? PASS : this.context.consume(frame, DROP.icmpErrorFragment);
  }

  /** Row of the flow of the quoted packet, from a client to a member; NONE if this port has none. */
  private rowOfQuestion(frame: Frame): number {
    const { connections, endpoints } = this.context.tables;
    const { source, destination: d, protocol } = this.quoted;
    const member = endpoints.find(frame.network, d[0]!, d[1]!, d[2]!, d[3]!);
    if (member === NONE) return NONE;
    this.key.readClient(source, 0);
    this.key.setService(member, this.quoted.ports, protocol);
    const row = connections.findReverse(this.key);
    return row !== NONE && frame.shared && connections.ownerPort(row) !== frame.egress ? NONE : row;
  }
}
