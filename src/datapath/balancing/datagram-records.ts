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
import type { FlowKey } from '../../tables/balancing/flow-key.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { Frame } from '../frame/frame.ts';
import { nextClientPort, PORT_TRIES } from './client-ports.ts';

export class DatagramRecords {
  private readonly connections: ConnectionTable;

  constructor(connections: ConnectionTable) {
    this.connections = connections;
  }

  /**
   * Record of a flow, by its forward key, towards a member, or NONE: none of its datagrams has gone there yet. `reverse`:
   * its reverse key but for the ports.
   */
  find(forward: FlowKey, reverse: FlowKey, memberPort: number): number {
    const { connections } = this;
    let port = forward.ports >>> 16;
    for (let i = 0; i < PORT_TRIES; i++) {
      reverse.ports = (port << 16) | memberPort;
      const row = connections.findReverse(reverse);
      if (row === NONE || connections.isForward(row, forward)) return row;
      port = nextClientPort(port, i);
    }
    return NONE;
  }

  /** Record that the first fragment of the frame's datagram has named, or NONE if it has gone since. */
  ofFirstFragment(forward: FlowKey, frame: Frame): number {
    const row = frame.record;
    const { connections } = this;
    return row !== NONE && connections.isUsed(row) && connections.isForward(row, forward) ? row : NONE;
  }
}
