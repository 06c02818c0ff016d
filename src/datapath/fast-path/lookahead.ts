/**
 * Lookahead: before the first frame of a batch is handled, finds the batch's plain packets and the record that each
 * probably needs.
 *
 * Theory of operation. With many flows, a packet of a known flow waits for two cache misses: the index line of its key,
 * then the record. Packets handled one by one wait one after another, although a CPU can have ten misses outstanding.
 * So the keys of a batch are hashed first, then the index lines are touched, then the records, each in a loop so short
 * that the loads of several packets overlap. Both lines are in the cache when the packet is handled.
 *
 * The record is a guess that FastPath verifies by comparing the whole key. `changes` is the state of the endpoint table
 * for which the guesses hold.
 */

import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import { type EndpointTable, ROLE_VIP } from '../../tables/balancing/endpoint-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { FrameArena } from '../../tables/frame-arena.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { swapPorts } from '../../wire/ports.ts';
import { type Context, type FrameList, OFFSET_MASK, PORT_MASK } from '../frame/context.ts';
import { stripPriorityTags } from '../frame/priority-tags.ts';
import type { Port } from '../ports/port.ts';
import {
  MAX_PACKETS,
  PACKET,
  PACKET_IPV6,
  PACKET_OWN,
  PACKET_REPLY,
  PlainPackets,
  packetAt,
} from './plain-packets.ts';
import { FACT, FACT_PRESENT, FACT_WORDS, type PortFacts } from './port-facts.ts';

/** Frames per lookahead: headers, packet, index line and record of each, 5 lines, stay in a 32 KB cache. */
export const LOOKAHEAD_FRAMES = MAX_PACKETS;

export class Lookahead {
  readonly packets: PlainPackets;
  /** State of the endpoint table during the last lookahead. */
  changes = 0;
  private readonly arena: FrameArena;
  private readonly view: DataView;
  private readonly connections: ConnectionTable;
  private readonly endpoints: EndpointTable;
  private readonly facts: PortFacts;
  private readonly ports: readonly (Port | undefined)[];
  /** Result of the loads that only fill the cache: keeps the compiler from removing them. */
  touched = 0;

  constructor(context: Context, facts: PortFacts, ports: readonly (Port | undefined)[]) {
    this.packets = new PlainPackets(context.arena.view, LOOKAHEAD_FRAMES);
    this.arena = context.arena;
    this.view = context.arena.view;
    this.connections = context.tables.connections;
    this.endpoints = context.tables.endpoints;
    this.facts = facts;
    this.ports = ports;
  }

  /** Reads frames first … first + count - 1, at most LOOKAHEAD_FRAMES; frame `first` becomes packet 0. */
  look(frames: FrameList, first: number, count: number): void {
    this.changes = this.endpoints.changes;
    this.read(frames, first, count);
    this.fetch(count);
  }

  /** Takes off priority tags, reads the plain packets and hashes their keys; frames without a key get endpoint NONE. */
  private read(frames: FrameList, first: number, count: number): void {
    const { packets, facts } = this;
    const { words } = packets;
    for (let i = 0; i < count; i++) {
      let offset = frames.offset[first + i]! & OFFSET_MASK;
      const at = packetAt(i);
      const port = frames.port[first + i]! & PORT_MASK;
      words[at + PACKET.endpoint] = NONE;
      if (!packets.parse(i, offset, frames.length[first + i]!)) {
        // A tagged frame is not plain, but may be without its priority tags.
        if (!stripPriorityTags(this.arena, frames, first + i)) continue;
        offset = frames.offset[first + i]! & OFFSET_MASK;
        if (!packets.parse(i, offset, frames.length[first + i]!)) continue;
      }
      if ((facts.words[port * FACT_WORDS + FACT.bits]! & FACT_PRESENT) === 0) continue;
      this.findService(at, port * FACT_WORDS);
      const service = words[at + PACKET.endpoint]!;
      if (service === NONE) continue;
      this.hashKey(at, service);
      if (this.isFromOwner(port, at, offset)) words[at + PACKET.kind]! |= PACKET_OWN;
    }
  }

  /** Whether MAC and address of the source are the port's own: MAC learning and anti-spoofing have nothing to do. */
  private isFromOwner(port: number, at: number, offset: number): boolean {
    const { view, facts } = this;
    const { words } = facts;
    const fact = port * FACT_WORDS;
    if (ethernet.sourceLow(view, offset) !== words[fact + FACT.macLow]) return false;
    if (ethernet.sourceHigh(view, offset) !== words[fact + FACT.macHigh]) return false;
    let next = words[fact + FACT.ownFirst]!;
    if (next < 0) return true;
    const packet = this.packets.words;
    if ((packet[at + PACKET.kind]! & PACKET_IPV6) !== 0) return this.isOwnIpv6(port, at);
    const { own } = facts;
    const source = packet[at + PACKET.source + 3]!;
    for (const end = words[fact + FACT.ownEnd]!; next < end; next++) if (own[next] === source) return true;
    return false;
  }

  private isOwnIpv6(port: number, at: number): boolean {
    const { words } = this.packets;
    const s0 = words[at + PACKET.source]!;
    const s1 = words[at + PACKET.source + 1]!;
    const s2 = words[at + PACKET.source + 2]!;
    const s3 = words[at + PACKET.source + 3]!;
    return this.ports[port]!.ownSources!.hasIpv6(s0, s1, s2, s3);
  }

  /** Finds a packet's service side, if exactly one side is a service. */
  private findService(at: number, fact: number): void {
    const { words } = this.packets;
    const ports = this.facts.words;
    const kind = words[at + PACKET.kind]!;
    if ((kind & PACKET_IPV6) !== 0) return this.findIpv6Service(at, ports[fact + FACT.network]!);
    const source = words[at + PACKET.source + 3]!;
    const destination = words[at + PACKET.destination + 3]!;
    if (
      ports[fact + FACT.lastSource] !== source ||
      ports[fact + FACT.lastDestination] !== destination ||
      ports[fact + FACT.lastChanges] !== this.changes
    ) {
      this.noteIpv4Service(fact, source, destination);
    }
    words[at + PACKET.endpoint] = ports[fact + FACT.lastService]!;
    words[at + PACKET.kind] = kind | ports[fact + FACT.lastReply]!;
  }

  private noteIpv4Service(fact: number, source: number, destination: number): void {
    const { endpoints } = this;
    const { words } = this.facts;
    const network = words[fact + FACT.network]!;
    const from = endpoints.findIpv4(network, source);
    const to = endpoints.findIpv4(network, destination);
    words[fact + FACT.lastSource] = source;
    words[fact + FACT.lastDestination] = destination;
    words[fact + FACT.lastChanges] = this.changes;
    words[fact + FACT.lastService] = this.serviceOf(from, to);
    words[fact + FACT.lastReply] = from === NONE ? 0 : PACKET_REPLY;
  }

  private findIpv6Service(at: number, network: number): void {
    const { words } = this.packets;
    const from = this.findIpv6(network, at + PACKET.source);
    const to = this.findIpv6(network, at + PACKET.destination);
    words[at + PACKET.endpoint] = this.serviceOf(from, to);
    if (from !== NONE) words[at + PACKET.kind]! |= PACKET_REPLY;
  }

  /** The endpoint on the service side of a packet between two endpoints, or NONE. */
  private serviceOf(from: number, to: number): number {
    if (from === NONE) return to !== NONE && this.endpoints.hasRole(to, ROLE_VIP) ? to : NONE;
    return to === NONE ? from : NONE;
  }

  private findIpv6(network: number, at: number): number {
    const { words } = this.packets;
    return this.endpoints.find(network, words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
  }

  private hashKey(at: number, service: number): void {
    const { connections } = this;
    const { words } = this.packets;
    const kind = words[at + PACKET.kind]!;
    const isReply = (kind & PACKET_REPLY) !== 0;
    const client = isReply ? at + PACKET.destination : at + PACKET.source;
    const wirePorts = words[at + PACKET.ports]!;
    const ports = isReply ? swapPorts(wirePorts) : wirePorts;
    const word = (service << 16) | (kind & 0xff);
    words[at + PACKET.keyPorts] = ports;
    words[at + PACKET.hash] =
      (kind & PACKET_IPV6) === 0
        ? connections.hashIpv4(words[client + 3]!, ports, word, isReply)
        : connections.hashIpv6(words, client, ports, word, isReply);
  }

  /** Loads index lines and records into the cache, and stores the records' rows. */
  private fetch(count: number): void {
    const { connections } = this;
    const { words } = this.packets;
    let touched = 0;
    for (let i = 0; i < count; i++) {
      touched ^= connections.touchIndex(words[packetAt(i) + PACKET.hash]!);
    }
    for (let i = 0; i < count; i++) {
      const at = packetAt(i);
      const isKeyed = words[at + PACKET.endpoint] !== NONE;
      words[at + PACKET.row] = isKeyed ? connections.guess(words[at + PACKET.hash]!) : NONE;
    }
    // Packets without a record touch row 0, which is never in use.
    for (let i = 0; i < count; i++)
      touched ^= connections.touch(Math.max(0, words[packetAt(i) + PACKET.row]!));
    this.touched = touched;
  }
}
