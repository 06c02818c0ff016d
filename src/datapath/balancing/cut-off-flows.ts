/**
 * Flows whose records were taken away while their members may still send (failed, expired, or evicted for a new one): what comes of them must reach the client neither
 * translated nor as it is.
 */
import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import { FlowMemory } from './flow-memory.ts';

/** Flows remembered (128 KB), and for how long: a TCP gives up its retransmissions after some minutes. */
const ENTRIES = 16_384;
const MEMORY_MS = 300_000;

export class CutOffFlows {
  private readonly table: ConnectionTable;
  private readonly memory: FlowMemory;

  constructor(context: Context) {
    this.table = context.tables.connections;
    this.memory = new FlowMemory(context, ENTRIES, MEMORY_MS);
  }

  /** The flow of a record that goes now. */
  note(row: number): void {
    const { table } = this;
    const { hot } = table;
    const at = table.clientAt(row);
    const ports = table.reversePorts(row);
    const member = table.member(row);
    const protocol = table.protocol(row);
    const port = table.ownerPort(row);
    this.memory.note(hot[at]!, hot[at + 1]!, hot[at + 2]!, hot[at + 3]!, ports, member, protocol, port);
  }

  /** Whether a packet of a member is of such a flow. `ports`: client's << 16 | member's. */
  cover(frame: Frame, ports: number, member: number): boolean {
    if (this.memory.isEmpty) return false;
    const { d0, d1, d2, d3, protocol } = frame;
    return this.memory.knows(d0, d1, d2, d3, ports, member, protocol);
  }

  /** The client talks to the member directly from now on, with the ports of a flow that may have been cut off. */
  goesDirectly(frame: Frame, member: number): void {
    if (this.memory.isEmpty) return;
    const { s0, s1, s2, s3, ports, protocol } = frame;
    this.memory.forget(s0, s1, s2, s3, ports, member, protocol);
  }
}
