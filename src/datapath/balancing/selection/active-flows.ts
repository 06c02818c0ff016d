/** Number of active flows that one load balancer has to each member. */
import { NONE } from '../../../tables/common/bucket-index.ts';
import { STAT, STAT_FIELDS, type StatTable } from '../../../tables/stat-table.ts';

export class ActiveFlows {
  private readonly stats: StatTable;
  private readonly balancer: number;

  /** `balancer`: the load balancer's id. */
  constructor(stats: StatTable, balancer: number) {
    this.stats = stats;
    this.balancer = balancer;
  }

  /** Active flows of the member with this number; 0 for a member without a row. */
  of(member: number): number {
    const slot = this.stats.find(this.balancer, member);
    return slot === NONE ? 0 : this.stats.fields[slot * STAT_FIELDS + STAT.activeFlows]!;
  }
}
