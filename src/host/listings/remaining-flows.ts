/** Remaining flows of draining members: counts the connection records of flows that have not ended. */

import { membersOf } from '../../config/model/group-members.ts';
import type { GroupConfig } from '../../config/model/model.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { Tables } from '../../tables/tables.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';

/**
 * Remaining flows per draining member of a group. The datapath runs during the count, so flows that begin or
 * end in that time may or may not be included.
 */
export function remainingFlows(group: GroupConfig, tables: Tables, ids: DatapathIds): Map<string, number> {
  const { byMember } = remainingFlowsOf([group], tables, ids);
  const byName = new Map<string, number>();
  for (const [id, count] of byMember) {
    const { member } = ids.memberOf(id)!;
    byName.set(member, (byName.get(member) ?? 0) + count);
  }
  return byName;
}

/** Remaining flows of the draining members of groups. */
export interface RemainingFlows {
  /** By member number; 0: no flows remain. */
  readonly byMember: ReadonlyMap<number, number>;
  /** By statistics row of the draining members. */
  readonly byRow: ReadonlyMap<number, number>;
}

interface MemberName {
  readonly group: string;
  readonly member: string;
}

/** By list of groups, an immutable object: reports ask each second. */
const draining = new WeakMap<readonly GroupConfig[], readonly MemberName[]>();

function drainingIn(groups: readonly GroupConfig[]): readonly MemberName[] {
  const known = draining.get(groups);
  if (known !== undefined) return known;
  const found = groups.flatMap((group) =>
    membersOf(group).flatMap(({ name, state }) =>
      state === 'draining' ? [{ group: group.name, member: name }] : [],
    ),
  );
  draining.set(groups, found);
  return found;
}

export function remainingFlowsOf(
  groups: readonly GroupConfig[],
  { connections, stats }: Tables,
  ids: DatapathIds,
): RemainingFlows {
  const byMember = new Map<number, number>();
  const byRow = new Map<number, number>();
  for (const { group, member } of drainingIn(groups))
    for (const id of ids.membersOf(group, member)) byMember.set(id, 0);
  if (byMember.size === 0) return { byMember, byRow };
  for (let row = 0; row < stats.highWater; row++) {
    if (stats.balancerOf(row) !== NONE && byMember.has(stats.memberOf(row))) byRow.set(row, 0);
  }
  for (let row = 1; row <= connections.highWater; row++) {
    if (!connections.isUsed(row) || connections.hasEnded(row)) continue;
    const slot = connections.statSlot(row);
    const count = byRow.get(slot);
    if (count !== undefined) byRow.set(slot, count + 1);
  }
  for (const [slot, count] of byRow) {
    const member = stats.memberOf(slot);
    byMember.set(member, (byMember.get(member) ?? 0) + count);
  }
  return { byMember, byRow };
}
