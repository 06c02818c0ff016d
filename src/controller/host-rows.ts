/**
 * What one host has reported: per row, the last totals and what the row contributes to its member's sums.
 *
 * Theory of operation. A row has a slot, CELLS numbers in one array. A report's totals are compared with those in the slot;
 * the difference is added to the member's totals, and divided by the time since the host's last report it is the
 * row's rate. Rates, gauges and averages are contributions: what the slot says is in the sums, and a new value
 * replaces it by adding the difference.
 *
 * A row that a report does not list has not changed: its gauges stay, its rates end. To find those, each report
 * remembers which rows it listed; so its cost goes by its own rows and those of the report before.
 */
import type { Report, RowKey } from '../messages/report.ts';
import { MAX_REPORT_ROWS } from '../messages/report.ts';
import {
  ACTIVE_FLOWS,
  CELLS,
  CONNECTS,
  FIRST_RATE,
  type MemberSums,
  RATE_UNITS,
  RATES,
  type RateName,
  REQUESTS,
  RTT,
  SYN_TIME,
  TOTAL_COLUMNS,
} from './member-sums.ts';

const NONE = -1;
const FIRST_CAPACITY = 16;
const TOTALS = TOTAL_COLUMNS.length;
/** A weight of an average; so that weight × microseconds stays a whole number in a double, summed over a fleet. */
const MAX_AVERAGE_WEIGHT = 2 ** 16;
/** Just over an hour; no connection is opened in more. */
const MAX_MICROS = 2 ** 32;

/** What one load balancer sends to all members of a group. */
export interface BalancerLoad {
  activeFlows: number;
  newFlowsPerSecond: number;
  bytesPerSecond: number;
  /** Active flows by member. */
  readonly flowsByMember: Map<string, number>;
}

export const noLoad = (): BalancerLoad => ({
  activeFlows: 0,
  newFlowsPerSecond: 0,
  bytesPerSecond: 0,
  flowsByMember: new Map(),
});

const rateCell = (name: RateName): number => FIRST_RATE + RATES.findIndex(([rate]) => rate === name);
const NEW_FLOW_RATE = rateCell('newFlowsPerSecond');
const BYTE_RATE = rateCell('bytesPerSecond');

/** Gives out the sums of a member, or undefined when there is no room for another one; takes back unused ones. */
export interface MemberDirectory {
  sumsOf(group: string, member: string): MemberSums | undefined;
  release(sums: MemberSums): void;
}

export class HostRows {
  /** When the host's last report came, on the controller's clock. */
  receivedMs: number;
  /** Rows that could not be taken in. */
  refusedRows = 0;
  private readonly directory: MemberDirectory;
  private readonly slots = new Map<string, number>();
  private readonly slotsOfGroup = new Map<string, Set<number>>();
  private readonly free: number[] = [];
  /** By slot. */
  private cells = new Float64Array(FIRST_CAPACITY * CELLS);
  private readonly keys: string[] = [];
  private readonly sums: (MemberSums | undefined)[] = [];
  private readonly isLive: boolean[] = [];
  /** Number of the report that listed the row last. */
  private listedIn = new Float64Array(FIRST_CAPACITY);
  /** By row number of the stream. */
  private readonly slotOfRow: number[] = [];
  private readonly rowOfSlot: number[] = [];
  private listed: number[] = [];
  private reports = 0;
  private isFirstOfStream = true;
  /** Gauges that `leave` took out, by slot. */
  private readonly suspended = new Map<number, { activeFlows: number; rttMicros: number }>();

  constructor(directory: MemberDirectory, nowMs: number) {
    this.directory = directory;
    this.receivedMs = nowMs;
  }

  /** Another stream: rows are announced anew, and those that its first report does not list are no more. */
  beginStream(): void {
    this.slotOfRow.length = 0;
    this.isFirstOfStream = true;
  }

  announce(report: Report): void {
    for (const { row, key } of report.announced) {
      const before = this.slotOfRow[row];
      const slot = key === undefined ? NONE : this.slotFor(key);
      this.slotOfRow[row] = slot;
      if (slot !== NONE) this.rowOfSlot[slot] = row;
      const isMoved = before === undefined || before === NONE || this.rowOfSlot[before] !== row;
      if (before !== slot && !isMoved) this.drop(before);
    }
  }

  /**
   * Takes in the figures of announced rows. `seconds`: since the host's last report; 0: not known, so no rates.
   * `isCounted`: totals of rows that are new here are added; else they are only what later ones are compared with.
   */
  apply(report: Report, seconds: number, isCounted: boolean): void {
    const before = this.listed;
    const listed: number[] = [];
    const number = ++this.reports;
    const totals = TOTAL_COLUMNS.map((column) => report.columns[column]);
    const { activeFlows, synTimeMicros, rttMicros, requestTimeMicros } = report.columns;
    const perSecond = seconds > 0 ? RATE_UNITS / seconds : 0;
    for (let i = 0; i < report.rowCount; i++) {
      const slot = this.slotOfRow[report.rows[i]!] ?? NONE;
      if (slot === NONE) {
        this.refusedRows++;
        continue;
      }
      listed.push(slot);
      const isNew = this.listedIn[slot] === 0;
      this.listedIn[slot] = number;
      this.enter(slot);
      this.count(slot, totals, i, perSecond, isCounted || !isNew);
      // What a UDP flow has instead of a SYN's time is the time to the response.
      const isTcp = synTimeMicros[i]! > 0;
      const answers = GROWTH[isTcp ? CONNECTS : REQUESTS]!;
      const answerTime = isTcp ? synTimeMicros[i]! : requestTimeMicros[i]!;
      this.gauge(slot, activeFlows[i]!, answers, answerTime, rttMicros[i]!);
    }
    this.listed = listed;
    if (this.isFirstOfStream) this.leaveUnlisted();
    else this.comeBack();
    for (const slot of before) if (this.listedIn[slot] !== number) this.rest(slot);
    this.isFirstOfStream = false;
    this.suspended.clear();
  }

  /** The group's load by load balancer, '' where rows are sums over the host's. */
  loadsByBalancer(group: string): Map<string, BalancerLoad> {
    const loads = new Map<string, BalancerLoad>();
    for (const slot of this.slotsOfGroup.get(group) ?? []) {
      if (!this.isLive[slot]) continue;
      const key = this.keys[slot]!;
      const balancer = key.slice(key.lastIndexOf('\0') + 1);
      const load = loads.get(balancer) ?? noLoad();
      const at = slot * CELLS;
      const member = this.sums[slot]!.name;
      const flows = this.cells[at + ACTIVE_FLOWS]!;
      load.activeFlows += flows;
      load.flowsByMember.set(member, (load.flowsByMember.get(member) ?? 0) + flows);
      load.newFlowsPerSecond += this.cells[at + NEW_FLOW_RATE]! / RATE_UNITS;
      load.bytesPerSecond += this.cells[at + BYTE_RATE]! / RATE_UNITS;
      loads.set(balancer, load);
    }
    return loads;
  }

  /** Takes rates, gauges and averages out of the sums, until the next report; totals stay. */
  leave(): void {
    for (const slot of this.slots.values()) {
      if (!this.isLive[slot]) continue;
      const at = slot * CELLS;
      const weight = this.cells[at + RTT + 1]!;
      const rttMicros = weight > 0 ? this.cells[at + RTT]! / weight : 0;
      this.suspended.set(slot, { activeFlows: this.cells[at + ACTIVE_FLOWS]!, rttMicros });
      this.exit(slot);
    }
  }

  /** Totals begin at 0, and nothing else is known yet. */
  restart(): void {
    for (const slot of this.slots.values()) {
      this.exit(slot);
      this.cells.fill(0, slot * CELLS, slot * CELLS + TOTALS);
      this.listedIn[slot] = 0;
    }
    this.suspended.clear();
    this.beginStream();
  }

  /** Takes everything out but the totals that have been counted, and forgets the rows. */
  clear(): void {
    for (const slot of [...this.slots.values()]) this.drop(slot);
    this.listed = [];
    this.beginStream();
  }

  /** Adds what the totals have grown by, leaves that in GROWTH, and sets the rates. */
  private count(
    slot: number,
    totals: readonly Float64Array[],
    i: number,
    perSecond: number,
    isCounted: boolean,
  ): void {
    const { cells } = this;
    const sum = this.sums[slot]!.cells;
    const base = slot * CELLS;
    for (let cell = 0; cell < TOTALS; cell++) {
      const total = totals[cell]![i]!;
      const was = cells[base + cell]!;
      cells[base + cell] = total;
      // Smaller than before: the row has begun anew.
      const growth = !isCounted ? 0 : total < was ? total : total - was;
      GROWTH[cell] = growth;
      sum[cell]! += growth;
    }
    for (let place = 0; place < RATES.length; place++) {
      const [, first, second] = RATES[place]!;
      const growth = second < 0 ? GROWTH[first]! : GROWTH[first]! + GROWTH[second]!;
      const rate = Math.round(growth * perSecond);
      const cell = FIRST_RATE + place;
      sum[cell]! += rate - cells[base + cell]!;
      cells[base + cell] = rate;
    }
  }

  private gauge(slot: number, activeFlows: number, answers: number, answerTime: number, rtt: number): void {
    const { cells } = this;
    const sum = this.sums[slot]!.cells;
    const cell = slot * CELLS + ACTIVE_FLOWS;
    sum[ACTIVE_FLOWS]! += activeFlows - cells[cell]!;
    cells[cell] = activeFlows;
    this.average(slot, SYN_TIME, answerTime, answers);
    this.average(slot, RTT, rtt, activeFlows);
  }

  private average(slot: number, cell: number, micros: number, weight: number): void {
    const { cells } = this;
    const sums = this.sums[slot]!;
    const at = slot * CELLS + cell;
    const newWeight = micros > 0 ? Math.min(weight, MAX_AVERAGE_WEIGHT) : 0;
    const product = Math.min(micros, MAX_MICROS) * newWeight;
    if (newWeight === 0 && cells[at + 1]! > 0) sums.noteAverages();
    sums.cells[cell]! += product - cells[at]!;
    sums.cells[cell + 1]! += newWeight - cells[at + 1]!;
    cells[at] = product;
    cells[at + 1] = newWeight;
  }

  /** Nothing has happened in the row: no rates, no connects; its gauges stay. */
  private rest(slot: number): void {
    const sums = this.sums[slot];
    if (sums === undefined) return;
    const base = slot * CELLS;
    for (let cell = FIRST_RATE; cell < FIRST_RATE + RATES.length; cell++) {
      sums.cells[cell]! -= this.cells[base + cell]!;
      this.cells[base + cell] = 0;
    }
    this.average(slot, SYN_TIME, 0, 0);
  }

  private leaveUnlisted(): void {
    for (const slot of this.slots.values()) if (this.listedIn[slot] !== this.reports) this.exit(slot);
  }

  /** What was taken out by `leave` and has not changed since. */
  private comeBack(): void {
    for (const [slot, { activeFlows, rttMicros }] of this.suspended) {
      if (this.isLive[slot]) continue;
      this.enter(slot);
      this.gauge(slot, activeFlows, 0, 0, rttMicros);
    }
  }

  private enter(slot: number): void {
    if (this.isLive[slot]) return;
    this.isLive[slot] = true;
    const { hosts } = this.sums[slot]!;
    hosts.set(this, (hosts.get(this) ?? 0) + 1);
  }

  private exit(slot: number): void {
    if (!this.isLive[slot]) return;
    this.isLive[slot] = false;
    this.rest(slot);
    this.gauge(slot, 0, 0, 0, 0);
    const { hosts } = this.sums[slot]!;
    const rows = hosts.get(this)! - 1;
    if (rows === 0) hosts.delete(this);
    else hosts.set(this, rows);
  }

  private slotFor({ group, member, address, loadBalancer }: RowKey): number {
    const key = `${group}\0${member}\0${address}\0${loadBalancer}`;
    const known = this.slots.get(key);
    if (known !== undefined) return known;
    if (this.slots.size >= MAX_REPORT_ROWS) return NONE;
    const sums = this.directory.sumsOf(group, member);
    if (sums === undefined) return NONE;
    const slot = this.free.pop() ?? this.keys.length;
    if ((slot + 1) * CELLS > this.cells.length) this.grow();
    this.cells.fill(0, slot * CELLS, (slot + 1) * CELLS);
    this.listedIn[slot] = 0;
    this.keys[slot] = key;
    this.sums[slot] = sums;
    this.isLive[slot] = false;
    this.slots.set(key, slot);
    const ofGroup = this.slotsOfGroup.get(group);
    if (ofGroup === undefined) this.slotsOfGroup.set(group, new Set([slot]));
    else ofGroup.add(slot);
    sums.rows++;
    return slot;
  }

  private drop(slot: number): void {
    this.exit(slot);
    const sums = this.sums[slot]!;
    this.suspended.delete(slot);
    this.slots.delete(this.keys[slot]!);
    const ofGroup = this.slotsOfGroup.get(sums.group)!;
    ofGroup.delete(slot);
    if (ofGroup.size === 0) this.slotsOfGroup.delete(sums.group);
    this.sums[slot] = undefined;
    this.free.push(slot);
    if (--sums.rows === 0) this.directory.release(sums);
  }

  private grow(): void {
    const cells = new Float64Array(this.cells.length * 2);
    cells.set(this.cells);
    this.cells = cells;
    const listedIn = new Float64Array(this.listedIn.length * 2);
    listedIn.set(this.listedIn);
    this.listedIn = listedIn;
  }
}

/** Scratch of `count`: what each total has grown by. */
const GROWTH = new Float64Array(TOTALS);
