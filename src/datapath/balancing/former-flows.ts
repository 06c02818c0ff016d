/**
 * The flows of a datapath that has ended, taken over by the one that follows it, from the tables that the former left.
 *
 * Theory of operation. Ports, load balancers, groups, rules and members have the same numbers in both, and both
 * read the same clock. Endpoints are interned anew. The former may have been killed in the middle of a write, so nothing
 * is believed but the rows themselves, and of them those that are whole: index, free list and counts are made anew. A
 * row is left out if its port is no longer there, if its words cannot be, or if there is no room for it.
 *
 * Afterwards everything is as if the configuration of the former were in force: what the next snapshot changes, it
 * changes as it would have there. Statistics begin at 0.
 */
import { COLD, COLD_WORDS, HOT, HOT_WORDS, STATE_NAMES } from '../../tables/balancing/connection-record.ts';
import { FlowKey } from '../../tables/balancing/flow-key.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { Tables } from '../../tables/tables.ts';
import type { Context } from '../frame/context.ts';
import type { ConnectionTracking } from './connection-tracking.ts';

export class FormerFlows {
  private readonly context: Context;
  private readonly tracking: ConnectionTracking;
  private readonly former: Tables;
  private readonly keptPorts: ReadonlySet<number>;
  private readonly forward = new FlowKey();
  private readonly reverse = new FlowKey();

  /** `keptPorts`: numbers of the ports that are still the same. */
  constructor(
    context: Context,
    tracking: ConnectionTracking,
    former: Tables,
    keptPorts: ReadonlySet<number>,
  ) {
    this.context = context;
    this.tracking = tracking;
    this.former = former;
    this.keptPorts = keptPorts;
  }

  /** Rows from `first` to before `end`. Some 2 µs per flow. */
  takeRows(first: number, end: number): void {
    const { connections } = this.former;
    const used = Math.min(Math.max(0, connections.highWater), connections.capacity);
    for (let row = Math.max(1, first); row < end && row <= used; row++) {
      if (connections.isUsed(row) && this.isWhole(row)) this.takeRow(row);
    }
  }

  takeAffinities(): void {
    const { affinities } = this.context.tables;
    affinities.follow(this.former.affinities, this.context.nowMs);
  }

  private isWhole(row: number): boolean {
    const { connections, endpoints } = this.former;
    const state = connections.state(row);
    return (
      state > 0 &&
      state < STATE_NAMES.length &&
      ((this.context.nowMs - connections.hot[row * HOT_WORDS + HOT.lastSeenMs]!) | 0) >= 0 &&
      this.keptPorts.has(connections.ownerPort(row)) &&
      endpoints.isUsed(connections.vip(row)) &&
      endpoints.isUsed(connections.member(row)) &&
      endpoints.isUsed(connections.via(row)) &&
      connections.cold[row * COLD_WORDS + COLD.network] === endpoints.network(connections.vip(row))
    );
  }

  private takeRow(row: number): void {
    const { connections } = this.former;
    const { endpoints } = this.context.tables;
    const statSlot = this.statSlot(connections.statSlot(row));
    if (statSlot === NONE) return;
    const vip = endpoints.internLike(this.former.endpoints, connections.vip(row));
    const member = endpoints.internLike(this.former.endpoints, connections.member(row));
    const via = endpoints.internLike(this.former.endpoints, connections.via(row));
    const taken =
      vip !== NONE &&
      member !== NONE &&
      via !== NONE &&
      this.isFree(row, vip, member) &&
      this.tracking.adopt(connections, row, this.forward, this.reverse, via, statSlot) !== NONE;
    if (taken) return;
    for (const endpoint of [vip, member, via]) if (endpoint !== NONE) endpoints.release(endpoint);
  }

  /** The row of the same load balancer and member. The last row is the datapath's own. NONE: it was nobody's, or there is no room. */
  private statSlot(formerSlot: number): number {
    const { stats } = this.former;
    if (formerSlot === stats.slotCount - 1) return this.context.selfSlot;
    const balancer = stats.balancerOf(formerSlot);
    return balancer === NONE ? NONE : this.tracking.memberRows.rowOf(balancer, stats.memberOf(formerSlot));
  }

  /**
   * Fills the keys of a row with the endpoints' numbers here, and looks both up: two rows of the same key can only be what a
   * write that was cut short has left.
   */
  private isFree(row: number, vip: number, member: number): boolean {
    const { forward, reverse } = this;
    const former = this.former.connections;
    for (const key of [forward, reverse]) {
      key.balancer = former.balancer(row);
      key.readClient(former.hot, former.clientAt(row));
    }
    forward.setService(vip, former.forwardPorts(row), former.protocol(row));
    reverse.setService(member, former.reversePorts(row), former.protocol(row));
    const { connections } = this.context.tables;
    return connections.findForward(forward) === NONE && connections.findReverse(reverse) === NONE;
  }
}
