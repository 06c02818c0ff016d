/**
 * Flows that ran before their address and port were balanced.
 *
 * A VIP may be the address of a station: a VM's own (`rewrite: port`, or a VIP that is put on a VM's address), or one behind an
 * uplink. A TCP segment that opens nothing and has no record is this station's then: it has the connection, or answers
 * that it has none (RFC 9293 §3.10.7.1). New connections are balanced. A VIP that no station has answers such a segment itself.
 * Datagrams open nothing, so those that have no record are balanced in any case.
 */
import { ROLE_ANSWERED } from '../../tables/balancing/endpoint-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as tcp from '../../wire/tcp.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import { isForRouter, type Networks } from '../ports/networks.ts';

/** A TCP segment that opens no connection. */
export const isMidStream = (frame: Frame): boolean =>
  frame.protocol === ipv4.PROTOCOL_TCP &&
  (frame.tcpFlags & (tcp.SYN | tcp.ACK | tcp.RST | tcp.FIN)) !== tcp.SYN;

/** A first SYN: the segment that opens a connection. */
export const opensConnection = (frame: Frame): boolean =>
  frame.protocol === ipv4.PROTOCOL_TCP && !isMidStream(frame);

/** Whether a packet to a VIP is addressed to a station: the VIP is a VM's own address, or the frame goes to a MAC that is known. */
export function isForStation(vip: number, frame: Frame, context: Context, networks: Networks): boolean {
  if (!context.tables.endpoints.hasRole(vip, ROLE_ANSWERED)) return true;
  if (isForRouter(frame, networks)) return false;
  const high = ethernet.destinationHigh(frame.view, frame.offset);
  if (ethernet.isGroup(high)) return false;
  const low = ethernet.destinationLow(frame.view, frame.offset);
  const port = context.tables.macs.find(frame.network, high, low, context.nowMs);
  return port !== NONE && port !== frame.ingress;
}
