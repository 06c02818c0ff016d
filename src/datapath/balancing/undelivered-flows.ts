/**
 * Flows that never got a packet to their member: their records go, so that none stays half-open for minutes, and the
 * client's next try finds a member anew.
 *
 * A record is made when a member is chosen, before anybody knows whether the packet can be delivered: there may be no
 * route, the packet may be too large, or the member may not answer ARP. Nothing about that is asked of packets that are
 * delivered. The record of one that is not is found by what it was translated to.
 */
import { STATE } from '../../tables/balancing/connection-record.ts';
import { FlowKey } from '../../tables/balancing/flow-key.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { WAITING_TOTAL } from '../../tables/forwarding/neighbour-table.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import type { OnUndelivered } from '../frame/undelivered.ts';
import type { Port } from '../ports/port.ts';
import type { ConnectionTracking } from './connection-tracking.ts';
import { keyFromClient } from './flow-frames.ts';

export class UndeliveredFlows implements OnUndelivered {
  private readonly context: Context;
  private readonly tracking: ConnectionTracking;
  private readonly ports: readonly (Port | undefined)[];
  /** Rows that `endUnanswered` will end. */
  private readonly ending = new Int32Array(WAITING_TOTAL);
  private endingCount = 0;
  private readonly key = new FlowKey();

  constructor(context: Context, tracking: ConnectionTracking, ports: readonly (Port | undefined)[]) {
    this.context = context;
    this.tracking = tracking;
    this.ports = ports;
  }

  /** A packet has been dropped on the way to its member: if it was the first, its flow ends. */
  dropped(frame: Frame): void {
    const row = this.rowOf(frame);
    if (row === NONE || this.context.tables.connections.packetsForward(row) !== frame.segments) return;
    // Some of the pieces may have left before there was no buffer for the next.
    if (frame.segments > 1 || frame.cutToMtu !== 0) this.tracking.cutOffRow(row);
    else this.tracking.remove(row);
  }

  /** The member that a packet has waited for does not answer: its flow is to end, unless the member has sent before. */
  unanswered(frame: Frame): void {
    this.ending[this.endingCount++] = this.rowOf(frame);
  }

  /**
   * Ends the flows of the packets that waited, after their senders have been told: the errors need the records. Packets
   * that went before may have reached the member all the same, so the flows are remembered as cut off.
   */
  endUnanswered(): void {
    const { connections } = this.context.tables;
    for (let i = 0; i < this.endingCount; i++) {
      const row = this.ending[i]!;
      // Several packets may be of one flow.
      if (row !== NONE && connections.isUsed(row)) this.tracking.cutOffRow(row);
    }
    this.endingCount = 0;
  }

  /** Row of the flow of a translated packet, as long as its member has sent nothing; else NONE. */
  private rowOf(frame: Frame): number {
    const { connections, endpoints } = this.context.tables;
    const port = this.ports[frame.ingress];
    if (port === undefined) return NONE;
    const member = endpoints.find(port.network, frame.d0, frame.d1, frame.d2, frame.d3);
    if (member === NONE) return NONE;
    this.key.balancer = port.balancer;
    keyFromClient(this.key, frame, member);
    const row = connections.findReverse(this.key);
    if (row === NONE) return NONE;
    const state = connections.state(row);
    return state === STATE.synSent || state === STATE.unreplied ? row : NONE;
  }
}
