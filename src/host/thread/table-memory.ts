/** Size and memory of a host's tables. */
import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Configuration, CriteriaConfig } from '../../config/model/model.ts';
import { type Mapping, mapFile } from '../../native/memory.ts';
import type { MadeThings } from '../../run-dir/made-things.ts';
import { makeOwnDirectory } from '../../run-dir/own-files.ts';
import { STAT_SLOT_MASK } from '../../tables/balancing/connection-record.ts';
import { MAX_ENDPOINTS } from '../../tables/balancing/endpoint-table.ts';
import { DEFAULT_LIMITS, type TableLimits, Tables } from '../../tables/tables.ts';

/** One row per possible flow, so that each flow gets a row; the rest is for flows that ended recently. */
const SPARE_STAT_SLOTS = 8_192;

/** Limits for a configuration, with room for growth by reload. Pages are allocated when rows are used. */
export function limitsFor({ datapath: { maxConnections }, groups }: Configuration): TableLimits {
  const addresses = groups.reduce(
    (sum, { vip, criteria }) => sum + vip.length + criteria.reduce(sumMembers, 0),
    0,
  );
  const maxEndpoints = Math.min(MAX_ENDPOINTS, Math.max(DEFAULT_LIMITS.maxEndpoints, 2 * addresses));
  return {
    ...DEFAULT_LIMITS,
    maxConnections,
    maxEndpoints,
    maxStatSlots: Math.min(maxConnections + SPARE_STAT_SLOTS, STAT_SLOT_MASK),
  };
}

const sumMembers = (sum: number, { members }: CriteriaConfig): number => sum + members.length;

/**
 * Maps a new, zeroed file of the right size, still private to this process, for reading what the datapath's thread writes.
 * That thread has a mapping of its own, in huge pages: here they would count as resident memory once more.
 */
export function mapNewTables(path: string, limits: TableLimits): Mapping {
  makeOwnDirectory(dirname(path));
  rmSync(path, { force: true });
  return mapFile(path, Tables.bytesNeeded(limits), { isNew: true });
}

/** The same, recorded in `state` before the file is created. */
export function mapTables(path: string, limits: TableLimits, state: MadeThings): Mapping {
  const directory = dirname(path);
  if (!existsSync(directory)) state.addDirectory(directory);
  state.addFile(path);
  return mapNewTables(path, limits);
}
