/** The aggregation as one would write it without a thought of cost: everything kept, everything summed when asked. */
import { type MemberTotals, TOTAL_COLUMNS } from '../../../src/controller/load/member-sums.ts';
import type { ReportRow } from '../../../src/messages/report.ts';

export interface TwinLoad {
  hosts: number;
  activeFlows: number;
  newFlowsPerSecond: number;
  bytesPerSecond: number;
  /** Undefined: nobody contributes. */
  synTimeMicros: number | undefined;
  rttMicros: number | undefined;
}

interface TwinRow {
  readonly row: ReportRow;
  readonly connects: number;
  readonly newFlowsPerSecond: number;
  readonly bytesPerSecond: number;
}

interface TwinHost {
  /** By row, of the agent that runs now. */
  base: Map<string, ReportRow>;
  rows: TwinRow[];
  atMs: number | undefined;
}

const keyOf = ({ group, member, loadBalancer }: ReportRow): string => `${group} ${member} ${loadBalancer}`;

export class AggregationTwin {
  private readonly hosts = new Map<string, TwinHost>();
  private readonly counted = new Map<string, MemberTotals>();
  private readonly goneAfterMs: number;

  constructor(goneAfterMs: number) {
    this.goneAfterMs = goneAfterMs;
  }

  restarted(host: string): void {
    this.hosts.set(host, { base: new Map(), rows: [], atMs: undefined });
  }

  /** All rows of the host, changed or not. */
  reported(host: string, rows: readonly ReportRow[], nowMs: number): void {
    const entry = this.hosts.get(host)!;
    const seconds = entry.atMs === undefined ? Number.POSITIVE_INFINITY : (nowMs - entry.atMs) / 1_000;
    entry.rows = rows
      .filter(({ packets }) => packets > 0)
      .map((row) => {
        const base = entry.base.get(keyOf(row));
        const growth = (column: (typeof TOTAL_COLUMNS)[number]) => row[column] - (base?.[column] ?? 0);
        const totals = this.totalsOf(row.group, row.member);
        for (const column of TOTAL_COLUMNS) totals[column] += growth(column);
        return {
          row,
          connects: growth('connects'),
          newFlowsPerSecond: growth('newFlows') / seconds,
          bytesPerSecond: (growth('bytes') + growth('replyBytes')) / seconds,
        };
      });
    entry.base = new Map(rows.map((row) => [keyOf(row), row]));
    entry.atMs = nowMs;
  }

  totalsOf(group: string, member: string): MemberTotals {
    const key = `${group} ${member}`;
    const known = this.counted.get(key);
    if (known !== undefined) return known;
    const totals = Object.fromEntries(TOTAL_COLUMNS.map((column) => [column, 0])) as MemberTotals;
    this.counted.set(key, totals);
    return totals;
  }

  load(group: string, member: string, nowMs: number): TwinLoad {
    const live = [...this.hosts.values()]
      .filter(({ atMs }) => atMs !== undefined && nowMs - atMs <= this.goneAfterMs)
      .map(({ rows }) => rows.filter(({ row }) => row.group === group && row.member === member));
    const rows = live.flat();
    const total = (value: (row: TwinRow) => number): number => rows.reduce((sum, row) => sum + value(row), 0);
    const average = (
      value: (row: TwinRow) => number,
      weight: (row: TwinRow) => number,
    ): number | undefined => {
      const measured = (row: TwinRow): number => (value(row) > 0 ? weight(row) : 0);
      return total(measured) === 0 ? undefined : total((row) => value(row) * measured(row)) / total(measured);
    };
    return {
      hosts: live.filter((of) => of.length > 0).length,
      activeFlows: total(({ row }) => row.activeFlows),
      newFlowsPerSecond: total((row) => row.newFlowsPerSecond),
      bytesPerSecond: total((row) => row.bytesPerSecond),
      synTimeMicros: average(
        ({ row }) => row.synTimeMicros,
        ({ connects }) => connects,
      ),
      rttMicros: average(
        ({ row }) => row.rttMicros,
        ({ row }) => row.activeFlows,
      ),
    };
  }
}
