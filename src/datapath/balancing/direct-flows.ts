/**
 * A client that talks to a member both directly and through a VIP, from the same port.
 *
 * Theory of operation. The member sees one five-tuple for both, so one of the two must get another client port on
 * the member's side: whichever comes second. A direct flow normally has no connection record. It is noted in a
 * memory of recent direct flows, which a new balanced flow asks before it takes its client's port. And a direct
 * packet that meets the reverse key of a balanced flow becomes a record of its own, with a port that is free.
 *
 * The memory may forget (then the second flow is unlucky as it would be without it) and may remember a flow that
 * has ended (then a port is translated that need not be): both are harmless.
 */
import type { FlowKey } from '../../tables/balancing/flow-key.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as tcp from '../../wire/tcp.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import { FlowMemory } from './flow-memory.ts';

/** Direct flows remembered per LB: 32 KB. */
const ENTRIES = 4_096;
/** A direct flow that was silent for this long no longer takes its port. */
const MEMORY_MS = 600_000;

export class DirectFlows {
  private readonly memory: FlowMemory;

  constructor(context: Context) {
    this.memory = new FlowMemory(context, ENTRIES, MEMORY_MS);
  }

  /** Notes a packet from a client straight to a member endpoint; one that ends the flow takes the note back. */
  note(key: FlowKey, frame: Frame): void {
    const isOver = frame.protocol === ipv4.PROTOCOL_TCP && (frame.tcpFlags & (tcp.FIN | tcp.RST)) !== 0;
    if (isOver) this.memory.forget(key);
    else this.memory.note(key, frame.ingress);
  }

  /** Whether a client seems to talk to a member directly with the ports of a reverse key. */
  has(key: FlowKey): boolean {
    return !this.memory.isEmpty && this.memory.knows(key);
  }
}
