/**
 * One member's figures, summed over all hosts, and the layout of the cells that both a row and a sum consist of.
 *
 * All cells are whole numbers, so a host's contribution can be subtracted exactly: rates are in 256ths per second,
 * averages are kept as a weighted sum and its weight. Cells are stored and processed column by column, as in reports,
 * which takes a quarter of the time of row by row.
 */
import type { ReportColumn } from '../../messages/report.ts';

/** Totals, in this order, from cell 0 on. */
export const TOTAL_COLUMNS = [
  'packets',
  'bytes',
  'replyPackets',
  'replyBytes',
  'newFlows',
  'endedFlows',
  'resets',
  'connects',
  'failedConnects',
  'retransmissions',
  'zeroWindows',
  'requests',
] as const satisfies readonly ReportColumn[];

export type MemberTotals = Record<(typeof TOTAL_COLUMNS)[number], number>;

const TOTALS = TOTAL_COLUMNS.length;
const totalCell = (column: (typeof TOTAL_COLUMNS)[number]): number => TOTAL_COLUMNS.indexOf(column);

/** Rates, with the total, or the two totals of both directions, that each is computed from. */
export const RATES: readonly (readonly [name: RateName, first: number, second: number])[] = [
  ['newFlowsPerSecond', totalCell('newFlows'), -1],
  ['packetsPerSecond', totalCell('packets'), totalCell('replyPackets')],
  ['bytesPerSecond', totalCell('bytes'), totalCell('replyBytes')],
  ['retransmissionsPerSecond', totalCell('retransmissions'), -1],
  ['resetsPerSecond', totalCell('resets'), -1],
  ['failedConnectsPerSecond', totalCell('failedConnects'), -1],
  ['zeroWindowsPerSecond', totalCell('zeroWindows'), -1],
];

export type RateName =
  | 'newFlowsPerSecond'
  | 'packetsPerSecond'
  | 'bytesPerSecond'
  | 'retransmissionsPerSecond'
  | 'resetsPerSecond'
  | 'failedConnectsPerSecond'
  | 'zeroWindowsPerSecond';

/** Rate cells per event and second. */
export const RATE_UNITS = 256;

export const FIRST_RATE = TOTALS;
/** Gauges that are summed, and averages: microseconds or bytes × weight, and the weight. */
export const ACTIVE_FLOWS = FIRST_RATE + RATES.length;
export const SYN_TIME = ACTIVE_FLOWS + 1;
export const RTT = ACTIVE_FLOWS + 3;
export const WINDOW = ACTIVE_FLOWS + 5;
export const CELLS = ACTIVE_FLOWS + 7;

export const CONNECTS = totalCell('connects');
export const REQUESTS = totalCell('requests');

/** CELLS numbers for each of many rows or members, numbered from 0. */
export class CellColumns {
  /** By cell; reallocated to grow. */
  columns: readonly Float64Array[];

  constructor(capacity: number) {
    this.columns = columnsOf(capacity);
  }

  get capacity(): number {
    return this.columns[0]!.length;
  }

  reserve(rowCount: number): void {
    if (rowCount <= this.capacity) return;
    const larger = columnsOf(Math.max(rowCount, 2 * this.capacity));
    this.columns.forEach((column, cell) => {
      larger[cell]!.set(column);
    });
    this.columns = larger;
  }

  clear(row: number): void {
    for (const column of this.columns) column[row] = 0;
  }
}

/** One block of memory: many small ones would double the size by allocator overhead. */
function columnsOf(capacity: number): Float64Array[] {
  const all = new Float64Array(CELLS * capacity);
  return Array.from({ length: CELLS }, (_, cell) => all.subarray(cell * capacity, (cell + 1) * capacity));
}

/** When a group's figures last changed, on a clock that counts all changes. */
export interface GroupVersion {
  readonly clock: { changes: number };
  at: number;
}

export class MemberSums {
  readonly group: string;
  readonly name: string;
  /** The sums of all members, and this one's place there. */
  readonly sums: CellColumns;
  readonly place: number;
  /** Number of rows per contributing host. */
  readonly hosts = new Map<{ readonly receivedMs: number }, number>();
  /** Rows of this member, contributing or not. */
  rows = 0;
  private readonly version: GroupVersion;
  private lastSynTimeMicros = 0;
  private lastRttMicros = 0;
  private lastWindowBytes = 0;

  /** Resets the place's cells to 0. */
  constructor(group: string, name: string, sums: CellColumns, place: number, version: GroupVersion) {
    this.group = group;
    this.name = name;
    this.sums = sums;
    this.place = place;
    this.version = version;
    this.changed();
  }

  /** A contribution to the figures has changed. */
  changed(): void {
    this.version.at = ++this.version.clock.changes;
  }

  get activeFlows(): number {
    return this.cell(ACTIVE_FLOWS);
  }

  /** Average over the latest connects (UDP: answered requests); 0 before the first one. */
  get synTimeMicros(): number {
    return this.average(SYN_TIME) ?? this.lastSynTimeMicros;
  }

  /** Average over the active flows, or over the last active ones. */
  get rttMicros(): number {
    return this.average(RTT) ?? this.lastRttMicros;
  }

  /** Receive window; as above. */
  get windowBytes(): number {
    return this.average(WINDOW) ?? this.lastWindowBytes;
  }

  /** Keeps the current averages for when nothing contributes any more. */
  noteAverages(): void {
    this.lastSynTimeMicros = this.synTimeMicros;
    this.lastRttMicros = this.rttMicros;
    this.lastWindowBytes = this.windowBytes;
  }

  rate(place: number): number {
    return this.cell(FIRST_RATE + place) / RATE_UNITS;
  }

  totals(): MemberTotals {
    return Object.fromEntries(TOTAL_COLUMNS.map((name, i) => [name, this.cell(i)])) as MemberTotals;
  }

  /** Age of the freshest host's report. */
  ageMs(nowMs: number): number {
    let youngest = Number.POSITIVE_INFINITY;
    for (const { receivedMs } of this.hosts.keys()) {
      if (nowMs - receivedMs < youngest) youngest = nowMs - receivedMs;
      if (youngest <= 1_000) break; // fresh enough to skip the remaining hosts
    }
    return Math.max(0, youngest);
  }

  private average(cell: number): number | undefined {
    const weight = this.cell(cell + 1);
    return weight > 0 ? this.cell(cell) / weight : undefined;
  }

  private cell(cell: number): number {
    return this.sums.columns[cell]![this.place]!;
  }
}
