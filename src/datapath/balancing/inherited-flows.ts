/**
 * Flows inherited from the previous datapath, read from the tables that it left.
 *
 * Theory of operation. Ports, load balancers, groups, rules and members have the same numbers in both datapaths, and both
 * read the same clock. Endpoints are interned again. The previous process may have been killed in the middle of a write, so
 * only whole rows are trusted: index, free list and counts are rebuilt. A row is skipped if its port no longer exists, its
 * words are invalid, or the table is full.
 *
 * Afterwards the state is as if the previous configuration were in force: the next snapshot has the effect that it would
 * have had there. Statistics begin at 0.
 */
import {
  CHAINED,
  COLD,
  COLD_WORDS,
  HOT,
  HOT_WORDS,
  STAT_SLOT_MASK,
  STATE_NAMES,
} from '../../tables/balancing/connection-record.ts';
import { FlowKey } from '../../tables/balancing/flow-key.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { Tables } from '../../tables/tables.ts';
import type { Context } from '../frame/context.ts';
import type { ConnectionTracking } from './connection-tracking.ts';

export class InheritedFlows {
  private readonly context: Context;
  private readonly tracking: ConnectionTracking;
  private readonly previous: Tables;
  private readonly keptPorts: ReadonlySet<number>;
  private readonly forward = new FlowKey();
  private readonly reverse = new FlowKey();

  /** `keptPorts`: numbers of the ports that are still the same. */
  constructor(
    context: Context,
    tracking: ConnectionTracking,
    previous: Tables,
    keptPorts: ReadonlySet<number>,
  ) {
    this.context = context;
    this.tracking = tracking;
    this.previous = previous;
    this.keptPorts = keptPorts;
  }

  /** Rows from `first` to before `end`. Some 2 µs per flow. */
  takeRows(first: number, end: number): void {
    const { connections } = this.previous;
    const used = Math.min(Math.max(0, connections.highWater), connections.capacity);
    for (let row = Math.max(1, first); row < end && row <= used; row++) {
      if (connections.isUsed(row) && this.isWhole(row)) this.takeRow(row);
    }
  }

  takeAffinities(): void {
    const { affinities } = this.context.tables;
    affinities.follow(this.previous.affinities, this.context.nowMs);
  }

  private isWhole(row: number): boolean {
    const { connections, endpoints } = this.previous;
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
    const { connections } = this.previous;
    const { endpoints } = this.context.tables;
    const statSlot = this.statSlot(connections.statSlot(row));
    if (statSlot === NONE) return;
    const vip = endpoints.internLike(this.previous.endpoints, connections.vip(row));
    const member = endpoints.internLike(this.previous.endpoints, connections.member(row));
    const via = endpoints.internLike(this.previous.endpoints, connections.via(row));
    if (vip !== NONE && member !== NONE && via !== NONE && this.isFree(row, vip, member)) {
      const taken = this.tracking.inherit(connections, row, this.forward, this.reverse, via, statSlot);
      if (taken !== NONE) return this.takeChain(row, taken);
    }
    for (const endpoint of [vip, member, via]) if (endpoint !== NONE) endpoints.release(endpoint);
  }

  /** A hop that cannot be taken over stays without a middlebox, as if that had failed. */
  private takeChain(previousRow: number, row: number): void {
    const { connections, chains, endpoints } = this.previous;
    if ((connections.rewrite(previousRow) & CHAINED) === 0) return;
    this.context.tables.chains.begin(row, chains.shape(previousRow));
    for (let hop = 0; hop < chains.hops(previousRow); hop++) {
      const endpoint = chains.endpoint(previousRow, hop);
      if (!endpoints.isUsed(endpoint)) continue;
      const slot = this.statSlot(chains.slot(previousRow, hop) & STAT_SLOT_MASK);
      const own = slot === NONE ? NONE : this.context.tables.endpoints.internLike(endpoints, endpoint);
      if (own === NONE) continue;
      this.tracking.chains.resume(row, hop, slot, own);
      this.context.tables.endpoints.release(own); // the chain holds its own reference
    }
  }

  /** The row of the same load balancer and member. The last row is the datapath's own. NONE: no owner, or no free row. */
  private statSlot(previousSlot: number): number {
    const { stats } = this.previous;
    if (previousSlot === stats.slotCount - 1) return this.context.selfSlot;
    const balancer = stats.balancerOf(previousSlot);
    return balancer === NONE ? NONE : this.tracking.memberRows.rowOf(balancer, stats.memberOf(previousSlot));
  }

  /**
   * Fills the keys of a row with this datapath's endpoint numbers, and looks both up: a second row of the same key
   * can only be the remains of an interrupted write.
   */
  private isFree(row: number, vip: number, member: number): boolean {
    const { forward, reverse } = this;
    const previous = this.previous.connections;
    for (const key of [forward, reverse]) {
      key.balancer = previous.balancer(row);
      key.readClient(previous.hot, previous.clientAt(row));
    }
    forward.setService(vip, previous.forwardPorts(row), previous.protocol(row));
    reverse.setService(member, previous.reversePorts(row), previous.protocol(row));
    const { connections } = this.context.tables;
    return connections.findForward(forward) === NONE && connections.findReverse(reverse) === NONE;
  }
}
