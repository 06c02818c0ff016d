/**
 * Flows whose records were removed while their members may still send: failed, expired, reclaimed or evicted flows,
 * reset ones, and datagram flows that were given another member.
 *
 * Theory of operation. Packets from such a member must reach the client neither translated nor unchanged. The memory
 * keeps the flow's five-tuple and load balancer for some minutes, after which a TCP has given up. A new conversation
 * removes the entry: a SYN from the member, or a packet from the client straight to it. A datagram opens nothing, so
 * a datagram from the member that has the ports of such a flow counts as a late reply; with other ports it is the
 * member's own traffic. Flows that both sides have ended are not entered, as nothing more is expected.
 */
import type { ConnectionTable } from '../../../tables/balancing/connection-table.ts';
import { FlowKey } from '../../../tables/balancing/flow-key.ts';
import type { Context } from '../../frame/context.ts';
import { FlowMemory } from './flow-memory.ts';

/** Capacity: one flow per four records, 8 bytes each, and at least this many. */
const LEAST_ENTRIES = 16_384;
const RECORDS_PER_ENTRY = 4;
/** TCP stops retransmitting after some minutes. */
const MEMORY_MS = 300_000;

export class CutOffFlows {
  private readonly table: ConnectionTable;
  private readonly memory: FlowMemory;
  private readonly key = new FlowKey();

  constructor(context: Context) {
    this.table = context.tables.connections;
    const wanted = context.tables.limits.maxConnections / RECORDS_PER_ENTRY;
    let entries = LEAST_ENTRIES;
    while (entries < wanted) entries *= 2;
    this.memory = new FlowMemory(context, entries, MEMORY_MS);
  }

  /** Enters the flow of a record that is being removed. */
  note(row: number): void {
    const { table, key } = this;
    key.balancer = table.balancer(row);
    key.readClient(table.hot, table.clientAt(row));
    key.setService(table.member(row), table.reversePorts(row), table.protocol(row));
    this.memory.note(key, table.ownerPort(row));
  }

  /** Whether a packet of a member, with this reverse key, belongs to such a flow. */
  cover(key: FlowKey): boolean {
    return !this.memory.isEmpty && this.memory.knows(key);
  }

  /** Removes the entry of a flow whose client and member start a new conversation with the same ports. */
  forget(key: FlowKey): void {
    if (!this.memory.isEmpty) this.memory.forget(key);
  }
}
