/**
 * A packet to a VIP that no record covers: rule, member, record, rewrite; or the answer of a VIP without a member for
 * it.
 */
import {
  CHAINED,
  COLD,
  COLD_WORDS,
  PER_DATAGRAM,
  REWRITE_ADDRESS,
  REWRITE_MAC,
  REWRITE_PORTS,
  REWRITE_SOURCE,
  REWRITE_TAGS,
} from '../../../tables/balancing/connection-record.ts';
import type { ConnectionTable } from '../../../tables/balancing/connection-table.ts';
import { type EndpointTable, ROLE_ANSWERED } from '../../../tables/balancing/endpoint-table.ts';
import type { FlowKey } from '../../../tables/balancing/flow-key.ts';
import { ON_EMPTY, REWRITE_KIND } from '../../../tables/balancing/rule-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import { DROP } from '../../../tables/port-counters.ts';
import { NEXT_NONE } from '../../../wire/ipv6.ts';
import type { Responder } from '../../forwarding/responder.ts';
import type { Context } from '../../frame/context.ts';
import type { Frame } from '../../frame/frame.ts';
import { CONSUMED, PASS } from '../../frame/verdict.ts';
import { keepTags } from '../../frame/vlan-tags.ts';
import type { Networks } from '../../ports/networks.ts';
import type { BalancerRules } from '../balancer-rules.ts';
import type { ServiceChains } from '../chains/service-chains.ts';
import type { ConnectionTracking } from '../connection-tracking.ts';
import { cameBack, changesPackets, isOnLink, isSource, keyFromClient, recordOf } from '../flow-frames.ts';
import type { FlowRewriter } from '../flow-rewriter.ts';
import type { DirectFlows } from '../remembered-flows/direct-flows.ts';
import { isDatagram, isForStation, isMidStream } from '../remembered-flows/running-flows.ts';
import { ClientPorts } from './client-ports.ts';
import { DatagramRecords } from './datagram-records.ts';

const UDP_LITE = 136;
const DCCP = 33;

/** Parts of the load balancer that new flows need. */
export interface BalancerParts {
  readonly id: number;
  readonly context: Context;
  readonly tracking: ConnectionTracking;
  readonly responder: Responder;
  readonly networks: Networks;
  readonly rules: BalancerRules;
  readonly rewriter: FlowRewriter;
  readonly chains: ServiceChains;
  readonly directFlows: DirectFlows;
  /** Keys of the packet being handled. */
  readonly forward: FlowKey;
  readonly reverse: FlowKey;
}

export class NewFlows {
  readonly clientPorts: ClientPorts;
  private readonly id: number;
  private readonly context: Context;
  private readonly connections: ConnectionTable;
  private readonly endpoints: EndpointTable;
  private readonly tracking: ConnectionTracking;
  private readonly responder: Responder;
  private readonly networks: Networks;
  private readonly rules: BalancerRules;
  private readonly rewriter: FlowRewriter;
  private readonly chains: ServiceChains;
  private readonly datagrams: DatagramRecords;
  private readonly forward: FlowKey;
  private readonly reverse: FlowKey;

  constructor(parts: BalancerParts) {
    const { context, tracking } = parts;
    this.id = parts.id;
    this.context = context;
    this.connections = context.tables.connections;
    this.endpoints = context.tables.endpoints;
    this.tracking = tracking;
    this.responder = parts.responder;
    this.networks = parts.networks;
    this.rules = parts.rules;
    this.rewriter = parts.rewriter;
    this.chains = parts.chains;
    this.clientPorts = new ClientPorts(tracking, this.connections, parts.directFlows);
    this.datagrams = new DatagramRecords(this.connections);
    this.forward = parts.forward;
    this.reverse = parts.reverse;
  }

  /** A packet to a VIP without record: rule, member, record, rewrite. `forward` is its key. */
  open(vip: number, frame: Frame): number {
    const rule = this.rules.match(vip, frame);
    if (rule === NONE) {
      // A VIP that belongs to a VM is left to that VM; behind any other there is nothing at this port.
      if (!this.endpoints.hasRole(vip, ROLE_ANSWERED)) {
        if (isDatagram(frame)) this.tracking.running.note(this.id, frame);
        return PASS;
      }
      if (frame.isEchoRequest) return this.echo(vip, frame);
      this.context.consume(frame, DROP.noConnection);
      return this.responder.reject(frame);
    }
    if (isDatagram(frame) && this.tracking.running.has(this.id, frame)) {
      if (isForStation(vip, frame, this.context, this.networks)) return PASS;
    }
    frame.group = this.rules.rules.group(rule);
    // The flow of a later fragment was removed since its first one passed.
    if (frame.l4 === 0) return this.laterFragment(frame);
    if (frame.protocol === UDP_LITE || frame.protocol === DCCP || frame.protocol === NEXT_NONE) {
      // Their checksums may cover the addresses in ways that are unknown here.
      return this.context.consume(frame, DROP.unsupportedProtocolToVip);
    }
    const { rules } = this.rules;
    if (frame.untranslatable !== DROP.none && changesPackets(rules.rewriteKind(rule), frame)) {
      return this.context.consume(frame, frame.untranslatable);
    }
    if (isMidStream(frame)) {
      if (isForStation(vip, frame, this.context, this.networks)) return PASS;
      // No such connection: reset, as a host would (RFC 9293 §3.10.7.1).
      this.context.consume(frame, DROP.noConnection);
      return this.responder.reset(frame);
    }
    const set = this.rules.setFor(rule, frame);
    if (this.context.sink !== null) this.rules.reportCriteria(this.context.sink, rule, this.rules.reached);
    if (set === NONE) return this.withoutMember(rule, this.rules.onEmpty, frame);
    if (rules.choosesPerDatagram(rule)) return this.datagram(rule, set, vip, frame);
    const shape = this.chains.shapeFor(rule, frame);
    if (shape !== 0 && !this.chains.canServe(rule, shape, frame)) return this.chains.refuse(frame);
    // Before the selection: a refused flow must not use up its member's turn.
    if (!this.tracking.admits(frame.ingress)) return this.context.consume(frame, DROP.connectionsFull);
    const choice = this.rules.pick(rule, set, frame);
    if (choice === NONE) return this.withoutMember(rule, rules.onEmpty(rule), frame);
    if (this.connections.passedOver && this.isLoop(choice, frame))
      return this.context.consume(frame, DROP.balancingLoop);
    const row = this.record(rule, set, choice, frame);
    if (row === NONE) return CONSUMED;
    const rewrite = this.tracking.firstPacket(row, frame);
    if ((rewrite & CHAINED) !== 0) return this.chains.fromClient(row, rewrite, frame);
    this.rewriter.toMember(row, rewrite, frame);
    return PASS;
  }

  /** A datagram of a group that selects a member for each (datagram-records.ts). */
  private datagram(rule: number, set: number, vip: number, frame: Frame): number {
    const choice = this.rules.pick(rule, set, frame);
    if (choice === NONE) return this.withoutMember(rule, this.rules.rules.onEmpty(rule), frame);
    keyFromClient(this.reverse, frame, this.memberEndpoint(rule, choice, vip));
    let row = this.datagrams.find(this.forward, this.reverse, this.memberPort(choice, frame));
    if (row === NONE || this.tracking.isPurged(row)) {
      if (!this.tracking.admits(frame.ingress)) return this.context.consume(frame, DROP.connectionsFull);
      row = this.record(rule, set, choice, frame);
      if (row === NONE) return CONSUMED;
    }
    frame.record = row;
    this.rewriter.toMember(row, this.tracking.packetForward(row, frame), frame);
    return PASS;
  }

  /** A later fragment whose ports match no record. */
  private laterFragment(frame: Frame): number {
    const row = this.datagrams.ofFirstFragment(this.forward, frame);
    // The flow was removed since its first fragment passed.
    if (row === NONE || this.tracking.isPurged(row)) return this.context.consume(frame, DROP.noConnection);
    this.rewriter.toMember(row, this.tracking.packetForward(row, frame), frame);
    return PASS;
  }

  /**
   * A VM that forwards a packet to a VIP is subject to the rules of its own port. Whether the selected member has had
   * the packet before: it would then loop until its TTL is 0.
   */
  private isLoop(choice: number, frame: Frame): boolean {
    this.connections.passedOver = false;
    const chosen = this.rules.memberEndpoint(choice);
    if (chosen === NONE) return false;
    const way = this.endpoints.wayPort(chosen, this.context.wayGeneration);
    let row = NONE;
    for (;;) {
      row = this.connections.nextForward(row, this.forward);
      if (row === NONE) return false;
      if (this.connections.ownerPort(row) === way) return true;
      if (way === frame.ingress && cameBack(row, frame, this.context)) return true;
    }
  }

  /** An echo request that no rule balances: the VIP answers while one of its groups has a usable member. */
  private echo(vip: number, frame: Frame): number {
    if (!this.responder.answersEchoToVip) return this.context.consume(frame, DROP.noConnection);
    const rule = this.rules.matchAny(vip, frame);
    if (rule !== NONE && !this.rules.hasMember(rule))
      return this.withoutMember(rule, this.rules.rules.onEmpty(rule), frame);
    if (rule !== NONE && this.responder.answerEcho(frame)) return CONSUMED;
    this.context.consume(frame, DROP.noConnection);
    return this.responder.reject(frame);
  }

  private withoutMember(rule: number, onEmpty: number, frame: Frame): number {
    frame.group = this.rules.rules.group(rule);
    this.context.consume(frame, DROP.noMember);
    return onEmpty === ON_EMPTY.reject ? this.responder.reject(frame) : CONSUMED;
  }

  /** Creates the record of a new flow, with the selection's reason. NONE: none is free, the packet is dropped. */
  private record(rule: number, set: number, choice: number, frame: Frame): number {
    const { forward, reverse } = this;
    const { rules } = this.rules;
    const kind = rules.rewriteKind(rule);
    const chosen = this.rules.memberEndpoint(choice);
    if (chosen === NONE) return this.refuse(frame, DROP.endpointsFull);
    keyFromClient(reverse, frame, this.memberEndpoint(rule, choice, forward.service));
    if (!this.clientPorts.complete(reverse, frame, this.memberPort(choice, frame)))
      return this.refuse(frame, DROP.flowCollision);
    let rewrite = kind === REWRITE_KIND.address ? REWRITE_ADDRESS : 0;
    if (kind === REWRITE_KIND.mac) rewrite = REWRITE_MAC;
    if (reverse.ports !== frame.ports) rewrite |= REWRITE_PORTS;
    if (kind === REWRITE_KIND.address && isSource(this.endpoints.rows, chosen, frame))
      rewrite |= REWRITE_SOURCE;
    if (frame.tagged && !isOnLink(this.networks, this.endpoints.rows, chosen, frame)) rewrite |= REWRITE_TAGS;
    if (rules.choosesPerDatagram(rule)) rewrite |= PER_DATAGRAM;
    // A VM that is its own member talks to itself.
    const shape = (rewrite & REWRITE_SOURCE) === 0 ? this.chains.shapeFor(rule, frame) : 0;
    if (shape !== 0) rewrite |= CHAINED;
    const slot = this.tracking.memberRows.rowOf(this.id, rules.memberId(choice));
    if (slot === NONE) return this.refuse(frame, DROP.statisticsFull);
    const row = this.tracking.create(frame, forward, reverse, rewrite, slot);
    if (row === NONE) return this.refuse(frame, DROP.connectionsFull);
    const { cold } = this.connections;
    const at = row * COLD_WORDS;
    cold[at + COLD.rule] = rules.id(rule);
    cold[at + COLD.revision] = this.rules.revision;
    cold[at + COLD.decision] = this.rules.decision(rule, set);
    this.own(row, frame, chosen);
    if (shape !== 0) this.chains.begin(row, shape);
    const { sink } = this.context;
    if (sink !== null) sink.fact({ kind: 'opened', record: recordOf(row, this.context) });
    return row;
  }

  /** Endpoint that a member answers as: the VIP's if the address is not rewritten. NONE: it has none. */
  private memberEndpoint(rule: number, choice: number, vip: number): number {
    const isRewritten = this.rules.rules.rewriteKind(rule) === REWRITE_KIND.address;
    return isRewritten ? this.rules.memberEndpoint(choice) : vip;
  }

  /** Destination port of packets to a member: translated only for protocols with ports. */
  private memberPort(choice: number, frame: Frame): number {
    const port = this.rules.rules.memberPort(choice);
    return port >= 0 && frame.ports !== 0 ? port : frame.destinationPort;
  }

  /** Fills in the record's owner and destination, which makes it whole. */
  own(row: number, frame: Frame, via: number): void {
    const { cold } = this.connections;
    const at = row * COLD_WORDS;
    cold[at + COLD.owner] = (this.id << 16) | frame.ingress;
    cold[at + COLD.network] = frame.network;
    keepTags(frame, cold, row);
    this.endpoints.retain(via);
    cold[at + COLD.via] = via;
  }

  /** Drops the packet of a flow that gets no record. */
  private refuse(frame: Frame, reason: number): typeof NONE {
    this.context.drop(frame, reason);
    return NONE;
  }
}
