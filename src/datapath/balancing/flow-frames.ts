/** Relations between a frame, a balanced flow and its endpoints. */
import {
  COLD,
  COLD_WORDS,
  HOT,
  HOT_WORDS,
  REWRITE_ADDRESS,
  REWRITE_PORTS,
} from '../../tables/balancing/connection-record.ts';
import { ENDPOINT_WORDS } from '../../tables/balancing/endpoint-table.ts';
import type { FlowKey } from '../../tables/balancing/flow-key.ts';
import { REWRITE_KIND } from '../../tables/balancing/rule-table.ts';
import { DROP } from '../../tables/port-counters.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { swapPorts } from '../../wire/ports.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import type { TraceRecord } from '../frame/trace-sink.ts';
import type { Networks } from '../ports/networks.ts';

/** Fills the flow key of a packet from a client; `service`: the endpoint that it is addressed to. */
export function keyFromClient(key: FlowKey, frame: Frame, service: number): void {
  key.setClient(frame.s0, frame.s1, frame.s2, frame.s3);
  key.setService(service, frame.ports, frame.protocol);
}

/** Fills the reverse flow key of a packet from a member. */
export function keyFromMember(key: FlowKey, frame: Frame, member: number): void {
  key.setClient(frame.d0, frame.d1, frame.d2, frame.d3);
  key.setService(member, swapPorts(frame.ports), frame.protocol);
}

/** SCTP's CRC covers the whole packet, so it cannot be corrected in a first fragment whose ports change from `was`. */
export const isUnfixable = (frame: Frame, was: number): boolean =>
  frame.protocol === ipv4.PROTOCOL_SCTP && frame.ports !== was;

/** Whether a packet cannot be translated as its record demands (`rewrite`), because headers would become invalid. */
export const isSpoiled = (frame: Frame, rewrite: number): boolean =>
  frame.untranslatable !== DROP.none && (rewrite & (REWRITE_ADDRESS | REWRITE_PORTS)) !== 0;

/** Whether a rule's kind of rewriting (REWRITE_KIND) may change the packet beyond its Ethernet header. */
export const changesPackets = (kind: number, frame: Frame): boolean =>
  kind === REWRITE_KIND.address || (kind === REWRITE_KIND.port && frame.ports !== 0);

/** Whether the frame's source is the address of an endpoint, a row of the endpoint table. */
export function isSource(rows: Int32Array, endpoint: number, { s0, s1, s2, s3 }: Frame): boolean {
  const at = endpoint * ENDPOINT_WORDS;
  return rows[at + 3] === s3 && rows[at] === s0 && rows[at + 1] === s1 && rows[at + 2] === s2;
}

/** Whether an endpoint is on the link of the frame's network. */
export function isOnLink(
  networks: Networks,
  rows: Int32Array,
  endpoint: number,
  { network }: Frame,
): boolean {
  const at = endpoint * ENDPOINT_WORDS;
  return networks.at(network).isOnLink(rows[at]!, rows[at + 1]!, rows[at + 2]!, rows[at + 3]!);
}

/** Whether a packet of another port's flow comes from the VM that the flow's packets are sent to: it has forwarded it. */
export function cameBack(row: number, frame: Frame, context: Context): boolean {
  const { connections, endpoints } = context.tables;
  if (connections.ownerPort(row) === frame.ingress) return false;
  return endpoints.wayPort(connections.via(row), context.wayGeneration) === frame.ingress;
}

/** A connection record, for the sink of a trace. */
export function recordOf(row: number, { tables: { connections, stats } }: Context): TraceRecord {
  const { hot, cold } = connections;
  const at = row * HOT_WORDS;
  const coldAt = row * COLD_WORDS;
  return {
    row,
    member: stats.memberOf(connections.statSlot(row)),
    rule: cold[coldAt + COLD.rule]!,
    decision: cold[coldAt + COLD.decision]!,
    revision: cold[coldAt + COLD.revision]!,
    state: connections.state(row),
    packets: hot[at + HOT.packetsForward]! >>> 0,
    replyPackets: hot[at + HOT.packetsReverse]! >>> 0,
  };
}
