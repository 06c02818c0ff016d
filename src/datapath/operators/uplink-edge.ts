/**
 * The edge between a network's logical switch and the physical network behind an uplink.
 *
 * Theory of operation. Every host has the same router MAC and answers for the same gateways and VIPs, each for its
 * own VMs. On the wire that would be one station in many places: physical switches would relearn it constantly, and
 * VMs would resolve their gateway to another host. These addresses therefore never cross an uplink:
 *
 * To the wire. A frame of the router (a routed packet, a neighbour request) carries the host's own MAC instead of the
 * router's. Requests reveal no gateway address: an ARP request becomes a probe (RFC 5227 §1.1, sender 0.0.0.0), a
 * neighbour solicitation comes from the link-local address of the host's MAC. Replies are sent to that MAC.
 *
 * From the wire. A reply to such a request, addressed to the host's MAC, is passed to the router; other frames to
 * that address, and all from or to the router's MAC, are dropped. Requests for gateways and VIPs are not answered:
 * the sender's own host does that. A frame whose source is local (the host's MAC, or that of a VM of a port) has
 * returned by a loop, or another station claims the MAC: dropped, so that a VM never receives its own frames.
 *
 * A VM's own VLAN tags do not cross in either direction: on the wire a tag says which network a frame belongs to.
 */

import { NONE } from '../../tables/common/bucket-index.ts';
import { DROP, PORT } from '../../tables/port-counters.ts';
import { macHigh16, macLow32 } from '../../wire/address.ts';
import * as arp from '../../wire/arp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { setIcmpv6Check } from '../../wire/pseudo-header.ts';
import type { Responder } from '../forwarding/responder.ts';
import type { Context } from '../frame/context.ts';
import { FAMILY_ARP, FAMILY_IPV6, type Frame, IPV4_MAPPED } from '../frame/frame.ts';
import { CONSUMED, PASS } from '../frame/verdict.ts';
import type { Network, Networks } from '../ports/networks.ts';
import type { Operator } from '../ports/operator.ts';
import type { Port } from '../ports/port.ts';

export class UplinkEdge implements Operator {
  readonly name = 'uplink-edge';
  readonly inspects = 'anything';
  private readonly context: Context;
  private readonly networks: Networks;
  private readonly responder: Responder;
  private readonly ports: readonly (Port | undefined)[];
  /** The host's own MAC in this network, in place of the router's. */
  private readonly hostHigh: number;
  private readonly hostLow: number;

  constructor(
    context: Context,
    networks: Networks,
    responder: Responder,
    ports: readonly (Port | undefined)[],
    hostMac: string,
  ) {
    this.context = context;
    this.networks = networks;
    this.responder = responder;
    this.ports = ports;
    this.hostHigh = macHigh16(hostMac);
    this.hostLow = macLow32(hostMac);
  }

  // --- to the wire -------------------------------------------------------------------------------------------

  egress(frame: Frame): number {
    if (frame.tagged) return this.context.consume(frame, DROP.vlanNotAllowed);
    const { routerMacHigh, routerMacLow } = this.networks.at(frame.network);
    const { view, offset } = frame;
    if (
      ethernet.sourceLow(view, offset) !== routerMacLow ||
      ethernet.sourceHigh(view, offset) !== routerMacHigh
    )
      return PASS;
    const isArp = frame.family === FAMILY_ARP;
    // The router only sends requests on an uplink; other ARP and ND frames are not the router's.
    if (isArp && arp.operation(view, frame.l3) !== arp.REQUEST)
      return this.context.consume(frame, DROP.spoofedArp);
    const solicits = isSolicitation(frame);
    if (solicits && frame.l4Bytes !== icmpv6.ND_WITH_ADDRESS_BYTES)
      return this.context.consume(frame, DROP.spoofedNd);
    if (!frame.makeWritable()) return this.context.consume(frame, DROP.outOfBuffers);
    ethernet.setSource(view, frame.offset, this.hostHigh, this.hostLow);
    if (isArp) this.askAsNobody(frame);
    else if (solicits) this.solicitAsHost(frame);
    return PASS;
  }

  private askAsNobody({ view, l3 }: Frame): void {
    const target = arp.targetIp(view, l3);
    arp.write(view, l3, arp.REQUEST);
    arp.setSender(view, l3, this.hostHigh, this.hostLow, 0);
    arp.setTarget(view, l3, 0, 0, target);
  }

  /** A solicitation as `writeNeighbourSolicitation` makes them: with the source's link address as its one option. */
  private solicitAsHost({ view, l3, l4, l4Bytes }: Frame): void {
    ipv6.writeLinkLocal(view, l3 + ipv6.SOURCE_OFFSET, this.hostHigh, this.hostLow);
    const at = l4 + icmpv6.ND_BYTES + 2;
    ethernet.setMac(view, at, this.hostHigh, this.hostLow);
    setIcmpv6Check(view, l3, l4, l4Bytes);
  }

  // --- from the wire -----------------------------------------------------------------------------------------

  ingress(frame: Frame): number {
    if (frame.tagged) return this.context.consume(frame, DROP.vlanNotAllowed);
    const { view, offset } = frame;
    const network = this.networks.at(frame.network);
    const sourceHigh = ethernet.sourceHigh(view, offset);
    const sourceLow = ethernet.sourceLow(view, offset);
    if (this.isHost(sourceHigh, sourceLow) || this.isBehindPort(frame, sourceHigh, sourceLow))
      return this.context.consume(frame, DROP.ownFrameReturned);
    if (isRouter(network, sourceHigh, sourceLow)) return this.context.consume(frame, DROP.routerMacOutside);
    const high = ethernet.destinationHigh(view, offset);
    const low = ethernet.destinationLow(view, offset);
    if (isRouter(network, high, low)) return this.context.consume(frame, DROP.routerMacOutside);
    if (this.isHost(high, low)) return this.toHost(frame, network);
    return this.asksForOurs(frame) ? this.takeIn(frame) : PASS;
  }

  /**
   * An answer to a question of the router's, which knows it under its own MAC. A VM that was asked may ask back whether
   * the asker's link-local address is still there (RFC 4861 §7.3.3): nothing depends on the answer, so there is none.
   */
  private toHost(frame: Frame, network: Network): number {
    const { view, offset } = frame;
    if (isSolicitation(frame)) return this.takeIn(frame);
    const isAnswer =
      frame.family === FAMILY_ARP
        ? arp.operation(view, frame.l3) === arp.REPLY
        : isOfType(frame, icmpv6.NEIGHBOUR_ADVERTISEMENT);
    if (!isAnswer) return this.context.consume(frame, DROP.notForUs);
    ethernet.setDestination(view, offset, network.routerMacHigh, network.routerMacLow);
    return PASS;
  }

  /** Whether a frame asks for a router, a gateway or a VIP, which every host answers to its own VMs. */
  private asksForOurs(frame: Frame): boolean {
    const { view, l3, l4, network } = frame;
    if (frame.family === FAMILY_ARP) {
      const target = arp.targetIp(view, l3);
      // Who asks for its own address claims it: that is the forwarding element's to refuse.
      const asks = arp.operation(view, l3) === arp.REQUEST && arp.senderIp(view, l3) !== target;
      return asks && this.responder.isOurs(network, 0, 0, IPV4_MAPPED, target);
    }
    if (isRouterSolicitation(frame)) return this.networks.at(network).linkLocal !== undefined;
    if (!isSolicitation(frame)) return false;
    const word = (i: number): number => icmpv6.targetWord(view, l4, i);
    return this.responder.isOurs(network, word(0), word(1), word(2), word(3));
  }

  private isHost(high: number, low: number): boolean {
    return low === this.hostLow && high === this.hostHigh;
  }

  /** Whether a MAC is that of the VM of one of the network's ports. */
  private isBehindPort(frame: Frame, high: number, low: number): boolean {
    const { macs } = this.context.tables;
    const id = macs.find(frame.network, high, low, this.context.nowMs);
    if (id === NONE || id === frame.ingress) return false;
    const port = this.ports[id];
    return port !== undefined && port.macLow === low && port.macHigh === high;
  }

  private takeIn(frame: Frame): number {
    this.context.count(frame.ingress, PORT.answered);
    return CONSUMED;
  }
}

const isRouter = (network: Network, high: number, low: number): boolean =>
  low === network.routerMacLow && high === network.routerMacHigh;

const isSolicitation = (frame: Frame): boolean => isOfType(frame, icmpv6.NEIGHBOUR_SOLICITATION);

const isRouterSolicitation = (frame: Frame): boolean =>
  frame.family === FAMILY_IPV6 &&
  frame.protocol === ipv6.NEXT_ICMPV6 &&
  frame.l4 !== 0 &&
  icmpv6.type(frame.view, frame.l4) === icmpv6.ROUTER_SOLICITATION;

/** An ICMPv6 message of a type that has the length of an ND message at least. */
const isOfType = (frame: Frame, type: number): boolean =>
  frame.family === FAMILY_IPV6 &&
  frame.protocol === ipv6.NEXT_ICMPV6 &&
  frame.l4 !== 0 &&
  frame.l4Bytes >= icmpv6.ND_BYTES &&
  icmpv6.type(frame.view, frame.l4) === type;
