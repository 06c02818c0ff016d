/**
 * The progress of both sides of a TCP flow, and which segments it validates (RFC 5961 §3 to §5, RFC 7857 §2.2).
 *
 * Theory of operation. Four numbers per flow: the end of what each side has sent, and how far each has acknowledged
 * the other. A reset is accepted between the receiver's acknowledgment and the end of what the sender has sent: on an
 * idle flow this is one number. A reset outside is forwarded without changing the record: its receiver drops it, or
 * answers with a challenge ACK. A FIN must be in the same range, and acknowledge what the other side may have sent.
 *
 * A segment moves the numbers only if it acknowledges something between its side's previous acknowledgment and the
 * end of what the other side has sent: a blind attacker meets this with a probability of 2^-32 times the bytes in
 * flight. The client's VM is trusted more: if it acknowledges data that was never seen, the numbers are wrong and
 * restart.
 *
 * The numbers are in the cold row and updated for segments that FlowMeter meters. If a segment passed unmetered (the
 * budget was used up, or it was a fragment), the row's FLAG_UNSEEN is set: the numbers are unknown until both sides
 * were seen again. While they are unknown, every segment is accepted, until the flow contradicts it
 * (connection-tracking.ts).
 *
 * Differences of sequence numbers are taken modulo 2^32, signed (RFC 9293 §3.4).
 */
import {
  COLD,
  COLD_WORDS,
  FLAG_UNSEEN,
  FLOW_NOTE,
  HOT,
  HOT_WORDS,
  STATE,
} from '../../tables/balancing/connection-record.ts';
import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import * as tcp from '../../wire/tcp.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';

/** Sides of a flow. */
export const CLIENT = 0;
export const MEMBER = 1;

const UNSEEN = FLAG_UNSEEN << 16;
const KNOWS_BOTH = FLOW_NOTE.knowsClient | FLOW_NOTE.knowsMember;
/** Tolerance for the position of a FIN: segments overtake each other. */
const FIN_SLACK = 0xffff;
/** Data this far behind a FIN are not a retransmission from before it. */
const FAR_BEHIND = 1 << 20;

/** The sequence numbers of a segment: a cursor, refilled for each. */
export class Segment {
  /** CLIENT or MEMBER. */
  side = CLIENT;
  flags = 0;
  sequence = 0;
  acknowledgment = 0;
  /** Sequence numbers that it occupies (payload, SYN and FIN), and the number after its last. */
  bytes = 0;
  end = 0;

  /** Reads a whole TCP header; `l4Bytes`: header and payload. */
  load(view: DataView, l4: number, l4Bytes: number, side: number): void {
    const flags = tcp.flags(view, l4);
    const bytes = l4Bytes - tcp.headerBytes(view, l4) + ((flags >>> 1) & 1) + (flags & 1);
    const sequence = tcp.sequence(view, l4);
    this.side = side;
    this.flags = flags;
    this.bytes = bytes;
    this.sequence = sequence;
    this.end = (sequence + bytes) | 0;
    this.acknowledgment = tcp.acknowledgment(view, l4);
  }
}

export class SequenceNumbers {
  private readonly connections: ConnectionTable;
  private readonly hot: Int32Array;
  private readonly cold: Int32Array;

  constructor(context: Context) {
    this.connections = context.tables.connections;
    this.hot = context.tables.connections.hot;
    this.cold = context.tables.connections.cold;
  }

  /** A segment of the flow has passed unmetered. */
  miss(row: number): void {
    this.hot[row * HOT_WORDS + HOT.kind]! |= UNSEEN;
  }

  /** Whether a SYN, FIN or RST may change the state of a flow. Call before `note`; the frame is not a fragment. */
  believes(row: number, side: number, frame: Frame): boolean {
    const { cold } = this;
    if ((this.hot[row * HOT_WORDS + HOT.kind]! & UNSEEN) !== 0) return true;
    const at = row * COLD_WORDS;
    const { view, l4, tcpFlags: flags } = frame;
    const sequence = tcp.sequence(view, l4);
    const acknowledgment = tcp.acknowledgment(view, l4);
    const knows = cold[at + COLD.meter]! & KNOWS_BOTH;
    const isOpening = this.connections.state(row) === STATE.synSent;
    if (isOpening && side === MEMBER && (flags & (tcp.SYN | tcp.RST)) !== 0) {
      // It must acknowledge the SYN (RFC 9293 §3.10.7.3). A SYN alone is a simultaneous open.
      if ((knows & FLOW_NOTE.knowsClient) === 0 || (flags & (tcp.ACK | tcp.RST)) === 0) return true;
      if ((flags & tcp.ACK) === 0) return false;
      return isWithin(
        acknowledgment,
        cold[at + COLD.ackedByMember]! + 1,
        cold[at + COLD.meter + FLOW_NOTE.clientNext]!,
      );
    }
    if ((flags & tcp.RST) !== 0) {
      const suffices = side === CLIENT && isOpening ? FLOW_NOTE.knowsClient : KNOWS_BOTH;
      if ((knows & suffices) !== suffices) return true;
      return isWithin(sequence, this.ackedOf(at, side), this.nextOf(at, side) + 1);
    }
    if ((flags & tcp.FIN) === 0 || knows !== KNOWS_BOTH) return true;
    const end = sequence + frame.l4Bytes - tcp.headerBytes(view, l4) + 1;
    return (
      (flags & tcp.ACK) !== 0 &&
      isWithin(acknowledgment, this.ackedOf(at, 1 - side) - FIN_SLACK, this.nextOf(at, 1 - side)) &&
      ((end - this.ackedOf(at, side)) | 0) >= 0 &&
      ((sequence - this.nextOf(at, side)) | 0) <= FIN_SLACK
    );
  }

  /** Whether a side whose FIN was seen sends data beyond it: the FIN was false. Call before `note`. */
  contradictsFin(row: number, side: number, frame: Frame): boolean {
    const { view, l4 } = frame;
    const bytes = frame.l4Bytes - tcp.headerBytes(view, l4);
    const has = side === CLIENT ? FLOW_NOTE.hasClientNext : FLOW_NOTE.hasMemberNext;
    if (bytes <= 0 || (this.cold[row * COLD_WORDS + COLD.meter]! & has) === 0) return false;
    const ahead = (tcp.sequence(view, l4) + bytes - this.nextOf(row * COLD_WORDS, side)) | 0;
    return ahead > 0 || ahead < -FAR_BEHIND;
  }

  /** The numbers are, or may be, wrong. */
  forget(row: number): void {
    this.cold[row * COLD_WORDS + COLD.meter]! &= ~KNOWS_BOTH;
  }

  /** Notes that a reset has been seen in a state; returns whether it is the flow's first. */
  noteReset(row: number, state: number): boolean {
    const at = row * COLD_WORDS + COLD.meter;
    const notes = this.cold[at]!;
    this.cold[at] =
      (notes & ~(15 << FLOW_NOTE.stateShift)) | (state << FLOW_NOTE.stateShift) | FLOW_NOTE.wasReset;
    return (notes & FLOW_NOTE.wasReset) === 0;
  }

  /** State of the flow before its last reset. */
  stateBeforeReset(row: number): number {
    return (this.cold[row * COLD_WORDS + COLD.meter]! >>> FLOW_NOTE.stateShift) & 15 || STATE.established;
  }

  /**
   * Records the numbers of a segment without RST. Returns whether it can belong to the flow; otherwise it changes
   * nothing. FlowMeter advances the end of what its side has sent.
   */
  note(row: number, segment: Segment): boolean {
    const { hot, cold } = this;
    const { side, flags, end, acknowledgment } = segment;
    const kindAt = row * HOT_WORDS + HOT.kind;
    const at = row * COLD_WORDS;
    let notes = cold[at + COLD.meter]!;
    if ((hot[kindAt]! & UNSEEN) !== 0) {
      hot[kindAt]! &= ~UNSEEN;
      notes &= ~KNOWS_BOTH;
    }
    if ((flags & tcp.SYN) !== 0 && this.connections.state(row) === STATE.synSent) {
      this.open(at, notes, segment);
      return true;
    }
    const ownAcked = at + (side === CLIENT ? COLD.ackedByClient : COLD.ackedByMember);
    if ((notes & KNOWS_BOTH) === KNOWS_BOTH) {
      const isOld = ((end - this.nextOf(at, side)) | 0) <= 0;
      cold[at + COLD.meter] = notes;
      if ((flags & tcp.ACK) === 0) return isOld;
      const news = (acknowledgment - cold[ownAcked]!) | 0;
      if (news < 0) return isOld;
      if (((this.nextOf(at, 1 - side) - acknowledgment) | 0) >= 0) {
        cold[ownAcked] = acknowledgment;
        return true;
      }
      if (side === MEMBER) return isOld;
      notes &= ~KNOWS_BOTH;
    }
    if ((flags & tcp.ACK) !== 0) notes = this.learn(at, notes, segment);
    cold[at + COLD.meter] = notes;
    return true;
  }

  /** Accepts a segment's numbers; a retransmission does not show its side's progress. Returns the notes. */
  private learn(at: number, notes: number, { side, sequence, end, acknowledgment }: Segment): number {
    const { cold } = this;
    const own = side === CLIENT ? FLOW_NOTE.knowsClient : FLOW_NOTE.knowsMember;
    const has = side === CLIENT ? FLOW_NOTE.hasClientNext : FLOW_NOTE.hasMemberNext;
    const ownAcked = at + (side === CLIENT ? COLD.ackedByClient : COLD.ackedByMember);
    if ((notes & own) !== 0) {
      if (((acknowledgment - cold[ownAcked]!) | 0) > 0) cold[ownAcked] = acknowledgment;
      return notes;
    }
    const ahead = (end - this.nextOf(at, side)) | 0;
    const isFar = (notes & has) === 0 || ahead < -FAR_BEHIND;
    if (ahead < 0 && !isFar) return notes;
    cold[ownAcked] = acknowledgment;
    if (end === sequence) {
      cold[at + COLD.meter + (side === CLIENT ? FLOW_NOTE.clientNext : FLOW_NOTE.memberNext)] = end;
      return notes | own | has;
    }
    // The meter advances to the end of data, or starts there.
    return isFar ? (notes & ~has) | own : notes | own;
  }

  /** A SYN before the member's answer: the numbers start with it. */
  private open(at: number, notes: number, { side, flags, sequence, end, acknowledgment }: Segment): void {
    const { cold } = this;
    if (side === CLIENT) {
      const isRepeated =
        (notes & FLOW_NOTE.knowsClient) !== 0 && cold[at + COLD.meter + FLOW_NOTE.clientNext] === end;
      cold[at + COLD.ackedByMember] = sequence;
      if (!isRepeated) notes &= ~(FLOW_NOTE.hasClientNext | FLOW_NOTE.knowsMember);
      cold[at + COLD.meter] = notes | FLOW_NOTE.knowsClient;
      return;
    }
    if ((flags & tcp.ACK) !== 0) cold[at + COLD.ackedByMember] = acknowledgment;
    cold[at + COLD.ackedByClient] = sequence;
    if ((notes & FLOW_NOTE.knowsMember) === 0) notes &= ~FLOW_NOTE.hasMemberNext;
    cold[at + COLD.meter] = notes | FLOW_NOTE.knowsMember;
  }

  /** End of the data that a side has sent. */
  private nextOf(at: number, side: number): number {
    return this.cold[at + COLD.meter + (side === CLIENT ? FLOW_NOTE.clientNext : FLOW_NOTE.memberNext)]!;
  }

  /** How far the other side has acknowledged what a side has sent. */
  private ackedOf(at: number, side: number): number {
    return this.cold[at + (side === CLIENT ? COLD.ackedByMember : COLD.ackedByClient)]!;
  }
}

const isWithin = (number: number, first: number, last: number): boolean =>
  ((number - first) | 0) >= 0 && ((last - number) | 0) >= 0;
