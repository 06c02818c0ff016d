/** Tests by a rehearsal whether a datapath has room for a configuration, as only its tables know. */

import type { Configuration } from '../../config/model/model.ts';
import { messageOf } from '../../config/problems/host-error.ts';
import { Datapath } from '../../datapath/datapath.ts';
import { FrameArena, SLOT_BYTES } from '../../tables/frame-arena.ts';
import { Tables } from '../../tables/tables.ts';
import { limitsFor } from '../thread/table-memory.ts';
import { snapshotOf } from './snapshot-builder.ts';

/** Flows are not part of the configuration: the rehearsal needs no room for them. */
const WITHOUT_FLOWS = { maxConnections: 16, maxAffinities: 4, maxDatagrams: 4, maxFirewallFlows: 4 };

/** What does not fit, one line each. */
export function capacityProblems(configuration: Configuration): readonly string[] {
  const limits = { ...limitsFor(configuration), ...WITHOUT_FLOWS };
  try {
    const snapshot = snapshotOf(configuration, { offloads: true, limits });
    const tables = new Tables(new ArrayBuffer(Tables.bytesNeeded(limits)), 0, limits, [0, 0]);
    tables.initialise();
    const arena = new FrameArena(new ArrayBuffer(SLOT_BYTES), 1);
    return new Datapath({ arena, tables, output: { transmit: () => {} } }).apply(snapshot, 0);
  } catch (error) {
    return [messageOf(error)];
  }
}
