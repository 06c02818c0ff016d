/** Remaining flows of draining members: counts the connection records of flows that have not ended. */

import { membersOf } from '../../config/model/group-members.ts';
import type { GroupConfig } from '../../config/model/model.ts';
import { elapsedMs } from '../../native/monotonic-clock.ts';
import { HOT, HOT_WORDS } from '../../tables/balancing/connection-record.ts';
import { type IdleSettings, idleTimeoutsMs } from '../../tables/balancing/idle-timeouts.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { Tables } from '../../tables/tables.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';

/** Of one draining member. */
export interface RemainingOfMember {
  flows: number;
  /** Time until the idle timer of the last one ends, if none sends anything until then; 0: no flows remain. */
  idleEndMs: number;
}

/** When records of silent flows end. */
export interface IdleClock {
  readonly settings: IdleSettings;
  /** On the clock of the tables (native/monotonic-clock.ts). */
  readonly nowMs32: number;
}

/**
 * Remaining flows per draining member of a group. The datapath runs during the count, so flows that begin or
 * end in that time may or may not be included.
 */
export function remainingFlows(
  group: GroupConfig,
  tables: Tables,
  ids: DatapathIds,
  { settings, nowMs32 }: IdleClock,
): Map<string, RemainingOfMember> {
  const { connections, stats } = tables;
  const timeouts = idleTimeoutsMs({ ...settings, udpIdleMs: group.udpIdleMs ?? settings.udpIdleMs });
  const idleEnds = new Map<number, number>();
  const { byMember } = remainingFlowsOf([group], tables, ids, (row, slot) => {
    const idleMs = elapsedMs(connections.hot[row * HOT_WORDS + HOT.lastSeenMs]!, nowMs32);
    const leftMs = Math.max(0, timeouts[connections.state(row)]! - idleMs);
    const member = stats.memberOf(slot);
    idleEnds.set(member, Math.max(idleEnds.get(member) ?? 0, leftMs));
  });
  const byName = new Map<string, RemainingOfMember>();
  for (const [id, count] of byMember) {
    const { member } = ids.memberOf(id)!;
    const { flows, idleEndMs } = byName.get(member) ?? { flows: 0, idleEndMs: 0 };
    byName.set(member, {
      flows: flows + count,
      idleEndMs: Math.max(idleEndMs, idleEnds.get(id) ?? 0),
    });
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

/** `onFlow`: called for each of them, with its record and its statistics row. */
export function remainingFlowsOf(
  groups: readonly GroupConfig[],
  { connections, stats }: Tables,
  ids: DatapathIds,
  onFlow: (row: number, slot: number) => void = () => {},
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
    if (count === undefined) continue;
    byRow.set(slot, count + 1);
    onFlow(row, slot);
  }
  for (const [slot, count] of byRow) {
    const member = stats.memberOf(slot);
    byMember.set(member, (byMember.get(member) ?? 0) + count);
  }
  return { byMember, byRow };
}
