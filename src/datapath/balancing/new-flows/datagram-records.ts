/**
 * Groups that choose a member for each datagram (`udpScheduling: per-datagram`).
 *
 * Theory of operation. A client that uses one port for all requests (a DNS forwarder, syslog) is one flow, and would
 * stay with one member. Here the rule selects a member for each of its datagrams. Records exist only for the replies:
 * one per member that the flow has sent to, with the usual reverse key. These records are not indexed under their
 * forward key (PER_DATAGRAM), so every datagram reaches the rule on both the slow and the fast path; `find` uses the
 * reverse key. Later fragments follow the first one: the fragment table names its record.
 *
 * An ICMP error from the client names no member, and is dropped like one without a flow.
 */
import type { ConnectionTable } from '../../../tables/balancing/connection-table.ts';
import type { FlowKey } from '../../../tables/balancing/flow-key.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import type { Frame } from '../../frame/frame.ts';
import { nextClientPort, PORT_TRIES } from './client-ports.ts';

export class DatagramRecords {
  private readonly connections: ConnectionTable;

  constructor(connections: ConnectionTable) {
    this.connections = connections;
  }

  /**
   * Record of a flow, by its forward key, towards a member, or NONE if no datagram was sent there yet. `reverse`: its
   * reverse key except the ports.
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

  /** Record named by the first fragment of the frame's datagram, or NONE if it was removed since. */
  ofFirstFragment(forward: FlowKey, frame: Frame): number {
    const row = frame.record;
    const { connections } = this;
    return row !== NONE && connections.isUsed(row) && connections.isForward(row, forward) ? row : NONE;
  }
}
