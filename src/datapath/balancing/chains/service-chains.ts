/**
 * Service chains at the load balancer of the client's port (the specification's figure 17): a flow reaches its member by way of
 * middleboxes, one of each group that the rule names, and replies take the same way back.
 *
 * Theory of operation. The LB of the client's port decides everything about a flow at its first packet: the member, and a
 * middlebox of each hop, by that hop's own algorithm and weights. One record has it all; its row of the chain table names the
 * middleboxes. The record's addresses are the client's, the VIP's and the member's, as without a chain.
 *
 *   client ─► LB ─► fw1 ─► ids1 ─► member      to the VIP as far as ids1 (only the destination MAC changes),
 *   client ◄─ LB ◄─ fw1 ◄─ ids1 ◄─ LB ◄─ member      from the VIP as from ids1 on
 *
 * To the first hop the LB sends itself (`fromClient`). A reply reaches the client's port from the member, wherever that is; the
 * LB turns it into the VIP's and sends it to the last hop in place of the client (`toLastHop`). What a middlebox sends on comes in
 * by the middlebox's port: there `handed-flows.ts` recognises it by the record, and `hand-on.ts` sends it to the next
 * hop, to the member, or to the client.
 *
 * No packet can loop: each handing on moves it one hop further in its direction, the record has at most MAX_HOPS, and
 * the last one leads to the member or the client. What a middlebox sends of its own is never chained.
 *
 * A middlebox that fails or is removed loses its hops of flows (chain-counts.ts); the next packet of such a flow, of either
 * side, selects another one (`repair`).
 */
import { CHAIN_BYPASS, type ChainTable, hopsOf } from '../../../tables/balancing/chain-table.ts';
import { COLD, COLD_WORDS } from '../../../tables/balancing/connection-record.ts';
import type { ConnectionTable } from '../../../tables/balancing/connection-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import { DROP } from '../../../tables/port-counters.ts';
import type { Responder } from '../../forwarding/responder.ts';
import type { Context } from '../../frame/context.ts';
import type { Frame } from '../../frame/frame.ts';
import { CONSUMED, PASS } from '../../frame/verdict.ts';
import type { Port } from '../../ports/port.ts';
import type { BalancerRules } from '../balancer-rules.ts';
import type { ConnectionTracking } from '../connection-tracking.ts';
import type { FlowRewriter } from '../flow-rewriter.ts';
import type { NewFlow } from '../selection/candidates.ts';

/** Sends frames to the endpoints that `frame.member` names. */
export interface Forwarder {
  forward(frame: Frame): void;
}

export interface ChainParts {
  readonly id: number;
  readonly context: Context;
  readonly tracking: ConnectionTracking;
  readonly responder: Responder;
  readonly ports: readonly (Port | undefined)[];
  readonly forwarder: Forwarder;
}

export class ServiceChains {
  private readonly id: number;
  private readonly context: Context;
  private readonly connections: ConnectionTable;
  private readonly table: ChainTable;
  private readonly tracking: ConnectionTracking;
  private readonly responder: Responder;
  private readonly ports: readonly (Port | undefined)[];
  private readonly forwarder: Forwarder;
  private readonly rules: BalancerRules;
  private readonly rewriter: FlowRewriter;
  /** A record's flow from its client, for the selection of a middlebox. */
  private readonly flow = { s0: 0, s1: 0, s2: 0, s3: 0, ports: 0, protocol: 0, ingress: 0 } satisfies NewFlow;

  constructor(parts: ChainParts, rules: BalancerRules, rewriter: FlowRewriter) {
    const { context } = parts;
    this.id = parts.id;
    this.context = context;
    this.connections = context.tables.connections;
    this.table = context.tables.chains;
    this.tracking = parts.tracking;
    this.responder = parts.responder;
    this.ports = parts.ports;
    this.forwarder = parts.forwarder;
    this.rules = rules;
    this.rewriter = rewriter;
  }

  /** Shape of the chain that a new flow by the rule goes through; 0: none. Traffic of a middlebox is not chained. */
  shapeFor(rule: number, frame: Frame): number {
    const shape = this.rules.rules.chainShape(rule);
    return shape !== 0 && this.ports[frame.ingress]?.isMiddlebox === true ? 0 : shape;
  }

  /** Whether every hop of a rule's chain has a usable middlebox, or may be left out. */
  canServe(rule: number, shape: number, { network }: Frame): boolean {
    if ((shape & CHAIN_BYPASS) !== 0) return true;
    const { rules } = this.rules;
    for (let hop = 0; hop < hopsOf(shape); hop++) {
      if (!this.rules.hasHop(network, rules.hopGroup(rule, hop))) return false;
    }
    return true;
  }

  /** No usable middlebox: the packet is rejected. */
  refuse(frame: Frame): number {
    this.context.consume(frame, DROP.noHop);
    return this.responder.reject(frame);
  }

  /** Sends a packet of a chained flow from its client to the first hop. */
  fromClient(row: number, rewrite: number, frame: Frame): number {
    if (!this.repair(row)) return this.refuse(frame);
    const hop = this.tracking.chains.next(row, NONE, 1);
    if (hop === NONE) {
      this.rewriter.toMember(row, rewrite, frame);
      return PASS;
    }
    frame.flow = row;
    frame.member = this.table.endpoint(row, hop);
    this.tracking.chains.count(row, hop, frame, false);
    return PASS;
  }

  /**
   * Sends a reply, already translated for the client, to the last hop: CONSUMED. PASS: there is no hop, it may go to
   * the client.
   */
  toLastHop(row: number, frame: Frame): number {
    if (!this.repair(row)) return this.context.consume(frame, DROP.noHop);
    const hop = this.tracking.chains.next(row, this.table.hops(row), -1);
    if (hop === NONE) return PASS;
    frame.member = this.table.endpoint(row, hop);
    this.tracking.chains.count(row, hop, frame, true);
    this.forwarder.forward(frame);
    return CONSUMED;
  }

  /** Selects the middleboxes of a new record. */
  begin(row: number, shape: number): void {
    this.table.begin(row, shape);
    this.repair(row);
  }

  /** Selects a middlebox for each hop without one. False: a hop has none, and must not be left out. */
  private repair(row: number): boolean {
    let isWhole = true;
    for (let hop = 0; hop < this.table.hops(row); hop++) {
      if (this.table.endpoint(row, hop) === 0 && !this.select(row, hop)) isWhole = false;
    }
    return isWhole || (this.table.shape(row) & CHAIN_BYPASS) !== 0;
  }

  private select(row: number, hop: number): boolean {
    const { cold } = this.connections;
    const network = cold[row * COLD_WORDS + COLD.network]!;
    const decidedBy = this.rules.groupOf(network, cold[row * COLD_WORDS + COLD.decision]! & 0xffff);
    // The group's chain may have been changed since.
    if (decidedBy === undefined || hopsOf(decidedBy.table.chainShape(0)) <= hop) return false;
    const group = this.rules.groupOf(network, decidedBy.table.hopGroup(0, hop));
    if (group === undefined) return false;
    this.aim(row);
    const chosen = this.rules.pickHop(group.table, this.flow);
    if (chosen === NONE) return false;
    const endpoint = group.memberEndpoints[chosen]!;
    const slot = this.tracking.memberRows.rowOf(this.id, group.table.memberId(chosen));
    if (endpoint === NONE || slot === NONE) return false;
    this.tracking.chains.place(row, hop, slot, endpoint);
    return true;
  }

  private aim(row: number): void {
    const { flow, connections } = this;
    const { hot } = connections;
    const at = connections.clientAt(row);
    flow.s0 = hot[at]!;
    flow.s1 = hot[at + 1]!;
    flow.s2 = hot[at + 2]!;
    flow.s3 = hot[at + 3]!;
    flow.ports = connections.forwardPorts(row);
    flow.protocol = connections.protocol(row);
    flow.ingress = connections.ownerPort(row);
  }
}
