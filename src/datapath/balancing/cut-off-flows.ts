/**
 * Flows whose records were taken away while their members may still send: failed, expired, reclaimed or evicted for a new
 * one, reset, or, of datagrams, given another member.
 *
 * Theory of operation. What such a member sends must reach the client neither translated nor as it is. The memory knows its
 * five-tuple and load balancer for some minutes, after which a TCP has given up. A conversation that is known to be a new
 * one takes the note back: a SYN of the member, or a packet from the client straight to it. A datagram opens nothing, so
 * one that a member sends in time with the very ports of such a flow counts as a late reply; with any others it is the
 * member's own affair. Flows that both sides have ended are not noted: nothing is due any more.
 */
import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import { FlowKey } from '../../tables/balancing/flow-key.ts';
import type { Context } from '../frame/context.ts';
import { FlowMemory } from './flow-memory.ts';

/** Flows remembered: one for each four records, 8 bytes each, and no less than this. */
const LEAST_ENTRIES = 16_384;
const RECORDS_PER_ENTRY = 4;
/** A TCP gives up its retransmissions after some minutes. */
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

  /** The flow of a record that goes now. */
  note(row: number): void {
    const { table, key } = this;
    key.balancer = table.balancer(row);
    key.readClient(table.hot, table.clientAt(row));
    key.setService(table.member(row), table.reversePorts(row), table.protocol(row));
    this.memory.note(key, table.ownerPort(row));
  }

  /** Whether a packet of a member, with this reverse key, is of such a flow. */
  cover(key: FlowKey): boolean {
    return !this.memory.isEmpty && this.memory.knows(key);
  }

  /** A new conversation between client and member, with the ports of a flow that may have been cut off. */
  forget(key: FlowKey): void {
    if (!this.memory.isEmpty) this.memory.forget(key);
  }
}
