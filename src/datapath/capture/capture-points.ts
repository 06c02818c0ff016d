/**
 * Captures: copies of packets at chosen points of the datapath, for `sluice capture`.
 *
 * Theory of operation. `Context.capture` is null unless a capture runs; each point is a call behind that one check:
 *
 * - `begin`, for each frame that an engine has received, before anything changes it: from-vm, or uplink;
 * - `balanced`, when a translated frame leaves the forwarding element by a port, or begins to wait for its member's MAC;
 * - `sent`, for what is given to the engine: to-vm, or uplink;
 * - `dropped`, for what is dropped, under its reason;
 * - `end`, when the frame has been handled.
 *
 * Group, member and outcome are only known at the end, so the records of a frame stay open until then: they are completed,
 * or taken back if the capture is about another group. While a capture runs, frames are therefore looked ahead for one by
 * one (Datapath.handleFrames); the fast path stays in use and has a call of its own, `steady`. What timers send belongs to
 * no frame and is published at once.
 *
 * Each capture has a ring of its own (tables/capture-ring.ts). A full ring costs packets of that capture only.
 */

import { COLD, COLD_WORDS } from '../../tables/balancing/connection-record.ts';
import {
  FROM_PORT,
  POINT,
  type RingPacket,
  RingWriter,
  TO_PORT,
  VERDICT,
} from '../../tables/capture-ring.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { PORT, PORT_FIELDS } from '../../tables/port-counters.ts';
import type { CaptureSink, Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import type { Port } from '../ports/port.ts';
import { type FilterInstruction, PacketFilter } from './packet-filter.ts';

/** Captures at a time: each frame is offered to all of them. */
export const MAX_CAPTURES = 4;

/** What to capture; can be sent to another thread. */
export interface CaptureSpec {
  readonly id: number;
  /** Numbers of points (tables/capture-ring.ts). */
  readonly points: readonly number[];
  /** Numbers of ports; absent: all. */
  readonly ports?: readonly number[];
  /** Number of the group that a frame must be balanced to; absent: any or none. */
  readonly group?: number;
  /** Bytes of each packet that are kept. */
  readonly snapLength: number;
  /** Absent: all packets. */
  readonly filter?: readonly FilterInstruction[];
  /** As large as ringBytes. */
  readonly ring: SharedArrayBuffer;
}

/** The wall clock, read once per captured frame. */
export interface CaptureClock {
  read(): void;
  /** Of the last reading, since 1970. */
  seconds(): number;
  nanoseconds(): number;
}

/** One running capture. */
class Capture {
  readonly id: number;
  readonly group: number;
  readonly ring: RingWriter;
  private readonly points: Uint8Array;
  private readonly ports: Uint8Array | undefined;
  private readonly filter: PacketFilter | undefined;

  constructor({ id, points, ports, group, snapLength, filter, ring }: CaptureSpec, context: Context) {
    const { maxPorts } = context.tables.limits;
    this.id = id;
    this.group = group ?? NONE;
    this.ring = new RingWriter(ring, maxPorts, context.arena.bytes, snapLength);
    this.points = new Uint8Array(POINT.uplink + 1);
    for (const point of points) this.points[point] = 1;
    this.ports = ports && new Uint8Array(maxPorts);
    for (const port of ports ?? []) this.ports![port] = 1;
    this.filter = filter && new PacketFilter(filter);
  }

  wants({ point, port, offset, length }: RingPacket, view: DataView): boolean {
    if (this.points[point] === 0) return false;
    if (this.ports !== undefined && this.ports[port] === 0) return false;
    return this.filter === undefined || this.filter.matches(view, offset, length, length);
  }
}

export class CapturePoints implements CaptureSink {
  private readonly context: Context;
  /** The cursor of the frame that the slow path handles. */
  private readonly frame: Frame;
  private readonly ports: readonly (Port | undefined)[];
  private readonly clock: CaptureClock;
  private captures: readonly Capture[] = [];
  private readonly packet: RingPacket = {
    point: 0,
    port: 0,
    frame: 0,
    seconds: 0,
    nanoseconds: 0,
    group: NONE,
    member: NONE,
    verdict: VERDICT.none,
    reason: 0,
    direction: 0,
    offset: 0,
    length: 0,
  };
  private frames = 0;
  /** Between `begin` and `end`. */
  private isInFrame = false;
  /** The clock has been read for this frame. */
  private hasTime = false;
  /** The fast path has sent the frame. */
  private isSteady = false;
  private sentCopies = 0;
  /** Reason of the frame's drop; 0: none. */
  private reason = 0;
  private group = NONE;
  private member = NONE;
  /** Counters of the ingress port at `begin`. */
  private answeredBefore = 0;
  private floodedBefore = 0;

  constructor(context: Context, frame: Frame, ports: readonly (Port | undefined)[], clock: CaptureClock) {
    this.context = context;
    this.frame = frame;
    this.ports = ports;
    this.clock = clock;
  }

  start(spec: CaptureSpec): void {
    if (this.captures.length >= MAX_CAPTURES) throw new RangeError(`found ${MAX_CAPTURES} captures already`);
    this.captures = [...this.captures, new Capture(spec, this.context)];
    this.context.capture = this;
  }

  /** The capture's ring is not written to afterwards. */
  stop(id: number): void {
    this.captures = this.captures.filter((capture) => capture.id !== id);
    if (this.captures.length === 0) this.context.capture = null;
  }

  begin(port: number, offset: number, length: number): void {
    const { fields } = this.context.counters;
    this.isInFrame = true;
    this.hasTime = false;
    this.isSteady = false;
    this.sentCopies = 0;
    this.reason = 0;
    this.group = NONE;
    this.member = NONE;
    this.answeredBefore = fields[port * PORT_FIELDS + PORT.answered]!;
    this.floodedBefore = fields[port * PORT_FIELDS + PORT.flooded]!;
    this.frames = (this.frames + 1) >>> 0 || 1;
    this.packet.direction = FROM_PORT;
    this.record(this.isUplink(port) ? POINT.uplink : POINT.fromVm, port, offset, length);
  }

  balanced(frame: Frame): void {
    this.know(frame);
    const port = frame.turnedBack ? frame.egress : frame.ingress;
    this.packet.direction = 0;
    this.record(POINT.balanced, port, frame.offset, frame.length);
  }

  sent(port: number, offset: number, length: number): void {
    this.sentCopies++;
    this.packet.direction = TO_PORT;
    this.record(this.isUplink(port) ? POINT.uplink : POINT.toVm, port, offset, length);
  }

  dropped(frame: Frame, reason: number): void {
    this.know(frame);
    this.droppedBytes(frame.ingress, frame.offset, frame.length, reason);
  }

  droppedBytes(port: number, offset: number, length: number, reason: number): void {
    const { packet } = this;
    this.reason = reason;
    packet.direction = 0;
    packet.verdict = VERDICT.dropped;
    packet.reason = reason;
    this.record(POINT.dropped, port, offset, length);
    packet.verdict = VERDICT.none;
    packet.reason = 0;
  }

  /** A frame of an established flow, which the fast path has translated and sent; `owner`: the port whose balancer did. */
  steady(row: number, owner: number, egress: number, offset: number, length: number): void {
    this.isSteady = true;
    this.knowRow(row);
    this.packet.direction = 0;
    this.record(POINT.balanced, owner, offset, length);
    this.sent(egress, offset, length);
  }

  end(port: number): void {
    this.isInFrame = false;
    if (!this.isSteady && this.group === NONE) this.know(this.frame);
    const { captures, group, member } = this;
    let verdict = -1;
    for (let i = 0; i < captures.length; i++) {
      const { ring, group: wanted } = captures[i]!;
      if (!ring.hasOpen) continue;
      if (wanted !== NONE && wanted !== group) {
        ring.takeBack();
        continue;
      }
      if (verdict < 0) verdict = this.verdict(port);
      ring.complete(group, member, verdict, verdict === VERDICT.dropped ? this.reason : 0);
      ring.publish();
    }
  }

  private verdict(port: number): number {
    if (this.isSteady) return VERDICT.delivered;
    const { fields } = this.context.counters;
    if (fields[port * PORT_FIELDS + PORT.flooded]! > this.floodedBefore) return VERDICT.flooded;
    // An answer, e.g. a reset, may tell of a drop.
    if (this.reason !== 0) return VERDICT.dropped;
    if (fields[port * PORT_FIELDS + PORT.answered]! > this.answeredBefore) return VERDICT.answered;
    return this.sentCopies > 0 ? VERDICT.delivered : VERDICT.waiting;
  }

  /** Notes whose flow the frame belongs to; a record may be gone by the frame's end. */
  private know(frame: Frame): void {
    if (frame.flow !== NONE) this.knowRow(frame.flow);
    else if (frame.group !== NONE) this.group = frame.group;
  }

  private knowRow(row: number): void {
    const { connections, stats } = this.context.tables;
    const slot = connections.statSlot(row);
    // Flows straight to a member have a record, but no group.
    if (stats.balancerOf(slot) === NONE) return;
    this.group = connections.cold[row * COLD_WORDS + COLD.decision]! & 0xffff;
    this.member = stats.memberOf(slot);
  }

  private record(point: number, port: number, offset: number, length: number): void {
    const { packet, captures } = this;
    const { view } = this.context.arena;
    packet.point = point;
    packet.port = port;
    packet.offset = offset;
    packet.length = length;
    packet.frame = this.isInFrame ? this.frames : 0;
    packet.group = this.isInFrame ? this.group : NONE;
    packet.member = this.isInFrame ? this.member : NONE;
    for (let i = 0; i < captures.length; i++) {
      const { ring, group } = captures[i]!;
      if (!captures[i]!.wants(packet, view)) continue;
      if (!this.hasTime || !this.isInFrame) this.readTime();
      ring.add(packet);
      if (this.isInFrame) continue;
      if (group === NONE) ring.publish();
      else ring.takeBack();
    }
  }

  private readTime(): void {
    this.clock.read();
    this.packet.seconds = this.clock.seconds();
    this.packet.nanoseconds = this.clock.nanoseconds();
    this.hasTime = true;
  }

  private isUplink(port: number): boolean {
    return this.ports[port]?.isUplink === true;
  }
}
