/**
 * Measures members from the packets that pass: response times, loss, and whether they keep up. All values are per LB
 * × group × member, in the stat table.
 *
 * Theory of operation. Seen from the client's port, the round trip to the member is: SYN to SYN/ACK, data to the
 * acknowledgment that covers it, datagram to the next datagram back. At most one such pair of a flow is timed at
 * once; the measured time enters the slot's smoothed time, 7/8 old and 1/8 new (RFC 6298's weights for SRTT). As in
 * Karn's algorithm, a pair is discarded when its segment is seen again. A segment that does not extend the highest
 * sequence number seen is a retransmission, in either direction, unless it is a one-byte probe of a keep-alive or of
 * a closed window. A segment that was overtaken on its way here counts, too: with one number per direction it cannot
 * be distinguished from a retransmission.
 *
 * A flow's part of this, 20 bytes, is in its cold row. Fetching that row costs a cache line, so there is a budget of
 * packets per millisecond, shared by their source ports. Below 64 000 packets per second of one port (by default)
 * every packet is metered; above, handshakes always are, and enough of the rest to keep the times accurate, while
 * retransmissions become a lower bound. With a budget of 0 nothing is metered, not even handshakes: all values of
 * this module stay 0.
 *
 * Times are microseconds modulo 2^32 with the resolution of batches: a batch has one time.
 */
import { COLD, COLD_WORDS, FLOW_NOTE, STATE } from '../../tables/balancing/connection-record.ts';
import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import { PortShares } from '../../tables/common/port-shares.ts';
import { STAT, STAT_FIELDS } from '../../tables/stat-table.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as tcp from '../../wire/tcp.ts';
import type { Context } from '../frame/context.ts';
import { CLIENT, MEMBER, Segment, SequenceNumbers } from './sequence-numbers.ts';

/** Default number of packets metered per millisecond. */
export const DEFAULT_PACKETS_PER_MS = 64;
/** Weight of a new measurement in a smoothed one: 1/8. */
const GAIN = 0.125;
/** A reply later than this is not matched to the probe. */
const PATIENCE_US = 30_000_000;

/** Words of a flow, from COLD.meter on. The notes are initially 0, and say which of the other words are valid. */
const NOTES = 0;
const CLIENT_NEXT = FLOW_NOTE.clientNext;
const MEMBER_NEXT = FLOW_NOTE.memberNext;
/** Acknowledgment number that ends the timed pair. */
const AWAITED = 3;
const SENT_US = 4;

const HAS_CLIENT_NEXT = FLOW_NOTE.hasClientNext;
const HAS_MEMBER_NEXT = FLOW_NOTE.hasMemberNext;
const PENDING = FLOW_NOTE.pending;
const WINDOW_CLOSED = FLOW_NOTE.windowClosed;
const SCALE_OFFERED = FLOW_NOTE.scaleOffered;
const SCALE_SHIFT = FLOW_NOTE.scaleShift;

const CONTROL = tcp.SYN | tcp.FIN | tcp.RST;
/** RFC 7323 §2.3. */
const MAX_WINDOW_SHIFT = 14;

export class FlowMeter {
  private readonly context: Context;
  private readonly view: DataView;
  private readonly connections: ConnectionTable;
  private readonly cold: Int32Array;
  private readonly stats: Float64Array;
  readonly numbers: SequenceNumbers;
  private readonly segment = new Segment();
  private readonly packetsPerMs: number;
  /** All ports together have twice the budget of one. */
  private readonly budget: PortShares;
  private budgetMs = 0;

  constructor(context: Context, packetsPerMs = DEFAULT_PACKETS_PER_MS) {
    this.context = context;
    this.numbers = new SequenceNumbers(context);
    this.packetsPerMs = packetsPerMs;
    this.budget = new PortShares(context.tables.limits.maxPorts, 2 * packetsPerMs);
    this.view = context.arena.view;
    this.connections = context.tables.connections;
    this.cold = context.tables.connections.cold;
    this.stats = context.tables.stats.fields;
  }

  /** Called once per batch. */
  renew(): void {
    if (this.context.nowMs === this.budgetMs) return;
    this.budgetMs = this.context.nowMs;
    if (this.budget.inUse > 0) this.budget.clear();
  }

  /** Whether metering is on: handshakes are then always metered. */
  get isOn(): boolean {
    return this.packetsPerMs > 0;
  }

  /** Whether the next packet without SYN from a port is metered, too. */
  hasBudget(port: number): boolean {
    return this.budget.hasRoom(port);
  }

  /** A packet from the client of a record, before its state changes. `l4Bytes`: transport header and payload. */
  fromClient(row: number, port: number, protocol: number, l4: number, l4Bytes: number): void {
    this.budget.hold(port);
    if (protocol === ipv4.PROTOCOL_TCP) this.segmentFromClient(row, l4, l4Bytes);
    else if (protocol === ipv4.PROTOCOL_UDP) this.begin(row, 0);
  }

  /** A packet from the member, likewise. */
  fromMember(row: number, port: number, protocol: number, l4: number, l4Bytes: number): void {
    this.budget.hold(port);
    if (protocol === ipv4.PROTOCOL_TCP) return this.segmentFromMember(row, l4, l4Bytes);
    if (protocol !== ipv4.PROTOCOL_UDP || !this.isPending(row)) return;
    this.stats[this.field(row, STAT.requests)]!++;
    this.end(row, STAT.requestTimeMicros);
  }

  /** A record is removed, or was reset by its member: in a handshake state, the handshake has failed. */
  failed(row: number, state: number): void {
    if (this.isOn && state === STATE.synSent) this.stats[this.field(row, STAT.failedConnects)]!++;
  }

  private segmentFromClient(row: number, l4: number, l4Bytes: number): void {
    const { segment } = this;
    segment.load(this.view, l4, l4Bytes, CLIENT);
    const { flags, bytes, end } = segment;
    if ((flags & tcp.RST) !== 0 || !this.numbers.note(row, segment)) return;
    if (bytes === 0) return;
    if ((flags & tcp.SYN) !== 0) this.noteOffer(row, l4);
    const isByte = bytes === 1 && (flags & CONTROL) === 0;
    const news = this.advance(row, CLIENT_NEXT, HAS_CLIENT_NEXT, end, isByte);
    if (news === FRESH) this.begin(row, end);
    // A handshake is timed from its first SYN: the client waits for all of them.
    else if (news === SEEN && (flags & tcp.SYN) === 0) this.cold[this.at(row) + NOTES]! &= ~PENDING;
  }

  private segmentFromMember(row: number, l4: number, l4Bytes: number): void {
    const { view, cold, segment } = this;
    segment.load(view, l4, l4Bytes, MEMBER);
    const { flags, bytes, end } = segment;
    if ((flags & tcp.RST) !== 0 || !this.numbers.note(row, segment)) return;
    const isAnswer = (flags & (tcp.SYN | tcp.ACK)) === (tcp.SYN | tcp.ACK);
    if (isAnswer) this.noteScale(row, l4);
    if ((flags & tcp.ACK) !== 0) {
      const at = this.at(row);
      if (this.isPending(row) && ((segment.acknowledgment - cold[at + AWAITED]!) | 0) >= 0) {
        const isHandshake = isAnswer && this.connections.state(row) === STATE.synSent;
        if (isHandshake) this.stats[this.field(row, STAT.connects)]!++;
        this.end(row, isHandshake ? STAT.synTimeMicros : STAT.rttMicros);
      }
      if ((flags & CONTROL) === 0) this.noteWindow(row, tcp.window(view, l4));
    }
    if (bytes === 0) return;
    this.advance(row, MEMBER_NEXT, HAS_MEMBER_NEXT, end, bytes === 1 && (flags & CONTROL) === 0);
  }

  /** Records the progress of a direction, and counts a retransmission. `isByte`: exactly one byte of data. */
  private advance(row: number, word: number, known: number, end: number, isByte: boolean): number {
    const { cold } = this;
    const at = this.at(row);
    const ahead = (end - cold[at + word]!) | 0;
    if ((cold[at + NOTES]! & known) === 0 || ahead > 0) {
      cold[at + word] = end;
      cold[at + NOTES]! |= known;
      return FRESH;
    }
    if (isByte && ahead >= -1) return PROBE;
    this.stats[this.field(row, STAT.retransmissions)]!++;
    return SEEN;
  }

  /** Starts timing a pair, unless one is being timed. */
  private begin(row: number, awaited: number): void {
    const { cold } = this;
    const { nowUs } = this.context;
    const at = this.at(row);
    if (this.isPending(row) && (nowUs - cold[at + SENT_US]!) >>> 0 < PATIENCE_US) return;
    cold[at + AWAITED] = awaited;
    cold[at + SENT_US] = nowUs;
    cold[at + NOTES]! |= PENDING;
  }

  /** Ends the pair, and adds its time to a smoothed one of the slot. */
  private end(row: number, field: number): void {
    const at = this.at(row);
    this.cold[at + NOTES]! &= ~PENDING;
    const micros = (this.context.nowUs - this.cold[at + SENT_US]!) >>> 0;
    if (micros < PATIENCE_US) this.smooth(row, field, micros);
  }

  /** 0 means "not measured", so the least time is one microsecond. */
  private smooth(row: number, field: number, value: number): void {
    const at = this.field(row, field);
    const was = this.stats[at]!;
    this.stats[at] = was === 0 ? Math.max(1, value) : Math.max(1, was + (value - was) * GAIN);
  }

  private noteWindow(row: number, field: number): void {
    const at = this.at(row) + NOTES;
    const notes = this.cold[at]!;
    if (field === 0) {
      if ((notes & WINDOW_CLOSED) === 0) this.stats[this.field(row, STAT.zeroWindows)]!++;
      this.cold[at] = notes | WINDOW_CLOSED;
      return;
    }
    if ((notes & WINDOW_CLOSED) !== 0) this.cold[at] = notes & ~WINDOW_CLOSED;
    this.smooth(row, STAT.windowBytes, field << ((notes >>> SCALE_SHIFT) & 15));
  }

  private noteOffer(row: number, l4: number): void {
    if (tcp.windowShift(this.view, l4) >= 0) this.cold[this.at(row) + NOTES]! |= SCALE_OFFERED;
  }

  /** RFC 7323 §2.2: windows are scaled only if both ends have offered it. */
  private noteScale(row: number, l4: number): void {
    const at = this.at(row) + NOTES;
    const shift = tcp.windowShift(this.view, l4);
    if ((this.cold[at]! & SCALE_OFFERED) === 0 || shift < 0) return;
    this.cold[at] =
      (this.cold[at]! & ~(15 << SCALE_SHIFT)) | (Math.min(shift, MAX_WINDOW_SHIFT) << SCALE_SHIFT);
  }

  private isPending(row: number): boolean {
    return (this.cold[this.at(row) + NOTES]! & PENDING) !== 0;
  }

  private at(row: number): number {
    return row * COLD_WORDS + COLD.meter;
  }

  private field(row: number, field: number): number {
    return this.connections.statSlot(row) * STAT_FIELDS + field;
  }
}

/** Result of `advance`. */
const FRESH = 0;
const SEEN = 1;
const PROBE = 2;
