/**
 * What this host tells the controllers about load: the statistics rows of its LBs, each on its own, or first
 * summed over the LBs, which is all that weights for everybody need and far fewer rows.
 *
 * Sums add up counters and flows; times are averages over the LBs that have measured them, weighted by how many
 * times they did. Totals of a member that is gone are told until its last flow has ended.
 */
import type { GroupConfig } from '../config/model/model.ts';
import type { MemberReport } from '../host/stat-collector.ts';
import type { RowFigures, RowKey } from '../messages/report.ts';
import { ReportTable } from '../messages/report-table.ts';
import type { MemberStats } from '../tables/stat-table.ts';

/** Whether a group's sources are scaled, or its weights computed, by what each LB sends; then rows are told one by one. */
export const needsLoadByBalancer = (groups: readonly GroupConfig[]): boolean =>
  groups.some(({ scaling, policy }) => scaling?.sources !== undefined || policy?.perLoadBalancer === true);

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
      const key = { group, member, address, loadBalancer };
      const name = nameOf(key);
      const sum = sums.get(name);
      if (sum === undefined) sums.set(name, { key, parts: [stats] });
      else sum.parts.push(stats);
    }
    const told = new Set<string>();
    this.omittedRows = 0;
    for (const [name, { key, parts }] of sums) {
      if (this.table.set(key, figuresOf(parts))) told.add(name);
      else this.omittedRows++;
    }
    this.table.retain((key) => told.has(nameOf(key)));
  }
}

function figuresOf(parts: readonly MemberStats[]): Partial<RowFigures> {
  const total = (field: keyof MemberStats): number => parts.reduce((sum, part) => sum + part[field], 0);
  const average = (gauge: keyof MemberStats, weight: keyof MemberStats): number => {
    const measured = parts.filter((part) => part[gauge] > 0);
    const weights = measured.reduce((sum, part) => sum + Math.max(1, part[weight]), 0);
    const sum = measured.reduce((sum, part) => sum + part[gauge] * Math.max(1, part[weight]), 0);
    return weights === 0 ? 0 : Math.round(sum / weights);
  };
  return {
    packets: total('packets'),
    bytes: total('bytes'),
    replyPackets: total('replyPackets'),
    replyBytes: total('replyBytes'),
    newFlows: total('newFlows'),
    endedFlows: total('endedFlows'),
    activeFlows: total('activeFlows'),
    resets: total('resets'),
    connects: total('connects'),
    failedConnects: total('failedConnects'),
    synTimeMicros: average('synTimeMicros', 'connects'),
    rttMicros: average('rttMicros', 'packets'),
    retransmissions: total('retransmissions'),
    zeroWindows: total('zeroWindows'),
    windowBytes: average('windowBytes', 'replyPackets'),
    requests: total('requests'),
    requestTimeMicros: average('requestTimeMicros', 'requests'),
  };
}

const nameOf = ({ group, member, address, loadBalancer }: RowKey): string =>
  JSON.stringify([group, member, address, loadBalancer]);

interface Sum {
  readonly key: RowKey;
  readonly parts: MemberStats[];
}
