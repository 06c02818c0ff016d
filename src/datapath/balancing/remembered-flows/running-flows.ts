/**
 * Flows that existed before their address and port were balanced.
 *
 * A VIP may be the address of a station: a VM's own (`rewrite: port`, or a VIP placed on a VM's address), or one
 * behind an uplink. A TCP segment that opens no connection and has no record then belongs to this station, which has
 * the connection or answers with a reset (RFC 9293 §3.10.7.1). New connections are balanced. A VIP without a station
 * answers such a segment itself.
 *
 * Datagrams open nothing: whether an exchange is running shows only in earlier packets. Client datagrams without a
 * rule are therefore remembered for as long as a record of theirs would last, and such a flow stays with the station.
 * Bounded, with shares of ports; a forgotten flow is balanced from its next datagram on.
 */
import { ROLE_ANSWERED } from '../../../tables/balancing/endpoint-table.ts';
import { FlowKey } from '../../../tables/balancing/flow-key.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import { Hasher } from '../../../tables/common/hash.ts';
import * as ethernet from '../../../wire/ethernet.ts';
import * as ipv4 from '../../../wire/ipv4.ts';
import * as tcp from '../../../wire/tcp.ts';
import type { Context } from '../../frame/context.ts';
import { asksService } from '../../frame/flow-roles.ts';
import type { Frame } from '../../frame/frame.ts';
import { isForRouter, type Networks } from '../../ports/networks.ts';
import { FlowMemory } from './flow-memory.ts';

/** Capacity in datagram flows: 128 KB. */
const ENTRIES = 16_384;

/** Datagram exchanges that no rule covers. */
export class RunningDatagrams {
  private readonly memory: FlowMemory;
  private readonly hasher: Hasher;
  private readonly key = new FlowKey();

  constructor(context: Context) {
    this.memory = new FlowMemory(context, ENTRIES, 0);
    this.hasher = new Hasher(context.tables.hashKey);
  }

  /** `idleMs`: lifetime of an entry. */
  configure(idleMs: number): void {
    this.memory.memoryMs = idleMs;
  }

  note(balancer: number, frame: Frame): void {
    this.memory.note(this.keyOf(balancer, frame), frame.ingress);
  }

  /** Whether a datagram belongs to a running exchange; refreshes the entry. */
  has(balancer: number, frame: Frame): boolean {
    if (this.memory.isEmpty) return false;
    const key = this.keyOf(balancer, frame);
    if (!this.memory.knows(key)) return false;
    this.memory.note(key, frame.ingress);
    return true;
  }

  /** The station's address is not an endpoint: its hash stands for it. */
  private keyOf(balancer: number, frame: Frame): FlowKey {
    const { key } = this;
    const { d0, d1, d2, d3, network } = frame;
    key.balancer = balancer;
    key.setClient(frame.s0, frame.s1, frame.s2, frame.s3);
    key.setService(this.hasher.hash6(d0, d1, d2, d3, network, 0), frame.ports, frame.protocol);
    return key;
  }
}

/** A packet to a station that may be balanced and opens no connection. */
export const isDatagram = (frame: Frame): boolean =>
  frame.protocol !== ipv4.PROTOCOL_TCP &&
  asksService(frame) &&
  !ethernet.isGroup(ethernet.destinationHigh(frame.view, frame.offset));

/** A TCP segment that opens no connection. */
export const isMidStream = (frame: Frame): boolean =>
  frame.protocol === ipv4.PROTOCOL_TCP &&
  (frame.tcpFlags & (tcp.SYN | tcp.ACK | tcp.RST | tcp.FIN)) !== tcp.SYN;

/** A first SYN: the segment that opens a connection. */
export const opensConnection = (frame: Frame): boolean =>
  frame.protocol === ipv4.PROTOCOL_TCP && !isMidStream(frame);

/**
 * Whether a packet to a VIP is addressed to a station: the VIP is a VM's own address, or the frame's destination MAC
 * is known.
 */
export function isForStation(vip: number, frame: Frame, context: Context, networks: Networks): boolean {
  if (!context.tables.endpoints.hasRole(vip, ROLE_ANSWERED)) return true;
  if (isForRouter(frame, networks)) return false;
  const high = ethernet.destinationHigh(frame.view, frame.offset);
  if (ethernet.isGroup(high)) return false;
  const low = ethernet.destinationLow(frame.view, frame.offset);
  const port = context.tables.macs.find(frame.network, high, low, context.nowMs);
  return port !== NONE && port !== frame.ingress;
}
