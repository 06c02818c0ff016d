/**
 * The load balancer in a port's egress path (the specification's figure 9).
 *
 * From the VM: packets to addresses that are not virtual pass. A packet to a VIP is looked up in the connection
 * table; a flow without a record finds its rule, selects a member from the criteria set in effect, and gets a record.
 * Then the destination is rewritten: address, port, or only the MAC (the forwarding element uses `frame.member`).
 * To the VM: a packet from a member that matches a record is translated back, so that the VM sees only the VIP.
 *
 * One load balancer serves one port, or several if so configured. It owns its rules (balancer-rules.ts); connections,
 * endpoints and statistics are in the shared tables.
 */
import { CHAINED, REWRITE_PORTS, REWRITE_SOURCE } from '../../tables/balancing/connection-record.ts';
import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import {
  ENDPOINT_WORDS,
  type EndpointTable,
  ROLE_ANSWERED,
  ROLE_VIP,
} from '../../tables/balancing/endpoint-table.ts';
import { FlowKey } from '../../tables/balancing/flow-key.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { DATAGRAM } from '../../tables/forwarding/fragment-table.ts';
import { DROP } from '../../tables/port-counters.ts';
import { swapPorts } from '../../wire/ports.ts';
import { EGRESS, FOLLOW, type Fragments, INGRESS } from '../forwarding/fragments.ts';
import { isNeighbourDiscovery, type Responder } from '../forwarding/responder.ts';
import type { Context } from '../frame/context.ts';
import { isIcmp } from '../frame/echo.ts';
import { asksService, mayAnswer } from '../frame/flow-roles.ts';
import { FAMILY_ARP, FAMILY_NONE, type Frame } from '../frame/frame.ts';
import { rewriteDestination } from '../frame/rewrite.ts';
import { CONSUMED, PASS } from '../frame/verdict.ts';
import type { Networks } from '../ports/networks.ts';
import type { Operator } from '../ports/operator.ts';
import { BalancerRules } from './balancer-rules.ts';
import { type ChainParts, ServiceChains } from './chains/service-chains.ts';
import type { ConnectionTracking } from './connection-tracking.ts';
import { cameBack, isSpoiled, isUnfixable, keyFromClient, keyFromMember, recordOf } from './flow-frames.ts';
import { FlowRewriter } from './flow-rewriter.ts';
import { IcmpTranslator, isFirstOfIcmpError, isIcmpError } from './icmp-translation.ts';
import { NewFlows } from './new-flows/new-flows.ts';
import { DirectFlows } from './remembered-flows/direct-flows.ts';
import { isDatagram, opensConnection } from './remembered-flows/running-flows.ts';

/** What load balancers are made of; `id`: its number. */
export interface BalancerParts extends ChainParts {
  readonly networks: Networks;
  readonly fragments: Fragments;
}

export class LoadBalancer implements Operator {
  readonly name = 'load-balancer';
  readonly inspects = 'flow';
  readonly id: number;
  /** The rules in force. */
  readonly rules: BalancerRules;
  private readonly context: Context;
  private readonly connections: ConnectionTable;
  private readonly endpoints: EndpointTable;
  private readonly tracking: ConnectionTracking;
  private readonly responder: Responder;
  private readonly fragments: Fragments;
  private readonly icmp: IcmpTranslator;
  private readonly directFlows: DirectFlows;
  private readonly rewriter: FlowRewriter;
  private readonly chains: ServiceChains;
  private readonly newFlows: NewFlows;
  /** Keys of the packet being handled. */
  private readonly forward: FlowKey;
  private readonly reverse: FlowKey;

  constructor(parts: BalancerParts) {
    const { id, context, tracking, responder, networks } = parts;
    this.id = id;
    this.context = context;
    this.connections = context.tables.connections;
    this.endpoints = context.tables.endpoints;
    this.tracking = tracking;
    this.responder = responder;
    this.fragments = parts.fragments;
    this.rules = new BalancerRules(context, id);
    this.icmp = new IcmpTranslator(context, networks, this.id);
    this.directFlows = new DirectFlows(context);
    this.rewriter = new FlowRewriter(context, networks);
    this.forward = new FlowKey(id);
    this.reverse = new FlowKey(id);
    this.chains = new ServiceChains(parts, this.rules, this.rewriter);
    const { rules, rewriter, chains, directFlows, forward, reverse } = this;
    this.newFlows = new NewFlows({
      id,
      context,
      tracking,
      responder,
      networks,
      rules,
      rewriter,
      chains,
      directFlows,
      forward,
      reverse,
    });
  }

  ingress(frame: Frame): number {
    if (frame.family === FAMILY_NONE || frame.family === FAMILY_ARP || frame.handed !== NONE) return PASS;
    const endpoint = this.endpoints.find(frame.network, frame.d0, frame.d1, frame.d2, frame.d3);
    const isVip = endpoint !== NONE && this.endpoints.hasRole(endpoint, ROLE_VIP);
    const { sink } = this.context;
    if (sink !== null)
      sink.fact({ kind: 'endpoint', role: isVip ? 'vip' : endpoint === NONE ? 'none' : 'member' });
    if (endpoint === NONE) {
      if (isDatagram(frame)) this.tracking.running.note(this.id, frame);
      return PASS;
    }
    if (!isVip) return this.direct(endpoint, frame);
    if (frame.isForHop || frame.hasHomeAddress) {
      // The VIP is an intermediate hop of the packet: a VM's own address is left to the VM; any other VIP forwards
      // nothing.
      return this.endpoints.hasRole(endpoint, ROLE_ANSWERED) ? this.responder.refuseHop(frame) : PASS;
    }
    return frame.fragment ? this.fragmentIngress(endpoint, frame) : this.balance(endpoint, frame);
  }

  private balance(endpoint: number, frame: Frame): number {
    if (asksService(frame)) {
      keyFromClient(this.forward, frame, endpoint);
      const row = this.connections.findForward(this.forward);
      if (row !== NONE && !this.tracking.isOver(row) && !this.startsAnew(row, frame)) {
        this.reportRow(row, false);
        if (cameBack(row, frame, this.context)) return this.context.consume(frame, DROP.balancingLoop);
        if (isSpoiled(frame, this.connections.rewrite(row)))
          return this.context.consume(frame, frame.untranslatable);
        const rewrite = this.tracking.packetForward(row, frame);
        if ((rewrite & CHAINED) !== 0) return this.chains.fromClient(row, rewrite, frame);
        this.rewriter.toMember(row, rewrite, frame);
        return PASS;
      }
      if (this.hairpinReply(frame)) return PASS;
      this.reportRow(NONE, false);
      return this.newFlows.open(endpoint, frame);
    }
    if (isIcmpError(frame)) return this.icmp.fromClient(endpoint, frame);
    if (isFirstOfIcmpError(frame)) return this.icmp.fragmentFromClient(endpoint, frame);
    if (isNeighbourDiscovery(frame)) return PASS;
    if (frame.isEchoReply && this.hairpinReply(frame)) return PASS;
    // An address that is also a VM's own receives all of its ICMP.
    return this.endpoints.hasRole(endpoint, ROLE_ANSWERED)
      ? this.context.consume(frame, DROP.noConnection)
      : PASS;
  }

  egress(frame: Frame): number {
    if (!mayAnswer(frame)) return isIcmpError(frame) ? this.icmp.toClient(frame) : PASS;
    // A packet that was just balanced, or that a middlebox returns, cannot be a member's reply.
    if (frame.member !== NONE || frame.handed !== NONE) return PASS;
    const member = this.endpoints.find(frame.network, frame.s0, frame.s1, frame.s2, frame.s3);
    if (member === NONE) return isFirstOfIcmpError(frame) ? this.icmp.fragmentToClient(frame) : PASS;
    if (frame.fragment) return this.fragmentEgress(member, frame);
    const row = this.replyRow(member, frame);
    return row === NONE ? this.withoutRow(member, frame) : this.turnBack(row, frame);
  }

  /** From a member, but of no flow: passes, unless the flow was cut off recently. */
  private withoutRow(member: number, frame: Frame): number {
    keyFromMember(this.reverse, frame, member);
    if (opensConnection(frame)) {
      this.tracking.cutOff.forget(this.reverse);
      return PASS;
    }
    if (isFirstOfIcmpError(frame)) return this.icmp.fragmentToClient(frame);
    return this.tracking.cutOff.cover(this.reverse) ? this.context.consume(frame, DROP.noConnection) : PASS;
  }

  /** A fragment to a VIP is handled like a packet, with the ports of its first fragment. */
  private fragmentIngress(vip: number, frame: Frame): number {
    if (this.fragments.admit(frame, INGRESS) !== FOLLOW) return CONSUMED;
    const { ports } = frame;
    const isFirst = frame.fragmentOffset === 0;
    let verdict = this.balance(vip, frame);
    if (isFirst && verdict === PASS && isUnfixable(frame, ports)) {
      verdict = this.context.consume(frame, DROP.unsupportedProtocolToVip);
    }
    // Echo requests that the VIP itself answers are stateless: later fragments are treated like the first.
    const goesOn = verdict === PASS || frame.icmpType >= 0;
    if (isFirst) this.fragments.settle(frame, goesOn ? DATAGRAM.follow : DATAGRAM.refused);
    return verdict;
  }

  /** A fragment from a member is part of a reply if its first fragment is. */
  private fragmentEgress(member: number, frame: Frame): number {
    const verdict = this.fragments.admit(frame, EGRESS);
    if (verdict !== FOLLOW) return verdict;
    const { ports } = frame;
    const row = this.replyRow(member, frame);
    if (frame.fragmentOffset !== 0) {
      return row === NONE ? this.context.consume(frame, DROP.noConnection) : this.turnBack(row, frame);
    }
    if (row === NONE) {
      const verdict = this.withoutRow(member, frame);
      this.fragments.settle(frame, verdict === PASS ? DATAGRAM.pass : DATAGRAM.refused);
      return verdict;
    }
    let answer = this.turnBack(row, frame);
    if (answer === PASS && isUnfixable(frame, ports))
      answer = this.context.consume(frame, DROP.unsupportedProtocolToVip);
    this.fragments.settle(frame, answer === PASS ? DATAGRAM.follow : DATAGRAM.refused);
    return answer;
  }

  /** Row of the flow that a packet from a member belongs to, or NONE. */
  private replyRow(member: number, frame: Frame): number {
    if (isIcmp(frame.protocol) && !frame.isEchoReply) return NONE;
    keyFromMember(this.reverse, frame, member);
    const row = this.connections.findReverse(this.reverse);
    if (row === NONE || this.tracking.isPurged(row)) return NONE;
    // A flooded frame reaches every port: only the client's own port translates it.
    if (frame.shared && this.connections.ownerPort(row) !== frame.egress) return NONE;
    // The member itself may connect to the client, with the ports of an ended flow.
    return this.startsAnew(row, frame) ? NONE : row;
  }

  private turnBack(row: number, frame: Frame): number {
    this.reportRow(row, true);
    if (isSpoiled(frame, this.connections.rewrite(row)))
      return this.context.consume(frame, frame.untranslatable);
    if (!frame.makeWritable()) return this.context.consume(frame, DROP.outOfBuffers);
    const rewrite = this.tracking.packetReverse(row, frame);
    this.rewriter.toClient(row, rewrite, frame);
    return (rewrite & CHAINED) === 0 ? PASS : this.chains.toLastHop(row, frame);
  }

  /**
   * The reply on a hairpin: from the VM as member, to the VIP as the client it knows. It returns to the same VM as
   * client. False if the packet is no such reply.
   */
  private hairpinReply(frame: Frame): boolean {
    const member = this.endpoints.find(frame.network, frame.s0, frame.s1, frame.s2, frame.s3);
    if (member === NONE) return false;
    const { reverse } = this;
    keyFromClient(reverse, frame, member);
    reverse.ports = swapPorts(frame.ports);
    const row = this.connections.findReverse(reverse);
    if (row === NONE || this.tracking.isPurged(row)) return false;
    const rewrite = this.tracking.packetReverse(row, frame);
    if ((rewrite & REWRITE_SOURCE) === 0) return false;
    this.reportRow(row, true);
    this.rewriter.toClient(row, rewrite, frame);
    rewriteDestination(frame, this.endpoints.rows, member * ENDPOINT_WORDS, frame.ports);
    frame.member = member;
    return true;
  }

  /**
   * A packet straight to a member. It passes unchanged and without a record, unless the same client talks to the same
   * member through a VIP from the same port: then this flow gets a record and another port (direct-flows.ts).
   */
  private direct(member: number, frame: Frame): number {
    if (isDatagram(frame)) this.tracking.running.note(this.id, frame);
    if (!asksService(frame) || frame.ports === 0) return PASS; // later fragments have no ports to translate
    const { connections, forward, reverse } = this;
    keyFromClient(forward, frame, member);
    let row = connections.findForward(forward);
    if (row === NONE) {
      keyFromClient(reverse, frame, member);
      this.directFlows.note(reverse, frame);
      this.tracking.cutOff.forget(reverse);
      const other = connections.findReverse(reverse);
      if (other === NONE || this.tracking.isPurged(other)) return PASS;
      if (connections.hasEnded(other)) {
        // The port is reused for another destination: the old flow must not match the replies.
        this.tracking.remove(other);
        return PASS;
      }
      if (!this.newFlows.clientPorts.complete(reverse, frame, frame.destinationPort))
        return this.context.consume(frame, DROP.flowCollision);
      if (!this.tracking.admits(frame.ingress)) return this.context.consume(frame, DROP.connectionsFull);
      row = this.tracking.create(frame, forward, reverse, REWRITE_PORTS, this.context.selfSlot);
      if (row === NONE) return this.context.consume(frame, DROP.connectionsFull);
      this.newFlows.own(row, frame, member);
    }
    this.rewriter.toMember(row, this.tracking.packetForward(row, frame), frame);
    return PASS;
  }

  private reportRow(row: number, reply: boolean): void {
    const { sink } = this.context;
    if (sink !== null)
      sink.fact({
        kind: 'connection',
        record: row === NONE ? undefined : recordOf(row, this.context),
        reply,
      });
  }

  /** True if a SYN matches the record of an ended flow: the port is reused, and the old record is removed. */
  private startsAnew(row: number, frame: Frame): boolean {
    if (!opensConnection(frame)) return false;
    if (!this.connections.hasEnded(row)) return false;
    this.tracking.remove(row);
    return true;
  }
}
