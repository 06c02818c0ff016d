/**
 * Fragments at an LB: each follows its datagram's first fragment, which alone has the ports (RFC 4787 REQ-14).
 *
 * Theory of operation. The LB calls `admit` for every fragment to one of its VIPs, and for every fragment from one of
 * its members to a VM; it ignores all others. A first fragment is handled like any packet, and the LB reports the result
 * with `settle`. Later fragments then get its ports and protocol, so that the LB finds the same record for them; they are
 * forwarded as fragments. If that record no longer exists (its member has failed), they are dropped.
 *
 * Later fragments that arrive before the first wait in their buffers, for at most WAITING_MS. When the first has been
 * settled they are `released`; once it has left, the datapath takes them through the same chain (`nextReleased`), in
 * order of arrival.
 *
 * Dropped, besides fragments whose first does not arrive in time: every fragment of a datagram in which two overlap,
 * once the overlap is detected (RFC 5722); duplicates, so that no byte of a datagram is forwarded twice; fragments with
 * an impossible length or offset (RFC 8200 §4.5); first fragments without the whole transport header (RFC 1858, RFC
 * 7112); and all fragments of a datagram whose first fragment the LB dropped or refused.
 *
 * Identifications are reused, IPv4's 16 bits within seconds: a complete datagram is forgotten at once. An incomplete one
 * blocks its identification until it expires, or until it is its port's oldest and the port needs the row: at most one
 * in 256 datagrams of a port that loses fragments.
 */
import { NONE } from '../../tables/common/bucket-index.ts';
import { DATAGRAM, type FragmentTable } from '../../tables/forwarding/fragment-table.ts';
import { DUPLICATE, FRESH } from '../../tables/forwarding/received-units.ts';
import { DROP, PORT } from '../../tables/port-counters.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Context } from '../frame/context.ts';
import { FAMILY_IPV4, Frame } from '../frame/frame.ts';
import { CONSUMED, PASS } from '../frame/verdict.ts';

/** Which of the chains of a port a fragment is in. */
export const INGRESS = 0;
export const EGRESS = 1;

/** Third result of `admit`, besides PASS and CONSUMED: the LB handles the fragment like a packet. */
export const FOLLOW = 2;

/** Lifetime of an incomplete datagram: RFC 791 §3.2 says 15 s or more, Linux uses 30 s. */
const DATAGRAM_MS = 30_000;
/** Time within which the first fragment must arrive: FRAGMENT_MIN of RFC 6146 §4. */
const WAITING_MS = 2_000;
/** Interval between two searches for expired datagrams. */
const TICK_MS = 250;

/** Largest values of IPv4's and IPv6's length fields. IPv6 excludes its fixed header; the fragment header is removed. */
const MAX_PACKET_BYTES = 65_535;
const FRAGMENT_HEADERS_BYTES = ipv6.HEADER_BYTES + ipv6.FRAGMENT_HEADER_BYTES;

/** The chains of a port, which released fragments go through. */
interface FragmentPort {
  readonly network: number;
  ingress(frame: Frame): number;
  send(frame: Frame): void;
}

/** Destination of released fragments after their ingress port's chain. */
interface Forwarding {
  forward(frame: Frame): void;
}

export class Fragments {
  private readonly context: Context;
  private readonly table: FragmentTable;
  private readonly ports: readonly (FragmentPort | undefined)[];
  private readonly key = new Int32Array(11);
  /** Cursor for fragments that waited. */
  private readonly waiting: Frame;
  private lastTickMs = 0;

  constructor(context: Context, ports: readonly (FragmentPort | undefined)[]) {
    this.context = context;
    this.table = context.tables.fragments;
    this.ports = ports;
    this.waiting = new Frame(context.arena);
  }

  /**
   * Judges a fragment in the chain of a port. FOLLOW: handle it as a packet; a later one has got the ports and protocol
   * of its first, a first one must be settled next. PASS: it belongs to none of the LB's packets. CONSUMED: it
   * waits, or has been dropped.
   */
  admit(frame: Frame, direction: number): number {
    if (frame.released !== 0) return this.releasedAnswer(frame);
    const { table } = this;
    const from = frame.fragmentOffset;
    const to = from + frame.l3End - frame.fragmentData;
    if (to <= from || to > maxPayloadBytes(frame) || (frame.moreFragments && (to & 7) !== 0)) {
      return this.context.consume(frame, DROP.fragmentMalformed);
    }
    const row = this.rowOf(frame, direction);
    const state = table.state(row);
    if (state === DATAGRAM.refused) return this.refused(row, frame, to);
    const isEarly = state === DATAGRAM.waiting && from !== 0;
    if (isEarly && !table.mayWait(row)) return this.context.consume(frame, DROP.fragmentTableFull);
    const reason = this.note(row, frame, to);
    if (state !== DATAGRAM.pass) {
      if (reason === DROP.fragmentDuplicate) return this.context.consume(frame, reason);
      if (reason !== DROP.none) return this.refuse(row, frame, reason);
    }
    if (isEarly) return this.hold(row, frame);
    return from === 0 && state === DATAGRAM.waiting ? this.first(row, frame) : this.later(row, frame);
  }

  /** A released fragment was already judged on arrival; the next chain treats it like any other. */
  private releasedAnswer(frame: Frame): number {
    const answer = frame.released === DATAGRAM.pass ? PASS : FOLLOW;
    frame.released = 0;
    return answer;
  }

  /** Records the result of an admitted first fragment: DATAGRAM.follow, pass or refused. */
  settle(frame: Frame, state: number): void {
    const { table } = this;
    const row = frame.datagram;
    table.setState(row, state);
    table.setRecord(row, frame.record);
    if (state === DATAGRAM.refused) {
      table.setReason(row, DROP.firstFragmentDropped);
      this.dropWaiting(row, DROP.firstFragmentDropped);
    } else {
      table.release(row);
    }
    if (table.isComplete(row)) table.remove(row);
  }

  /** Sends the released fragments, each through the chain in which it waited. */
  sendReleased(forwarding: Forwarding): void {
    const { table, waiting: frame } = this;
    for (let entry = table.takeReleased(); entry !== 0; entry = table.takeReleased()) {
      const chain = table.waitingChain[entry]!;
      const port = this.ports[chain >>> 1]!;
      this.loadWaiting(entry, port.network);
      this.context.count(frame.ingress, PORT.queuedSent);
      if ((chain & 1) === EGRESS) port.send(frame);
      else if (port.ingress(frame) !== CONSUMED) forwarding.forward(frame);
      this.context.arena.release(frame.slot);
    }
  }

  get hasReleased(): boolean {
    return this.table.hasReleased;
  }

  /** Drops fragments that have waited too long. */
  tick(): void {
    const { table } = this;
    const { nowMs } = this.context;
    if (table.inUse === 0 || (nowMs - this.lastTickMs) >>> 0 < TICK_MS) return;
    this.lastTickMs = nowMs;
    for (let row = 1; row <= table.highWater; row++) {
      const state = table.state(row);
      if (state === DATAGRAM.free) continue;
      const ageMs = (nowMs - table.madeMs(row)) | 0;
      if (ageMs >= (state === DATAGRAM.waiting ? WAITING_MS : DATAGRAM_MS)) {
        this.abandon(row, DROP.fragmentTimeout);
      }
    }
  }

  /** Called when a port is removed: deletes the datagrams that came in by it or were going to it. */
  forgetPort(port: number): void {
    const { table } = this;
    for (let row = 1; row <= table.highWater; row++) {
      if (table.state(row) === DATAGRAM.free) continue;
      if (table.ingress(row) === port || table.chain(row) >>> 1 === port) this.abandon(row, DROP.portDown);
    }
  }

  /** The fragment's datagram, found or created; to create one, the table may evict another. */
  private rowOf(frame: Frame, direction: number): number {
    const { table, key } = this;
    const { nowMs } = this.context;
    key[0] = frame.s0;
    key[1] = frame.s1;
    key[2] = frame.s2;
    key[3] = frame.s3;
    key[4] = frame.d0;
    key[5] = frame.d1;
    key[6] = frame.d2;
    key[7] = frame.d3;
    key[8] = ((direction === INGRESS ? frame.ingress : frame.egress) << 1) | direction;
    key[9] = frame.family === FAMILY_IPV4 ? frame.protocol : 0;
    key[10] = frame.fragmentId;
    const row = table.find(key);
    if (row !== NONE) return row;
    for (;;) {
      const victim = table.victim(frame.ingress);
      if (victim === NONE) return table.create(key, frame.ingress, nowMs);
      this.abandon(victim, DROP.fragmentTableFull);
    }
  }

  /** Records the byte range of a fragment, up to byte `to`. Returns a drop reason if it does not fit its datagram. */
  private note(row: number, frame: Frame, to: number): number {
    const { table } = this;
    const end = table.end(row);
    const endUnit = (to + 7) >>> 3;
    const fits = frame.moreFragments
      ? end < 0 || to < end
      : end < 0
        ? table.highestUnit(row) < endUnit
        : to === end;
    if (!fits) return DROP.fragmentOverlap;
    const answer = table.addUnits(row, frame.fragmentOffset >>> 3, endUnit);
    if (answer !== FRESH) return answer === DUPLICATE ? DROP.fragmentDuplicate : DROP.fragmentOverlap;
    if (!frame.moreFragments) table.setEnd(row, to);
    return DROP.none;
  }

  private first(row: number, frame: Frame): number {
    frame.datagram = row;
    if (frame.l4 === 0) {
      this.settle(frame, DATAGRAM.refused);
      return this.context.consume(frame, DROP.fragmentTooSmall);
    }
    this.table.setFirst(row, frame.firstWord, frame.protocol);
    return FOLLOW;
  }

  /** After its first fragment was dropped, a datagram is remembered only until its last fragment. */
  private refused(row: number, frame: Frame, to: number): number {
    const { table } = this;
    const reason = table.reason(row);
    if (reason === DROP.firstFragmentDropped && this.note(row, frame, to) === DROP.none) {
      if (table.isComplete(row)) table.remove(row);
    }
    return this.context.consume(frame, reason);
  }

  private later(row: number, frame: Frame): number {
    const { table } = this;
    const answer = table.state(row) === DATAGRAM.pass ? PASS : FOLLOW;
    frame.followFirst(table.firstProtocol(row), table.firstWord(row));
    frame.record = table.record(row);
    if (table.isComplete(row)) table.remove(row);
    return answer;
  }

  private hold(row: number, frame: Frame): number {
    const { table } = this;
    const entry = table.enqueue(row);
    table.waitingSlot[entry] = frame.slot;
    table.waitingOffset[entry] = frame.offset;
    table.waitingLength[entry] = frame.length;
    table.waitingIngress[entry] = frame.ingress;
    table.waitingMtu[entry] = frame.cutToMtu;
    table.waitingShared[entry] = Number(frame.shared);
    this.context.arena.retain(frame.slot);
    if (this.context.sink !== null) this.context.sink.fact({ kind: 'waits', for: 'first-fragment' });
    return CONSUMED;
  }

  private loadWaiting(entry: number, network: number): void {
    const { table, waiting: frame } = this;
    const offset = table.waitingOffset[entry]!;
    const ingress = table.waitingIngress[entry]!;
    const { sink } = this.context;
    if (sink !== null) sink.keep(offset, table.waitingLength[entry]!);
    frame.load(table.waitingSlot[entry]!, offset, table.waitingLength[entry]!, ingress, network);
    frame.cutToMtu = table.waitingMtu[entry]!;
    frame.shared = table.waitingShared[entry] === 1;
    frame.released = table.releasedState[entry]!;
    frame.followFirst(table.releasedProtocol[entry]!, table.releasedFirstWord[entry]!);
    frame.record = table.releasedRecord[entry]!;
  }

  /** Drops a fragment, the waiting fragments of its datagram, and all that will arrive. */
  private refuse(row: number, frame: Frame, reason: number): number {
    this.table.setState(row, DATAGRAM.refused);
    this.table.setReason(row, reason);
    this.dropWaiting(row, reason);
    return this.context.consume(frame, reason);
  }

  private abandon(row: number, reason: number): void {
    this.dropWaiting(row, reason);
    this.table.remove(row);
  }

  private dropWaiting(row: number, reason: number): void {
    const { table, context } = this;
    for (let entry = table.dequeue(row); entry !== 0; entry = table.dequeue(row)) {
      const offset = table.waitingOffset[entry]!;
      context.dropBytes(table.waitingIngress[entry]!, offset, table.waitingLength[entry]!, reason);
      context.arena.release(table.waitingSlot[entry]!);
    }
  }
}

/** Largest total payload of a packet's fragments, from the length fields of the whole packet (RFC 8200 §4.5). */
function maxPayloadBytes(frame: Frame): number {
  const headerBytes = frame.fragmentData - frame.l3;
  const counted = frame.family === FAMILY_IPV4 ? headerBytes : headerBytes - FRAGMENT_HEADERS_BYTES;
  return MAX_PACKET_BYTES - counted;
}
