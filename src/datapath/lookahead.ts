/**
 * A look at all frames of a batch before the first is handled: which are plain packets, and which record each will
 * probably need.
 *
 * Theory of operation. What a packet of a known flow waits for, where there are many flows, is memory: the index line
 * of its key, then the record. Handled one by one, packets wait one after another; a CPU can wait for ten lines at a
 * time. So the keys of a batch are hashed first, then the lines of the index are touched, then the records, each in a
 * loop so short that the CPU has the loads of several packets under way. The packet's own turn finds both in the cache.
 *
 * What is found is a guess, for TrackedPath to verify: it compares the whole key. `changes` tells whether the endpoints
 * are still those of the look.
 */
import { NONE } from '../tables/bucket-index.ts';
import type { ConnectionTable } from '../tables/connection-table.ts';
import { type EndpointTable, ROLE_VIP } from '../tables/endpoint-table.ts';
import type { Context, FrameList } from './context.ts';
import { IPV4_MAPPED } from './frame.ts';
import { PACKET, PACKET_IPV6, PACKET_REPLY, PACKET_WORDS, PlainPackets } from './plain-packets.ts';
import type { Port } from './port.ts';

/** Frames looked at in one go: headers, packet, index line and record of each, 5 lines, stay in a 32 KB cache. */
export const LOOKAHEAD_FRAMES = 64;

export class Lookahead {
  readonly packets: PlainPackets;
  /** State of the endpoint table that the look saw. */
  changes = 0;
  private readonly connections: ConnectionTable;
  private readonly endpoints: EndpointTable;
  private readonly ports: readonly (Port | undefined)[];
  /** Keeps the loads that are made for the cache's sake. */
  touched = 0;

  constructor(context: Context, ports: readonly (Port | undefined)[]) {
    this.packets = new PlainPackets(context.arena.view, LOOKAHEAD_FRAMES);
    this.connections = context.tables.connections;
    this.endpoints = context.tables.endpoints;
    this.ports = ports;
  }

  /** Looks at frames first … first + count - 1, at most LOOKAHEAD_FRAMES; frame `first` becomes packet 0. */
  look(frames: FrameList, first: number, count: number): void {
    const { connections, packets } = this;
    const { words } = packets;
    this.changes = this.endpoints.changes;
    for (let i = 0; i < count; i++) {
      const port = this.ports[frames.port[first + i]!];
      words[i * PACKET_WORDS + PACKET.endpoint] = NONE;
      if (port === undefined || !packets.parse(i, frames.offset[first + i]!, frames.length[first + i]!))
        continue;
      this.hashKey(i * PACKET_WORDS, port.network);
    }
    const end = count * PACKET_WORDS;
    let touched = 0;
    for (let at = 0; at < end; at += PACKET_WORDS) {
      touched ^= connections.touchIndex(words[at + PACKET.hash]!);
    }
    for (let at = 0; at < end; at += PACKET_WORDS) {
      const isKeyed = words[at + PACKET.endpoint] !== NONE;
      words[at + PACKET.row] = isKeyed ? connections.guess(words[at + PACKET.hash]!) : NONE;
    }
    // Row 0, which is no record, for those that have none.
    for (let at = 0; at < end; at += PACKET_WORDS) {
      touched ^= connections.touch(Math.max(0, words[at + PACKET.row]!));
    }
    this.touched = touched;
  }

  /** Finds a packet's service side, if exactly one side is a service, and hashes its key. `at`: the packet's words. */
  private hashKey(at: number, network: number): void {
    const { words } = this.packets;
    if ((words[at + PACKET.kind]! & PACKET_IPV6) !== 0) return this.hashIpv6Key(at, network);
    const { endpoints, connections } = this;
    const source = words[at + PACKET.source + 3]!;
    const destination = words[at + PACKET.destination + 3]!;
    const ports = words[at + PACKET.ports]!;
    const protocol = words[at + PACKET.kind]! & 0xff;
    const to = endpoints.findIpv4(network, destination);
    const from = endpoints.findIpv4(network, source);
    if (from === NONE) {
      if (to === NONE || !endpoints.hasRole(to, ROLE_VIP)) return;
      words[at + PACKET.endpoint] = to;
      words[at + PACKET.hash] = connections.forwardKeyHash(0, 0, IPV4_MAPPED, source, ports, to, protocol);
    } else if (to === NONE) {
      words[at + PACKET.endpoint] = from;
      words[at + PACKET.kind]! |= PACKET_REPLY;
      const reversed = (ports << 16) | (ports >>> 16);
      const hash = connections.reverseKeyHash(0, 0, IPV4_MAPPED, destination, reversed, from, protocol);
      words[at + PACKET.hash] = hash;
    }
  }

  private hashIpv6Key(at: number, network: number): void {
    const { endpoints, connections } = this;
    const { words } = this.packets;
    const s0 = words[at + PACKET.source]!;
    const s1 = words[at + PACKET.source + 1]!;
    const s2 = words[at + PACKET.source + 2]!;
    const s3 = words[at + PACKET.source + 3]!;
    const d0 = words[at + PACKET.destination]!;
    const d1 = words[at + PACKET.destination + 1]!;
    const d2 = words[at + PACKET.destination + 2]!;
    const d3 = words[at + PACKET.destination + 3]!;
    const ports = words[at + PACKET.ports]!;
    const protocol = words[at + PACKET.kind]! & 0xff;
    const to = endpoints.find(network, d0, d1, d2, d3);
    const from = endpoints.find(network, s0, s1, s2, s3);
    if (from === NONE) {
      if (to === NONE || !endpoints.hasRole(to, ROLE_VIP)) return;
      words[at + PACKET.endpoint] = to;
      words[at + PACKET.hash] = connections.forwardKeyHash(s0, s1, s2, s3, ports, to, protocol);
    } else if (to === NONE) {
      words[at + PACKET.endpoint] = from;
      words[at + PACKET.kind]! |= PACKET_REPLY;
      const reversed = (ports << 16) | (ports >>> 16);
      words[at + PACKET.hash] = connections.reverseKeyHash(d0, d1, d2, d3, reversed, from, protocol);
    }
  }
}
