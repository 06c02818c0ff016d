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
import {
  COLD,
  COLD_WORDS,
  PER_DATAGRAM,
  REWRITE_ADDRESS,
  REWRITE_MAC,
  REWRITE_PORTS,
  REWRITE_SOURCE,
  REWRITE_TAGS,
} from '../../tables/balancing/connection-record.ts';
import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import {
  ENDPOINT_WORDS,
  type EndpointTable,
  ROLE_ANSWERED,
  ROLE_VIP,
} from '../../tables/balancing/endpoint-table.ts';
import { FlowKey } from '../../tables/balancing/flow-key.ts';
import { ON_EMPTY, REWRITE_KIND } from '../../tables/balancing/rule-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { DATAGRAM } from '../../tables/forwarding/fragment-table.ts';
import { DROP } from '../../tables/port-counters.ts';
import { NEXT_NONE } from '../../wire/ipv6.ts';
import { swapPorts } from '../../wire/ports.ts';
import { EGRESS, FOLLOW, type Fragments, INGRESS } from '../forwarding/fragments.ts';
import { isNeighbourDiscovery, type Responder } from '../forwarding/responder.ts';
import type { Context } from '../frame/context.ts';
import { isIcmp } from '../frame/echo.ts';
import { asksService, mayAnswer } from '../frame/flow-roles.ts';
import { FAMILY_ARP, FAMILY_NONE, type Frame } from '../frame/frame.ts';
import { rewriteDestination, rewritePorts, rewriteSource } from '../frame/rewrite.ts';
import { CONSUMED, PASS } from '../frame/verdict.ts';
import { keepTags, restoreTags } from '../frame/vlan-tags.ts';
import { type Networks, setRouterSource } from '../ports/networks.ts';
import type { Operator } from '../ports/operator.ts';
import { BalancerRules } from './balancer-rules.ts';
import { ClientPorts } from './client-ports.ts';
import type { ConnectionTracking } from './connection-tracking.ts';
import { DatagramRecords } from './datagram-records.ts';
import {
  changesPackets,
  isOnLink,
  isSource,
  isSpoiled,
  isUnfixable,
  keyFromClient,
  keyFromMember,
} from './flow-frames.ts';
import { IcmpTranslator, isFirstOfIcmpError, isIcmpError } from './icmp-translation.ts';
import { DirectFlows } from './remembered-flows/direct-flows.ts';
import { isDatagram, isForStation, isMidStream, opensConnection } from './remembered-flows/running-flows.ts';

const UDP_LITE = 136;
const DCCP = 33;

export class LoadBalancer implements Operator {
  readonly inspects = 'flow';
  readonly id: number;
  /** The rules in force. */
  readonly rules: BalancerRules;
  private readonly context: Context;
  private readonly connections: ConnectionTable;
  private readonly endpoints: EndpointTable;
  private readonly tracking: ConnectionTracking;
  private readonly responder: Responder;
  private readonly networks: Networks;
  private readonly fragments: Fragments;
  private readonly icmp: IcmpTranslator;
  private readonly directFlows: DirectFlows;
  private readonly clientPorts: ClientPorts;
  private readonly datagrams: DatagramRecords;
  /** Keys of the packet being handled. */
  private readonly forward: FlowKey;
  private readonly reverse: FlowKey;

  constructor(
    id: number,
    context: Context,
    tracking: ConnectionTracking,
    responder: Responder,
    networks: Networks,
    fragments: Fragments,
  ) {
    this.id = id;
    this.context = context;
    this.connections = context.tables.connections;
    this.endpoints = context.tables.endpoints;
    this.tracking = tracking;
    this.responder = responder;
    this.networks = networks;
    this.fragments = fragments;
    this.rules = new BalancerRules(context, id);
    this.icmp = new IcmpTranslator(context, networks, this.id);
    this.directFlows = new DirectFlows(context);
    this.clientPorts = new ClientPorts(tracking, this.connections, this.directFlows);
    this.datagrams = new DatagramRecords(this.connections);
    this.forward = new FlowKey(id);
    this.reverse = new FlowKey(id);
  }

  ingress(frame: Frame): number {
    if (frame.family === FAMILY_NONE || frame.family === FAMILY_ARP) return PASS;
    const endpoint = this.endpoints.find(frame.network, frame.d0, frame.d1, frame.d2, frame.d3);
    if (endpoint === NONE) {
      if (isDatagram(frame)) this.tracking.running.note(this.id, frame);
      return PASS;
    }
    if (!this.endpoints.hasRole(endpoint, ROLE_VIP)) return this.direct(endpoint, frame);
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
        if (this.cameBack(row, frame)) return this.context.consume(frame, DROP.balancingLoop);
        if (isSpoiled(frame, this.connections.rewrite(row)))
          return this.context.consume(frame, frame.untranslatable);
        this.toMember(row, this.tracking.packetForward(row, frame), frame);
        return PASS;
      }
      if (this.hairpinReply(frame)) return PASS;
      return this.newFlow(endpoint, frame);
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
    // A packet that was just balanced cannot be a reply.
    if (frame.member !== NONE) return PASS;
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
    if (isSpoiled(frame, this.connections.rewrite(row)))
      return this.context.consume(frame, frame.untranslatable);
    if (!frame.makeWritable()) return this.context.consume(frame, DROP.outOfBuffers);
    this.toClient(row, this.tracking.packetReverse(row, frame), frame);
    return PASS;
  }

  /** Rewrites a packet of a record towards its member; `rewrite`: the record's flags. */
  private toMember(row: number, rewrite: number, frame: Frame): void {
    const { connections } = this;
    frame.flow = row;
    const ports = connections.reversePorts(row);
    if ((rewrite & REWRITE_ADDRESS) !== 0) {
      const member = connections.member(row);
      rewriteDestination(frame, this.endpoints.rows, member * ENDPOINT_WORDS, ports);
      frame.member = member;
      if ((rewrite & REWRITE_SOURCE) !== 0) this.comeFromVip(row, frame);
      return;
    }
    rewritePorts(frame, ports);
    if ((rewrite & REWRITE_MAC) !== 0) frame.member = connections.via(row);
  }

  /** Translates a packet from a member back: the inverse of `toMember`. */
  private toClient(row: number, rewrite: number, frame: Frame): void {
    const { connections } = this;
    frame.flow = row;
    frame.turnedBack = true;
    const forward = connections.forwardPorts(row);
    const ports = swapPorts(forward);
    if ((rewrite & REWRITE_ADDRESS) !== 0) {
      rewriteSource(frame, this.endpoints.rows, connections.vip(row) * ENDPOINT_WORDS, ports);
    } else {
      rewritePorts(frame, ports);
    }
    if ((rewrite & (REWRITE_ADDRESS | REWRITE_MAC)) !== 0) setRouterSource(frame, this.networks);
    if ((rewrite & REWRITE_TAGS) !== 0) restoreTags(frame, connections.cold, row);
  }

  /** The client is the member: its packet returns from the VIP, as the VM would drop one from its own address. */
  private comeFromVip(row: number, frame: Frame): void {
    rewriteSource(frame, this.endpoints.rows, this.connections.vip(row) * ENDPOINT_WORDS, frame.ports);
    setRouterSource(frame, this.networks);
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
    this.toClient(row, rewrite, frame);
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
      if (!this.clientPorts.complete(reverse, frame, frame.destinationPort))
        return this.context.consume(frame, DROP.flowCollision);
      if (!this.tracking.admits(frame.ingress)) return this.context.consume(frame, DROP.connectionsFull);
      row = this.tracking.create(frame, forward, reverse, REWRITE_PORTS, this.context.selfSlot);
      if (row === NONE) return this.context.consume(frame, DROP.connectionsFull);
      this.own(row, frame, member);
    }
    this.toMember(row, this.tracking.packetForward(row, frame), frame);
    return PASS;
  }

  /** True if a SYN matches the record of an ended flow: the port is reused, and the old record is removed. */
  private startsAnew(row: number, frame: Frame): boolean {
    if (!opensConnection(frame)) return false;
    if (!this.connections.hasEnded(row)) return false;
    this.tracking.remove(row);
    return true;
  }

  /** A packet to a VIP without record: rule, member, record, rewrite. `forward` is its key. */
  private newFlow(vip: number, frame: Frame): number {
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
    const set = rules.effectiveCriteria(rule, this.context.wallMs);
    if (set === NONE || !this.rules.isUsable(set)) return this.withoutMember(rule, frame);
    if (rules.choosesPerDatagram(rule)) return this.datagram(rule, set, vip, frame);
    // Before the selection: a refused flow must not use up its member's turn.
    if (!this.tracking.admits(frame.ingress)) return this.context.consume(frame, DROP.connectionsFull);
    const choice = this.rules.pick(rule, set, frame);
    if (choice === NONE) return this.withoutMember(rule, frame);
    if (this.connections.passedOver && this.isLoop(choice, frame))
      return this.context.consume(frame, DROP.balancingLoop);
    const row = this.record(rule, set, choice, frame);
    if (row === NONE) return CONSUMED;
    this.toMember(row, this.tracking.firstPacket(row, frame), frame);
    return PASS;
  }

  /** A datagram of a group that selects a member for each (datagram-records.ts). */
  private datagram(rule: number, set: number, vip: number, frame: Frame): number {
    const choice = this.rules.pick(rule, set, frame);
    if (choice === NONE) return this.withoutMember(rule, frame);
    keyFromClient(this.reverse, frame, this.memberEndpoint(rule, choice, vip));
    let row = this.datagrams.find(this.forward, this.reverse, this.memberPort(choice, frame));
    if (row === NONE || this.tracking.isPurged(row)) {
      if (!this.tracking.admits(frame.ingress)) return this.context.consume(frame, DROP.connectionsFull);
      row = this.record(rule, set, choice, frame);
      if (row === NONE) return CONSUMED;
    }
    frame.record = row;
    this.toMember(row, this.tracking.packetForward(row, frame), frame);
    return PASS;
  }

  /** A later fragment whose ports match no record. */
  private laterFragment(frame: Frame): number {
    const row = this.datagrams.ofFirstFragment(this.forward, frame);
    // The flow was removed since its first fragment passed.
    if (row === NONE || this.tracking.isPurged(row)) return this.context.consume(frame, DROP.noConnection);
    this.toMember(row, this.tracking.packetForward(row, frame), frame);
    return PASS;
  }

  /** A packet of another port's flow, from the VM that the flow's packets are sent to: the VM has forwarded it. */
  private cameBack(row: number, frame: Frame): boolean {
    if (this.connections.ownerPort(row) === frame.ingress) return false;
    const { wayGeneration } = this.context;
    return this.endpoints.wayPort(this.connections.via(row), wayGeneration) === frame.ingress;
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
      if (way === frame.ingress && this.cameBack(row, frame)) return true;
    }
  }

  /** An echo request that no rule balances: the VIP answers while one of its groups has a usable member. */
  private echo(vip: number, frame: Frame): number {
    if (!this.responder.answersEchoToVip) return this.context.consume(frame, DROP.noConnection);
    const rule = this.rules.matchAny(vip, frame);
    if (rule !== NONE && !this.rules.hasMember(rule)) return this.withoutMember(rule, frame);
    if (rule !== NONE && this.responder.answerEcho(frame)) return CONSUMED;
    this.context.consume(frame, DROP.noConnection);
    return this.responder.reject(frame);
  }

  private withoutMember(rule: number, frame: Frame): number {
    this.context.consume(frame, DROP.noMember);
    return this.rules.rules.onEmpty(rule) === ON_EMPTY.reject ? this.responder.reject(frame) : CONSUMED;
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
  private own(row: number, frame: Frame, via: number): void {
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
