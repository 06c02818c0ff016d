/**
 * Maglev tables, keyed by the members that they were built from: load balancers of one group share one, and a change
 * of another group rebuilds none.
 */
import { compileMaglev } from '../../tables/balancing/maglev-table.ts';
import { type MemberSpec, weightForNewFlows } from '../../tables/balancing/rule-spec.ts';

export class MaglevCache {
  private tables = new Map<string, SharedArrayBuffer>();

  /** The table of a criteria set; undefined if no member accepts new flows. */
  tableOf(members: readonly MemberSpec[]): SharedArrayBuffer | undefined {
    const key = JSON.stringify(
      members.map((member) => [member.address, member.port ?? 0, weightForNewFlows(member)]),
    );
    const table = this.tables.get(key) ?? compileMaglev(members);
    if (table !== undefined) this.tables.set(key, table);
    return table;
  }

  get isEmpty(): boolean {
    return this.tables.size === 0;
  }

  /** Drops all other tables. */
  retainOnly(inUse: ReadonlySet<ArrayBufferLike>): void {
    this.tables = new Map([...this.tables].filter(([, table]) => inUse.has(table)));
  }
}
