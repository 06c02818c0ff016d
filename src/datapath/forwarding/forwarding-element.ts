/**
 * The forwarding element behind all ports: sends a frame that has passed its port's chain to a member, to the logical
 * router, or through the logical switch. It also handles ARP and ND.
 */
import { ENDPOINT_WORDS, ROLE_FIXED_MAC } from '../../tables/balancing/endpoint-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { NetworkAddress } from '../../tables/common/network-address.ts';
import { DROP, PORT } from '../../tables/port-counters.ts';
import * as arp from '../../wire/arp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Context } from '../frame/context.ts';
import {
  FAMILY_ARP,
  FAMILY_IPV4,
  FAMILY_IPV6,
  FAMILY_NONE,
  type Frame,
  IPV4_MAPPED,
} from '../frame/frame.ts';
import type { OnUndelivered } from '../frame/undelivered.ts';
import { CONSUMED } from '../frame/verdict.ts';
import { fits, isForRouter, type Networks } from '../ports/networks.ts';
import type { IcmpErrors } from './icmp-errors.ts';
import type { LogicalRouter } from './logical-router.ts';
import type { LogicalSwitch } from './logical-switch.ts';
import type { NeighbourResolver } from './neighbour-resolver.ts';
import { isValidNd, isValidRouterSolicitation, type Responder } from './responder.ts';
import type { RouterAdvertiser } from './router-advertiser.ts';

export interface ForwardingParts {
  readonly context: Context;
  readonly networks: Networks;
  readonly logicalSwitch: LogicalSwitch;
  readonly router: LogicalRouter;
  readonly resolver: NeighbourResolver;
  readonly responder: Responder;
  readonly errors: IcmpErrors;
  readonly advertiser: RouterAdvertiser;
  readonly undelivered: OnUndelivered;
}

export class ForwardingElement {
  private readonly context: Context;
  private readonly networks: Networks;
  private readonly logicalSwitch: LogicalSwitch;
  private readonly router: LogicalRouter;
  private readonly resolver: NeighbourResolver;
  private readonly responder: Responder;
  private readonly errors: IcmpErrors;
  private readonly advertiser: RouterAdvertiser;
  private readonly undelivered: OnUndelivered;
  /** Who says in ARP or ND where it is. */
  private readonly sender = new NetworkAddress();

  constructor(parts: ForwardingParts) {
    this.context = parts.context;
    this.networks = parts.networks;
    this.logicalSwitch = parts.logicalSwitch;
    this.router = parts.router;
    this.resolver = parts.resolver;
    this.responder = parts.responder;
    this.errors = parts.errors;
    this.advertiser = parts.advertiser;
    this.undelivered = parts.undelivered;
  }

  /** Forwards a frame to its destination; the caller keeps ownership of the frame. */
  forward(frame: Frame): void {
    if (frame.member !== NONE) return this.toMember(frame);
    if (frame.family === FAMILY_ARP) return this.arp(frame);
    if (frame.protocol === ipv6.NEXT_ICMPV6 && frame.family === FAMILY_IPV6 && frame.l4 !== 0) {
      const type = icmpv6.type(frame.view, frame.l4);
      if (type === icmpv6.NEIGHBOUR_SOLICITATION || type === icmpv6.NEIGHBOUR_ADVERTISEMENT) {
        return this.neighbourDiscovery(frame, type);
      }
      if (this.networks.at(frame.network).linkLocal !== undefined) {
        if (type === icmpv6.ROUTER_SOLICITATION) return this.routerSolicitation(frame);
        if (type === icmpv6.ECHO && ipv6.isGroup(frame.d0)) this.responder.answerGroupEcho(frame);
      }
    }
    if (!isForRouter(frame, this.networks)) return this.logicalSwitch.forward(frame, frame.network);
    if (frame.family === FAMILY_IPV4 || frame.family === FAMILY_IPV6) return this.router.route(frame);
    this.context.drop(frame, frame.family === FAMILY_NONE ? DROP.notForUs : DROP.badArp);
  }

  /** Sends a balanced packet to its member. If a flow's first packet is dropped, its record is deleted. */
  private toMember(frame: Frame): void {
    frame.dropped = false;
    const { sink } = this.context;
    if (sink !== null) {
      const at = frame.member * ENDPOINT_WORDS;
      const { rows } = this.context.tables.endpoints;
      sink.fact({ kind: 'to-member', address: [rows[at]!, rows[at + 1]!, rows[at + 2]!, rows[at + 3]!] });
    }
    this.deliverToMember(frame);
    if (frame.dropped) this.undelivered.dropped(frame);
  }

  /** Sends to the member's MAC if the member is on this link, else through the router. */
  private deliverToMember(frame: Frame): void {
    const { context } = this;
    const { endpoints } = context.tables;
    const { member, network } = frame;
    const link = this.networks.at(network);
    const port = endpoints.wayPort(member, context.wayGeneration);
    if (port >= 0) {
      if (!fits(frame, link)) return this.errors.dropOverMtu(frame, link.mtu);
      ethernet.setDestination(
        frame.view,
        frame.offset,
        endpoints.wayMacHigh(member),
        endpoints.wayMacLow(member),
      );
      return this.logicalSwitch.sendTo(port, frame);
    }
    if (endpoints.hasRole(member, ROLE_FIXED_MAC)) {
      if (!fits(frame, link)) return this.errors.dropOverMtu(frame, link.mtu);
      ethernet.setDestination(frame.view, frame.offset, endpoints.macHigh(member), endpoints.macLow(member));
      return this.logicalSwitch.forward(frame, network);
    }
    const at = member * ENDPOINT_WORDS;
    const { rows } = endpoints;
    if (link.isOnLink(rows[at]!, rows[at + 1]!, rows[at + 2]!, rows[at + 3]!)) {
      if (!fits(frame, link)) return this.errors.dropOverMtu(frame, link.mtu);
      this.resolver.cacheWay(member, network);
      return this.resolver.deliver(frame, network, rows[at]!, rows[at + 1]!, rows[at + 2]!, rows[at + 3]!);
    }
    this.router.route(frame);
  }

  private arp(frame: Frame): void {
    const { view, l3, network } = frame;
    const sender = arp.senderIp(view, l3);
    const high = arp.senderMacHigh(view, l3);
    const low = arp.senderMacLow(view, l3);
    if (!this.networks.at(network).isStationMac(high, low))
      return this.context.drop(frame, DROP.badNeighbourMac);
    // No station may claim a gateway or a VIP, even if its port allows any address.
    if (this.responder.isOurs(network, 0, 0, IPV4_MAPPED, sender))
      return this.context.drop(frame, DROP.spoofedArp);
    if (sender !== 0) this.resolver.heard(this.sender.set(network, 0, 0, IPV4_MAPPED, sender), high, low);
    if (this.responder.answerArp(frame) === CONSUMED) return;
    this.passOn(frame);
  }

  private neighbourDiscovery(frame: Frame, type: number): void {
    if (!isValidNd(frame)) return this.context.drop(frame, DROP.badNd);
    const { view, l4, network } = frame;
    const end = l4 + frame.l4Bytes;
    if (type === icmpv6.NEIGHBOUR_SOLICITATION) {
      const at = icmpv6.linkAddressAt(view, l4, end, icmpv6.OPTION_SOURCE_LINK_ADDRESS);
      if (at > 0) {
        const { s0, s1, s2, s3 } = frame;
        const high = ethernet.macHigh(view, at);
        const low = ethernet.macLow(view, at);
        if (!this.networks.at(network).isStationMac(high, low))
          return this.context.drop(frame, DROP.badNeighbourMac);
        this.resolver.heard(this.sender.set(network, s0, s1, s2, s3), high, low);
      }
      if (this.responder.answerSolicitation(frame) === CONSUMED) return;
    } else {
      const at = icmpv6.linkAddressAt(view, l4, end, icmpv6.OPTION_TARGET_LINK_ADDRESS);
      const high = at > 0 ? ethernet.macHigh(view, at) : ethernet.sourceHigh(view, frame.offset);
      const low = at > 0 ? ethernet.macLow(view, at) : ethernet.sourceLow(view, frame.offset);
      if (!this.networks.at(network).isStationMac(high, low))
        return this.context.drop(frame, DROP.badNeighbourMac);
      const word = (i: number): number => icmpv6.targetWord(view, l4, i);
      if (this.responder.isOurs(network, word(0), word(1), word(2), word(3))) {
        return this.context.drop(frame, DROP.spoofedNd);
      }
      this.resolver.heard(this.sender.set(network, word(0), word(1), word(2), word(3)), high, low);
    }
    this.passOn(frame);
  }

  /** A question for the logical router, which no other port hears. */
  private routerSolicitation(frame: Frame): void {
    if (!isValidRouterSolicitation(frame)) return this.context.drop(frame, DROP.badNd);
    const { view, l4, network } = frame;
    const end = l4 + frame.l4Bytes;
    const at = icmpv6.linkAddressAt(
      view,
      l4,
      end,
      icmpv6.OPTION_SOURCE_LINK_ADDRESS,
      icmpv6.ROUTER_SOLICITATION_BYTES,
    );
    if (at > 0) {
      const { s0, s1, s2, s3 } = frame;
      this.sender.set(network, s0, s1, s2, s3);
      this.resolver.heard(this.sender, ethernet.macHigh(view, at), ethernet.macLow(view, at));
    }
    this.advertiser.answer(frame);
  }

  /** ARP and ND that are not for a gateway or a VIP: messages to the router are consumed, others are bridged. */
  private passOn(frame: Frame): void {
    if (isForRouter(frame, this.networks)) this.context.count(frame.ingress, PORT.answered);
    else this.logicalSwitch.forward(frame, frame.network);
  }
}
