/**
 * Router advertisements for IPv6 hosts: replies to solicitations, and unsolicited ones (RFC 4861 §6.2).
 *
 * Theory of operation. To the logical router each port is a link of its own: an advertisement is sent to one port and
 * never by an uplink, as each host advertises to its own VMs. A solicitation is consumed and answered at once, to the
 * sender alone. The random delay of §6.2.6 is omitted: it separates several routers, and here there is one. A sender
 * without an address gets an advertisement to all nodes of its port instead.
 *
 * Unsolicited: when a port gets its device, and when the contents change, three advertisements at most 16 s apart, then
 * one at a random time between a third of the interval and the whole interval. If a network stops advertising, its ports
 * get an advertisement with lifetime 0 (§6.2.5); otherwise VMs would keep the route for half an hour.
 *
 * Bounded: one schedule per port; solicited answers by a bucket per port; advertisements for all nodes no closer than 3 s;
 * PER_TICK per millisecond.
 */

import { Xorshift } from '../../tables/common/xorshift.ts';
import { DROP, PORT } from '../../tables/port-counters.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { setIcmpv6Check } from '../../wire/pseudo-header.ts';
import * as virtio from '../../wire/virtio-net.ts';
import type { Context } from '../frame/context.ts';
import { Frame, HOPS } from '../frame/frame.ts';
import type { Network, Networks } from '../ports/networks.ts';
import type { Port } from '../ports/port.ts';

/** RFC 4861 §10. */
const INITIAL_ADVERTISEMENTS = 3;
const MAX_INITIAL_INTERVAL_MS = 16_000;
const MIN_DELAY_BETWEEN_MS = 3_000;
/** RFC 4861 §6.2.1, the defaults of AdvValidLifetime and AdvPreferredLifetime: 30 and 7 days. */
const VALID_LIFETIME_S = 2_592_000;
const PREFERRED_LIFETIME_S = 604_800;
/** Prefixes in an advertisement: fewer than fit into IPv6's smallest MTU. */
export const MAX_ADVERTISED_PREFIXES = 32;

/** Solicitations answered per port: a host sends three, 4 s apart (RFC 4861 §10). */
const ANSWERS_PER_SECOND = 4;
const ANSWER_BURST = 16;
/** Unsolicited advertisements per millisecond. */
const PER_TICK = 8;
/** Bits of an IPv6 prefix that hosts complete by an interface identifier. */
const AUTONOMOUS_BITS = 64;

interface Schedule {
  readonly port: number;
  network: number;
  isAttached: boolean;
  /** Whether an advertisement is scheduled, at `dueMs`. */
  isDue: boolean;
  dueMs: number;
  /** Unsolicited advertisements since the port was attached or the contents changed, up to INITIAL_ADVERTISEMENTS. */
  sent: number;
  /** Whether an advertisement to all nodes has been sent, and when the last one was. */
  hasSent: boolean;
  lastSentMs: number;
  tokens: number;
  refilledMs: number;
}

export class RouterAdvertiser {
  private readonly context: Context;
  private readonly networks: Networks;
  private readonly ports: readonly (Port | undefined)[];
  private readonly frame: Frame;
  private readonly random = new Xorshift(0x4861);
  /** Schedules of VM ports in advertising networks. */
  private readonly schedules = new Map<number, Schedule>();
  private readonly attached = new Set<number>();
  /** Advertising networks by id, and the contents of each one's last advertisement. */
  private advertising = new Map<number, { network: Network; text: string }>();
  /** Ports that must receive an advertisement with lifetime 0. */
  private farewells: { port: number; network: Network }[] = [];
  /** Earliest time at which anything is due. */
  private nextDueMs = 0;

  constructor(context: Context, networks: Networks, ports: readonly (Port | undefined)[]) {
    this.context = context;
    this.networks = networks;
    this.ports = ports;
    this.frame = new Frame(context.arena);
  }

  /** Takes the networks and ports of a snapshot that comes into force. */
  replace(): void {
    const before = this.advertising;
    this.advertising = new Map();
    for (const network of this.networks.all()) {
      if (network.advertisements === undefined) continue;
      this.advertising.set(network.id, { network, text: textOf(network) });
    }
    for (const [id, { network }] of before) {
      if (this.isStillRouter(id, network)) continue;
      for (const port of this.attached) {
        if (this.schedules.get(port)?.network === id) this.farewells.push({ port, network });
      }
    }
    this.schedulePorts(before);
    this.nextDueMs = this.context.nowMs;
  }

  private isStillRouter(id: number, before: Network): boolean {
    const now = this.advertising.get(id)?.network.linkLocal;
    return now?.every((word, i) => word === before.linkLocal![i]) === true;
  }

  private schedulePorts(before: ReadonlyMap<number, { text: string }>): void {
    const wanted = new Set<number>();
    for (const port of this.ports) {
      const now = port === undefined || port.isUplink ? undefined : this.advertising.get(port.network);
      if (port === undefined || now === undefined) continue;
      wanted.add(port.id);
      const schedule = this.schedules.get(port.id) ?? newSchedule(port.id, this.context.nowMs);
      const isChanged = schedule.network !== port.network || before.get(port.network)?.text !== now.text;
      schedule.network = port.network;
      schedule.isAttached = this.attached.has(port.id);
      this.schedules.set(port.id, schedule);
      if (isChanged && schedule.isAttached) this.begin(schedule);
    }
    for (const id of this.schedules.keys()) if (!wanted.has(id)) this.schedules.delete(id);
  }

  /** Called when a port gets its device; the snapshot in force contains the port. */
  portAttached(id: number): void {
    this.attached.add(id);
    const schedule = this.schedules.get(id);
    if (schedule === undefined) return;
    schedule.isAttached = true;
    // The VM has received no advertisement yet.
    schedule.hasSent = false;
    this.begin(schedule);
  }

  portGone(id: number): void {
    this.attached.delete(id);
    this.schedules.delete(id);
  }

  /** Consumes a valid router solicitation to its network's router, and answers it if the network advertises. */
  answer(frame: Frame): void {
    const schedule = this.schedules.get(frame.ingress);
    const network = this.networks.at(frame.network);
    const isSilent = schedule === undefined || network.advertisements === undefined;
    if (!isSilent && !this.takeToken(schedule)) return this.context.drop(frame, DROP.solicitationLimited);
    this.context.count(frame.ingress, PORT.answered);
    if (isSilent) return;
    if (ipv6.isUnspecified(frame.s0, frame.s1, frame.s2, frame.s3)) return this.hasten(schedule);
    const { arena } = this.context;
    const slot = arena.take();
    if (slot < 0) return;
    const at = arena.frameOffset(slot);
    // The Ethernet header with its tags, source and destination swapped.
    arena.bytes.copyWithin(at, frame.offset, frame.l3);
    const { view, offset } = frame;
    ethernet.setDestination(view, at, ethernet.sourceHigh(view, offset), ethernet.sourceLow(view, offset));
    const l3 = at + (frame.l3 - offset);
    ipv6.setDestination(view, l3, frame.s0, frame.s1, frame.s2, frame.s3);
    this.send(schedule.port, network, slot, l3, network.advertisements.lifetimeS);
  }

  /** Schedules an advertisement to all nodes for the earliest permitted time. */
  private hasten(schedule: Schedule): void {
    const { nowMs } = this.context;
    const sinceMs = (nowMs - schedule.lastSentMs) | 0;
    const waitMs = schedule.hasSent ? Math.max(0, MIN_DELAY_BETWEEN_MS - sinceMs) : 0;
    if (schedule.isDue && ((schedule.dueMs - nowMs) | 0) <= waitMs) return;
    this.setDue(schedule, waitMs);
  }

  private begin(schedule: Schedule): void {
    schedule.sent = 0;
    this.hasten(schedule);
  }

  private setDue(schedule: Schedule, inMs: number): void {
    schedule.isDue = true;
    schedule.dueMs = (this.context.nowMs + inMs) | 0;
    if (((this.nextDueMs - schedule.dueMs) | 0) > 0) this.nextDueMs = schedule.dueMs;
  }

  /** Sends the advertisements that are due. */
  tick(): void {
    const { nowMs } = this.context;
    if (this.schedules.size === 0 && this.farewells.length === 0) return;
    if (((nowMs - this.nextDueMs) | 0) < 0) return;
    for (const { port, network } of this.farewells.splice(0, PER_TICK)) this.toAllNodes(port, network, 0);
    let left = PER_TICK;
    let next = MAX_INITIAL_INTERVAL_MS;
    for (const schedule of this.schedules.values()) {
      if (schedule.isDue && ((schedule.dueMs - nowMs) | 0) <= 0 && left > 0) {
        left--;
        this.advertise(schedule);
      }
      if (schedule.isDue) next = Math.min(next, Math.max(1, (schedule.dueMs - nowMs) | 0));
    }
    this.nextDueMs = (nowMs + (this.farewells.length > 0 ? 1 : next)) | 0;
  }

  private advertise(schedule: Schedule): void {
    const { nowMs } = this.context;
    const network = this.networks.at(schedule.network);
    const { lifetimeS, intervalMs } = network.advertisements!;
    this.toAllNodes(schedule.port, network, lifetimeS);
    schedule.hasSent = true;
    schedule.lastSentMs = nowMs;
    schedule.sent = Math.min(INITIAL_ADVERTISEMENTS, schedule.sent + 1);
    schedule.isDue = schedule.isAttached;
    if (!schedule.isDue) return;
    const minMs = Math.max(MIN_DELAY_BETWEEN_MS, Math.floor(intervalMs / 3));
    let inMs = minMs + this.random.below(intervalMs - minMs + 1);
    if (schedule.sent < INITIAL_ADVERTISEMENTS) inMs = Math.min(inMs, MAX_INITIAL_INTERVAL_MS);
    schedule.dueMs = (nowMs + inMs) | 0;
  }

  private toAllNodes(port: number, network: Network, lifetimeS: number): void {
    const { arena } = this.context;
    const slot = arena.take();
    if (slot < 0) return;
    const { view } = arena;
    const at = arena.frameOffset(slot);
    ethernet.setDestination(view, at, 0x3333, 1);
    ethernet.setEtherType(view, at, ethernet.TYPE_IPV6);
    const l3 = at + ethernet.HEADER_BYTES;
    ipv6.setDestination(view, l3, 0xff02_0000 | 0, 0, 0, 1);
    this.send(port, network, slot, l3, lifetimeS);
  }

  /** Completes a frame that has its destinations, sends it, and gives the slot back. */
  private send(portId: number, network: Network, slot: number, l3: number, lifetimeS: number): void {
    const { arena, selfPort } = this.context;
    const { view } = arena;
    const at = arena.frameOffset(slot);
    virtio.clear(view, at);
    ethernet.setSource(view, at, network.routerMacHigh, network.routerMacLow);
    const end = writeAdvertisement(view, l3, network, lifetimeS);
    if (this.frame.load(slot, at, end - at, selfPort, network.id) === DROP.none) {
      this.ports[portId]?.send(this.frame);
    }
    arena.release(this.frame.slot);
  }

  private takeToken(schedule: Schedule): boolean {
    const elapsedMs = (this.context.nowMs - schedule.refilledMs) >>> 0;
    const refill = (Math.min(elapsedMs, 60_000) * ANSWERS_PER_SECOND) / 1000;
    schedule.tokens = Math.min(ANSWER_BURST, schedule.tokens + refill);
    schedule.refilledMs = this.context.nowMs;
    if (schedule.tokens < 1) return false;
    schedule.tokens--;
    return true;
  }
}

const newSchedule = (port: number, nowMs: number): Schedule => ({
  port,
  network: -1,
  isAttached: false,
  isDue: false,
  dueMs: 0,
  sent: 0,
  hasSent: false,
  lastSentMs: 0,
  tokens: ANSWER_BURST,
  refilledMs: nowMs,
});

/** What a network's advertisements say. */
const textOf = ({ advertisements, mtu, linkLocal, subnets }: Network): string =>
  JSON.stringify([advertisements, mtu, linkLocal, subnets.map(({ words, bits }) => [words, bits])]);

/**
 * Writes an advertisement behind an Ethernet header; the IPv6 destination is in place. Returns its end. Options: the
 * router's MAC, the network's MTU, and its prefixes, all of them on the link (RFC 4861 §4.2, §4.6).
 */
function writeAdvertisement(view: DataView, l3: number, network: Network, lifetimeS: number): number {
  const { linkLocal, routerMacHigh, routerMacLow, subnets } = network;
  const l4 = l3 + ipv6.HEADER_BYTES;
  // Neither M nor O: addresses are configured, or made by the hosts themselves.
  icmp.writeHeader(view, l4, icmpv6.ROUTER_ADVERTISEMENT, 0, (HOPS << 24) | lifetimeS);
  icmpv6.setReachability(view, l4, 0, 0);
  let at = l4 + icmpv6.ROUTER_ADVERTISEMENT_BYTES;
  icmpv6.writeLinkAddressOption(view, at, icmpv6.OPTION_SOURCE_LINK_ADDRESS, routerMacHigh, routerMacLow);
  at += icmpv6.LINK_ADDRESS_OPTION_BYTES;
  icmpv6.writeMtuOption(view, at, network.mtu);
  at += icmpv6.MTU_OPTION_BYTES;
  let prefixes = 0;
  for (let i = 0; i < subnets.length && prefixes < MAX_ADVERTISED_PREFIXES; i++) {
    const { words, bits, isIpv4 } = subnets[i]!;
    if (isIpv4) continue;
    prefixes++;
    const isAutonomous = network.advertisements?.autonomous === true && bits === AUTONOMOUS_BITS;
    const flags = icmpv6.PREFIX_ON_LINK | (isAutonomous ? icmpv6.PREFIX_AUTONOMOUS : 0);
    icmpv6.writePrefixOption(view, at, bits, flags, VALID_LIFETIME_S, PREFERRED_LIFETIME_S);
    icmpv6.setPrefix(view, at, words);
    at += icmpv6.PREFIX_OPTION_BYTES;
  }
  ipv6.writeFixed(view, l3, at - l4, ipv6.NEXT_ICMPV6, 255);
  ipv6.setSource(view, l3, linkLocal![0]!, linkLocal![1]!, linkLocal![2]!, linkLocal![3]!);
  setIcmpv6Check(view, l3, l4, at - l4);
  return at;
}
