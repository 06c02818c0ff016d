/**
 * What this host tells the controllers about load: the statistics rows of its LBs, each on its own, or first
 * summed over the LBs, which is all that weights for everybody need and far fewer rows.
 *
 * Sums add up counters and flows; times are averages over the LBs that have measured them, weighted by how many
 * times they did. Totals of a member that is gone are told until its last flow has ended.
 */
import type { RowKey } from '../../messages/report.ts';
import { NO_ROW, ReportTable } from '../../messages/report-table.ts';
import type { MemberReport } from '../stat-collector.ts';

export class LoadReport {
  readonly table = new ReportTable();
  /** Rows that did not fit. */
  omittedRows = 0;

  /** Fills the table with the figures of now. */
  fill(members: readonly MemberReport[], isRaw: boolean): void {
    const sums = new Map<string, Sum>();
    for (const { owner, stats } of members) {
      const { group, member, address } = owner;
      const loadBalancer = isRaw ? owner.loadBalancerKey : '';
      const name = JSON.stringify([group, member, address, loadBalancer]);
      const sum = sums.get(name);
      if (sum === undefined) sums.set(name, { key: { group, member, address, loadBalancer }, parts: [stats] });
      else sum.parts.push(stats);
    }
    const rows = new Set<number>();
    this.omittedRows = 0;
    for (const { key, parts } of sums.values()) {
      const row = this.table.rowOf(key);
      if (row === NO_ROW) {
        this.omittedRows++;
        continue;
      }
      rows.add(row);
      this.write(row, parts);
    }
    this.table.retain((_, row) => rows.has(row));
  }

  private write(row: number, parts: readonly MemberReport['stats'][]): void {
    const { columns } = this.table;
    const total = (field: keyof MemberReport['stats']): number =>
      parts.reduce((sum, part) => sum + part[field], 0);
    columns.packets[row] = total('packets');
    columns.bytes[row] = total('bytes');
    columns.replyPackets[row] = total('replyPackets');
    columns.replyBytes[row] = total('replyBytes');
    columns.newFlows[row] = total('newFlows');
    columns.endedFlows[row] = total('endedFlows');
    columns.activeFlows[row] = total('activeFlows');
    columns.resets[row] = total('resets');
  }
}

interface Sum {
  readonly key: RowKey;
  readonly parts: MemberReport['stats'][];
}
