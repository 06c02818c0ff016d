/**
 * Groups that choose a member for each datagram (`udpScheduling: per-datagram`).
 *
 * Theory of operation. A client that uses one port for everything (a DNS forwarder, syslog) is one flow, and would stay
 * with one member. Here each of its datagrams asks the rule anew. What is remembered is for the replies: one record per
 * member that the flow has sent to, with the usual reverse key. These records are not in the index under their forward
 * key (PER_DATAGRAM), so neither the slow path nor the fast path takes a datagram past the rule; `find` goes by the
 * reverse key. Later fragments go where their first one went: its record is named by the fragment table.
 *
 * An ICMP error from the client names no member, and is dropped as one of no flow.
 */
import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { Frame } from '../frame/frame.ts';
import { nextClientPort, PORT_TRIES } from './client-ports.ts';

export class DatagramRecords {
  private readonly connections: ConnectionTable;
  private readonly balancer: number;

  /** `balancer`: the load balancer's id. */
  constructor(connections: ConnectionTable, balancer: number) {
    this.connections = connections;
    this.balancer = balancer;
  }

  /** Record of the frame's flow towards a member, or NONE: none of its datagrams has gone there yet. */
  find(frame: Frame, vip: number, member: number, memberPort: number): number {
    const { connections, balancer } = this;
    const { s0, s1, s2, s3, protocol } = frame;
    let port = frame.sourcePort;
    for (let i = 0; i < PORT_TRIES; i++) {
      const ports = (port << 16) | memberPort;
      const row = connections.findReverse(balancer, s0, s1, s2, s3, ports, member, protocol);
      if (row === NONE || this.isOf(row, vip, frame)) return row;
      port = nextClientPort(port, i);
    }
    return NONE;
  }

  /** Record that the first fragment of the frame's datagram has named, or NONE if it has gone since. */
  ofFirstFragment(vip: number, frame: Frame): number {
    const row = frame.record;
    return row !== NONE && this.connections.isUsed(row) && this.isOf(row, vip, frame) ? row : NONE;
  }

  private isOf(row: number, vip: number, { s0, s1, s2, s3, ports, protocol }: Frame): boolean {
    return this.connections.isForward(row, this.balancer, s0, s1, s2, s3, ports, vip, protocol);
  }
}
