/**
 * Takeover of the flows of the previous process: first the numbers, then the flows. Once the current groups
 * are in force, flows end that a running host would have ended when the groups changed.
 */
import type { Logger } from 'pino';
import { findMember } from '../../config/model/group-members.ts';
import type { Configuration, GroupConfig } from '../../config/model/model.ts';
import { uplinkLegs } from '../../config/model/uplink-legs.ts';
import { messageOf } from '../../config/problems/host-error.ts';
import type { Mapping } from '../../native/memory.ts';
import type { MadeThings } from '../../run-dir/made-things.ts';
import type { TableLimits, Tables } from '../../tables/tables.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';
import type { DatapathThread } from '../thread/datapath-thread.ts';
import { mapTables } from '../thread/table-memory.ts';
import { closeLeftTables, type LeftTables } from './left-tables.ts';

/** Members that failed or were removed, and which of their flows end. */
export interface ExitedMembers {
  /** Numbers of the members. */
  readonly members: readonly number[];
  readonly ends: 'all' | 'datagrams';
}

interface Successor {
  readonly thread: DatapathThread;
  readonly tables: Tables;
  readonly ids: DatapathIds;
  readonly log: Logger;
}

interface Place {
  readonly tablesFile: string;
  readonly state: MadeThings;
  readonly leftTables?: LeftTables;
  readonly log: Logger;
}

/** Maps the new tables; if memory does not suffice for both, the left tables are dropped. */
export function mapBesideLeftTables(
  { tablesFile, state, leftTables, log }: Place,
  limits: TableLimits,
): { mapping: Mapping; leftTables?: LeftTables } {
  try {
    return { mapping: mapTables(tablesFile, limits, state), leftTables };
  } catch (error) {
    if (leftTables === undefined) throw error;
    log.warn(`the flows of the previous process are not taken over: ${messageOf(error)}`);
    closeLeftTables(leftTables);
    return { mapping: mapTables(tablesFile, limits, state) };
  }
}

/** Takes over numbers, flows, affinities and counters of ports of the predecessor; call before the first publication. */
export async function takeOverFlows(
  leftTables: LeftTables,
  { thread, tables, ids, log }: Successor,
  configuration: Configuration,
): Promise<void> {
  try {
    ids.follow(leftTables.numbers);
  } catch (error) {
    log.warn(`the flows of the previous process are not taken over: ${messageOf(error)}`);
    closeLeftTables(leftTables);
    return;
  }
  const keptPorts = [
    ...configuration.ports.map((port) => ids.findPreviousPort(port)),
    ...uplinkLegs(configuration).map((leg) => ids.findPreviousUplinkLeg(leg)),
  ].filter((id) => id !== undefined);
  await thread.takeOver(leftTables.tables, leftTables.limits, keptPorts);
  closeLeftTables(leftTables);
  const { flows } = leftTables;
  const ofAll = flows === undefined ? '' : ` of ${flows}`;
  log.info(`took over ${tables.connections.inUse}${ofAll} flows of the previous process`);
}

/** Members that may have flows but are not in these groups, and members that have failed. */
export function exitsMeanwhile(ids: DatapathIds, groups: readonly GroupConfig[]): ExitedMembers[] {
  const byName = new Map(groups.map((group) => [group.name, group]));
  const gone: Record<ExitedMembers['ends'], number[]> = { all: [], datagrams: [] };
  for (const [id, identity] of ids.allMembers()) {
    const group = byName.get(identity.group);
    const member = group === undefined ? undefined : findMember(group, identity.member);
    if (member === undefined) gone.datagrams.push(id);
    else if (member.state === 'failed') gone.all.push(id);
  }
  return [
    { members: gone.all, ends: 'all' },
    { members: gone.datagrams, ends: 'datagrams' },
  ];
}
