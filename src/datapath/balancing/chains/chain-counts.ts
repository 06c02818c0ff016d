/**
 * The middleboxes of chained flows, and what the statistics say about them: a middlebox's row counts the flows through it as a
 * member's row counts the flows to it, so drain, health checks, load and selection work as for any group.
 */

import { CHAIN_RESET, type ChainTable } from '../../../tables/balancing/chain-table.ts';
import { CHAINED, FLAG_ACTIVE } from '../../../tables/balancing/connection-record.ts';
import type { ConnectionTable } from '../../../tables/balancing/connection-table.ts';
import type { EndpointTable } from '../../../tables/balancing/endpoint-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import { STAT, type StatTable } from '../../../tables/stat-table.ts';
import type { Context } from '../../frame/context.ts';
import type { Frame } from '../../frame/frame.ts';
import type { PurgeMarks } from '../purge-marks.ts';

export class ChainCounts {
  private readonly table: ChainTable;
  private readonly connections: ConnectionTable;
  private readonly endpoints: EndpointTable;
  private readonly stats: StatTable;

  constructor({ tables }: Context) {
    this.table = tables.chains;
    this.connections = tables.connections;
    this.endpoints = tables.endpoints;
    this.stats = tables.stats;
  }

  /** A flow goes through a middlebox from now on. */
  place(row: number, hop: number, slot: number, endpoint: number): void {
    this.stats.add(slot, STAT.newFlows, 1);
    this.resume(row, hop, slot, endpoint);
  }

  /** The same for a flow of the previous datapath, which has counted it. */
  resume(row: number, hop: number, slot: number, endpoint: number): void {
    this.endpoints.retain(endpoint);
    this.table.set(row, hop, slot, endpoint);
    this.stats.add(slot, STAT.records, 1);
    if (this.isActive(row)) this.stats.add(slot, STAT.activeFlows, 1);
  }

  /** A flow no longer goes through its middlebox; the hop has none. */
  private dismiss(row: number, hop: number): void {
    const endpoint = this.table.endpoint(row, hop);
    if (endpoint === 0) return;
    const slot = this.table.slot(row, hop);
    this.stats.add(slot, STAT.endedFlows, 1);
    this.stats.add(slot, STAT.records, -1);
    if (this.isActive(row)) this.stats.add(slot, STAT.activeFlows, -1);
    this.table.set(row, hop, 0, 0);
    this.endpoints.release(endpoint);
  }

  /** A record starts (1) or ceases (-1) to count as active. */
  addActive(row: number, amount: number): void {
    for (let hop = 0; hop < this.table.hops(row); hop++) {
      if (this.table.endpoint(row, hop) !== 0)
        this.stats.add(this.table.slot(row, hop), STAT.activeFlows, amount);
    }
  }

  /** An inactive record ends. */
  end(row: number): void {
    for (let hop = 0; hop < this.table.hops(row); hop++) this.dismiss(row, hop);
  }

  /** Counts a packet that is sent to the middlebox of a hop. */
  count(row: number, hop: number, frame: Frame, isReply: boolean): void {
    const slot = this.table.slot(row, hop);
    if (isReply) this.stats.countReverse(slot, frame.segments, frame.length);
    else this.stats.countForward(slot, frame.segments, frame.length);
  }

  /** Dismisses middleboxes that have failed or were removed. True: the flow must end, by its policy. */
  losesFlow(row: number, marks: PurgeMarks): boolean {
    if ((this.connections.rewrite(row) & CHAINED) === 0) return false;
    const isReset = (this.table.shape(row) & CHAIN_RESET) !== 0;
    for (let hop = 0; hop < this.table.hops(row); hop++) {
      if (this.table.endpoint(row, hop) === 0 || !marks.covers(row, this.table.slot(row, hop))) continue;
      if (isReset) return true;
      this.dismiss(row, hop);
    }
    return false;
  }

  private isActive(row: number): boolean {
    return (this.connections.rewrite(row) & FLAG_ACTIVE) !== 0;
  }

  /** Next hop with a middlebox after `hop` in a direction (1: towards the member, -1: towards the client), or NONE. */
  next(row: number, hop: number, direction: number): number {
    const hops = this.table.hops(row);
    for (let next = hop + direction; next >= 0 && next < hops; next += direction) {
      if (this.table.endpoint(row, next) !== 0) return next;
    }
    return NONE;
  }
}
