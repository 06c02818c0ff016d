/**
 * How a host goes on with what the last one in its place has left: the numbers first, then the flows, and when the
 * groups of now are in force, the flows that would have ended had a host been there as they changed.
 */
import type { Logger } from 'pino';
import { findMember } from '../../config/model/group-members.ts';
import { messageOf } from '../../config/model/host-error.ts';
import type { Configuration, GroupConfig } from '../../config/model/model.ts';
import type { Mapping } from '../../native/memory.ts';
import type { MadeThings } from '../../run-dir/made-things.ts';
import type { TableLimits, Tables } from '../../tables/tables.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';
import type { DatapathThread } from '../thread/datapath-thread.ts';
import { mapTables } from '../thread/table-memory.ts';
import { closeLeftTables, type LeftTables } from './left-tables.ts';

/** Flows of members that have failed or left. */
export interface ExitedMembers {
  /** Their numbers. */
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

/** Where there is no room for two hosts' tables, the former ones go. */
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

/** Before the first publication: numbers, flows and clients' members as the former host had them. */
export async function takeOverFlows(
  leftTables: LeftTables,
  { thread, tables, ids, log }: Successor,
  { ports }: Configuration,
): Promise<void> {
  try {
    ids.follow(leftTables.numbers);
  } catch (error) {
    log.warn(`the flows of the previous process are not taken over: ${messageOf(error)}`);
    closeLeftTables(leftTables);
    return;
  }
  const keptPorts = ports.map((port) => ids.findFormerPort(port)).filter((id) => id !== undefined);
  await thread.takeOver(leftTables.tables, leftTables.limits, keptPorts);
  closeLeftTables(leftTables);
  log.info(`took over ${tables.connections.inUse} of ${leftTables.flows} flows of the previous process`);
}

/** Of the members that may have flows: those that are not in these groups, and those that have failed. */
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
