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
import { closeLegacy, type Legacy } from './left-tables.ts';

/** Flows of members that have failed or left. */
export interface Leaving {
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
  readonly legacy?: Legacy;
  readonly log: Logger;
}

/** Where there is no room for two hosts' tables, the former ones go. */
export function mapBesideLegacy(
  { tablesFile, state, legacy, log }: Place,
  limits: TableLimits,
): { mapping: Mapping; legacy?: Legacy } {
  try {
    return { mapping: mapTables(tablesFile, limits, state), legacy };
  } catch (error) {
    if (legacy === undefined) throw error;
    log.warn(`the flows of the last host are not taken over: ${messageOf(error)}`);
    closeLegacy(legacy);
    return { mapping: mapTables(tablesFile, limits, state) };
  }
}

/** Before the first publication: numbers, flows and clients' members as the former host had them. */
export async function followLegacy(
  legacy: Legacy,
  { thread, tables, ids, log }: Successor,
  { ports }: Configuration,
): Promise<void> {
  try {
    ids.follow(legacy.numbers);
  } catch (error) {
    log.warn(`the flows of the last host are not taken over: ${messageOf(error)}`);
    closeLegacy(legacy);
    return;
  }
  const keptPorts = ports.map((port) => ids.findFormerPort(port)).filter((id) => id !== undefined);
  await thread.follow(legacy.tables, legacy.limits, keptPorts);
  closeLegacy(legacy);
  log.info(`took over ${tables.connections.inUse} of ${legacy.flows} flows of the last host here`);
}

/** Of the members that may have flows: those that are not in these groups, and those that have failed. */
export function leftMeanwhile(ids: DatapathIds, groups: readonly GroupConfig[]): Leaving[] {
  const byName = new Map(groups.map((group) => [group.name, group]));
  const gone: Record<Leaving['ends'], number[]> = { all: [], datagrams: [] };
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
