/**
 * A report of load: rows of figures, one row per load balancer × group × member.
 *
 * Theory of operation. A controller takes in half a million rows a second, so a row is no object. The agent keeps one
 * ReportTable: keys and, column by column, totals and gauges. For each stream a ReportDiff finds what changed since
 * that stream's last report. A key travels once per stream, when its row is announced; from then on the row is known
 * by its number, and what an aggregator looks up by name it can look up once and keep under that number. A report
 * holds the rows that are new or have changed, with absolute totals and gauges.
 *
 * Row numbers are small and dense; a retired row's number may be announced again with another key. Numbers are
 * the stream's: when an agent attaches anew, everything is announced anew, and totals tell what was missed.
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

/** Columns that are no totals but the value of now; times are smoothed, 0: not measured. */
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
  /** Empty when the report is summed over the host's load balancers. */
  readonly loadBalancer: string;
}

export interface RowAnnouncement {
  readonly row: number;
  /** Absent: the row has gone. */
  readonly key?: RowKey;
}

export interface ReportHeader {
  /** Counts up from 1 within the agent's epoch. */
  readonly sequence: number;
  readonly atMs: number;
  readonly intervalMs: number;
  /** Summed over the host's load balancers. */
  readonly isAggregated: boolean;
}

/** As it arrives. Arrays are reused: they hold until `received` returns. */
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

/** More rows than this an agent does not report: 256 groups of 256 members. */
export const MAX_REPORT_ROWS = 65_536;

export const makeColumns = (rowCapacity: number): ReportColumns =>
  Object.fromEntries(REPORT_COLUMNS.map((name) => [name, new Float64Array(rowCapacity)])) as Record<
    ReportColumn,
    Float64Array
  >;

/** Remembers a stream's announcements, for readers that want rows as objects. */
export class RowKeys {
  private readonly keys: (RowKey | undefined)[] = [];

  /** The report's rows; call it for each report of the stream, in order. */
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

/** A report that announces and lists the given rows, numbered from 0: what a stream's first report looks like. */
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
