/** Changes of a balanced packet by its record, towards the member and back. */

import {
  REWRITE_ADDRESS,
  REWRITE_MAC,
  REWRITE_SOURCE,
  REWRITE_TAGS,
} from '../../tables/balancing/connection-record.ts';
import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import { ENDPOINT_WORDS, type EndpointTable } from '../../tables/balancing/endpoint-table.ts';
import { swapPorts } from '../../wire/ports.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import { rewriteDestination, rewritePorts, rewriteSource } from '../frame/rewrite.ts';
import { restoreTags } from '../frame/vlan-tags.ts';
import { type Networks, setRouterSource } from '../ports/networks.ts';

export class FlowRewriter {
  private readonly connections: ConnectionTable;
  private readonly endpoints: EndpointTable;
  private readonly networks: Networks;

  constructor(context: Context, networks: Networks) {
    this.connections = context.tables.connections;
    this.endpoints = context.tables.endpoints;
    this.networks = networks;
  }

  /** Rewrites a packet of a record towards its member; `rewrite`: the record's flags. */
  toMember(row: number, rewrite: number, frame: Frame): void {
    const { connections } = this;
    frame.flow = row;
    const ports = connections.reversePorts(row);
    if ((rewrite & REWRITE_ADDRESS) !== 0) {
      const member = connections.member(row);
      rewriteDestination(frame, this.endpoints.rows, member * ENDPOINT_WORDS, ports);
      frame.member = member;
      if ((rewrite & REWRITE_SOURCE) !== 0) this.comeFromVip(row, frame);
      return;
    }
    rewritePorts(frame, ports);
    if ((rewrite & REWRITE_MAC) !== 0) frame.member = connections.via(row);
  }

  /** Translates a packet from a member back: the inverse of `toMember`. */
  toClient(row: number, rewrite: number, frame: Frame): void {
    const { connections } = this;
    frame.flow = row;
    frame.turnedBack = true;
    const forward = connections.forwardPorts(row);
    const ports = swapPorts(forward);
    if ((rewrite & REWRITE_ADDRESS) !== 0) {
      rewriteSource(frame, this.endpoints.rows, connections.vip(row) * ENDPOINT_WORDS, ports);
    } else {
      rewritePorts(frame, ports);
    }
    if ((rewrite & (REWRITE_ADDRESS | REWRITE_MAC)) !== 0) setRouterSource(frame, this.networks);
    if ((rewrite & REWRITE_TAGS) !== 0) restoreTags(frame, connections.cold, row);
  }

  /** The client is the member: its packet returns from the VIP, as the VM would drop one from its own address. */
  private comeFromVip(row: number, frame: Frame): void {
    rewriteSource(frame, this.endpoints.rows, this.connections.vip(row) * ENDPOINT_WORDS, frame.ports);
    setRouterSource(frame, this.networks);
  }
}
