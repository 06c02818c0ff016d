/** How much is left on members that drain: flows that have not ended, counted where they lie. */
import type { GroupConfig } from '../config/model.ts';
import { membersOf } from '../controller/membership.ts';
import type { ConnectionTable } from '../tables/connection-table.ts';
import type { DatapathIds } from './datapath-ids.ts';

/**
 * Flows left per draining member of a group. The datapath goes on meanwhile: a flow that begins or ends under our
 * eyes may be counted or not.
 */
export function flowsLeft(
  group: GroupConfig,
  connections: ConnectionTable,
  ids: DatapathIds,
): Map<string, number> {
  const left = new Map<string, number>();
  const memberOf = new Map<number, string>();
  for (const { name, state } of membersOf(group)) {
    if (state !== 'draining') continue;
    left.set(name, 0);
    for (const slot of ids.statSlotsOf(group.name, name)) memberOf.set(slot, name);
  }
  if (left.size === 0) return left;
  for (let row = 1; row <= connections.highWater; row++) {
    if (!connections.isUsed(row) || connections.hasEnded(row)) continue;
    const member = memberOf.get(connections.statSlot(row));
    if (member !== undefined) left.set(member, left.get(member)! + 1);
  }
  return left;
}
