/**
 * The life of connection records: state, timers, counters, ageing, purge.
 *
 * Theory of operation. State follows the segments that pass (RFC 9293 §3.3.2 seen from the middle); each state has an
 * idle timeout (RFC 5382 REQ-5, RFC 4787 REQ-5). Ageing is incremental: every batch examines enough rows to visit the
 * used part of the table once per SWEEP_MS, at most SWEEP_ROWS at once; a full table frees ended records on demand,
 * examining at most RECLAIM_ROWS rows.
 *
 * Resets and FINs are accepted if they fit the known sequence numbers of both sides (sequence-numbers.ts), and until
 * later segments contradict them (RFC 7857 §2.2): a segment from either side after a reset restores the record. A
 * host that has reset answers late segments with another reset, which ends the record again. Data beyond a FIN revoke
 * it.
 *
 * Records of failed or removed members are removed at once (purge-marks.ts). Clients of a failed member's TCP flows
 * are notified (`onFailed`), a few per batch.
 *
 * A record counts as active in the statistics until it ends or was idle for the configured time.
 */
import {
  CHAINED,
  FLAG_ACTIVE,
  HOT,
  HOT_WORDS,
  NEXT_STATES,
  STATE,
  STATE_NAMES,
} from '../../tables/balancing/connection-record.ts';
import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import type { FlowKey } from '../../tables/balancing/flow-key.ts';
import { idleTimeoutsMs } from '../../tables/balancing/idle-timeouts.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { DEBUG, debugAssert } from '../../tables/common/debug.ts';
import { PortShares } from '../../tables/common/port-shares.ts';
import { STAT, STAT_FIELDS, type StatTable } from '../../tables/stat-table.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as tcp from '../../wire/tcp.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import type { DatapathSnapshot } from '../snapshot.ts';
import { ChainCounts } from './chains/chain-counts.ts';
import type { FlowMeter } from './flow-meter.ts';
import { MemberRows } from './member-rows.ts';
import { PurgeMarks } from './purge-marks.ts';
import { CutOffFlows } from './remembered-flows/cut-off-flows.ts';
import { RunningDatagrams } from './remembered-flows/running-flows.ts';
import { CLIENT, MEMBER, type SequenceNumbers } from './sequence-numbers.ts';

/** Time for one sweep of the table. */
const SWEEP_MS = 8_000;
/** Rows examined per batch at most, 30 µs. */
const SWEEP_ROWS = 4_096;
/** Time to the next step if nothing else wakes the datapath: with few rows, and with many. */
const IDLE_SWEEP_MS = 250;
const BUSY_SWEEP_MS = 10;
const RECLAIM_ROWS = 256;
/** Clients notified per batch of their member's failure: each costs a frame. */
const TOLD_PER_BATCH = 128;
/** With `evict-idle`, flows silent for this long are replaced by new ones. */
const EVICTABLE_IDLE_MS = 10_000;

/** In a full table, half-open records of this age are replaced: a SYN's first retransmission comes after 1 s. */
const HALF_OPEN_UNDER_PRESSURE_MS = 3_000;

const NEVER_MS = 0x7fff_ffff;

const ACTIVE = FLAG_ACTIVE << 16;
const ESTABLISHED = STATE.established << 8;
const UNREPLIED = STATE.unreplied << 8;
const CONTROL = tcp.SYN | tcp.FIN | tcp.RST;

/** States that packets other than SYN, FIN and RST do not change, by side; one bit each. */
const RESET = (1 << STATE.resetByClient) | (1 << STATE.resetByMember) | (1 << STATE.timeWait);
export const STEADY_FROM_CLIENT = ~(RESET | (1 << STATE.synReceived) | (1 << STATE.finClient));
export const STEADY_FROM_MEMBER = ~(RESET | (1 << STATE.unreplied) | (1 << STATE.finMember));

export class ConnectionTracking {
  private readonly context: Context;
  private readonly meter: FlowMeter;
  private readonly numbers: SequenceNumbers;
  private readonly table: ConnectionTable;
  private readonly stats: Float64Array;
  private readonly statTable: StatTable;
  /** By state. Nothing ages before the first snapshot: flows of the previous datapath may have been inherited. */
  private readonly timeoutMs = new Int32Array(STATE_NAMES.length).fill(NEVER_MS);
  private activeIdleMs = NEVER_MS;
  private hand = 1;
  private lastSweepMs = 0;
  private readonly purgeMarks: PurgeMarks;
  readonly memberRows: MemberRows;
  readonly chains: ChainCounts;
  /** Whether clients of failed members are notified. */
  private tellsClients = false;
  private evictsIdle = false;
  private toldThisBatch = 0;
  /**
   * Rows in use by source port; a single port gets at most three quarters. And the number of ports with a load
   * balancer.
   */
  private readonly shares: PortShares;
  balancedPorts = 1;

  readonly cutOff: CutOffFlows;
  readonly running: RunningDatagrams;
  /** Called for each TCP record removed because its member has failed. */
  private readonly onFailed: (row: number) => void;

  constructor(context: Context, meter: FlowMeter, onFailed: (row: number) => void) {
    this.context = context;
    this.meter = meter;
    this.numbers = meter.numbers;
    this.onFailed = onFailed;
    this.cutOff = new CutOffFlows(context);
    this.running = new RunningDatagrams(context);
    const { maxPorts, maxConnections } = context.tables.limits;
    this.shares = new PortShares(maxPorts, maxConnections, 3);
    this.memberRows = new MemberRows(context.tables.stats);
    this.chains = new ChainCounts(context);
    this.table = context.tables.connections;
    this.stats = context.tables.stats.fields;
    this.statTable = context.tables.stats;
    this.purgeMarks = new PurgeMarks(context);
  }

  configure(settings: DatapathSnapshot['settings']): void {
    this.timeoutMs.set(idleTimeoutsMs(settings));
    this.running.configure(settings.udpIdleMs);
    this.activeIdleMs = settings.activeFlowIdleMs;
    this.tellsClients = settings.failFast;
    this.evictsIdle = settings.onTableFull === 'evict-idle';
  }

  /** Whether a new flow from this port gets a row; frees one if possible, and otherwise counts the refusal. */
  admits(port: number): boolean {
    const isOverShare = this.balancedPorts > 1 && !this.shares.hasRoom(port);
    if (!this.table.isFull && !isOverShare) return true;
    if (this.reclaim(port, isOverShare)) return true;
    this.table.refuse();
    return false;
  }

  /**
   * Creates and counts the record of a new, admitted flow; its keys have been looked up. The caller has not counted a
   * packet yet.
   */
  create(frame: Frame, forward: FlowKey, reverse: FlowKey, rewrite: number, statSlot: number): number {
    const { endpoints } = this.context.tables;
    const state = frame.protocol === ipv4.PROTOCOL_TCP ? STATE.synSent : STATE.unreplied;
    this.shares.hold(frame.ingress);
    const { nowMs } = this.context;
    const row = this.table.create(forward, reverse, state, rewrite | FLAG_ACTIVE, statSlot, nowMs);
    endpoints.retain(forward.service);
    endpoints.retain(reverse.service);
    this.stats[statSlot * STAT_FIELDS + STAT.newFlows]!++;
    this.stats[statSlot * STAT_FIELDS + STAT.activeFlows]!++;
    this.stats[statSlot * STAT_FIELDS + STAT.records]!++;
    this.statTable.note(statSlot);
    return row;
  }

  /**
   * Creates the record of a flow inherited from the previous datapath; only the endpoints' numbers differ. The caller
   * holds references on these. NONE if the table is full.
   */
  inherit(
    previous: ConnectionTable,
    previousRow: number,
    forward: FlowKey,
    reverse: FlowKey,
    via: number,
    statSlot: number,
  ): number {
    const row = this.table.inherit(previous, previousRow, forward, reverse, via, statSlot);
    if (row === NONE) return NONE;
    const at = statSlot * STAT_FIELDS;
    this.shares.hold(this.table.ownerPort(row));
    this.stats[at + STAT.records]!++;
    if ((this.table.kind(row) & ACTIVE) !== 0) this.stats[at + STAT.activeFlows]!++;
    this.statTable.note(statSlot);
    return row;
  }

  /** True if the row belonged to a purged member, or went through a purged middlebox, and was therefore removed. */
  isPurged(row: number): boolean {
    if (!this.isPurging) return false;
    if (!this.purgeMarks.cover(row) && !this.chains.losesFlow(row, this.purgeMarks)) return false;
    const isTcp = this.table.protocol(row) === ipv4.PROTOCOL_TCP;
    if (isTcp && this.tellsClients && !this.table.hasEnded(row)) {
      this.toldThisBatch++;
      this.onFailed(row);
    }
    this.cutOffRow(row);
    return true;
  }

  /** Removes a record whose member may still send: its packets must not reach the client. */
  cutOffRow(row: number): void {
    this.cutOff.note(row);
    this.remove(row);
  }

  /**
   * True if a packet from the client must find a new member, as the row was purged, or idle for long enough, and
   * removed.
   */
  isOver(row: number): boolean {
    if (this.isPurged(row)) return true;
    if (this.table.protocol(row) === ipv4.PROTOCOL_TCP) return false;
    const repickMs = this.memberRows.repickMs[this.table.statSlot(row)]!;
    if (repickMs === 0 || this.idleMs(row) <= repickMs) return false;
    this.cutOffRow(row);
    return true;
  }

  private idleMs(row: number): number {
    return (this.context.nowMs - this.table.hot[row * HOT_WORDS + HOT.lastSeenMs]!) | 0;
  }

  /** Whether records of removed members may still exist: any record may be one. */
  get isPurging(): boolean {
    return this.purgeMarks.rowsLeft !== 0;
  }

  /** Counts a packet from the client; returns the record's kind word. */
  countForward(row: number, packets: number, bytes: number): number {
    this.statTable.countForward(this.table.statSlot(row), packets, bytes);
    return this.table.countForward(row, packets, bytes, this.context.nowMs);
  }

  countReverse(row: number, packets: number, bytes: number): number {
    this.statTable.countReverse(this.table.statSlot(row), packets, bytes);
    return this.table.countReverse(row, packets, bytes, this.context.nowMs);
  }

  /**
   * Handles the packet that opens a flow, right after its record was created: there is no earlier state to check.
   * Returns the record's rewrite flags.
   */
  firstPacket(row: number, frame: Frame): number {
    if (this.isMetered(row, frame)) {
      this.meter.fromClient(row, frame.ingress, frame.protocol, frame.l4, frame.l4Bytes);
    }
    return this.countForward(row, frame.segments, frame.length) >>> 16;
  }

  /** One packet from the client of a record; returns the record's rewrite flags. */
  packetForward(row: number, frame: Frame): number {
    const isCredible = this.isCredible(row, CLIENT, frame);
    if (isCredible && this.isMetered(row, frame)) {
      this.meter.fromClient(row, frame.ingress, frame.protocol, frame.l4, frame.l4Bytes);
    }
    const kind = this.countForward(row, frame.segments, frame.length);
    if (
      isCredible &&
      (kind & 0xff) === ipv4.PROTOCOL_TCP &&
      (frame.tcpFlags !== tcp.ACK || (kind & 0xff00) !== ESTABLISHED)
    ) {
      this.tcpForward(row, (kind >>> 8) & 0xff, frame.tcpFlags);
    }
    if ((kind & ACTIVE) === 0) this.reactivate(row);
    return kind >>> 16;
  }

  /** One packet from the member of a record; returns the record's rewrite flags. */
  packetReverse(row: number, frame: Frame): number {
    const isCredible = this.isCredible(row, MEMBER, frame);
    if (isCredible && this.isMetered(row, frame)) {
      this.meter.fromMember(row, frame.ingress, frame.protocol, frame.l4, frame.l4Bytes);
    }
    const kind = this.countReverse(row, frame.segments, frame.length);
    if ((kind & 0xff) === ipv4.PROTOCOL_TCP) {
      const state = (kind >>> 8) & 0xff;
      if (isCredible && ((frame.tcpFlags & CONTROL) !== 0 || ((STEADY_FROM_MEMBER >>> state) & 1) === 0)) {
        this.tcpReverse(row, state, frame.tcpFlags);
      }
    } else if ((kind & 0xff00) === UNREPLIED) {
      this.setState(row, STATE.replied);
    }
    if ((kind & ACTIVE) === 0) this.reactivate(row);
    return kind >>> 16;
  }

  /**
   * Whether a packet is metered: SYN and FIN are unless metering is off; a first fragment is not, as its lengths are
   * the fragment's. For other packets the record notes an unseen segment.
   */
  private isMetered(row: number, frame: Frame): boolean {
    if (!this.meter.isOn) return false;
    if (frame.l4 !== 0 && (this.meter.hasBudget(frame.ingress) || (frame.tcpFlags & CONTROL) !== 0)) {
      if (!frame.fragment || frame.protocol !== ipv4.PROTOCOL_TCP) return true;
    }
    this.numbers.miss(row);
    return false;
  }

  /** Whether a segment may change the state of a flow; revokes a FIN that the segment contradicts. */
  private isCredible(row: number, side: number, frame: Frame): boolean {
    if (frame.protocol !== ipv4.PROTOCOL_TCP || frame.l4 === 0 || frame.fragment) return true;
    if ((frame.tcpFlags & CONTROL) !== 0) return this.numbers.believes(row, side, frame);
    const state = this.table.state(row);
    if (state < STATE.finClient || state > STATE.timeWait) return true;
    const own = side === CLIENT ? STATE.finClient : STATE.finMember;
    if (state !== own && state !== STATE.timeWait) return true;
    if (!this.numbers.contradictsFin(row, side, frame)) return true;
    this.numbers.forget(row);
    const other = side === CLIENT ? STATE.finMember : STATE.finClient;
    this.setState(row, state === own ? STATE.established : other);
    return true;
  }

  private tcpForward(row: number, state: number, flags: number): void {
    if ((flags & tcp.RST) !== 0) return this.reset(row, state, STATE.resetByClient);
    if (state === STATE.resetByClient || state === STATE.resetByMember) return this.revive(row);
    if ((flags & tcp.FIN) !== 0) {
      if (state === STATE.finMember) this.end(row, STATE.timeWait);
      else if (state <= STATE.established) this.setState(row, STATE.finClient);
    } else if (state === STATE.synReceived && (flags & (tcp.ACK | tcp.SYN)) === tcp.ACK) {
      this.setState(row, STATE.established);
    }
  }

  private tcpReverse(row: number, state: number, flags: number): void {
    if ((flags & tcp.RST) !== 0) return this.reset(row, state, STATE.resetByMember);
    if (state === STATE.resetByClient || state === STATE.resetByMember) return this.revive(row);
    if ((flags & tcp.FIN) !== 0) {
      if (state === STATE.finClient) this.end(row, STATE.timeWait);
      else if (state <= STATE.established) this.setState(row, STATE.finMember);
    } else if ((flags & tcp.SYN) !== 0 && state === STATE.synSent) {
      this.setState(row, STATE.synReceived);
    }
  }

  private reset(row: number, was: number, now: number): void {
    if (was === STATE.resetByClient || was === STATE.resetByMember) return;
    // Late segments at a host that has reset restore the record briefly: one reset is counted once.
    if (this.numbers.noteReset(row, was)) this.statTable.add(this.table.statSlot(row), STAT.resets, 1);
    if (now === STATE.resetByMember) this.meter.failed(row, was);
    this.end(row, was === STATE.timeWait ? STATE.timeWait : now);
  }

  /** Restores a flow whose reset was contradicted. */
  private revive(row: number): void {
    this.setState(row, this.numbers.stateBeforeReset(row));
  }

  private setState(row: number, state: number): void {
    if (DEBUG) {
      const was = this.table.state(row);
      const change = `${STATE_NAMES[was]} → ${STATE_NAMES[state]}`;
      debugAssert(((NEXT_STATES[was]! >>> state) & 1) === 1, `record ${row} changes its state: ${change}`);
    }
    this.table.setState(row, state);
  }

  private end(row: number, state: number): void {
    this.setState(row, state);
    this.deactivate(row);
  }

  private deactivate(row: number): void {
    const { hot } = this.table;
    const at = row * HOT_WORDS;
    if ((hot[at + HOT.kind]! & ACTIVE) === 0) return;
    hot[at + HOT.kind]! &= ~ACTIVE;
    this.statTable.add(this.table.statSlot(row), STAT.activeFlows, -1);
    if ((this.table.rewrite(row) & CHAINED) !== 0) this.chains.addActive(row, -1);
  }

  /** Marks an idle flow active again; ended ones stay inactive. */
  private reactivate(row: number): void {
    const { hot } = this.table;
    const at = row * HOT_WORDS;
    if (this.table.hasEnded(row)) return;
    hot[at + HOT.kind]! |= ACTIVE;
    this.statTable.add(this.table.statSlot(row), STAT.activeFlows, 1);
    if ((this.table.rewrite(row) & CHAINED) !== 0) this.chains.addActive(row, 1);
  }

  remove(row: number): void {
    const { table } = this;
    const { endpoints } = this.context.tables;
    this.meter.failed(row, table.state(row));
    this.deactivate(row);
    const statAt = table.statSlot(row) * STAT_FIELDS;
    this.stats[statAt + STAT.endedFlows]!++;
    this.stats[statAt + STAT.records]!--;
    this.statTable.note(table.statSlot(row));
    if ((table.rewrite(row) & CHAINED) !== 0) this.chains.end(row);
    const vip = table.vip(row);
    const member = table.member(row);
    const via = table.via(row);
    this.shares.give(table.ownerPort(row));
    table.remove(row);
    endpoints.release(vip);
    endpoints.release(member);
    endpoints.release(via);
  }

  /** Purges the records of these members: all, or only those that are not TCP. */
  purge(members: readonly number[], which: 'all' | 'datagrams'): void {
    this.purgeMarks.set(this.memberRows.rowsOf(members), which);
  }

  /** Removes the records of a removed port. Rare: walks the whole table. */
  purgePort(port: number): void {
    for (let row = 1; row <= this.table.highWater; row++) {
      if (this.table.isUsed(row) && this.table.ownerPort(row) === port) this.remove(row);
    }
  }

  /** One step of ageing. Returns the milliseconds until the next one: fewer if much remains to do. */
  sweep(): number {
    const elapsedMs = Math.min((this.context.nowMs - this.lastSweepMs) | 0, SWEEP_MS);
    const used = this.table.highWater;
    const { purgeMarks } = this;
    purgeMarks.extend();
    const due = Math.floor((used * elapsedMs) / SWEEP_MS);
    if (due === 0 && purgeMarks.rowsLeft === 0) {
      if (used === 0) this.lastSweepMs = this.context.nowMs;
      return IDLE_SWEEP_MS;
    }
    const rows = Math.min(SWEEP_ROWS, Math.max(due, purgeMarks.rowsLeft));
    // Work beyond this step is dropped, not carried over: a long pause must not slow down every later batch.
    this.lastSweepMs = this.context.nowMs;
    let examined = 0;
    this.toldThisBatch = 0;
    while (examined < rows && this.toldThisBatch < TOLD_PER_BATCH) {
      if (this.hand > used) this.hand = 1;
      this.examine(this.hand++);
      examined++;
    }
    purgeMarks.visited(examined);
    if (purgeMarks.rowsLeft > 0) return 0;
    return due > SWEEP_ROWS ? BUSY_SWEEP_MS : IDLE_SWEEP_MS;
  }

  /** Removes an expired record: its member may still send, unless both sides have ended the flow. */
  private expire(row: number): void {
    if (this.table.state(row) === STATE.timeWait) this.remove(row);
    else this.cutOffRow(row);
  }

  private examine(row: number): void {
    const { hot } = this.table;
    const at = row * HOT_WORDS;
    const kind = hot[at + HOT.kind]!;
    if (kind === 0 || this.isPurged(row)) return;
    const idleMs = this.idleMs(row);
    let timeoutMs = this.timeoutMs[(kind >>> 8) & 0xff]!;
    if ((kind & 0xff) !== ipv4.PROTOCOL_TCP)
      timeoutMs = this.memberRows.idleMs[this.table.statSlot(row)]! || timeoutMs;
    if (idleMs > timeoutMs) this.expire(row);
    else if ((kind & ACTIVE) !== 0 && idleMs > this.activeIdleMs) this.deactivate(row);
  }

  /**
   * Frees one row of an ended or expired flow, or by policy the most idle of the examined rows; false if there is
   * none. A port over its share only replaces its own rows; others never those of ports that hold less.
   */
  private reclaim(port: number, isOverShare: boolean): boolean {
    const { table } = this;
    let mostIdle = NONE;
    let mostIdleMs = EVICTABLE_IDLE_MS;
    for (let i = 0; i < RECLAIM_ROWS; i++) {
      if (this.hand > table.highWater) this.hand = 1;
      const row = this.hand++;
      if (!table.isUsed(row)) continue;
      const owner = table.ownerPort(row);
      if (owner !== port && (isOverShare || this.shares.of(owner) < this.shares.of(port))) continue;
      if (table.hasEnded(row) || this.isStaleHalfOpen(row)) this.expire(row);
      else this.examine(row);
      if (!table.isUsed(row)) return true;
      const idleMs = this.idleMs(row);
      if (idleMs > mostIdleMs) {
        mostIdle = row;
        mostIdleMs = idleMs;
      }
    }
    if (!this.evictsIdle || mostIdle === NONE) return false;
    this.cutOffRow(mostIdle);
    this.table.countEvicted();
    return true;
  }

  private isStaleHalfOpen(row: number): boolean {
    const state = this.table.state(row);
    if (state !== STATE.synSent && state !== STATE.synReceived && state !== STATE.unreplied) return false;
    return this.idleMs(row) > HALF_OPEN_UNDER_PRESSURE_MS;
  }
}
