/**
 * The load balancer in a port's egress path (the specification's figure 9).
 *
 * From the VM: a destination that is no virtual address passes. A packet to a VIP is looked up in the connection
 * table; a flow without record finds its rule, picks a member among the criteria set that is effective now, and
 * gets a record. Then the destination is rewritten: address, port, or only the MAC (the forwarding element
 * delivers to `frame.member`).
 * To the VM: a packet from a member that matches a record is turned back, so that the VM sees only the VIP.
 *
 * One instance serves one port, or several when configured so. It owns its rules (balancer-rules.ts); connections,
 * endpoints and statistics lie in the shared tables.
 */
import { NONE } from '../tables/bucket-index.ts';
import {
  COLD,
  COLD_WORDS,
  type ConnectionTable,
  REWRITE_ADDRESS,
  REWRITE_MAC,
  REWRITE_PORTS,
} from '../tables/connection-table.ts';
import { ENDPOINT_WORDS, type EndpointTable, ROLE_ANSWERED, ROLE_VIP } from '../tables/endpoint-table.ts';
import { DATAGRAM } from '../tables/fragment-table.ts';
import { DROP } from '../tables/port-counters.ts';
import { ON_EMPTY, REWRITE_KIND } from '../tables/rule-table.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { NEXT_ICMPV6 } from '../wire/ipv6.ts';
import * as tcp from '../wire/tcp.ts';
import { BalancerRules } from './balancer-rules.ts';
import type { ConnectionTracking } from './connection-tracking.ts';
import type { Context } from './context.ts';
import { FOLLOW, FROM_VM, type Fragments, TO_VM } from './fragments.ts';
import { FAMILY_ARP, FAMILY_NONE, type Frame } from './frame.ts';
import { IcmpTranslator, isIcmpError } from './icmp-translation.ts';
import { type Networks, setRouterSource } from './networks.ts';
import { CONSUMED, type Operator, PASS } from './operator.ts';
import type { Responder } from './responder.ts';
import { rewriteDestination, rewritePorts, rewriteSource } from './rewrite.ts';

/** Whether the frame's ports are known: TCP or UDP; a later fragment has been given those of its first one. */
const hasPorts = (frame: Frame): boolean =>
  (frame.protocol === ipv4.PROTOCOL_TCP || frame.protocol === ipv4.PROTOCOL_UDP) &&
  (frame.l4 !== 0 || frame.fragment);

/** Client ports tried when a flow's reverse key is taken. */
const PORT_TRIES = 32;

export class LoadBalancer implements Operator {
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
    this.rules = new BalancerRules(context.tables.endpoints, id);
    this.icmp = new IcmpTranslator(context, networks);
  }

  fromVm(frame: Frame): number {
    if (frame.family === FAMILY_NONE || frame.family === FAMILY_ARP) return PASS;
    const vip = this.endpoints.find(frame.network, frame.d0, frame.d1, frame.d2, frame.d3);
    if (vip === NONE || !this.endpoints.hasRole(vip, ROLE_VIP)) return PASS;
    return frame.fragment ? this.fragmentFromVm(vip, frame) : this.balance(vip, frame);
  }

  /** A fragment to a VIP is handled like a packet, with the ports of its first one. */
  private fragmentFromVm(vip: number, frame: Frame): number {
    if (this.fragments.admit(frame, FROM_VM) !== FOLLOW) return CONSUMED;
    const verdict = this.balance(vip, frame);
    if (frame.fragmentOffset === 0) {
      // What ICMP there is to a VIP is judged without state: the rest will fare like the first.
      const goesOn = verdict === PASS || !hasPorts(frame);
      this.fragments.settle(frame, goesOn ? DATAGRAM.follow : DATAGRAM.refused);
    }
    return verdict;
  }

  private balance(vip: number, frame: Frame): number {
    if (hasPorts(frame)) {
      const { s0, s1, s2, s3, ports, protocol } = frame;
      const row = this.connections.findForward(s0, s1, s2, s3, ports, vip, protocol);
      if (row !== NONE && !this.tracking.isPurged(row) && !this.startsAnew(row, frame)) {
        this.toMember(row, this.tracking.packetForward(row, frame), frame);
        return PASS;
      }
    }
    if (isIcmpError(frame)) return this.icmp.fromClient(vip, frame);
    return this.newFlow(vip, frame);
  }

  toVm(frame: Frame): number {
    if (isIcmpError(frame)) return this.icmp.toClient(frame);
    if (!hasPorts(frame) && !frame.fragment) return PASS;
    const member = this.endpoints.find(frame.network, frame.s0, frame.s1, frame.s2, frame.s3);
    if (member === NONE) return PASS;
    if (frame.fragment) return this.fragmentToVm(member, frame);
    const row = this.replyRow(member, frame);
    return row === NONE ? PASS : this.turnBack(row, frame);
  }

  /** A fragment from a member: part of a reply if its first one is. */
  private fragmentToVm(member: number, frame: Frame): number {
    const verdict = this.fragments.admit(frame, TO_VM);
    if (verdict !== FOLLOW) return verdict;
    const row = hasPorts(frame) ? this.replyRow(member, frame) : NONE;
    if (frame.fragmentOffset === 0) {
      this.fragments.settle(frame, row === NONE ? DATAGRAM.pass : DATAGRAM.follow);
      return row === NONE ? PASS : this.turnBack(row, frame);
    }
    return row === NONE ? this.drop(frame, DROP.noConnection) : this.turnBack(row, frame);
  }

  /** Row of the flow that a packet from a member belongs to, or NONE. */
  private replyRow(member: number, frame: Frame): number {
    const ports = (frame.ports << 16) | (frame.ports >>> 16);
    const { d0, d1, d2, d3, protocol } = frame;
    const row = this.connections.findReverse(d0, d1, d2, d3, ports, member, protocol);
    if (row === NONE || this.tracking.isPurged(row)) return NONE;
    // A flooded frame comes by at every port: it is the client's own that turns it back.
    return frame.shared && this.connections.ownerPort(row) !== frame.egress ? NONE : row;
  }

  private turnBack(row: number, frame: Frame): number {
    if (!frame.makeWritable()) {
      this.context.drop(frame, DROP.outOfBuffers);
      return CONSUMED;
    }
    this.toClient(row, this.tracking.packetReverse(row, frame), frame);
    return PASS;
  }

  /** Rewrites a packet of a record towards its member; `rewrite`: the record's flags. */
  private toMember(row: number, rewrite: number, frame: Frame): void {
    const { connections } = this;
    const ports = connections.reversePorts(row);
    if ((rewrite & REWRITE_ADDRESS) !== 0) {
      const member = connections.member(row);
      rewriteDestination(frame, this.endpoints.rows, member * ENDPOINT_WORDS, ports);
      frame.member = member;
      return;
    }
    rewritePorts(frame, ports);
    if ((rewrite & REWRITE_MAC) !== 0) frame.member = connections.via(row);
  }

  /** Turns a packet from a member back: what `toMember` did, undone. */
  private toClient(row: number, rewrite: number, frame: Frame): void {
    const { connections } = this;
    const forward = connections.forwardPorts(row);
    const ports = (forward << 16) | (forward >>> 16);
    if ((rewrite & REWRITE_ADDRESS) !== 0) {
      rewriteSource(frame, this.endpoints.rows, connections.vip(row) * ENDPOINT_WORDS, ports);
    } else {
      rewritePorts(frame, ports);
    }
    if ((rewrite & (REWRITE_ADDRESS | REWRITE_MAC)) !== 0) setRouterSource(frame, this.networks);
  }

  /** True if a SYN meets the record of a flow that has ended: the port is used again, the old record goes. */
  private startsAnew(row: number, frame: Frame): boolean {
    if ((frame.tcpFlags & (tcp.SYN | tcp.ACK | tcp.RST)) !== tcp.SYN) return false;
    if (!this.connections.hasEnded(row)) return false;
    this.tracking.remove(row);
    return true;
  }

  /** A packet to a VIP without record: rule, member, record, rewrite. */
  private newFlow(vip: number, frame: Frame): number {
    if (frame.protocol === ipv4.PROTOCOL_ICMP || frame.protocol === NEXT_ICMPV6) {
      return this.responder.echoToVip(frame);
    }
    const rule = this.rules.match(vip, frame);
    if (rule === NONE) {
      // A VIP that belongs to a VM is that VM's to answer for; any other has nothing behind this port.
      if (!this.endpoints.hasRole(vip, ROLE_ANSWERED)) return PASS;
      this.drop(frame, DROP.noConnection);
      return this.responder.reject(frame);
    }
    if (frame.protocol !== ipv4.PROTOCOL_TCP && frame.protocol !== ipv4.PROTOCOL_UDP) {
      return this.drop(frame, DROP.unsupportedProtocolToVip);
    }
    if (
      frame.protocol === ipv4.PROTOCOL_TCP &&
      (frame.tcpFlags & (tcp.SYN | tcp.ACK | tcp.RST | tcp.FIN)) !== tcp.SYN
    ) {
      // No such connection here: say so, as a host would (RFC 9293 §3.10.7.1).
      this.drop(frame, DROP.noConnection);
      return this.responder.reset(frame);
    }
    // The flow of a later fragment has gone since its first one passed.
    if (frame.l4 === 0) return this.drop(frame, DROP.noConnection);
    const { rules } = this.rules;
    const set = rules.effectiveCriteria(rule, this.context.wallMs);
    const choice = set === NONE ? NONE : this.rules.pick(set);
    if (choice === NONE) {
      this.drop(frame, DROP.noMember);
      return rules.onEmpty(rule) === ON_EMPTY.reject ? this.responder.reject(frame) : CONSUMED;
    }
    const row = this.record(rule, set, choice, vip, frame);
    if (row === NONE) return this.drop(frame, DROP.connectionsFull);
    this.toMember(row, this.tracking.packetForward(row, frame), frame);
    return PASS;
  }

  /** Makes the connection record of a new flow, with the decision that led to it. */
  private record(rule: number, set: number, choice: number, vip: number, frame: Frame): number {
    const { rules } = this.rules;
    const kind = rules.rewriteKind(rule);
    const chosen = this.rules.memberEndpoint(frame.network, choice);
    if (chosen === NONE) return NONE;
    // Where the address is not rewritten, the member answers as the VIP.
    const member = kind === REWRITE_KIND.address ? chosen : vip;
    const memberPort = rules.memberPort(choice) < 0 ? frame.destinationPort : rules.memberPort(choice);
    const clientPort = this.freeClientPort(frame, memberPort, member);
    if (clientPort === NONE) return NONE;
    const reversePorts = (clientPort << 16) | memberPort;
    let rewrite = kind === REWRITE_KIND.address ? REWRITE_ADDRESS : 0;
    if (kind === REWRITE_KIND.mac) rewrite = REWRITE_MAC;
    if (reversePorts !== frame.ports) rewrite |= REWRITE_PORTS;
    const slot = rules.statSlot(choice);
    const row = this.tracking.create(frame, frame.ports, reversePorts, vip, member, rewrite, slot);
    if (row === NONE) return NONE;
    const { cold } = this.connections;
    const at = row * COLD_WORDS;
    cold[at + COLD.via] = chosen;
    this.endpoints.retain(chosen);
    cold[at + COLD.owner] = (this.id << 16) | frame.ingress;
    cold[at + COLD.rule] = rules.id(rule);
    cold[at + COLD.revision] = this.rules.revision;
    cold[at + COLD.decision] = ((set - rules.firstCriteria(rule)) << 16) | rules.group(rule);
    cold[at + COLD.network] = frame.network;
    return row;
  }

  /**
   * The client's own port, unless another live flow of the same client already uses it towards the same member
   * and port (two VIPs may share a member): then replies could not be told apart, and another port is taken.
   */
  private freeClientPort(frame: Frame, memberPort: number, member: number): number {
    const { s0, s1, s2, s3, protocol } = frame;
    let port = frame.sourcePort;
    for (let i = 0; i < PORT_TRIES; i++) {
      const row = this.connections.findReverse(s0, s1, s2, s3, (port << 16) | memberPort, member, protocol);
      if (row === NONE) return port;
      if (this.connections.hasEnded(row)) {
        this.tracking.remove(row);
        return port;
      }
      port = 1024 + ((port + 7919 * (i + 1)) % 64_512);
    }
    return NONE;
  }

  private drop(frame: Frame, reason: number): number {
    this.context.drop(frame, reason);
    return CONSUMED;
  }
}
