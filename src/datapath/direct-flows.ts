/**
 * A client that talks to a member both directly and through a VIP, from the same port.
 *
 * Theory of operation. The member sees one five-tuple for both, so one of the two must get another client port on
 * the member's side: whichever comes second. A direct flow normally has no connection record. It is noted in a
 * small memory of recent direct flows (a hash of the five-tuple and when it was last seen; new ones overwrite old
 * ones), which a new balanced flow asks before it takes its client's port. And a direct packet that meets the
 * reverse key of a balanced flow becomes a record of its own, with a port that is free.
 *
 * The memory may forget (then the second flow is unlucky as it would be without it) and may remember a flow that
 * has ended (then a port is translated that need not be): both are harmless.
 */
import { Hasher } from '../tables/hash.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as tcp from '../wire/tcp.ts';
import type { Context } from './context.ts';
import type { Frame } from './frame.ts';

/** Direct flows remembered per LB: 32 KB. */
const ENTRIES = 4_096;
/** A direct flow that was silent for this long no longer takes its port. */
const MEMORY_MS = 600_000;
const ENTRY_WORDS = 2;

export class DirectFlows {
  private readonly context: Context;
  private readonly hasher: Hasher;
  /** Hash (never 0), last seen in ms. */
  private readonly words = new Int32Array(ENTRIES * ENTRY_WORDS);

  constructor(context: Context) {
    this.context = context;
    this.hasher = new Hasher(context.tables.hashKey);
  }

  /** Notes a packet from a client straight to a member endpoint. */
  note(frame: Frame, member: number): void {
    const { s0, s1, s2, s3, ports, protocol } = frame;
    const hash = this.hash(s0, s1, s2, s3, ports, member, protocol);
    const at = (hash & (ENTRIES - 1)) * ENTRY_WORDS;
    const isOver = protocol === ipv4.PROTOCOL_TCP && (frame.tcpFlags & (tcp.FIN | tcp.RST)) !== 0;
    this.words[at] = isOver ? 0 : hash;
    this.words[at + 1] = this.context.nowMs;
  }

  /** Whether the frame's client seems to use this pair of ports (client << 16 | member) towards a member directly. */
  uses(frame: Frame, ports: number, member: number): boolean {
    const { s0, s1, s2, s3, protocol } = frame;
    const hash = this.hash(s0, s1, s2, s3, ports, member, protocol);
    const at = (hash & (ENTRIES - 1)) * ENTRY_WORDS;
    return this.words[at] === hash && ((this.context.nowMs - this.words[at + 1]!) | 0) < MEMORY_MS;
  }

  private hash(
    s0: number,
    s1: number,
    s2: number,
    s3: number,
    ports: number,
    member: number,
    protocol: number,
  ): number {
    return this.hasher.hash6(s0, s1, s2, s3, ports, (member << 16) | protocol) | 1;
  }
}
