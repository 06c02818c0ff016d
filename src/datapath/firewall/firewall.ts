/**
 * A firewall in a port's chain: stateful rules for both directions.
 *
 * It stands between the VM and the load balancer, so at a client's port rules see virtual addresses, at a member's port
 * the member's own. ARP, RARP and neighbour discovery pass, as no packet would be delivered without them. An ICMP error
 * passes if the packet that it quotes belongs to an allowed flow. The first fragment of a datagram is judged like a
 * packet; later ones, which have no ports, pass after it.
 */
import { NONE } from '../../tables/common/bucket-index.ts';
import { type FirewallRules, FROM_VM, TO_VM } from '../../tables/firewall/firewall-rules.ts';
import { BEGUN_BY_VM } from '../../tables/firewall/firewall-table.ts';
import { DROP } from '../../tables/port-counters.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { swapPorts } from '../../wire/ports.ts';
import * as tcp from '../../wire/tcp.ts';
import { isIcmpError, QuotedPacket } from '../balancing/icmp-translation.ts';
import type { Context } from '../frame/context.ts';
import { isIcmp } from '../frame/echo.ts';
import { FAMILY_IPV4, FAMILY_IPV6, type Frame } from '../frame/frame.ts';
import { PASS } from '../frame/verdict.ts';
import type { Operator } from '../ports/operator.ts';
import type { FirewallFlows } from './firewall-flows.ts';

const quoted = new QuotedPacket();

export class Firewall implements Operator {
  readonly name = 'firewall';
  readonly inspects = 'handshake';
  readonly rules: FirewallRules;
  /** Place among the firewalls of its port's chain. */
  readonly place: number;
  private readonly context: Context;
  private readonly flows: FirewallFlows;
  private readonly port: number;
  /** The packet that goes into the log. */
  private readonly denied;

  constructor(context: Context, flows: FirewallFlows, rules: FirewallRules, port: number, place: number) {
    this.context = context;
    this.flows = flows;
    this.rules = rules;
    this.port = port;
    this.place = place;
    const { source, destination } = flows;
    this.denied = { rule: 0, port, protocol: 0, ports: 0, direction: 0, source, destination };
  }

  ingress(frame: Frame): number {
    return this.judge(frame, FROM_VM);
  }

  egress(frame: Frame): number {
    return this.judge(frame, TO_VM);
  }

  private judge(frame: Frame, direction: number): number {
    if (frame.family !== FAMILY_IPV4 && frame.family !== FAMILY_IPV6) return PASS;
    if (isNeighbourDiscovery(frame)) return PASS;
    const { flows } = this;
    const isFromVm = direction === FROM_VM;
    flows.setKey(frame, isFromVm, this.port, this.place);
    if (isIcmpError(frame) && this.isRelated(frame, isFromVm)) return PASS;
    flows.setKey(frame, isFromVm, this.port, this.place);
    const row = flows.table.find(flows.key);
    if (row !== NONE) {
      this.report(-1, true, true);
      flows.seen(row, frame, isFromVm);
      return this.passFirstFragment(frame, isFromVm);
    }
    // A reply that the load balancer has just translated: its record exists because this firewall let the flow begin.
    const isReply = !isFromVm && frame.turnedBack;
    if (!isReply && !this.allows(frame, direction)) return this.context.consume(frame, DROP.firewall);
    return this.add(frame, isReply ? !isFromVm : isFromVm);
  }

  /** Judges a packet without a flow by the rules; the flows' `source` and `destination` are set. */
  private allows(frame: Frame, direction: number): boolean {
    const { rules, flows } = this;
    const value = isIcmp(frame.protocol) ? frame.icmpType : frame.destinationPort;
    const isAllowed = rules.match(direction, frame.protocol, value, flows.source, flows.destination);
    this.report(rules.rule, false, isAllowed);
    const { firewallHits, deniedLog } = this.context.tables;
    if (rules.rule >= 0) firewallHits[rules.rule]!++;
    if (!isAllowed && rules.logs) {
      const { denied } = this;
      denied.rule = rules.rule;
      denied.protocol = frame.protocol;
      denied.ports = frame.ports;
      denied.direction = direction;
      deniedLog.write(denied);
    }
    return isAllowed;
  }

  private report(rule: number, known: boolean, allowed: boolean): void {
    const { sink } = this.context;
    if (sink !== null) sink.fact({ kind: 'firewall', rule, known, allowed });
  }

  /** Adds the flow of an allowed packet; those to groups, errors and resets begin none. */
  private add(frame: Frame, isBegunByVm: boolean): number {
    const { flows } = this;
    if (isGroup(frame) || (frame.tcpFlags & tcp.RST) !== 0) return PASS;
    if (isIcmp(frame.protocol) && !frame.isEchoRequest && !frame.isEchoReply) return PASS;
    const value = isIcmp(frame.protocol) ? frame.icmpType : 0;
    const row = flows.table.add(flows.key, isBegunByVm ? BEGUN_BY_VM : 0, value, this.context.nowMs);
    if (row === NONE) return this.context.consume(frame, DROP.firewallTableFull);
    flows.seen(row, frame, isBegunByVm);
    return this.passFirstFragment(frame, isBegunByVm);
  }

  /** Lets the later fragments of a datagram pass: they have no ports. */
  private passFirstFragment(frame: Frame, isFromVm: boolean): number {
    if (!frame.fragment || frame.fragmentOffset !== 0 || frame.ports === 0) return PASS;
    const { flows } = this;
    flows.key[8] = 0;
    const row = flows.table.find(flows.key);
    if (row !== NONE) flows.table.touch(row, 0, this.context.nowMs);
    else flows.table.add(flows.key, isFromVm ? BEGUN_BY_VM : 0, 0, this.context.nowMs);
    return PASS;
  }

  /** Whether an ICMP error quotes a packet of an allowed flow, which the receiver of the error has sent. */
  private isRelated(frame: Frame, isFromVm: boolean): boolean {
    if (!quoted.load(frame)) return false;
    const { key, table } = this.flows;
    const local = isFromVm ? quoted.destination : quoted.source;
    const remote = isFromVm ? quoted.source : quoted.destination;
    for (let word = 0; word < 4; word++) {
      key[word] = remote[word]!;
      key[4 + word] = local[word]!;
    }
    key[8] = isFromVm ? swapPorts(quoted.ports) : quoted.ports;
    key[9] = (key[9]! & ~0xff) | quoted.protocol;
    return table.find(key) !== NONE;
  }
}

const isGroup = ({ family, d0, d3 }: Frame): boolean =>
  family === FAMILY_IPV4 ? ipv4.isGroup(d3) : ipv6.isGroup(d0);

/** RFC 4861: solicitations, advertisements and redirects, types 133 to 137. */
const isNeighbourDiscovery = ({ protocol, icmpType }: Frame): boolean =>
  protocol === ipv6.NEXT_ICMPV6 && icmpType >= icmpv6.ROUTER_SOLICITATION && icmpType <= icmpv6.REDIRECT;
