/**
 * Notifies the TCP clients of a failed member, so that they reconnect at once instead of after their timeouts.
 *
 * A reset is accepted only with exactly the sequence number that the client expects next (RFC 5961 §3.2), which the
 * datapath does not track, as that would cost every packet a write. Instead it queries the client: an ACK far outside
 * the window, in the VIP's name, makes the client answer with an ACK that states both of its numbers (RFC 9293
 * §3.10.7.4). By then the record is removed, so the answer is treated like any segment without a connection: it gets
 * a reset with the acknowledged number. The cost is one round trip to the VM, and nothing per packet.
 */

import { ENDPOINT_WORDS } from '../../tables/balancing/endpoint-table.ts';
import { checkOf } from '../../wire/checksum.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { swapPorts } from '../../wire/ports.ts';
import { pseudoSum4, pseudoSum6 } from '../../wire/pseudo-header.ts';
import * as tcp from '../../wire/tcp.ts';
import * as virtio from '../../wire/virtio-net.ts';
import type { Context } from '../frame/context.ts';
import { HOPS, IPV4_MAPPED } from '../frame/frame.ts';
import { writeKeptTags } from '../frame/vlan-tags.ts';
import type { Networks } from '../ports/networks.ts';
import type { Port } from '../ports/port.ts';

export class FailFast {
  private readonly context: Context;
  private readonly networks: Networks;
  private readonly ports: readonly (Port | undefined)[];

  constructor(context: Context, networks: Networks, ports: readonly (Port | undefined)[]) {
    this.context = context;
    this.networks = networks;
    this.ports = ports;
  }

  /** Sends the client of a TCP record that is being removed the ACK that it will answer. */
  tell(row: number): void {
    const { arena, tables } = this.context;
    const { connections, endpoints } = tables;
    const port = this.ports[connections.ownerPort(row)];
    if (port === undefined || port.macHigh < 0) return;
    const slot = arena.take();
    if (slot < 0) return;
    const { view } = arena;
    const at = arena.frameOffset(slot);
    const network = this.networks.at(port.network);
    const { rows } = endpoints;
    const vip = connections.vip(row) * ENDPOINT_WORDS;
    const { hot } = connections;
    const client = connections.clientAt(row);
    virtio.clear(view, at);
    ethernet.setDestination(view, at, port.macHigh, port.macLow);
    ethernet.setSource(view, at, network.routerMacHigh, network.routerMacLow);
    const tagBytes = writeKeptTags(view, at + ethernet.ADDRESSES_BYTES, connections.cold, row);
    const l3 = at + ethernet.HEADER_BYTES + tagBytes;
    const isIpv4 = (rows[vip]! | rows[vip + 1]!) === 0 && rows[vip + 2] === IPV4_MAPPED;
    const l4 = l3 + (isIpv4 ? ipv4.MIN_HEADER_BYTES : ipv6.HEADER_BYTES);
    const forward = connections.forwardPorts(row);
    tcp.write(view, l4, swapPorts(forward), OUTSIDE, 0, tcp.ACK);
    let pseudo: number;
    if (isIpv4) {
      ethernet.setEtherType(view, at + tagBytes, ethernet.TYPE_IPV4);
      const bytes = ipv4.MIN_HEADER_BYTES + tcp.MIN_HEADER_BYTES;
      ipv4.setSource(view, l3, rows[vip + 3]!);
      ipv4.setDestination(view, l3, hot[client + 3]!);
      ipv4.write(view, l3, bytes, HOPS, ipv4.PROTOCOL_TCP);
      pseudo = pseudoSum4(view, l3, ipv4.PROTOCOL_TCP, tcp.MIN_HEADER_BYTES);
    } else {
      ethernet.setEtherType(view, at + tagBytes, ethernet.TYPE_IPV6);
      ipv6.writeFixed(view, l3, tcp.MIN_HEADER_BYTES, ipv4.PROTOCOL_TCP, HOPS);
      ipv6.setSource(view, l3, rows[vip]!, rows[vip + 1]!, rows[vip + 2]!, rows[vip + 3]!);
      ipv6.setDestination(view, l3, hot[client]!, hot[client + 1]!, hot[client + 2]!, hot[client + 3]!);
      pseudo = pseudoSum6(view, l3, ipv4.PROTOCOL_TCP, tcp.MIN_HEADER_BYTES);
    }
    tcp.setCheck(view, l4, checkOf(view, l4, tcp.MIN_HEADER_BYTES, pseudo));
    this.context.transmit(port.id, slot, at, l4 + tcp.MIN_HEADER_BYTES - at);
    arena.release(slot);
  }
}

/** Sequence number of the query: inside a client's window only with a probability of about 2^-16. */
const OUTSIDE = 0;
