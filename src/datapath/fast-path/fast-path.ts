/**
 * Fast path: packets of established flows that need no special handling, which are most packets of a host.
 *
 * Theory of operation. Between a client and a member on one network, while no connection opens or ends, the chains of
 * both ports, the load balancer and the forwarding element come down to four steps: find the record, rewrite addresses
 * and ports, count, send. `send` checks the preconditions before it changes a packet, and stops at the first packet that
 * fails one. That packet takes the slow path, which handles all cases. For packets that meet the preconditions both
 * paths give the same bytes and counters (test/datapath/fast-path/fast-path.test.ts compares them).
 *
 * Preconditions: the packet is plain (plain-packets.ts); its source MAC and address are the port's own, so MAC learning
 * and anti-spoofing have nothing to do; exactly one of its addresses is a service's; the record's key is the packet's;
 * the packet does not change the record's state; the record rewrites the service's address, and possibly ports, but
 * nothing else; the port that it leaves by is known, in the same network, has no other operators, and takes the packet
 * without segmentation or a checksum.
 *
 * `translate` is one loop over a run of packets, for both directions and both families, because of V8: it checks the
 * map, length and base of a typed array at each access, unless it has checked them before in the same function without a
 * call or a DataView's `set` in between. So all arrays are held in constants, frames are written as 16-bit words, and
 * the calls (to the meter and the engine) are made afterwards in a loop of their own.
 */

import {
  BALANCER_SHIFT,
  CHAINED,
  FLAG_ACTIVE,
  HOT,
  HOT_WORDS,
  REWRITE_ADDRESS,
  REWRITE_SOURCE,
  REWRITE_TAGS,
  ROW_MASK,
  STAT_SLOT_MASK,
} from '../../tables/balancing/connection-record.ts';
import { ENDPOINT, ENDPOINT_WORDS } from '../../tables/balancing/endpoint-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { PORT, PORT_FIELDS } from '../../tables/port-counters.ts';
import { NOTED_AT, STAT, STAT_FIELDS } from '../../tables/stat-table.ts';
import { delta16, replace, replacePartial, replaceUdp } from '../../wire/checksum.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { swapPorts } from '../../wire/ports.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import {
  type ConnectionTracking,
  STEADY_FROM_CLIENT,
  STEADY_FROM_MEMBER,
} from '../balancing/connection-tracking.ts';
import type { FlowMeter } from '../balancing/flow-meter.ts';
import { type Context, type FrameList, OFFSET_MASK, PORT_MASK } from '../frame/context.ts';
import type { Lookahead } from './lookahead.ts';
import {
  PACKET,
  PACKET_FINISHED,
  PACKET_IPV6,
  PACKET_OWN,
  PACKET_PARTIAL,
  PACKET_REPLY,
  PACKET_REPLY_SHIFT,
  PACKET_UNSEEN,
  packetAt,
} from './plain-packets.ts';
import { FACT, FACT_OFFLOADS, FACT_SIMPLE, FACT_WORDS, type PortFacts } from './port-facts.ts';

/** Offsets from the Ethernet header. */
const SOURCE_MAC = ethernet.SOURCE_OFFSET;
const IPV4_CHECK = ethernet.HEADER_BYTES + ipv4.CHECK_OFFSET;
const IPV4_DESTINATION = ethernet.HEADER_BYTES + ipv4.DESTINATION_OFFSET;
const IPV4_L4 = ethernet.HEADER_BYTES + ipv4.MIN_HEADER_BYTES;
const IPV6_DESTINATION = ethernet.HEADER_BYTES + ipv6.DESTINATION_OFFSET;
const IPV6_L4 = ethernet.HEADER_BYTES + ipv6.HEADER_BYTES;

/** Bits of a record's kind that are checked, and their required values; the low byte must be the packet's protocol. */
const KIND_MASK = ((FLAG_ACTIVE | REWRITE_ADDRESS | REWRITE_SOURCE | REWRITE_TAGS | CHAINED) << 16) | 0xff;
const KIND_REQUIRED = (FLAG_ACTIVE | REWRITE_ADDRESS) << 16;
/** Flags in a packet's kind that may change the record's state. */
const CHANGES_STATE = (tcp.SYN | tcp.FIN | tcp.RST) << 8;

export class FastPath {
  private readonly context: Context;
  private readonly view: DataView;
  /** The arena in 16-bit words, in the machine's byte order. */
  private readonly halves: Uint16Array;
  private readonly facts: PortFacts;
  private readonly tracking: ConnectionTracking;
  private readonly meter: FlowMeter;
  private readonly lookahead: Lookahead;
  /** Of the packets that `translate` has sent last: some have statistics rows that the journal lacks; some may be measured. */
  private hasUnnoted = false;
  private hasUnmeasured = false;

  constructor(
    context: Context,
    facts: PortFacts,
    tracking: ConnectionTracking,
    meter: FlowMeter,
    lookahead: Lookahead,
  ) {
    const { bytes } = context.arena;
    this.context = context;
    this.view = context.arena.view;
    this.halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
    this.facts = facts;
    this.tracking = tracking;
    this.meter = meter;
    this.lookahead = lookahead;
  }

  /**
   * Sends the lookahead's packets `from` … `to` - 1 and releases their slots. Returns `to`, at most `count`: the first packet
   * that it does not send, unchanged, for the slow path. Packet 0 is frame `first`.
   */
  send(frames: FrameList, first: number, from: number, count: number): number {
    const { context, lookahead, tracking } = this;
    const { words } = lookahead.packets;
    if (!mayBeSteady(words, packetAt(from))) return from;
    if (lookahead.changes !== context.tables.endpoints.changes || tracking.isPurging) return from;
    const to = this.translate(frames, first, from, count);
    if (to === from) return from;
    if (this.hasUnnoted) this.noteStatistics(from, to);
    if (this.hasUnmeasured) this.measureAll(frames, first, from, to);
    if (context.capture !== null) this.captureAll(frames, first, from, to);
    const { arena, output } = context;
    for (let i = from; i < to; i++) {
      const slot = frames.slot[first + i]!;
      const egress = words[packetAt(i) + PACKET.egress]! & PORT_MASK;
      output.transmit(egress, slot, frames.offset[first + i]!, frames.length[first + i]!);
      arena.release(slot);
    }
    return to;
  }

  /** Shows packets from … to - 1, which have been translated, to the captures. */
  private captureAll(frames: FrameList, first: number, from: number, to: number): void {
    const { words } = this.lookahead.packets;
    for (let i = from; i < to; i++) {
      const at = packetAt(i);
      const egress = words[at + PACKET.egress]! & PORT_MASK;
      const owner = (words[at + PACKET.kind]! & PACKET_REPLY) === 0 ? frames.port[first + i]! : egress;
      const offset = frames.offset[first + i]!;
      this.context.capture!.steady(words[at + PACKET.row]!, owner, egress, offset, frames.length[first + i]!);
    }
  }

  /** Puts the statistics rows of packets from … to - 1 into the journal, after they have been counted there. */
  private noteStatistics(from: number, to: number): void {
    const { words } = this.lookahead.packets;
    const { connections, stats } = this.context.tables;
    for (let i = from; i < to; i++) stats.note(connections.statSlot(words[packetAt(i) + PACKET.row]!));
  }

  /** Measures packets from … to - 1 as far as the budgets of their ports allow. */
  private measureAll(frames: FrameList, first: number, from: number, to: number): void {
    const { words } = this.lookahead.packets;
    const { meter, context } = this;
    const facts = this.facts.words;
    for (let i = from; i < to; i++) {
      const at = packetAt(i);
      const port = frames.port[first + i]!;
      if ((words[at + PACKET.egress]! & PACKET_UNSEEN) !== 0) continue;
      if (meter.hasBudget(port)) {
        this.measure(at, port, frames.offset[first + i]!);
      } else {
        meter.numbers.miss(words[at + PACKET.row]!);
        facts[port * FACT_WORDS + FACT.unmeteredMs] = context.nowMs;
      }
    }
  }

  /** The meter reads only fields that the fast path does not rewrite. */
  private measure(at: number, port: number, offset: number): void {
    const { words } = this.lookahead.packets;
    const kind = words[at + PACKET.kind]!;
    const headers = (kind & PACKET_IPV6) === 0 ? IPV4_L4 : IPV6_L4;
    const l4Bytes = words[at + PACKET.ipBytes]! + ethernet.HEADER_BYTES - headers;
    const row = words[at + PACKET.row]!;
    if ((kind & PACKET_REPLY) === 0) this.meter.fromClient(row, port, kind & 0xff, offset + headers, l4Bytes);
    else this.meter.fromMember(row, port, kind & 0xff, offset + headers, l4Bytes);
  }

  /** Rewrites and counts packets from … to - 1, stores each one's egress port, and returns `to`. */
  private translate(frames: FrameList, first: number, from: number, count: number): number {
    const { view, halves, context } = this;
    const { nowMs, wayGeneration } = context;
    const { macs } = context.tables;
    const { words } = this.lookahead.packets;
    const { hot, hotFloats } = context.tables.connections;
    const endpoints = context.tables.endpoints.rows;
    const facts = this.facts.words;
    const stats = context.tables.stats.fields;
    const counters = context.counters.fields;
    const slotRepickMs = this.tracking.memberRows.repickMs;
    const { tail } = context.tables.stats;
    let hasUnnoted = false;
    let unmeasured = 0;
    // The station that the last reply went to: several in a row tend to go to one client.
    let lastNetwork = NONE;
    let lastHigh = 0;
    let lastLow = 0;
    let lastEgress = NONE;
    // Sums of a run of packets of one port.
    let ingress = 0;
    let packets = 0;
    let bytes = 0;
    let i = from;
    for (; i < count; i++) {
      const at = packetAt(i);
      if (!mayBeSteady(words, at)) break;
      const row = words[at + PACKET.row]!;
      const kind = words[at + PACKET.kind]!;
      const port = frames.port[first + i]! & PORT_MASK;
      const fact = port * FACT_WORDS;
      if ((facts[fact + FACT.bits]! & FACT_SIMPLE) === 0) break;

      // --- the record: key, kind and state
      const isReply = (kind & PACKET_REPLY) !== 0;
      const isIpv6 = (kind & PACKET_IPV6) !== 0;
      // 1 or 0: offsets that differ by direction are computed from it, which avoids branches.
      const reply = (kind >>> PACKET_REPLY_SHIFT) & 1;
      const record = (row & ROW_MASK) * HOT_WORDS;
      if (hot[record + HOT.forwardPorts + reply] !== words[at + PACKET.keyPorts]) break;
      const client = at + PACKET.source + 4 * reply;
      if (hot[record + HOT.client + 3] !== words[client + 3]) break;
      const both = hot[record + HOT.endpoints]!;
      const service = (both >>> (16 - 16 * reply)) & 0xffff;
      if (service !== words[at + PACKET.endpoint]) break;
      // The client of an IPv4 service is IPv4.
      if (
        isIpv6 &&
        (hot[record + HOT.client] !== words[client] ||
          hot[record + HOT.client + 1] !== words[client + 1] ||
          hot[record + HOT.client + 2] !== words[client + 2])
      ) {
        break;
      }
      const recordKind = hot[record + HOT.kind]!;
      if ((recordKind & KIND_MASK) !== (KIND_REQUIRED | (kind & 0xff))) break;
      const steady = isReply ? STEADY_FROM_MEMBER : STEADY_FROM_CLIENT;
      if (((steady >>> ((recordKind >>> 8) & 31)) & 1) === 0) break;
      const balancerSlot = hot[record + HOT.balancerSlot]!;
      const slot = balancerSlot & STAT_SLOT_MASK;
      if (!isReply && (kind & 0xff) !== ipv4.PROTOCOL_TCP) {
        const repickMs = slotRepickMs[slot]!;
        if (repickMs !== 0 && ((nowMs - hot[record + HOT.lastSeenMs]!) | 0) > repickMs) break;
      }

      // --- the egress port
      const offset = frames.offset[first + i]! & OFFSET_MASK;
      const network = facts[fact + FACT.network]!;
      const now = ((both >>> (16 * reply)) & 0xffff) * ENDPOINT_WORDS;
      let egress = NONE;
      if (isReply) {
        const high = ethernet.destinationHigh(view, offset);
        const low = ethernet.destinationLow(view, offset);
        if (low === facts[fact + FACT.routerMacLow] && high === facts[fact + FACT.routerMacHigh]) break;
        if (low !== lastLow || high !== lastHigh || network !== lastNetwork) {
          lastEgress = macs.find(network, high, low, nowMs);
          lastLow = low;
          lastHigh = high;
          lastNetwork = network;
        }
        egress = lastEgress;
      } else {
        if (words[at + PACKET.ipBytes]! > facts[fact + FACT.mtu]!) break;
        if (endpoints[now + ENDPOINT.wayGeneration] !== wayGeneration) break;
        egress = endpoints[now + ENDPOINT.wayPort]!;
      }
      // A packet that would leave by its ingress port is a hairpin or a loop.
      if (egress === NONE || egress === port) break;
      const egressFact = (egress & PORT_MASK) * FACT_WORDS;
      const egressBits = facts[egressFact + FACT.bits]!;
      if ((egressBits & FACT_SIMPLE) === 0 || facts[egressFact + FACT.network] !== network) break;
      // The record must belong to the load balancer of the client's port; a port may have none.
      const balanced = isReply ? egressFact : fact;
      if (balancerSlot >>> BALANCER_SHIFT !== facts[balanced + FACT.balancer]) break;
      if ((egressBits & FACT_OFFLOADS) === 0 && (kind & PACKET_FINISHED) === 0) break;

      // --- all preconditions are met: counters
      const length = frames.length[first + i]!;
      const unseen = facts[fact + FACT.unmeteredMs] === nowMs ? PACKET_UNSEEN : 0;
      unmeasured |= unseen ^ PACKET_UNSEEN;
      words[at + PACKET.egress] = egress | unseen;
      hot[record + HOT.kind] = recordKind | unseen;
      hot[record + HOT.lastSeenMs] = nowMs;
      hot[record + HOT.packetsForward + reply] = (hot[record + HOT.packetsForward + reply]! + 1) | 0;
      hotFloats[((record + HOT.bytesForward) >> 1) + reply]! += length;
      const stat = slot * STAT_FIELDS + STAT.packets + reply * (STAT.replyPackets - STAT.packets);
      stats[stat]! += 1;
      stats[stat + 1]! += length;
      if (stats[slot * STAT_FIELDS + NOTED_AT]! <= tail) hasUnnoted = true;
      if (port !== ingress) {
        countReceived(counters, ingress, packets, bytes);
        ingress = port;
        packets = 0;
        bytes = 0;
      }
      packets++;
      bytes += length;
      const sent = (egress & PORT_MASK) * PORT_FIELDS;
      counters[sent + PORT.txPackets]! += 1;
      counters[sent + PORT.txBytes]! += length;

      // --- Ethernet
      const frame = offset >> 1;
      const mac = frame + reply * (SOURCE_MAC >> 1);
      const macHigh = isReply ? facts[fact + FACT.routerMacHigh]! : endpoints[now + ENDPOINT.wayMacHigh]!;
      const macLow = isReply ? facts[fact + FACT.routerMacLow]! : endpoints[now + ENDPOINT.wayMacLow]!;
      halves[mac] = swapped(macHigh);
      setWord(halves, mac + 1, macLow);

      // --- IP
      const delta = delta16(
        endpoints[service * ENDPOINT_WORDS + ENDPOINT.sum]!,
        endpoints[now + ENDPOINT.sum]!,
      );
      let l4 = IPV4_L4;
      if (isIpv6) {
        l4 = IPV6_L4;
        const address = frame + (IPV6_DESTINATION >> 1) - 8 * reply;
        setWord(halves, address, endpoints[now]!);
        setWord(halves, address + 2, endpoints[now + 1]!);
        setWord(halves, address + 4, endpoints[now + 2]!);
        setWord(halves, address + 6, endpoints[now + 3]!);
      } else {
        setWord(halves, frame + (IPV4_DESTINATION >> 1) - 2 * reply, endpoints[now + 3]!);
        const check = frame + (IPV4_CHECK >> 1);
        halves[check] = swapped(replace(swapped(halves[check]!), delta));
      }

      // --- transport
      const ports = words[at + PACKET.ports]!;
      const otherPorts = hot[record + HOT.reversePorts - reply]!;
      const newPorts = isReply ? swapPorts(otherPorts) : otherPorts;
      const transport = frame + (l4 >> 1);
      let withPorts = delta;
      if (newPorts !== ports) {
        setWord(halves, transport, newPorts);
        withPorts += delta16(ports >>> 16, newPorts >>> 16) + delta16(ports & 0xffff, newPorts & 0xffff);
      }
      const isTcp = (kind & 0xff) === ipv4.PROTOCOL_TCP;
      const check = transport + ((isTcp ? tcp.CHECK_OFFSET : udp.CHECK_OFFSET) >> 1);
      const was = swapped(halves[check]!);
      const isPartial = (kind & PACKET_PARTIAL) !== 0;
      const fixed = isPartial
        ? replacePartial(was, delta)
        : isTcp
          ? replace(was, withPorts)
          : replaceUdp(was, withPorts);
      halves[check] = swapped(fixed);
    }
    countReceived(counters, ingress, packets, bytes);
    this.hasUnnoted = hasUnnoted;
    this.hasUnmeasured = unmeasured !== 0 && this.meter.isOn;
    return i;
  }
}

/**
 * Whether a packet seems to belong to a record whose state it does not change. Also checked before `translate` is
 * called: V8 inlines callees by their frequency per call of the function, which needless calls of `translate` would
 * lower.
 */
const mayBeSteady = (words: Int32Array, at: number): boolean =>
  words[at + PACKET.row] !== NONE && (words[at + PACKET.kind]! & (PACKET_OWN | CHANGES_STATE)) === PACKET_OWN;

/** A 16-bit word in the other byte order: from the machine's, little-endian on x64 and arm64, to the wire's. */
const swapped = (half: number): number => ((half & 0xff) << 8) | (half >>> 8);

function countReceived(counters: Float64Array, port: number, packets: number, bytes: number): void {
  if (packets === 0) return;
  counters[port * PORT_FIELDS + PORT.rxPackets]! += packets;
  counters[port * PORT_FIELDS + PORT.rxBytes]! += bytes;
}

function setWord(halves: Uint16Array, at: number, word: number): void {
  halves[at] = swapped(word >>> 16);
  halves[at + 1] = swapped(word & 0xffff);
}
