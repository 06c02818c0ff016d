/** Size and place of a host's tables. */
import { rmSync } from 'node:fs';
import { planLoadBalancers } from '../../config/model/load-balancer-plan.ts';
import type { Configuration } from '../../config/model/model.ts';
import { type Mapping, mapFile } from '../../native/memory.ts';
import type { InstanceState } from '../../run-dir/made-things.ts';
import { DEFAULT_LIMITS, type TableLimits, Tables } from '../../tables/tables.ts';

/** Statistics rows take 192 bytes each; beyond this the configuration is too large for one host. */
const MAX_STAT_SLOTS = 1 << 20;

/** Limits for a configuration, with room for it to grow by reload. */
export function limitsFor(configuration: Configuration): TableLimits {
  let statSlots = DEFAULT_LIMITS.maxStatSlots;
  while (statSlots < 2 * statSlotsNeeded(configuration) && statSlots < MAX_STAT_SLOTS) statSlots *= 2;
  return {
    ...DEFAULT_LIMITS,
    maxConnections: configuration.datapath.maxConnections,
    maxStatSlots: statSlots,
  };
}

/** LB × group × member: the upper bound of rows that the configuration needs. */
const statSlotsNeeded = (configuration: Configuration): number =>
  planLoadBalancers(configuration)
    .flatMap(({ groups }) => groups)
    .flatMap(({ criteria }) => criteria)
    .reduce((count, { members }) => count + members.length, 0);

/** A fresh, zeroed file of the right size, mapped; noted in `state` before it is made. */
export function mapTables(path: string, limits: TableLimits, state: InstanceState): Mapping {
  state.addFile(path);
  rmSync(path, { force: true });
  // Lookups in a table of a million connections take half the time (native-notes/decisions/v8.md).
  return mapFile(path, Tables.bytesNeeded(limits), { hugePages: true });
}
