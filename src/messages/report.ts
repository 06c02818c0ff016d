/**
 * A report of load: rows of figures, one row per load balancer × group × member.
 *
 * Theory of operation. A controller receives up to half a million rows a second, so rows are not objects. The agent
 * keeps one ReportTable: keys and, column by column, totals and gauges. For each stream a ReportDiff finds the changes
 * since that stream's last report. A key is sent once per stream, when its row is announced; then the row is identified
 * by its number, and an aggregator looks its names up only once. A report holds the new and changed rows, with absolute
 * totals and gauges.
 *
 * Row numbers are small and dense; a retired row's number may be announced again with another key. Numbers belong to the
 * stream: when an agent attaches again, all rows are announced again, and their totals include what was missed.
 */

/** Order of the columns, on the wire too. Totals count since the agent's epoch, towards the member unless `reply`. */
export const REPORT_COLUMNS = [
  'packets',
  'bytes',
  'replyPackets',
  'replyBytes',
  'newFlows',
  'endedFlows',
  'activeFlows',
  'resets',
  'connects',
  'failedConnects',
  'synTimeMicros',
  'rttMicros',
  'retransmissions',
  'zeroWindows',
  'windowBytes',
  'requests',
  'requestTimeMicros',
] as const;

export type ReportColumn = (typeof REPORT_COLUMNS)[number];

/** Columns with current values in place of totals; times are smoothed, 0: not measured. */
export const GAUGE_COLUMNS = [
  'activeFlows',
  'synTimeMicros',
  'rttMicros',
  'windowBytes',
  'requestTimeMicros',
] as const satisfies readonly ReportColumn[];

/** One figure of all rows: integers, |value| < 2^53. */
export type ReportColumns = Readonly<Record<ReportColumn, Float64Array>>;

export interface RowKey {
  readonly group: string;
  readonly member: string;
  readonly address: string;
  /** Empty if the report is summed over the host's load balancers. */
  readonly loadBalancer: string;
}

export interface RowAnnouncement {
  readonly row: number;
  /** Absent: the row is retired. */
  readonly key?: RowKey;
}

export interface ReportHeader {
  /** Counts from 1 within the agent's epoch. */
  readonly sequence: number;
  readonly atMs: number;
  readonly intervalMs: number;
  /** Whether rows are sums over the host's load balancers. */
  readonly isAggregated: boolean;
}

/** A received report. Arrays are reused: they are valid until `received` returns. */
export interface Report extends ReportHeader {
  readonly announced: readonly RowAnnouncement[];
  readonly rowCount: number;
  /** Numbers of the changed rows, ascending; `rowCount` of them, the array may be longer. */
  readonly rows: Uint32Array;
  /** `columns.packets[i]` belongs to row number `rows[i]`, i < rowCount. */
  readonly columns: ReportColumns;
}

export type RowFigures = Readonly<Record<ReportColumn, number>>;

/** One row as an object: for listings and tests. */
export type ReportRow = RowKey & RowFigures;

/** Largest number of rows that an agent reports: 256 groups of 256 members. */
export const MAX_REPORT_ROWS = 65_536;

export const makeColumns = (rowCapacity: number): ReportColumns =>
  Object.fromEntries(REPORT_COLUMNS.map((name) => [name, new Float64Array(rowCapacity)])) as Record<
    ReportColumn,
    Float64Array
  >;

/** Keeps a stream's announcements, for readers that need rows as objects. */
export class RowKeys {
  private readonly keys: (RowKey | undefined)[] = [];

  /** Returns the report's rows. Must be called for each report of the stream, in order. */
  rowsOf(report: Report): ReportRow[] {
    for (const { row, key } of report.announced) this.keys[row] = key;
    const rows: ReportRow[] = [];
    for (let i = 0; i < report.rowCount; i++) {
      const key = this.keys[report.rows[i]!];
      if (!key) continue;
      const figures = Object.fromEntries(REPORT_COLUMNS.map((name) => [name, report.columns[name][i]!]));
      rows.push({ ...key, ...(figures as RowFigures) });
    }
    return rows;
  }
}

/** A report that announces and lists the given rows, numbered from 0, like a stream's first report. */
export function reportOf(header: ReportHeader, rows: readonly ReportRow[]): Report {
  const columns = makeColumns(rows.length);
  rows.forEach((row, i) => {
    for (const name of REPORT_COLUMNS) columns[name][i] = row[name];
  });
  return {
    ...header,
    announced: rows.map(({ group, member, address, loadBalancer }, row) => ({
      row,
      key: { group, member, address, loadBalancer },
    })),
    rowCount: rows.length,
    rows: Uint32Array.from(rows.keys()),
    columns,
  };
}
