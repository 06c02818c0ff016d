/** Client ports of flows on their members' side. */

import type { ConnectionTable } from '../../../tables/balancing/connection-table.ts';
import type { FlowKey } from '../../../tables/balancing/flow-key.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import type { Frame } from '../../frame/frame.ts';
import type { ConnectionTracking } from '../connection-tracking.ts';
import type { DirectFlows } from '../remembered-flows/direct-flows.ts';

/** Number of client ports tried in turn if a flow's own is in use towards its member. */
export const PORT_TRIES = 32;

/** The port of try number `tries`, 1024 … 65535; the first is the client's own. */
export const nextClientPort = (port: number, tries: number): number =>
  1024 + ((port + 7919 * (tries + 1)) % 64_512);

export class ClientPorts {
  private readonly tracking: ConnectionTracking;
  private readonly connections: ConnectionTable;
  private readonly directFlows: DirectFlows;

  constructor(tracking: ConnectionTracking, connections: ConnectionTable, directFlows: DirectFlows) {
    this.tracking = tracking;
    this.connections = connections;
    this.directFlows = directFlows;
  }

  /**
   * Finds a free client port for a new flow towards its member, and completes and looks up the flow's reverse key
   * with it. False if none is free, or the protocol has no ports.
   *
   * It is the client's own port unless another live flow of the same client already uses it towards the same member
   * and port (two VIPs may share a member, or the client talks to the member directly). Replies would then be
   * ambiguous, so another port is used.
   */
  complete(reverse: FlowKey, frame: Frame, memberPort: number): boolean {
    const { connections } = this;
    let port = frame.sourcePort;
    for (let i = 0; i < PORT_TRIES; i++) {
      reverse.ports = (port << 16) | memberPort;
      const row = connections.findReverse(reverse);
      if (row === NONE) {
        if (!this.directFlows.has(reverse)) return true;
      } else if (connections.hasEnded(row)) {
        this.tracking.remove(row);
        return true;
      }
      if (frame.ports === 0) return false;
      port = nextClientPort(port, i);
    }
    return false;
  }
}
