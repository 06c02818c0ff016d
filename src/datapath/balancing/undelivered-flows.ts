/**
 * Flows that never got a packet to their member: their records are removed, so that none stays half-open for minutes,
 * and the client's next attempt selects a member again.
 *
 * A record is created when a member is selected, before it is known whether the packet can be delivered: there may be
 * no route, the packet may be too large, or the member may not answer ARP. Delivered packets pay nothing for this
 * check; the record of an undelivered one is found by its translated addresses.
 */
import { CHAINED, STATE } from '../../tables/balancing/connection-record.ts';
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

  /** A packet to a member was dropped: if it was the flow's first, the flow ends. */
  dropped(frame: Frame): void {
    const row = this.rowOf(frame);
    if (row === NONE || this.context.tables.connections.packetsForward(row) !== frame.segments) return;
    // Some of the segments may have left before the buffers ran out.
    if (frame.segments > 1 || frame.cutToMtu !== 0) this.tracking.cutOffRow(row);
    else this.tracking.remove(row);
  }

  /** The member of a waiting packet does not answer ARP or ND: its flow will end, unless the member has sent before. */
  unanswered(frame: Frame): void {
    this.ending[this.endingCount++] = this.rowOf(frame);
  }

  /**
   * Ends the flows of the waiting packets after their senders were notified: the ICMP errors need the records.
   * Earlier packets may still have reached the member, so the flows are entered as cut off.
   */
  endUnanswered(): void {
    const { connections } = this.context.tables;
    for (let i = 0; i < this.endingCount; i++) {
      const row = this.ending[i]!;
      // Several packets may belong to one flow.
      if (row !== NONE && connections.isUsed(row)) this.tracking.cutOffRow(row);
    }
    this.endingCount = 0;
  }

  /** Row of a translated packet's flow if its member has sent nothing; else NONE. */
  private rowOf(frame: Frame): number {
    const { connections, endpoints } = this.context.tables;
    const port = this.ports[frame.ingress];
    if (port === undefined) return NONE;
    // On its way through a chain the packet does not bear its member's address.
    if (frame.flow !== NONE && (connections.rewrite(frame.flow) & CHAINED) !== 0)
      return this.ifUnanswered(frame.flow);
    const member = endpoints.find(port.network, frame.d0, frame.d1, frame.d2, frame.d3);
    if (member === NONE) return NONE;
    this.key.balancer = port.balancer;
    keyFromClient(this.key, frame, member);
    const row = connections.findReverse(this.key);
    return row === NONE ? NONE : this.ifUnanswered(row);
  }

  private ifUnanswered(row: number): number {
    const { connections } = this.context.tables;
    const state = connections.state(row);
    return state === STATE.synSent || state === STATE.unreplied ? row : NONE;
  }
}
