/**
 * At the port of a middlebox: sends the packets of flows that it was handed (handed-flows.ts) to the next hop, and after the
 * last one to the member, translated as without a chain, or to the client.
 */
import type { ChainTable } from '../../../tables/balancing/chain-table.ts';
import type { ConnectionTable } from '../../../tables/balancing/connection-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import { DROP } from '../../../tables/port-counters.ts';
import * as ethernet from '../../../wire/ethernet.ts';
import type { Context } from '../../frame/context.ts';
import type { Frame } from '../../frame/frame.ts';
import { CONSUMED, PASS } from '../../frame/verdict.ts';
import { type Networks, setRouterSource } from '../../ports/networks.ts';
import type { Operator } from '../../ports/operator.ts';
import type { Port } from '../../ports/port.ts';
import type { ConnectionTracking } from '../connection-tracking.ts';
import { isUnfixable } from '../flow-frames.ts';
import { FlowRewriter } from '../flow-rewriter.ts';
import { handedHop, handedRecord, isHandedReply } from './handed-flows.ts';

/** What frames leave by. */
type Way = Pick<Port, 'macHigh' | 'macLow' | 'network' | 'send'>;

export class HandOn implements Operator {
  readonly name = 'hand-on';
  readonly inspects = 'source';
  private readonly context: Context;
  private readonly connections: ConnectionTable;
  private readonly table: ChainTable;
  private readonly tracking: ConnectionTracking;
  private readonly networks: Networks;
  private readonly ports: readonly (Way | undefined)[];
  private readonly rewriter: FlowRewriter;

  constructor(
    context: Context,
    tracking: ConnectionTracking,
    networks: Networks,
    ports: readonly (Way | undefined)[],
  ) {
    this.context = context;
    this.connections = context.tables.connections;
    this.table = context.tables.chains;
    this.tracking = tracking;
    this.networks = networks;
    this.ports = ports;
    this.rewriter = new FlowRewriter(context, networks);
  }

  ingress(frame: Frame): number {
    const { handed } = frame;
    if (handed === NONE) return PASS;
    const row = handedRecord(handed);
    const isReply = isHandedReply(handed);
    const next = this.tracking.chains.next(row, handedHop(handed), isReply ? -1 : 1);
    if (next === NONE) return isReply ? this.toClient(row, frame) : this.toMember(row, frame);
    frame.flow = row;
    frame.member = this.table.endpoint(row, next);
    this.tracking.chains.count(row, next, frame, isReply);
    return PASS;
  }

  private toMember(row: number, frame: Frame): number {
    const { ports } = frame;
    this.rewriter.toMember(row, this.connections.rewrite(row), frame);
    return frame.fragment && isUnfixable(frame, ports)
      ? this.context.consume(frame, DROP.unsupportedProtocolToVip)
      : PASS;
  }

  /** Whatever MAC the middlebox has addressed the packet to: it leaves by the port of the flow. */
  private toClient(row: number, frame: Frame): number {
    const port = this.ports[this.connections.ownerPort(row)];
    if (port === undefined) return this.context.consume(frame, DROP.portDown);
    frame.flow = row;
    frame.turnedBack = true;
    setRouterSource(frame, this.networks);
    ethernet.setDestination(frame.view, frame.offset, port.macHigh, port.macLow);
    port.send(frame);
    return CONSUMED;
  }
}
