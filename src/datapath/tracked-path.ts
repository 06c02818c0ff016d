/**
 * The short way of a packet whose flow has a record and about which nothing needs care: most packets of a host.
 *
 * Theory of operation. Between a client and a member on one network, with neither a handshake nor an end under way, the
 * chains of both ports, the load balancer and the forwarding element come down to this: the record says where
 * to, the addresses and ports are rewritten, the frame is counted and sent. `send` makes sure that it is so before it
 * changes anything, and answers false in any other case; the frame then takes the general way, which knows all cases,
 * and which would have done the very same (test/datapath/tracked-path.test.ts compares the two, byte by byte).
 *
 * What is made sure of: the packet is plain (plain-packets.ts); its source MAC and address are the port's own, so that
 * there is nothing to learn and nothing to suspect; exactly one of its addresses is a service's; the record's key
 * is the packet's; its state stays what it is; it rewrites the service's address, and maybe ports, but nothing else; the
 * receiving port is known, in the same network, has no other operators, and takes the packet as it is.
 */
import { NONE } from '../tables/bucket-index.ts';
import { type ConnectionTable, REWRITE_ADDRESS, REWRITE_SOURCE } from '../tables/connection-table.ts';
import { ENDPOINT_WORDS, type EndpointTable } from '../tables/endpoint-table.ts';
import { delta16, replace, replacePartial, replaceUdp } from '../wire/checksum.ts';
import * as ethernet from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import type { ConnectionTracking } from './connection-tracking.ts';
import type { Context } from './context.ts';
import type { FlowMeter } from './flow-meter.ts';
import { IPV4_MAPPED } from './frame.ts';
import type { LogicalSwitch } from './logical-switch.ts';
import type { Lookahead } from './lookahead.ts';
import type { Networks } from './networks.ts';
import { PACKET, PACKET_IPV6, PACKET_PARTIAL, PACKET_REPLY, PACKET_WORDS } from './plain-packets.ts';
import type { Port } from './port.ts';

/** Offsets from the Ethernet header. */
const IPV4_SOURCE = ethernet.HEADER_BYTES + 12;
const IPV4_DESTINATION = ethernet.HEADER_BYTES + 16;
const IPV4_L4 = ethernet.HEADER_BYTES + 20;
const IPV6_SOURCE = ethernet.HEADER_BYTES + 8;
const IPV6_DESTINATION = ethernet.HEADER_BYTES + 24;
const IPV6_L4 = ethernet.HEADER_BYTES + 40;

export class TrackedPath {
  private readonly context: Context;
  private readonly view: DataView;
  private readonly connections: ConnectionTable;
  private readonly endpoints: EndpointTable;
  private readonly networks: Networks;
  private readonly ports: readonly (Port | undefined)[];
  private readonly tracking: ConnectionTracking;
  private readonly meter: FlowMeter;
  private readonly logicalSwitch: LogicalSwitch;
  private readonly lookahead: Lookahead;
  /** Words of the packets that the lookahead has read. */
  private readonly words: Int32Array;

  constructor(
    context: Context,
    networks: Networks,
    ports: readonly (Port | undefined)[],
    tracking: ConnectionTracking,
    meter: FlowMeter,
    logicalSwitch: LogicalSwitch,
    lookahead: Lookahead,
  ) {
    this.context = context;
    this.view = context.arena.view;
    this.connections = context.tables.connections;
    this.endpoints = context.tables.endpoints;
    this.networks = networks;
    this.ports = ports;
    this.tracking = tracking;
    this.meter = meter;
    this.logicalSwitch = logicalSwitch;
    this.lookahead = lookahead;
    this.words = lookahead.packets.words;
  }

  /** Sends a frame that came in by `port`, packet `number` of the lookahead; false: it is as it was, and the general way's. */
  send(port: Port, number: number, slot: number, offset: number, length: number): boolean {
    const { words } = this;
    const at = number * PACKET_WORDS;
    if (words[at + PACKET.row] === NONE || this.lookahead.changes !== this.endpoints.changes) return false;
    if (!port.isSimple || !this.isFromOwner(port, at, offset)) return false;
    return (words[at + PACKET.kind]! & PACKET_REPLY) === 0
      ? this.toMember(port, at, slot, offset, length)
      : this.toClient(port, at, slot, offset, length);
  }

  /** Whether the sender is the VM that the port is known to have. */
  private isFromOwner(port: Port, at: number, offset: number): boolean {
    const { view, words } = this;
    if (ethernet.sourceLow(view, offset) !== port.macLow) return false;
    if (ethernet.sourceHigh(view, offset) !== port.macHigh) return false;
    const { antiSpoofing } = port;
    if (antiSpoofing === undefined) return true;
    const s3 = words[at + PACKET.source + 3]!;
    if ((words[at + PACKET.kind]! & PACKET_IPV6) === 0) return antiSpoofing.isOwnIpv4(s3);
    const s0 = words[at + PACKET.source]!;
    const s1 = words[at + PACKET.source + 1]!;
    const s2 = words[at + PACKET.source + 2]!;
    return antiSpoofing.isOwnIpv6(s0, s1, s2, s3);
  }

  private toMember(port: Port, at: number, slot: number, offset: number, length: number): boolean {
    const { words, connections, endpoints, tracking, context } = this;
    const row = words[at + PACKET.row]!;
    const kind = words[at + PACKET.kind]!;
    const vip = words[at + PACKET.endpoint]!;
    const ports = words[at + PACKET.ports]!;
    if (!port.balances || !this.isForward(row, at, kind, ports, vip)) return false;
    if (!tracking.isSteadyForward(row, (kind >>> 8) & 0xff) || !this.rewritesAddress(row)) return false;
    const member = connections.member(row);
    const way = endpoints.wayPort(member, context.wayGeneration);
    const to = way === NONE ? undefined : this.ports[way];
    if (to === undefined || to.network !== port.network || !to.takesAsItIs(this.view, offset)) return false;
    if (words[at + PACKET.ipBytes]! > this.networks.at(port.network).mtu) return false;

    if (this.meter.hasBudget) {
      const headers = (kind & PACKET_IPV6) === 0 ? IPV4_L4 : IPV6_L4;
      const l4Bytes = words[at + PACKET.ipBytes]! + ethernet.HEADER_BYTES - headers;
      this.meter.fromClient(row, kind & 0xff, offset + headers, l4Bytes);
    }
    tracking.countForward(row, 1, length);
    const addressDelta = endpoints.delta(vip, member);
    const reverse = connections.reversePorts(row);
    if ((kind & PACKET_IPV6) === 0) {
      this.setIpv4(offset, offset + IPV4_DESTINATION, member, addressDelta);
      this.fixTransport(offset + IPV4_L4, kind, addressDelta, ports, reverse);
    } else {
      this.setIpv6(offset + IPV6_DESTINATION, member);
      this.fixTransport(offset + IPV6_L4, kind, addressDelta, ports, reverse);
    }
    ethernet.setDestination(this.view, offset, endpoints.wayMacHigh(member), endpoints.wayMacLow(member));
    context.transmit(way, slot, offset, length);
    return true;
  }

  private toClient(port: Port, at: number, slot: number, offset: number, length: number): boolean {
    const { view, words, connections, endpoints, tracking } = this;
    const row = words[at + PACKET.row]!;
    const kind = words[at + PACKET.kind]!;
    const member = words[at + PACKET.endpoint]!;
    const ports = words[at + PACKET.ports]!;
    const reversed = (ports << 16) | (ports >>> 16);
    if (!this.isReverse(row, at, kind, reversed, member)) return false;
    if (!tracking.isSteadyReverse(row, (kind >>> 8) & 0xff) || !this.rewritesAddress(row)) return false;
    const high = ethernet.destinationHigh(view, offset);
    const low = ethernet.destinationLow(view, offset);
    const network = this.networks.at(port.network);
    if ((low === network.routerMacLow && high === network.routerMacHigh) || ethernet.isGroup(high))
      return false;
    const way = this.logicalSwitch.portOf(port.network, high, low);
    const to = way === NONE || way === port.id ? undefined : this.ports[way];
    if (to === undefined || !to.balances) return false;
    if (to.network !== port.network || !to.takesAsItIs(view, offset)) return false;

    if (this.meter.hasBudget) {
      const headers = (kind & PACKET_IPV6) === 0 ? IPV4_L4 : IPV6_L4;
      const l4Bytes = words[at + PACKET.ipBytes]! + ethernet.HEADER_BYTES - headers;
      this.meter.fromMember(row, kind & 0xff, offset + headers, l4Bytes);
    }
    tracking.countReverse(row, 1, length);
    const vip = connections.vip(row);
    const addressDelta = endpoints.delta(member, vip);
    const forward = connections.forwardPorts(row);
    const now = (forward << 16) | (forward >>> 16);
    if ((kind & PACKET_IPV6) === 0) {
      this.setIpv4(offset, offset + IPV4_SOURCE, vip, addressDelta);
      this.fixTransport(offset + IPV4_L4, kind, addressDelta, ports, now);
    } else {
      this.setIpv6(offset + IPV6_SOURCE, vip);
      this.fixTransport(offset + IPV6_L4, kind, addressDelta, ports, now);
    }
    ethernet.setSource(view, offset, network.routerMacHigh, network.routerMacLow);
    this.context.transmit(way, slot, offset, length);
    return true;
  }

  private isForward(row: number, at: number, kind: number, ports: number, vip: number): boolean {
    const { words, connections } = this;
    const c3 = words[at + PACKET.source + 3]!;
    const protocol = kind & 0xff;
    if ((kind & PACKET_IPV6) === 0) {
      return connections.isForward(row, 0, 0, IPV4_MAPPED, c3, ports, vip, protocol);
    }
    const c0 = words[at + PACKET.source]!;
    const c1 = words[at + PACKET.source + 1]!;
    const c2 = words[at + PACKET.source + 2]!;
    return connections.isForward(row, c0, c1, c2, c3, ports, vip, protocol);
  }

  private isReverse(row: number, at: number, kind: number, ports: number, member: number): boolean {
    const { words, connections } = this;
    const c3 = words[at + PACKET.destination + 3]!;
    const protocol = kind & 0xff;
    if ((kind & PACKET_IPV6) === 0) {
      return connections.isReverse(row, 0, 0, IPV4_MAPPED, c3, ports, member, protocol);
    }
    const c0 = words[at + PACKET.destination]!;
    const c1 = words[at + PACKET.destination + 1]!;
    const c2 = words[at + PACKET.destination + 2]!;
    return connections.isReverse(row, c0, c1, c2, c3, ports, member, protocol);
  }

  /** Whether the record rewrites the service's address, and nothing on the client's side. */
  private rewritesAddress(row: number): boolean {
    return (this.connections.rewrite(row) & (REWRITE_ADDRESS | REWRITE_SOURCE)) === REWRITE_ADDRESS;
  }

  /** Puts an endpoint's address at `field` of an IPv4 header, and corrects the header's checksum. */
  private setIpv4(offset: number, field: number, endpoint: number, delta: number): void {
    const { view } = this;
    const l3 = offset + ethernet.HEADER_BYTES;
    view.setInt32(field, this.endpoints.rows[endpoint * ENDPOINT_WORDS + 3]!);
    ipv4.setHeaderCheck(view, l3, replace(ipv4.headerCheck(view, l3), delta));
  }

  /** Puts an endpoint's address at `field`. */
  private setIpv6(field: number, endpoint: number): void {
    const { view } = this;
    const { rows } = this.endpoints;
    const at = endpoint * ENDPOINT_WORDS;
    view.setInt32(field, rows[at]!);
    view.setInt32(field + 4, rows[at + 1]!);
    view.setInt32(field + 8, rows[at + 2]!);
    view.setInt32(field + 12, rows[at + 3]!);
  }

  /** Puts both ports into a transport header, and corrects its checksum for them and the address. */
  private fixTransport(l4: number, kind: number, addressDelta: number, was: number, now: number): void {
    const { view } = this;
    let delta = addressDelta;
    if (now !== was) {
      view.setInt32(l4, now);
      delta += delta16(was >>> 16, now >>> 16) + delta16(was & 0xffff, now & 0xffff);
    }
    if ((kind & 0xff) === ipv4.PROTOCOL_TCP) {
      const check = tcp.check(view, l4);
      const isPartial = (kind & PACKET_PARTIAL) !== 0;
      tcp.setCheck(view, l4, isPartial ? replacePartial(check, addressDelta) : replace(check, delta));
    } else {
      const check = udp.check(view, l4);
      const isPartial = (kind & PACKET_PARTIAL) !== 0;
      udp.setCheck(view, l4, isPartial ? replacePartial(check, addressDelta) : replaceUdp(check, delta));
    }
  }
}
