/**
 * A client that talks to a member both directly and through a VIP, from the same port.
 *
 * Theory of operation. The member sees one five-tuple for both, so the later of the two flows must get another client
 * port on the member's side. A direct flow normally has no connection record. It is entered in a memory of recent
 * direct flows, which a new balanced flow checks before it uses its client's port. A direct packet that matches the
 * reverse key of a balanced flow gets a record of its own, with a free port.
 *
 * The memory may lose an entry (the second flow then conflicts as it would without the memory) and may keep a flow
 * that has ended (a port is then translated needlessly): both are harmless.
 */
import type { FlowKey } from '../../../tables/balancing/flow-key.ts';
import * as ipv4 from '../../../wire/ipv4.ts';
import * as tcp from '../../../wire/tcp.ts';
import type { Context } from '../../frame/context.ts';
import type { Frame } from '../../frame/frame.ts';
import { FlowMemory } from './flow-memory.ts';

/** Direct flows per LB: 32 KB. */
const ENTRIES = 4_096;
/** A direct flow silent for this long no longer occupies its port. */
const MEMORY_MS = 600_000;

export class DirectFlows {
  private readonly memory: FlowMemory;

  constructor(context: Context) {
    this.memory = new FlowMemory(context, ENTRIES, MEMORY_MS);
  }

  /** Enters a packet from a client straight to a member endpoint; one that ends the flow removes the entry. */
  note(key: FlowKey, frame: Frame): void {
    const isOver = frame.protocol === ipv4.PROTOCOL_TCP && (frame.tcpFlags & (tcp.FIN | tcp.RST)) !== 0;
    if (isOver) this.memory.forget(key);
    else this.memory.note(key, frame.ingress);
  }

  /** Whether a client probably talks to a member directly with the ports of a reverse key. */
  has(key: FlowKey): boolean {
    return !this.memory.isEmpty && this.memory.knows(key);
  }
}
