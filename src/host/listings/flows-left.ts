/** How much is left on members that drain: flows that have not ended, counted where they lie. */

import { membersOf } from '../../config/model/group-members.ts';
import type { GroupConfig } from '../../config/model/model.ts';
import type { ConnectionTable } from '../../tables/connection-table.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';
import type { MemberReport } from '../stat-collector.ts';

/**
 * Flows left per draining member of a group. The datapath goes on meanwhile: a flow that begins or ends under our
 * eyes may be counted or not.
 */
export function flowsLeft(
  group: GroupConfig,
  connections: ConnectionTable,
  ids: DatapathIds,
): Map<string, number> {
  const slots = drainingSlots([group], ids);
  const bySlot = countLeft(slots, connections);
  const left = new Map<string, number>();
  for (const { name, state } of membersOf(group)) {
    if (state !== 'draining') continue;
    const counts = ids.statSlotsOf(group.name, name).map((slot) => bySlot.get(slot) ?? 0);
    left.set(
      name,
      counts.reduce((sum, count) => sum + count, 0),
    );
  }
  return left;
}

/**
 * Reports as they are, but for draining members: of those a flow has ended as soon as it is over, though its record stays
 * for some minutes, for packets that are late. Whoever waits for the last flow need not wait for that.
 */
export function withFlowsOver(
  members: readonly MemberReport[],
  groups: readonly GroupConfig[],
  connections: ConnectionTable,
  ids: DatapathIds,
): readonly MemberReport[] {
  const slots = drainingSlots(groups, ids);
  if (slots.size === 0) return members;
  const left = countLeft(slots, connections);
  return members.map((report) => {
    if (!slots.has(report.slot)) return report;
    const { newFlows } = report.stats;
    const endedFlows = Math.max(report.stats.endedFlows, newFlows - (left.get(report.slot) ?? 0));
    return { ...report, stats: { ...report.stats, endedFlows } };
  });
}

function drainingSlots(groups: readonly GroupConfig[], ids: DatapathIds): Set<number> {
  const slots = new Set<number>();
  for (const group of groups) {
    for (const { name, state } of membersOf(group)) {
      if (state === 'draining') for (const slot of ids.statSlotsOf(group.name, name)) slots.add(slot);
    }
  }
  return slots;
}

/** By statistics slot; slots without any are left out. */
function countLeft(slots: ReadonlySet<number>, connections: ConnectionTable): Map<number, number> {
  const left = new Map<number, number>();
  if (slots.size === 0) return left;
  for (let row = 1; row <= connections.highWater; row++) {
    if (!connections.isUsed(row) || connections.hasEnded(row)) continue;
    const slot = connections.statSlot(row);
    if (slots.has(slot)) left.set(slot, (left.get(slot) ?? 0) + 1);
  }
  return left;
}
