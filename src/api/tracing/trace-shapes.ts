/** What `trace` asks a host, and its answer. */
import { z } from 'zod';
import { integer, text } from '../routes.ts';

export const TRACED_PROTOCOLS = ['tcp', 'udp', 'icmp'] as const;

const packet = z.strictObject({
  protocol: z.enum(TRACED_PROTOCOLS, `one of ${TRACED_PROTOCOLS.join(', ')}`),
  /** Addresses of one family. */
  source: text,
  /** Absent: one that a VM could have taken; of an echo: its identifier. */
  sourcePort: integer(0, 65_535, 'a port').optional(),
  destination: text,
  /** Required with tcp and udp. */
  destinationPort: integer(0, 65_535, 'a port').optional(),
  /** Letters as tcpdump prints them; absent: S. */
  flags: text.optional(),
  ttl: integer(0, 255, 'a TTL').optional(),
  dscp: integer(0, 63, 'a DSCP').optional(),
  vlan: integer(1, 4094, 'a VLAN id').optional(),
  /** Bytes of the IP packet. */
  length: integer(20, 65_535, 'a length in bytes').optional(),
});

/** Body of POST /v1/trace: the packet described, or the frame's bytes in hexadecimal. */
export const traceQuestion = z.strictObject({
  port: text,
  packet: packet.optional(),
  frame: text.optional(),
  /** Also the way of the receiver's answer. */
  reply: z.boolean().default(false),
});

export type TraceQuestion = z.input<typeof traceQuestion>;
export type TracedPacket = z.output<typeof packet>;

/** A frame, decoded (wire/packets/decode.ts). */
export interface TraceFrame {
  /** As tcpdump prints it. */
  readonly summary: string;
  /** Bytes from the Ethernet header on. */
  readonly length: number;
  /** From the Ethernet header on. */
  readonly hex: string;
  readonly [layer: string]: unknown;
}

export interface TraceStepRow {
  /** Port, network or router. */
  readonly at: string;
  /** Part of the datapath. */
  readonly operator: string;
  readonly verdict: string;
  readonly detail: string;
}

export interface TraceAnswer {
  readonly verdict: 'delivered' | 'answered' | 'flooded' | 'waiting' | 'dropped';
  /** Name of the drop counter; null: not dropped. */
  readonly reason: string | null;
  /** What would change a drop; null: not dropped. */
  readonly advice: string | null;
  /** Of a balanced packet, or of a reply; null: not balanced. */
  readonly group: string | null;
  readonly member: string | null;
  /** What selected the member. */
  readonly why: string | null;
  /** Where the packet, or its answer, leaves; null: nowhere, or by several ports. */
  readonly egress: { readonly host: string; readonly port: string } | null;
  readonly steps: readonly TraceStepRow[];
  /** The packet as it comes in by the port. */
  readonly given: TraceFrame;
  /** As it leaves, or its answer; null: it does not leave. */
  readonly frame: TraceFrame | null;
  /** Everything that would be sent, in order; `own`: the packet, its copies and parts. */
  readonly sent: readonly { readonly port: string; readonly own: boolean; readonly frame: TraceFrame }[];
  /** The way of the receiver's answer, from its port on; null: not asked for, or there is none. */
  readonly reply: TraceAnswer | null;
}
