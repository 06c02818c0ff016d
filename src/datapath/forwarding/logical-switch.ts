/**
 * Logical switches: one per network (VNI). Forwards known unicast to the station's port and floods the rest. Stations
 * are learned by an operator of the ports' chains (mac-learning.ts).
 *
 * Frames never leave their network here. Flooding is bounded per network and port, counted in copies.
 * Split horizon: a frame that came in by an uplink leaves by no uplink, so that no host closes a loop between physical
 * networks. Frames to reserved group addresses reach only ports whose guard against them is off.
 */
import { NONE } from '../../tables/common/bucket-index.ts';
import { DROP, PORT } from '../../tables/port-counters.ts';
import * as ethernet from '../../wire/ethernet.ts';
import type { Context } from '../frame/context.ts';
import { Frame } from '../frame/frame.ts';
import type { TraceSink } from '../frame/trace-sink.ts';
import type { Networks } from '../ports/networks.ts';
import type { Port } from '../ports/port.ts';

export class LogicalSwitch {
  private readonly context: Context;
  private readonly networks: Networks;
  private readonly ports: readonly (Port | undefined)[];
  /** Cursor for the copies of a flooded frame. */
  private readonly copy: Frame;

  constructor(context: Context, networks: Networks, ports: readonly (Port | undefined)[]) {
    this.context = context;
    this.networks = networks;
    this.ports = ports;
    this.copy = new Frame(context.arena);
  }

  /** Port behind which a station of a network is, or NONE. */
  portOf(network: number, macHigh: number, macLow: number): number {
    return this.context.tables.macs.find(network, macHigh, macLow, this.context.nowMs);
  }

  /** Sends a frame to a known port; the caller keeps ownership of the frame. */
  sendTo(id: number, frame: Frame): void {
    const port = this.ports[id];
    if (this.context.sink !== null)
      this.reportSwitch(this.context.sink, frame, port?.network ?? frame.network, id);
    if (port === undefined) this.context.drop(frame, DROP.portDown);
    else if (port.isUplink && this.isFromUplink(frame)) this.context.drop(frame, DROP.splitHorizon);
    else port.send(frame);
  }

  /** Sends a frame of `network` by its destination MAC; the caller keeps ownership of the frame. */
  forward(frame: Frame, network: number): void {
    const high = ethernet.destinationHigh(frame.view, frame.offset);
    if (ethernet.isGroup(high)) return this.flood(frame, network);
    const low = ethernet.destinationLow(frame.view, frame.offset);
    const to = this.portOf(network, high, low);
    if (to === NONE) return this.flood(frame, network);
    // A balanced or routed frame may leave by its ingress port; a bridged one must not (802.1Q §8.6.1).
    if (to === frame.ingress && frame.member === NONE && !frame.routed) {
      return this.context.drop(frame, DROP.samePort);
    }
    this.sendTo(to, frame);
  }

  private reportSwitch(sink: TraceSink, frame: Frame, network: number, port: number, copies = 0): void {
    const { view, offset } = frame;
    const mac = [ethernet.destinationHigh(view, offset), ethernet.destinationLow(view, offset)] as const;
    sink.fact({ kind: 'switch', network, mac, port, copies });
  }

  private isFromUplink(frame: Frame): boolean {
    return this.ports[frame.ingress]?.isUplink === true;
  }

  private flood(frame: Frame, network: number): void {
    const { ports } = this.networks.at(network);
    // A frame that was routed into this network, or generated here, has no ingress port in it.
    const copies = frame.routed ? ports.length : ports.length - 1;
    const { sink } = this.context;
    if (sink !== null) this.reportSwitch(sink, frame, network, NONE, copies);
    if (copies <= 0) return this.context.drop(frame, DROP.noReceiver);
    if (sink !== null) sink.touch(this.networks.at(network).floods);
    if (!this.networks.at(network).floods.take(frame.ingress, copies, this.context.nowMs)) {
      return this.context.drop(frame, DROP.floodLimited);
    }
    this.copyToAll(frame, network);
  }

  /** Whether a port may still flood a generated frame to all ports of a network. */
  mayAskAll(network: number, payer: number): boolean {
    const { floods, ports } = this.networks.at(network);
    if (this.context.sink !== null) this.context.sink.touch(floods);
    return floods.take(payer, ports.length, this.context.nowMs);
  }

  /** Sends a frame to all ports of a network except its ingress port; the copies are already charged. */
  copyToAll(frame: Frame, network: number): void {
    const { ports } = this.networks.at(network);
    const { ingress, slot, offset, length } = frame;
    this.context.count(ingress, PORT.flooded);
    this.context.noteBalanced(frame);
    const isFromUplink = this.isFromUplink(frame);
    const isReserved = ethernet.isForReservedGroup(frame.view, offset);
    const { copy } = this;
    let sent = 0;
    for (let i = 0; i < ports.length; i++) {
      const port = this.ports[ports[i]!];
      if (port === undefined || (port.id === ingress && !frame.routed)) continue;
      if (port.isUplink && isFromUplink) continue;
      if (isReserved && port.guardsReservedMulticast) continue;
      // Each port's chain sees the original frame on its own cursor; a change is made in a private copy.
      this.context.arena.retain(slot);
      copy.load(slot, offset, length, ingress, network);
      copy.shared = true;
      copy.member = frame.member;
      copy.cutToMtu = frame.cutToMtu;
      if (this.context.sink !== null) this.context.sink.copied(frame, copy);
      port.send(copy);
      this.context.arena.release(copy.slot);
      sent++;
    }
    if (sent === 0) this.context.drop(frame, isReserved ? DROP.reservedMulticast : DROP.splitHorizon);
  }
}
