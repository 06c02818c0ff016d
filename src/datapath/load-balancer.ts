/**
 * The load balancer in a port's egress path (the specification's figure 9).
 *
 * From the VM: a destination that is no virtual address passes. A packet to a VIP is looked up in the connection
 * table; a flow without record finds its rule, picks a member among the criteria set that is effective now, and
 * gets a record. Then the destination is rewritten: address, port, or only the MAC (the forwarding element
 * delivers to `frame.member`).
 * To the VM: a packet from a member that matches a record is turned back, so that the VM sees only the VIP.
 *
 * One instance serves one port, or several when configured so. It owns its round-robin positions; connections,
 * endpoints and statistics lie in the shared tables. A rule that names a VIP works in each network whose ports
 * the LB serves: endpoints are (network, address).
 */
import { NONE } from '../tables/bucket-index.ts';
import {
  COLD,
  COLD_WORDS,
  type ConnectionTable,
  REWRITE_ADDRESS,
  REWRITE_MAC,
  REWRITE_PORTS,
  STATE,
} from '../tables/connection-table.ts';
import {
  ENDPOINT_WORDS,
  type EndpointTable,
  ROLE_ANSWERED,
  ROLE_MEMBER,
  ROLE_VIP,
} from '../tables/endpoint-table.ts';
import { DROP } from '../tables/port-counters.ts';
import { ON_EMPTY, REWRITE_KIND, RuleTable } from '../tables/rule-table.ts';
import * as ethernet from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { NEXT_ICMPV6 } from '../wire/ipv6.ts';
import * as tcp from '../wire/tcp.ts';
import type { ConnectionTracking } from './connection-tracking.ts';
import type { Context } from './context.ts';
import { FAMILY_ARP, FAMILY_NONE, type Frame } from './frame.ts';
import { fixIcmpCheck, isIcmpCheckRight, isIcmpError, QuotedPacket } from './icmp-translation.ts';
import type { Networks } from './networks.ts';
import { CONSUMED, type Operator, PASS } from './operator.ts';
import type { Responder } from './responder.ts';
import { rewriteDestination, rewritePorts, rewriteSource } from './rewrite.ts';
import { WeightedRoundRobin } from './selection.ts';

/** Client ports tried when a flow's reverse key is taken. */
const PORT_TRIES = 32;

/** What the LB knows of one network that its ports are in. */
interface Scope {
  /** VIP endpoint → positions of its rules, most specific first. */
  readonly rulesOf: Map<number, number[]>;
  /** Position of a member in the rule table → endpoint. */
  readonly memberEndpoints: Int32Array;
  readonly endpoints: number[];
}

export class LoadBalancer implements Operator {
  readonly id: number;
  private rules: RuleTable | undefined;
  private memory: ArrayBufferLike | undefined;
  private scopes = new Map<number, Scope>();
  private revision = 0;
  private readonly context: Context;
  private readonly connections: ConnectionTable;
  private readonly endpoints: EndpointTable;
  private readonly tracking: ConnectionTracking;
  private readonly responder: Responder;
  private readonly networks: Networks;
  private readonly selection = new WeightedRoundRobin();
  private readonly quoted = new QuotedPacket();

  constructor(
    id: number,
    context: Context,
    tracking: ConnectionTracking,
    responder: Responder,
    networks: Networks,
  ) {
    this.id = id;
    this.context = context;
    this.connections = context.tables.connections;
    this.endpoints = context.tables.endpoints;
    this.tracking = tracking;
    this.responder = responder;
    this.networks = networks;
  }

  fromVm(frame: Frame): number {
    if (frame.family === FAMILY_NONE || frame.family === FAMILY_ARP) return PASS;
    const vip = this.endpoints.find(frame.network, frame.d0, frame.d1, frame.d2, frame.d3);
    if (vip === NONE || !this.endpoints.hasRole(vip, ROLE_VIP)) return PASS;
    if (frame.l4 !== 0 && (frame.protocol === ipv4.PROTOCOL_TCP || frame.protocol === ipv4.PROTOCOL_UDP)) {
      const { s0, s1, s2, s3, ports, protocol } = frame;
      const row = this.connections.findForward(s0, s1, s2, s3, ports, vip, protocol);
      if (row !== NONE && !this.tracking.isPurged(row) && !this.startsAnew(row, frame)) {
        this.toMember(row, this.tracking.packetForward(row, frame), frame);
        return PASS;
      }
    }
    if (isIcmpError(frame)) return this.errorFromClient(vip, frame);
    return this.newFlow(vip, frame);
  }

  toVm(frame: Frame): number {
    if (isIcmpError(frame)) return this.errorToClient(frame);
    const isTransport = frame.protocol === ipv4.PROTOCOL_TCP || frame.protocol === ipv4.PROTOCOL_UDP;
    if (!isTransport || frame.l4 === 0) return PASS;
    const member = this.endpoints.find(frame.network, frame.s0, frame.s1, frame.s2, frame.s3);
    if (member === NONE) return PASS;
    const ports = (frame.ports << 16) | (frame.ports >>> 16);
    const { d0, d1, d2, d3, protocol } = frame;
    const row = this.connections.findReverse(d0, d1, d2, d3, ports, member, protocol);
    if (row === NONE || this.tracking.isPurged(row)) return PASS;
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
    if ((rewrite & (REWRITE_ADDRESS | REWRITE_MAC)) !== 0) this.setRouterSource(frame);
  }

  /** The client knows the VIP by the router's MAC, whoever answers. */
  private setRouterSource(frame: Frame): void {
    const { routerMacHigh, routerMacLow } = this.networks.at(frame.network);
    ethernet.setSource(frame.view, frame.offset, routerMacHigh, routerMacLow);
  }

  /** An ICMP error from the client about a packet that the VIP "sent": it goes to the member, in its terms. */
  private errorFromClient(vip: number, frame: Frame): number {
    const { quoted } = this;
    if (!quoted.load(frame)) return this.drop(frame, DROP.noConnection);
    const { destination: client, protocol } = quoted;
    const ports = (quoted.ports << 16) | (quoted.ports >>> 16);
    const row = this.connections.findForward(
      client[0]!,
      client[1]!,
      client[2]!,
      client[3]!,
      ports,
      vip,
      protocol,
    );
    if (row === NONE) return this.drop(frame, DROP.noConnection);
    if (!isIcmpCheckRight(frame)) return this.drop(frame, DROP.badTransportChecksum);
    const { rows } = this.endpoints;
    const member = this.connections.member(row) * ENDPOINT_WORDS;
    const reverse = this.connections.reversePorts(row);
    quoted.rewriteSource(rows, member, (reverse << 16) | (reverse >>> 16));
    rewriteDestination(frame, rows, member, frame.ports);
    fixIcmpCheck(frame);
    frame.member = this.connections.via(row);
    return PASS;
  }

  /** An ICMP error about a packet of the client's that was translated: the client sees its own packet quoted. */
  private errorToClient(frame: Frame): number {
    const { quoted } = this;
    if (!quoted.load(frame)) return PASS;
    const { destination } = quoted;
    const member = this.endpoints.find(
      frame.network,
      destination[0]!,
      destination[1]!,
      destination[2]!,
      destination[3]!,
    );
    if (member === NONE) return PASS;
    const { source, ports, protocol } = quoted;
    const row = this.connections.findReverse(
      source[0]!,
      source[1]!,
      source[2]!,
      source[3]!,
      ports,
      member,
      protocol,
    );
    if (row === NONE) return PASS;
    if (!isIcmpCheckRight(frame)) return this.drop(frame, DROP.badTransportChecksum);
    if (!frame.makeWritable()) return this.drop(frame, DROP.outOfBuffers);
    quoted.load(frame);
    const { rows } = this.endpoints;
    const vip = this.connections.vip(row) * ENDPOINT_WORDS;
    quoted.rewriteDestination(rows, vip, this.connections.forwardPorts(row));
    if (frame.s3 === destination[3] && frame.s0 === destination[0] && frame.s1 === destination[1]) {
      // The member itself complains: it is the VIP to the client.
      rewriteSource(frame, rows, vip, frame.ports);
      this.setRouterSource(frame);
    }
    fixIcmpCheck(frame);
    return PASS;
  }

  /** True if a SYN meets the record of a flow that has ended: the port is used again, the old record goes. */
  private startsAnew(row: number, frame: Frame): boolean {
    if ((frame.tcpFlags & (tcp.SYN | tcp.ACK | tcp.RST)) !== tcp.SYN) return false;
    const state = this.connections.state(row);
    if (state !== STATE.timeWait && state !== STATE.closed) return false;
    this.tracking.remove(row);
    return true;
  }

  /** A packet to a VIP without record: rule, member, record, rewrite. */
  private newFlow(vip: number, frame: Frame): number {
    if (frame.protocol === ipv4.PROTOCOL_ICMP || frame.protocol === NEXT_ICMPV6) {
      return this.responder.echoToVip(frame);
    }
    const { rules } = this;
    const scope = this.scopes.get(frame.network);
    const rule = rules === undefined || scope === undefined ? NONE : this.ruleFor(rules, scope, vip, frame);
    // The VIP is another LB's, or an old one: not ours to balance.
    if (rule === NONE) return PASS;
    if (frame.fragment) return this.drop(frame, DROP.fragmentToVip);
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
    const set = rules!.effectiveCriteria(rule, this.context.wallMs);
    const choice = set === NONE ? NONE : this.selection.pick(rules!, set);
    if (choice === NONE) {
      this.drop(frame, DROP.noMember);
      return rules!.onEmpty(rule) === ON_EMPTY.reject ? this.responder.reject(frame) : CONSUMED;
    }
    const row = this.record(rules!, scope!, rule, set, choice, vip, frame);
    if (row === NONE) return this.drop(frame, DROP.connectionsFull);
    this.toMember(row, this.tracking.packetForward(row, frame), frame);
    return PASS;
  }

  private ruleFor(rules: RuleTable, scope: Scope, vip: number, frame: Frame): number {
    const candidates = scope.rulesOf.get(vip);
    if (candidates === undefined) return NONE;
    const { protocol, s0, s1, s2, s3 } = frame;
    for (let i = 0; i < candidates.length; i++) {
      const rule = candidates[i]!;
      if (rules.matches(rule, protocol, frame.destinationPort, frame.sourcePort, s0, s1, s2, s3)) return rule;
    }
    return NONE;
  }

  /** Makes the connection record of a new flow, with the decision that led to it. */
  private record(
    rules: RuleTable,
    scope: Scope,
    rule: number,
    set: number,
    choice: number,
    vip: number,
    frame: Frame,
  ): number {
    const kind = rules.rewriteKind(rule);
    const chosen = scope.memberEndpoints[choice]!;
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
    cold[at + COLD.revision] = this.revision;
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
      const state = this.connections.state(row);
      if (state === STATE.timeWait || state === STATE.closed) {
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

  /** Takes new rules into force for the networks of its ports. Returns false if the endpoint table is full. */
  adopt(memory: ArrayBufferLike, networks: readonly number[], revision: number): boolean {
    const sameNetworks = networks.length === this.scopes.size && networks.every((n) => this.scopes.has(n));
    if (memory === this.memory && sameNetworks) return true;
    const rules = new RuleTable(memory);
    const old = this.scopes;
    this.scopes = new Map();
    let complete = true;
    for (const network of networks) {
      const scope = this.scopeFor(rules, network);
      if (scope.endpoints.includes(NONE)) complete = false;
      this.scopes.set(network, scope);
    }
    this.selection.adopt(rules, this.rules, this.id);
    this.rules = rules;
    this.memory = memory;
    this.revision = revision;
    for (const scope of old.values()) this.releaseScope(scope);
    return complete;
  }

  /** Gives its endpoints back; running flows keep theirs. */
  close(): void {
    for (const scope of this.scopes.values()) this.releaseScope(scope);
    this.scopes.clear();
    this.rules = undefined;
    this.memory = undefined;
  }

  private scopeFor(rules: RuleTable, network: number): Scope {
    const rulesOf = new Map<number, number[]>();
    const memberEndpoints = new Int32Array(rules.memberCount);
    const held: number[] = [];
    for (let rule = 0; rule < rules.ruleCount; rule++) {
      const word = (i: number): number => rules.vipWord(rule, i);
      const vip = this.endpoints.intern(network, word(0), word(1), word(2), word(3));
      held.push(vip);
      if (vip === NONE) continue;
      this.endpoints.addRole(vip, ROLE_VIP);
      if (rules.rewriteKind(rule) !== REWRITE_KIND.port) this.endpoints.addRole(vip, ROLE_ANSWERED);
      rulesOf.set(vip, [...(rulesOf.get(vip) ?? []), rule]);
      const first = rules.firstCriteria(rule);
      for (let set = first; set < first + rules.criteriaCount(rule); set++) {
        for (let m = rules.firstMember(set); m < rules.firstMember(set) + rules.membersOf(set); m++) {
          const at = (i: number): number => rules.memberWord(m, i);
          const member = this.endpoints.intern(network, at(0), at(1), at(2), at(3));
          held.push(member);
          memberEndpoints[m] = member;
          if (member === NONE) continue;
          this.endpoints.addRole(member, ROLE_MEMBER);
          if (rules.memberMacHigh(m) >= 0) {
            this.endpoints.setMac(member, rules.memberMacHigh(m), rules.memberMacLow(m));
          }
        }
      }
    }
    return { rulesOf, memberEndpoints, endpoints: held };
  }

  private releaseScope(scope: Scope): void {
    for (const endpoint of scope.endpoints) if (endpoint !== NONE) this.endpoints.release(endpoint);
  }
}
