/** An agent's side of reporting, as the controller sees it: figures that grow, reports that travel or don't. */
import { REPORT_COLUMNS, type Report, type ReportRow } from '../../src/messages/report.ts';
import { ReportDiff, ReportTable } from '../../src/messages/report-table.ts';

export type RowName = Pick<ReportRow, 'group' | 'member' | 'loadBalancer'>;

export class SimulatedAgent {
  readonly host: string;
  epoch: number;
  private rows = new Map<string, ReportRow>();
  private table = new ReportTable();
  private diff = new ReportDiff();
  private sequence = 0;

  constructor(host: string, epoch = 1) {
    this.host = host;
    this.epoch = epoch;
  }

  /** Every row of now. */
  get all(): ReportRow[] {
    return [...this.rows.values()].map((row) => ({ ...row }));
  }

  /** Adds to a row's totals; gauges are set. */
  change({ group, member, loadBalancer }: RowName, by: Partial<ReportRow>): void {
    const name = `${group} ${member} ${loadBalancer}`;
    const zero = Object.fromEntries(REPORT_COLUMNS.map((column) => [column, 0])) as unknown as ReportRow;
    const row = this.rows.get(name) ?? { ...zero, group, member, loadBalancer, address: '10.1.0.1' };
    const gauges = ['activeFlows', 'synTimeMicros', 'rttMicros', 'windowBytes', 'requestTimeMicros'];
    const next = { ...row };
    for (const column of REPORT_COLUMNS) {
      const value = by[column];
      if (value !== undefined)
        next[column as 'packets'] = gauges.includes(column) ? value : row[column] + value;
    }
    this.rows.set(name, next);
    this.table.set(next, next);
  }

  /** What changed since this stream's last report. */
  report(atMs: number, isAggregated = false): Report {
    return this.diff.next({ sequence: ++this.sequence, atMs, intervalMs: 1_000, isAggregated }, this.table);
  }

  /** A report that never gets on the wire: another one takes its place. */
  skip(): void {
    this.sequence++;
  }

  newStream(): void {
    this.diff = new ReportDiff();
  }

  restart(): void {
    this.epoch++;
    this.sequence = 0;
    this.rows = new Map();
    this.table = new ReportTable();
    this.newStream();
  }

  /** A row whose member has left the group. */
  retire({ group, member, loadBalancer }: RowName): void {
    this.rows.delete(`${group} ${member} ${loadBalancer}`);
    for (const key of this.table.keys) {
      if (key?.group === group && key.member === member && key.loadBalancer === loadBalancer)
        this.table.remove(key);
    }
  }
}
