/**
 * Flows whose records were taken away while their members may still send (failed, expired, or evicted for a new one): what comes of them must reach the client neither
 * translated nor as it is.
 */
import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import { FlowKey } from '../../tables/balancing/flow-key.ts';
import type { Context } from '../frame/context.ts';
import { FlowMemory } from './flow-memory.ts';

/** Flows remembered (128 KB), and for how long: a TCP gives up its retransmissions after some minutes. */
const ENTRIES = 16_384;
const MEMORY_MS = 300_000;

export class CutOffFlows {
  private readonly table: ConnectionTable;
  private readonly memory: FlowMemory;
  private readonly key = new FlowKey();

  constructor(context: Context) {
    this.table = context.tables.connections;
    this.memory = new FlowMemory(context, ENTRIES, MEMORY_MS);
  }

  /** The flow of a record that goes now. */
  note(row: number): void {
    const { table, key } = this;
    key.readClient(table.hot, table.clientAt(row));
    key.setService(table.member(row), table.reversePorts(row), table.protocol(row));
    this.memory.note(key, table.ownerPort(row));
  }

  /** Whether a packet of a member, with this reverse key, is of such a flow. */
  cover(key: FlowKey): boolean {
    return !this.memory.isEmpty && this.memory.knows(key);
  }

  /** The client talks to the member directly from now on, with the ports of a flow that may have been cut off. */
  goesDirectly(key: FlowKey): void {
    if (!this.memory.isEmpty) this.memory.forget(key);
  }
}
