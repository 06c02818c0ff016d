/** Client ports of flows on their members' side. */

import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { Frame } from '../frame/frame.ts';
import type { ConnectionTracking } from './connection-tracking.ts';
import type { DirectFlows } from './direct-flows.ts';

/** Which client ports are tried, one after another, where a flow's own is taken towards its member. */
export const PORT_TRIES = 32;

/** The port after try number `tries`, 1024 … 65535; begins with the client's own and 0. */
export const nextClientPort = (port: number, tries: number): number =>
  1024 + ((port + 7919 * (tries + 1)) % 64_512);

export class ClientPorts {
  private readonly balancer: number;
  private readonly tracking: ConnectionTracking;
  private readonly connections: ConnectionTable;
  private readonly directFlows: DirectFlows;

  /** `balancer`: number of the LB. */
  constructor(
    balancer: number,
    tracking: ConnectionTracking,
    connections: ConnectionTable,
    directFlows: DirectFlows,
  ) {
    this.balancer = balancer;
    this.tracking = tracking;
    this.connections = connections;
    this.directFlows = directFlows;
  }

  /**
   * The client's own port, unless another live flow of the same client already uses it towards the same member
   * and port (two VIPs may share a member, or it talks to the member directly): then replies could not be told apart,
   * and another port is taken. NONE if none is found, or if the protocol has no ports.
   */
  free(frame: Frame, memberPort: number, member: number): number {
    const { connections } = this;
    const { s0, s1, s2, s3, protocol } = frame;
    let port = frame.sourcePort;
    for (let i = 0; i < PORT_TRIES; i++) {
      const ports = (port << 16) | memberPort;
      const row = connections.findReverse(this.balancer, s0, s1, s2, s3, ports, member, protocol);
      if (row === NONE) {
        if (!this.directFlows.uses(frame, ports, member)) return port;
      } else if (connections.hasEnded(row)) {
        this.tracking.remove(row);
        return port;
      }
      if (frame.ports === 0) return NONE;
      port = nextClientPort(port, i);
    }
    return NONE;
  }
}
