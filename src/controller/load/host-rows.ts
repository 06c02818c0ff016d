/**
 * The reported rows of one host: the last totals of each row, and its contribution to its member's sums.
 *
 * Theory of operation. A row has a slot of CELLS numbers. A report's totals are compared with those in the slot; the
 * difference is added to the member's totals and, divided by the time since the host's last report, gives the row's
 * rate. Rates, gauges and averages are contributions: the slot's value is included in the sums, and a new value
 * replaces it by adding the difference. Slot and member of each row of a report are looked up once; the rest is
 * processed column by column. Rows that were not admitted use a slot without a member, so columns need no extra
 * test.
 *
 * A row that a report omits is unchanged: its gauges stay, its rates become 0. To find such rows, each report
 * remembers which rows it listed, so its cost depends only on its own rows and those of the previous report.
 */
import type { Report, RowKey } from '../../messages/report.ts';
import { MAX_REPORT_ROWS } from '../../messages/report.ts';
import { type BalancerLoad, noLoad } from './balancer-load.ts';
import {
  ACTIVE_FLOWS,
  CellColumns,
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
  WINDOW,
} from './member-sums.ts';

/** Slot and member's place of rows that were not admitted. */
const NONE = 0;
const FIRST_CAPACITY = 16;
const TOTALS = TOTAL_COLUMNS.length;
/** Weight of an average, such that weight × microseconds, summed over a fleet, stays an exact integer in a double. */
const MAX_AVERAGE_WEIGHT = 2 ** 16;
/** Just over an hour, or 4 GB: no connection takes longer to open, no window is larger. */
const MAX_AVERAGE = 2 ** 32;

/** Totals with a rate, alone or together with a second total, which precedes it. */
const RATED = RATES.map(([, first, second], place) => ({
  total: second < 0 ? first : second,
  other: second < 0 ? -1 : first,
  rate: FIRST_RATE + place,
}));
const UNRATED = TOTAL_COLUMNS.map((_, cell) => cell).filter(
  (cell) => !RATED.some(({ total }) => total === cell),
);

const rateCell = (name: RateName): number => FIRST_RATE + RATES.findIndex(([rate]) => rate === name);
const NEW_FLOW_RATE = rateCell('newFlowsPerSecond');
const BYTE_RATE = rateCell('bytesPerSecond');

/** The holder of all members' sums. */
export interface Members {
  readonly sums: CellColumns;
  /** Undefined: no capacity for another member. */
  sumsOf(group: string, member: string): MemberSums | undefined;
  /** The member has no rows left. */
  release(sums: MemberSums): void;
  rowName(key: RowKey): string;
}

/** Gauges of a row whose host is silent. */
interface Suspended {
  readonly activeFlows: number;
  readonly rttMicros: number;
  readonly windowBytes: number;
}

export class HostRows {
  /** When the host's last report came, on the controller's clock. */
  receivedMs: number;
  /** Rows that were not admitted. */
  refusedRows = 0;
  private readonly members: Members;
  private readonly slots = new Map<string, number>();
  /** Built on the first request by group, which is rare; undefined after rows were added or removed. */
  private slotsOfGroup: Map<string, number[]> | undefined;
  private readonly free: number[] = [];
  /** By slot. */
  private readonly cells = new CellColumns(FIRST_CAPACITY);
  private readonly names: string[] = [''];
  private readonly sums: (MemberSums | undefined)[] = [undefined];
  private places = new Uint32Array(FIRST_CAPACITY);
  private isLive = new Uint8Array(FIRST_CAPACITY);
  /** The last report that listed the row. */
  private listedIn = new Uint32Array(FIRST_CAPACITY);
  private rowOfSlot = new Uint32Array(FIRST_CAPACITY);
  /** By row number of the stream. */
  private slotOfRow = new Uint32Array(FIRST_CAPACITY);
  /** Slots of the rows of the last report. */
  private listed = new Uint32Array(0);
  private reports = 0;
  private isFirstOfStream = true;
  /** Gauges that `leave` subtracted, by slot. */
  private readonly suspended = new Map<number, Suspended>();

  constructor(members: Members, nowMs: number) {
    this.members = members;
    this.receivedMs = nowMs;
    this.isLive[NONE] = 1;
  }

  /** Another stream: rows are announced again, and those missing from its first report have ended. */
  beginStream(): void {
    this.slotOfRow.fill(NONE);
    this.isFirstOfStream = true;
  }

  announce({ announced }: Report): void {
    if (announced.length === 0) return;
    this.reserveRows(announced.reduce((most, { row }) => Math.max(most, row), 0) + 1);
    for (const { row, key } of announced) {
      const before = this.slotOfRow[row]!;
      const slot = key === undefined ? NONE : this.slotFor(key);
      this.slotOfRow[row] = slot;
      if (slot !== NONE) this.rowOfSlot[slot] = row;
      const isMoved = before === NONE || this.rowOfSlot[before] !== row;
      if (before !== slot && !isMoved) this.drop(before);
    }
  }

  /**
   * Applies the figures of announced rows. `seconds`: since the host's last report; 0: unknown, so no rates.
   * `isCounted`: totals of new rows are added; otherwise they only serve as the baseline for later ones.
   */
  apply(report: Report, seconds: number, isCounted: boolean): void {
    this.list(report, isCounted);
    const { rowCount, columns } = report;
    const perSecond = seconds > 0 ? RATE_UNITS / seconds : 0;
    for (const cell of UNRATED) this.count(cell, columns[TOTAL_COLUMNS[cell]!], rowCount);
    for (const { total, other, rate } of RATED) {
      this.countRated(
        total,
        rate,
        columns[TOTAL_COLUMNS[total]!],
        GROWTH[other] ?? NO_GROWTH,
        perSecond,
        rowCount,
      );
    }
    this.gauges(ACTIVE_FLOWS, columns.activeFlows, rowCount);
    this.answerTimes(report);
    this.averages(RTT, columns.rttMicros, columns.activeFlows, rowCount);
    this.averages(WINDOW, columns.windowBytes, columns.activeFlows, rowCount);
    if (this.isFirstOfStream) this.leaveUnlisted();
    else this.comeBack();
    this.isFirstOfStream = false;
    this.suspended.clear();
  }

  /** The group's load by load balancer; '' for rows that sum over the host's. */
  loadsByBalancer(group: string): Map<string, BalancerLoad> {
    const loads = new Map<string, BalancerLoad>();
    const { columns } = this.cells;
    this.slotsOfGroup ??= this.indexByGroup();
    for (const slot of this.slotsOfGroup.get(group) ?? []) {
      if (this.isLive[slot] === 0) continue;
      const name = this.names[slot]!;
      const balancer = name.slice(name.lastIndexOf('\0') + 1);
      const load = loads.get(balancer) ?? noLoad();
      const member = this.sums[slot]!.name;
      const flows = columns[ACTIVE_FLOWS]![slot]!;
      load.activeFlows += flows;
      load.flowsByMember.set(member, (load.flowsByMember.get(member) ?? 0) + flows);
      load.newFlowsPerSecond += columns[NEW_FLOW_RATE]![slot]! / RATE_UNITS;
      load.bytesPerSecond += columns[BYTE_RATE]![slot]! / RATE_UNITS;
      loads.set(balancer, load);
    }
    return loads;
  }

  private indexByGroup(): Map<string, number[]> {
    const index = new Map<string, number[]>();
    for (const slot of this.slots.values()) {
      const { group } = this.sums[slot]!;
      const slots = index.get(group);
      if (slots === undefined) index.set(group, [slot]);
      else slots.push(slot);
    }
    return index;
  }

  /** Subtracts rates, gauges and averages from the sums until the next report; totals stay. */
  leave(): void {
    for (const slot of this.slots.values()) {
      if (this.isLive[slot] === 0) continue;
      this.suspended.set(slot, {
        activeFlows: this.cells.columns[ACTIVE_FLOWS]![slot]!,
        rttMicros: this.averageOf(slot, RTT),
        windowBytes: this.averageOf(slot, WINDOW),
      });
      this.exit(slot);
    }
  }

  /** Totals start at 0; all else is unknown. */
  restart(): void {
    for (const slot of this.slots.values()) {
      this.exit(slot);
      for (let cell = 0; cell < TOTALS; cell++) this.cells.columns[cell]![slot] = 0;
      this.listedIn[slot] = 0;
    }
    this.suspended.clear();
    this.beginStream();
  }

  /** Subtracts everything but the counted totals, and forgets the rows. */
  clear(): void {
    for (const slot of [...this.slots.values()]) this.drop(slot);
    this.listed = new Uint32Array(0);
    this.beginStream();
  }

  /** Slots and members of the report's rows, used by the columns. */
  private list({ rows, rowCount, columns }: Report, isCounted: boolean): void {
    reserveScratch(rowCount);
    const [slots, places] = [SLOTS, PLACES];
    const number = ++this.reports;
    for (let i = 0; i < rowCount; i++) {
      const row = rows[i]!;
      const slot = row < this.slotOfRow.length ? this.slotOfRow[row]! : NONE;
      if (slot === NONE) this.refusedRows++;
      slots[i] = slot;
      places[i] = this.places[slot]!;
      this.sums[slot]?.changed();
      if (this.isLive[slot] === 0) this.enter(slot);
      if (!isCounted && this.listedIn[slot] === 0) {
        for (let cell = 0; cell < TOTALS; cell++)
          this.cells.columns[cell]![slot] = columns[TOTAL_COLUMNS[cell]!][i]!;
      }
      this.listedIn[slot] = number;
    }
    for (const slot of this.listed) if (this.listedIn[slot] !== number) this.rest(slot);
    if (this.listed.length !== rowCount) this.listed = new Uint32Array(rowCount);
    this.listed.set(slots.subarray(0, rowCount));
  }

  /** Adds the growth of a total and stores it in GROWTH. */
  private count(cell: number, totals: Float64Array, rowCount: number): void {
    const [slots, places, growths] = [SLOTS, PLACES, GROWTH[cell]!];
    const own = this.cells.columns[cell]!;
    const sum = this.members.sums.columns[cell]!;
    for (let i = 0; i < rowCount; i++) {
      const slot = slots[i]!;
      const total = totals[i]!;
      const was = own[slot]!;
      own[slot] = total;
      // Smaller than before: the row was restarted.
      const growth = total < was ? total : total - was;
      growths[i] = growth;
      sum[places[i]!]! += growth;
    }
  }

  /** The same, and sets the rate from this and a second total's growth; combined, as both use the same cells. */
  private countRated(
    cell: number,
    rateCell: number,
    totals: Float64Array,
    others: Float64Array,
    perSecond: number,
    rowCount: number,
  ): void {
    const [slots, places] = [SLOTS, PLACES];
    const [own, ownRates] = [this.cells.columns[cell]!, this.cells.columns[rateCell]!];
    const { columns } = this.members.sums;
    const [sums, sumRates] = [columns[cell]!, columns[rateCell]!];
    for (let i = 0; i < rowCount; i++) {
      const slot = slots[i]!;
      const place = places[i]!;
      const total = totals[i]!;
      const was = own[slot]!;
      own[slot] = total;
      const growth = total < was ? total : total - was;
      sums[place]! += growth;
      const rate = Math.floor((growth + others[i]!) * perSecond + 0.5);
      sumRates[place]! += rate - ownRates[slot]!;
      ownRates[slot] = rate;
    }
  }

  private gauges(cell: number, values: Float64Array, rowCount: number): void {
    const [slots, places] = [SLOTS, PLACES];
    const own = this.cells.columns[cell]!;
    const sum = this.members.sums.columns[cell]!;
    for (let i = 0; i < rowCount; i++) {
      const slot = slots[i]!;
      sum[places[i]!]! += values[i]! - own[slot]!;
      own[slot] = values[i]!;
    }
  }

  /** For UDP flows the time to the response replaces the time of a SYN. */
  private answerTimes({ columns, rowCount }: Report): void {
    const { synTimeMicros, requestTimeMicros } = columns;
    const [connects, requests] = [GROWTH[CONNECTS]!, GROWTH[REQUESTS]!];
    for (let i = 0; i < rowCount; i++) {
      const isTcp = synTimeMicros[i]! > 0;
      const answers = isTcp ? connects[i]! : requests[i]!;
      this.average(SLOTS[i]!, SYN_TIME, isTcp ? synTimeMicros[i]! : requestTimeMicros[i]!, answers);
    }
  }

  private averages(cell: number, values: Float64Array, weights: Float64Array, rowCount: number): void {
    for (let i = 0; i < rowCount; i++) this.average(SLOTS[i]!, cell, values[i]!, weights[i]!);
  }

  private averageOf(slot: number, cell: number): number {
    const weight = this.cells.columns[cell + 1]![slot]!;
    return weight > 0 ? this.cells.columns[cell]![slot]! / weight : 0;
  }

  /** `value`: microseconds or bytes; 0: not measured. */
  private average(slot: number, cell: number, value: number, weight: number): void {
    const newWeight = value > 0 ? Math.min(weight, MAX_AVERAGE_WEIGHT) : 0;
    if (newWeight === 0 && this.cells.columns[cell + 1]![slot]! > 0) this.sums[slot]?.noteAverages();
    this.set(slot, cell, Math.min(value, MAX_AVERAGE) * newWeight);
    this.set(slot, cell + 1, newWeight);
  }

  /** One contribution. */
  private set(slot: number, cell: number, value: number): void {
    const own = this.cells.columns[cell]!;
    this.members.sums.columns[cell]![this.places[slot]!]! += value - own[slot]!;
    own[slot] = value;
  }

  /** No activity in the row: no rates, no connects; its gauges stay. */
  private rest(slot: number): void {
    this.sums[slot]?.changed();
    for (let place = 0; place < RATES.length; place++) this.set(slot, FIRST_RATE + place, 0);
    this.average(slot, SYN_TIME, 0, 0);
  }

  private leaveUnlisted(): void {
    for (const slot of this.slots.values()) if (this.listedIn[slot] !== this.reports) this.exit(slot);
  }

  /** Adds back what `leave` subtracted and is unchanged. */
  private comeBack(): void {
    for (const [slot, { activeFlows, rttMicros, windowBytes }] of this.suspended) {
      if (this.isLive[slot] === 1) continue;
      this.enter(slot);
      this.set(slot, ACTIVE_FLOWS, activeFlows);
      this.average(slot, RTT, rttMicros, activeFlows);
      this.average(slot, WINDOW, windowBytes, activeFlows);
    }
  }

  private enter(slot: number): void {
    this.isLive[slot] = 1;
    this.sums[slot]!.changed();
    const { hosts } = this.sums[slot]!;
    hosts.set(this, (hosts.get(this) ?? 0) + 1);
  }

  private exit(slot: number): void {
    if (this.isLive[slot] === 0) return;
    this.isLive[slot] = 0;
    this.rest(slot);
    this.set(slot, ACTIVE_FLOWS, 0);
    this.average(slot, RTT, 0, 0);
    this.average(slot, WINDOW, 0, 0);
    const { hosts } = this.sums[slot]!;
    const rows = hosts.get(this)! - 1;
    if (rows === 0) hosts.delete(this);
    else hosts.set(this, rows);
  }

  private slotFor(key: RowKey): number {
    const name = this.members.rowName(key);
    const known = this.slots.get(name);
    if (known !== undefined) return known;
    if (this.slots.size >= MAX_REPORT_ROWS) return NONE;
    const sums = this.members.sumsOf(key.group, key.member);
    if (sums === undefined) return NONE;
    const slot = this.free.pop() ?? this.names.length;
    this.reserveSlots(slot + 1);
    this.cells.clear(slot);
    this.listedIn[slot] = 0;
    this.isLive[slot] = 0;
    this.names[slot] = name;
    this.sums[slot] = sums;
    this.places[slot] = sums.place;
    this.slots.set(name, slot);
    this.slotsOfGroup = undefined;
    sums.rows++;
    return slot;
  }

  private drop(slot: number): void {
    this.exit(slot);
    const sums = this.sums[slot]!;
    this.suspended.delete(slot);
    this.slots.delete(this.names[slot]!);
    this.slotsOfGroup = undefined;
    this.sums[slot] = undefined;
    this.places[slot] = NONE;
    this.free.push(slot);
    if (--sums.rows === 0) this.members.release(sums);
  }

  private reserveRows(rowCount: number): void {
    if (rowCount <= this.slotOfRow.length) return;
    this.slotOfRow = extended(this.slotOfRow, Math.max(rowCount, 2 * this.slotOfRow.length));
    this.reserveSlots(rowCount + 1);
  }

  private reserveSlots(count: number): void {
    this.cells.reserve(count);
    const { capacity } = this.cells;
    if (capacity === this.places.length) return;
    this.places = extended(this.places, capacity);
    this.listedIn = extended(this.listedIn, capacity);
    this.rowOfSlot = extended(this.rowOfSlot, capacity);
    const isLive = new Uint8Array(capacity);
    isLive.set(this.isLive);
    this.isLive = isLive;
  }
}

function extended(numbers: Uint32Array, capacity: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(capacity);
  larger.set(numbers);
  return larger;
}

// Scratch of `apply`, by the report's row: slot, place of the member, and what each total has grown by.
let SLOTS = new Uint32Array(0);
let PLACES = new Uint32Array(0);
let GROWTH: readonly Float64Array[] = [];
/** Stands for a missing second total. */
let NO_GROWTH = new Float64Array(0);

function reserveScratch(rowCount: number): void {
  if (rowCount <= SLOTS.length) return;
  const capacity = Math.max(rowCount, 2 * SLOTS.length);
  SLOTS = new Uint32Array(capacity);
  PLACES = new Uint32Array(capacity);
  GROWTH = TOTAL_COLUMNS.map(() => new Float64Array(capacity));
  NO_GROWTH = new Float64Array(capacity);
}
