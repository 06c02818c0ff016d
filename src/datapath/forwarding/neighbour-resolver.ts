/**
 * Resolves next hops to MACs: ARP (RFC 826) and Neighbour Discovery (RFC 4861) for the logical router and for members
 * on a local subnet. The first packets to an unknown neighbour wait in a bounded queue and are sent in order when it
 * answers. A neighbour that does not answer three probes stays failed for a while.
 *
 * A request is flooded and charged to the port whose packet needs the answer. If that port's share is used up, the
 * request is deferred until the next packet for the neighbour, from whichever port: a scan by one port does not block the
 * addresses that it has touched for others. A neighbour that was never asked does not become failed.
 *
 * Requests come from the network's gateway address if it has one of the family, else from 0.0.0.0 (an ARP probe,
 * RFC 5227) or from the router's link-local address.
 */
import { ENDPOINT_WORDS } from '../../tables/balancing/endpoint-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { NetworkAddress } from '../../tables/common/network-address.ts';
import {
  FAILED_MS,
  NEIGHBOUR,
  NEIGHBOUR_WORDS,
  type NeighbourTable,
  PROBE_INTERVAL_MS,
  PROBES,
  REACHABLE_MS,
} from '../../tables/forwarding/neighbour-table.ts';
import { DROP, PORT } from '../../tables/port-counters.ts';
import * as ethernet from '../../wire/ethernet.ts';
import type { Context } from '../frame/context.ts';
import { isOverMtu } from '../frame/fragmentation.ts';
import { Frame, IPV4_MAPPED } from '../frame/frame.ts';
import type { OnUndelivered } from '../frame/undelivered.ts';
import { stripTags } from '../frame/vlan-tags.ts';
import type { Networks } from '../ports/networks.ts';
import type { Port } from '../ports/port.ts';
import type { IcmpErrors } from './icmp-errors.ts';
import type { LogicalSwitch } from './logical-switch.ts';
import { writeArpRequest, writeNeighbourSolicitation } from './packets.ts';

/** Interval between two checks of the neighbours that are being resolved. */
const TICK_MS = 250;
/** Entries aged per millisecond in which batches are handled. */
const AGED_PER_TICK = 8;

export class NeighbourResolver {
  private readonly context: Context;
  private readonly table: NeighbourTable;
  private readonly networks: Networks;
  private readonly logicalSwitch: LogicalSwitch;
  private readonly errors: IcmpErrors;
  private readonly undelivered: OnUndelivered;
  private readonly ports: readonly (Port | undefined)[];
  /** Cursor for queued frames and for requests. */
  private readonly waiting: Frame;
  private readonly request: Frame;
  private readonly address = new NetworkAddress();
  private lastTickMs = 0;

  constructor(
    context: Context,
    networks: Networks,
    logicalSwitch: LogicalSwitch,
    errors: IcmpErrors,
    undelivered: OnUndelivered,
    ports: readonly (Port | undefined)[],
  ) {
    this.context = context;
    this.table = context.tables.neighbours;
    this.networks = networks;
    this.logicalSwitch = logicalSwitch;
    this.errors = errors;
    this.undelivered = undelivered;
    this.ports = ports;
    this.waiting = new Frame(context.arena);
    this.request = new Frame(context.arena);
  }

  /** Sends a frame to a neighbour in `network`, at once or when it is resolved. The caller keeps ownership of the frame. */
  deliver(frame: Frame, network: number, w0: number, w1: number, w2: number, w3: number): void {
    const { table } = this;
    const nowMs = this.context.nowMs;
    const id = table.intern(this.address.set(network, w0, w1, w2, w3), nowMs, frame.ingress);
    if (id === NONE) return this.context.drop(frame, DROP.neighbourTableFull);
    const state = table.state(id);
    const { sink } = this.context;
    if (sink !== null) {
      const mac = [table.macHigh(id), table.macLow(id)] as const;
      sink.fact({ kind: 'neighbour', network, address: [w0, w1, w2, w3], state, mac });
    }
    if (state === NEIGHBOUR.incomplete || state === NEIGHBOUR.failed) return this.wait(frame, id, state);
    if (state === NEIGHBOUR.reachable && (nowMs - table.changedMs(id)) >>> 0 > REACHABLE_MS) {
      // Use it, and ask again: it turns reachable with the answer, or failed without.
      table.setState(id, NEIGHBOUR.stale, nowMs);
      this.ask(id, frame.ingress);
    } else if (state === NEIGHBOUR.stale && table.owesProbe(id)) {
      this.sendProbe(id, frame.ingress);
    }
    this.send(frame, network, table.macHigh(id), table.macLow(id));
  }

  /**
   * Caches MAC and port of a member that is reachable on a link, valid for the current generation of the tables. Saves
   * two lookups per packet, 25 ns.
   */
  cacheWay(endpoint: number, network: number): void {
    const { endpoints } = this.context.tables;
    const { table } = this;
    const at = endpoint * ENDPOINT_WORDS;
    const { rows } = endpoints;
    const id = table.find(this.address.read(network, rows, at));
    if (id === NONE) return;
    const state = table.state(id);
    if (state !== NEIGHBOUR.fixed && state !== NEIGHBOUR.reachable) return;
    table.touch(id, this.context.nowMs);
    const port = this.logicalSwitch.portOf(network, table.macHigh(id), table.macLow(id));
    if (port === NONE) return;
    endpoints.setWay(endpoint, this.context.wayGeneration, port, table.macHigh(id), table.macLow(id));
  }

  /** A routed frame leaves with the router's MAC; a frame that was only balanced keeps its source MAC. */
  private send(frame: Frame, network: number, macHigh: number, macLow: number): void {
    if (frame.routed) {
      // Not earlier: an ICMP error about a queued frame is sent back with its tags.
      stripTags(frame);
      const { routerMacHigh, routerMacLow } = this.networks.at(network);
      ethernet.setSource(frame.view, frame.offset, routerMacHigh, routerMacLow);
    }
    ethernet.setDestination(frame.view, frame.offset, macHigh, macLow);
    this.logicalSwitch.forward(frame, network);
  }

  private wait(frame: Frame, id: number, state: number): void {
    const { table, context } = this;
    const nowMs = context.nowMs;
    if (state === NEIGHBOUR.failed) {
      if ((nowMs - table.changedMs(id)) >>> 0 < FAILED_MS) {
        context.drop(frame, DROP.neighbourUnresolved);
        return this.errors.hostUnreachable(frame);
      }
      table.setState(id, NEIGHBOUR.incomplete, nowMs);
      table.setProbesSent(id, 0);
    }
    // Request even if no frame may wait for the answer: otherwise the entry would stay incomplete.
    if (table.probesSent(id) === 0) this.ask(id, frame.ingress);
    else if (table.owesProbe(id)) this.sendProbe(id, frame.ingress);
    if (!table.enqueue(id, frame.slot, frame.offset, frame.length, frame.ingress, frame.routed)) {
      return context.drop(frame, DROP.neighbourQueueFull);
    }
    context.arena.retain(frame.slot);
    context.noteBalanced(frame);
    if (context.sink !== null) context.sink.fact({ kind: 'waits', for: 'neighbour' });
  }

  /** Called when a neighbour has been heard: stores its MAC and sends the frames that waited for it. */
  heard(address: NetworkAddress, macHigh: number, macLow: number): void {
    const { table } = this;
    const { network } = address;
    const id = table.find(address);
    if (id === NONE) return;
    const state = table.state(id);
    if (state === NEIGHBOUR.fixed) return;
    table.setMac(id, macHigh, macLow);
    table.setState(id, NEIGHBOUR.reachable, this.context.nowMs);
    table.setProbesSent(id, 0);
    for (let entry = table.dequeue(id); entry !== 0; entry = table.dequeue(id)) {
      const frame = this.loadWaiting(entry, network);
      const { mtu } = this.networks.at(network);
      if (isOverMtu(frame, mtu)) frame.cutToMtu = mtu;
      this.context.count(frame.ingress, PORT.queuedSent);
      this.send(frame, network, macHigh, macLow);
      this.context.arena.release(frame.slot);
    }
  }

  /**
   * Sets a configured MAC of a neighbour: it is not probed, and learned MACs do not replace it. Returns false if it was
   * set before.
   */
  fix(id: number, address: NetworkAddress, macHigh: number, macLow: number): boolean {
    const { table } = this;
    const wasFixed = table.state(id) === NEIGHBOUR.fixed;
    if (wasFixed && table.macHigh(id) === macHigh && table.macLow(id) === macLow) return false;
    if (!wasFixed) this.heard(address, macHigh, macLow);
    table.setMac(id, macHigh, macLow);
    table.setState(id, NEIGHBOUR.fixed, this.context.nowMs);
    table.assign(id, table.configuredPort);
    return true;
  }

  /**
   * Called when a port is removed. `withStations`: entries learned behind it are deleted, so that stations there are
   * resolved again. Other entries no longer count against its share.
   */
  forgetPort(port: number, withStations: boolean): void {
    const { table } = this;
    for (let id = 0; id < table.highWater; id++) {
      const state = table.state(id);
      if (state === NEIGHBOUR.free) continue;
      if (table.port(id) === port) table.assign(id, table.configuredPort);
      if (!withStations || (state !== NEIGHBOUR.reachable && state !== NEIGHBOUR.stale)) continue;
      const network = table.rows[id * NEIGHBOUR_WORDS + 4]!;
      if (this.logicalSwitch.portOf(network, table.macHigh(id), table.macLow(id)) !== port) continue;
      table.remove(id);
    }
  }

  /** Points the cursor at a queued frame for a neighbour in `network`. */
  private loadWaiting(entry: number, network: number): Frame {
    const { table, waiting } = this;
    const { sink } = this.context;
    if (sink !== null) sink.keep(table.waitingOffset[entry]!, table.waitingLength[entry]!);
    const ingress = table.waitingPort[entry]!;
    const from = this.ports[ingress]?.network ?? network;
    waiting.load(
      table.waitingSlot[entry]!,
      table.waitingOffset[entry]!,
      table.waitingLength[entry]!,
      ingress,
      from,
    );
    waiting.routed = table.waitingRouted[entry] === 1;
    return waiting;
  }

  /** Repeats requests, and marks neighbours that do not answer as failed. */
  tick(): void {
    const { table, context } = this;
    table.age(context.nowMs, AGED_PER_TICK);
    if (table.asking === 0 || (context.nowMs - this.lastTickMs) >>> 0 < TICK_MS) return;
    this.lastTickMs = context.nowMs;
    for (let id = 0; id < table.highWater; id++) {
      const sent = table.probesSent(id);
      if (sent === 0) continue;
      if ((context.nowMs - table.changedMs(id)) >>> 0 < sent * PROBE_INTERVAL_MS) continue;
      if (sent < PROBES) this.ask(id, table.port(id));
      else this.giveUp(id);
    }
  }

  /** Deletes neighbours of removed networks, and drops the frames that waited for them. */
  forgetLostNetworks(): void {
    const { table } = this;
    for (let id = 0; id < table.highWater; id++) {
      const network = table.rows[id * NEIGHBOUR_WORDS + 4]!;
      if (table.state(id) === NEIGHBOUR.free || this.networks.has(network)) continue;
      for (let entry = table.dequeue(id); entry !== 0; entry = table.dequeue(id)) {
        const frame = this.loadWaiting(entry, network);
        this.context.drop(frame, DROP.neighbourUnresolved);
        this.undelivered.unanswered(frame);
        this.context.arena.release(frame.slot);
      }
      this.undelivered.endUnanswered();
      table.remove(id);
    }
  }

  private giveUp(id: number): void {
    const { table, context } = this;
    const wasAsked = table.wasAsked(id);
    table.setProbesSent(id, 0);
    table.setState(id, NEIGHBOUR.failed, context.nowMs);
    for (let entry = table.dequeue(id); entry !== 0; entry = table.dequeue(id)) {
      const frame = this.loadWaiting(entry, table.rows[id * NEIGHBOUR_WORDS + 4]!);
      context.drop(frame, DROP.neighbourUnresolved);
      this.errors.hostUnreachable(frame);
      this.undelivered.unanswered(frame);
      context.arena.release(frame.slot);
    }
    this.undelivered.endUnanswered();
    if (!wasAsked) table.remove(id);
  }

  /** Sends the next probe of a neighbour, charged to a port. */
  private ask(id: number, payer: number): void {
    this.table.setProbesSent(id, this.table.probesSent(id) + 1);
    this.sendProbe(id, payer);
  }

  private sendProbe(id: number, payer: number): void {
    const { table, context } = this;
    const isPaid = this.logicalSwitch.mayAskAll(table.rows[id * NEIGHBOUR_WORDS + 4]!, payer);
    table.noteProbe(id, isPaid);
    if (!isPaid) return context.counters.drop(context.selfPort, DROP.floodLimited);
    const slot = context.arena.take();
    if (slot < 0) return;
    const at = id * NEIGHBOUR_WORDS;
    const { rows } = table;
    const network = this.networks.at(rows[at + 4]!);
    const isIpv4 = (rows[at]! | rows[at + 1]!) === 0 && rows[at + 2] === IPV4_MAPPED;
    const gateway = network.gatewayOf(isIpv4);
    const offset = context.arena.frameOffset(slot);
    const { view } = context.arena;
    const length = isIpv4
      ? writeArpRequest(
          view,
          offset,
          network.routerMacHigh,
          network.routerMacLow,
          gateway === NONE ? 0 : network.gateways[gateway + 3]!,
          rows[at + 3]!,
        )
      : writeNeighbourSolicitation(view, offset, network, gateway, rows, at);
    const frame = this.request;
    if (frame.load(slot, offset, length, context.selfPort, network.id) === DROP.none) {
      frame.routed = true;
      this.logicalSwitch.copyToAll(frame, network.id);
    }
    context.arena.release(frame.slot);
  }
}
