/**
 * Announces the MACs of VMs' addresses: gratuitous ARP and unsolicited neighbour advertisements on behalf of VMs.
 *
 * Theory of operation. When a VM returns with another MAC, on another port or on another host, or takes over another VM's
 * address, neighbours keep sending to the old MAC until their cache entries expire: up to a minute. The VM's own kernel
 * does not announce addresses by default (Linux: arp_notify and ndisc_notify are off). The announcer does, when a port is
 * attached and when an attached port is given an address.
 *
 * Messages: ARP announcements (RFC 5227 §2.3, §3; two, two seconds apart) and unsolicited advertisements with the
 * override flag (RFC 4861 §7.2.6; three, a second apart). Both update existing cache entries and create none.
 *
 * Receivers: the network's uplinks, and those of its other ports that were attached earlier. Ports attached at the same
 * time, as all are when a host starts, have nothing to unlearn. Never the VM itself, which would report an address
 * conflict. When an uplink is attached, all VMs of the network are announced on it, so that physical switches and other
 * hosts learn their location.
 *
 * Only configured addresses of ports are announced, never a VIP, a gateway or a learned address. Each round checks again
 * that the address is still configured. Bounds: one entry per configured address, a few per millisecond; copies count
 * against a share of the network's flood budget like a port's. An announcement that waits a second for budget is dropped
 * and counted.
 */
import { NONE } from '../../tables/common/bucket-index.ts';
import { NetworkAddress } from '../../tables/common/network-address.ts';
import { NEIGHBOUR } from '../../tables/forwarding/neighbour-table.ts';
import { DROP } from '../../tables/port-counters.ts';
import { addressToWords, wordsFamily } from '../../wire/address.ts';
import type { Context } from '../frame/context.ts';
import { Frame } from '../frame/frame.ts';
import type { Networks } from '../ports/networks.ts';
import type { Port } from '../ports/port.ts';
import type { PortSpec } from '../snapshot.ts';
import { writeArpRequest, writeNeighbourAdvertisement } from './packets.ts';
import type { Responder } from './responder.ts';

/** RFC 4861 §10, MAX_NEIGHBOR_ADVERTISEMENT and RETRANS_TIMER; ARP's ANNOUNCE_INTERVAL (RFC 5227 §1.1) is two of these. */
const ROUNDS = 3;
const ROUND_MS = 1_000;
/** Rounds in which ARP is announced: ANNOUNCE_NUM is 2. */
const isArpRound = (round: number): boolean => round !== 1;
/** Announcements per millisecond. */
const PER_TICK = 8;
/** A port receives announcements of VMs that were attached at least this much later. */
const OLDER_MS = 1_000;
/** An announcement that waits longer than this for flood budget is dropped. */
const PATIENCE_MS = 1_000;

interface Announcement {
  readonly key: string;
  readonly port: number;
  readonly network: number;
  readonly words: Int32Array;
  /** VM ports attached up to this attachment receive it; uplinks always do. */
  readonly hearersUpTo: number;
  dueMs: number;
}

/** The device of a port. */
interface Attachment {
  /** Counts attachments, from 1. */
  readonly order: number;
  readonly sinceMs: number;
}

export class Announcer {
  private readonly context: Context;
  private readonly networks: Networks;
  private readonly responder: Responder;
  private readonly ports: readonly (Port | undefined)[];
  private readonly frame: Frame;
  private specs: readonly PortSpec[] = [];
  /** Ports with a device. */
  private readonly attached = new Map<number, Attachment>();
  private attachments = 0;
  /** The current announcement of each address. */
  private readonly latest = new Map<string, Announcement>();
  /** Per round, in due order. */
  private readonly queues: Announcement[][] = Array.from({ length: ROUNDS }, () => []);
  private readonly address = new NetworkAddress();

  constructor(
    context: Context,
    networks: Networks,
    responder: Responder,
    ports: readonly (Port | undefined)[],
  ) {
    this.context = context;
    this.networks = networks;
    this.responder = responder;
    this.ports = ports;
    this.frame = new Frame(context.arena);
  }

  /** Takes the ports of a snapshot that comes into force. */
  replace(specs: readonly PortSpec[]): void {
    this.specs = specs;
  }

  /** Called when a port gets its device; the snapshot in force contains the port. */
  portAttached(id: number): void {
    this.attached.set(id, { order: ++this.attachments, sinceMs: this.context.nowMs });
    const port = this.ports[id];
    if (port === undefined) return;
    for (const spec of this.specs) {
      if (port.isUplink ? spec.network !== port.network : spec.id !== id) continue;
      for (const address of spec.addresses) this.announce(spec, address, port.isUplink);
    }
  }

  portGone(id: number): void {
    this.attached.delete(id);
  }

  /** Called when an address of a port has a new MAC. Nothing is sent while the port has no device. */
  announce(spec: PortSpec, address: string, onlyToUplinks = false): void {
    if (spec.mac === undefined || !this.attached.has(spec.id)) return;
    const key = `${spec.network} ${address}`;
    const words = new Int32Array(4);
    addressToWords(address, words, 0);
    const { id: port, network } = spec;
    // Receivers of an announcement in progress receive the new one instead.
    const hearersUpTo = Math.max(
      this.latest.get(key)?.hearersUpTo ?? 0,
      onlyToUplinks ? 0 : this.lastOlder(),
    );
    const one: Announcement = { key, port, network, words, hearersUpTo, dueMs: this.context.nowMs };
    this.latest.set(key, one);
    this.queues[0]!.push(one);
  }

  /** The latest attachment whose VM may hold outdated cache entries; 0: none. */
  private lastOlder(): number {
    const { nowMs } = this.context;
    let last = 0;
    for (const { order, sinceMs } of this.attached.values()) {
      if ((nowMs - sinceMs) >>> 0 >= OLDER_MS) last = Math.max(last, order);
    }
    return last;
  }

  /** Sends the announcements that are due. */
  tick(): void {
    if (this.latest.size === 0) return;
    const { nowMs } = this.context;
    let left = PER_TICK;
    this.queues.forEach((queue, round) => {
      for (; left > 0 && queue.length > 0 && ((nowMs - queue[0]!.dueMs) | 0) >= 0; left--) {
        const one = queue.shift()!;
        if (!this.holds(one)) continue;
        if (!this.send(one, round) && ((nowMs - one.dueMs) | 0) < PATIENCE_MS) {
          queue.push(one);
          continue;
        }
        const next = this.queues[round + 1];
        if (next === undefined) {
          this.latest.delete(one.key);
        } else {
          one.dueMs = nowMs + ROUND_MS;
          next.push(one);
        }
      }
    });
  }

  /** Whether the announced address is still configured with this MAC. */
  private holds(one: Announcement): boolean {
    if (this.latest.get(one.key) !== one) return false;
    const [w0, w1, w2, w3] = one.words as unknown as [number, number, number, number];
    const port = this.ports[one.port];
    const { neighbours } = this.context.tables;
    const id = neighbours.find(this.address.set(one.network, w0, w1, w2, w3));
    const isTrue =
      port !== undefined &&
      port.network === one.network &&
      this.attached.has(one.port) &&
      id !== NONE &&
      neighbours.state(id) === NEIGHBOUR.fixed &&
      neighbours.macHigh(id) === port.macHigh &&
      neighbours.macLow(id) === port.macLow &&
      !this.responder.isOurs(one.network, w0, w1, w2, w3);
    if (!isTrue) this.latest.delete(one.key);
    return isTrue;
  }

  /** Sends an announcement to all its receivers; false if the flood budget does not allow it now. */
  private send(one: Announcement, round: number): boolean {
    const { context } = this;
    const isIpv4 = wordsFamily(one.words, 0) === 4;
    if (isIpv4 && !isArpRound(round)) return true;
    const network = this.networks.at(one.network);
    const hearers = Array.from(network.ports).filter((id) => this.hears(id, one));
    if (hearers.length === 0) return true;
    const slot = context.arena.take();
    if (slot < 0) return false;
    const isSent = network.floods.take(context.selfPort, hearers.length, context.nowMs);
    if (isSent) {
      const { macHigh, macLow } = this.ports[one.port]!;
      const { view } = context.arena;
      const at = context.arena.frameOffset(slot);
      const length = isIpv4
        ? writeArpRequest(view, at, macHigh, macLow, one.words[3]!, one.words[3]!)
        : writeNeighbourAdvertisement(view, at, macHigh, macLow, one.words);
      for (const id of hearers) {
        context.arena.retain(slot);
        this.frame.load(slot, at, length, context.selfPort, one.network);
        this.frame.shared = true;
        this.ports[id]!.send(this.frame);
        context.arena.release(this.frame.slot);
      }
    } else if (((context.nowMs - one.dueMs) | 0) >= PATIENCE_MS) {
      context.counters.drop(context.selfPort, DROP.floodLimited);
    }
    context.arena.release(slot);
    return isSent;
  }

  private hears(id: number, one: Announcement): boolean {
    const attachment = this.attached.get(id);
    if (attachment === undefined || id === one.port) return false;
    return this.ports[id]!.isUplink || attachment.order <= one.hearersUpTo;
  }
}
