/**
 * Guards: messages that only servers, routers and switches send, dropped where a plain VM sends them.
 *
 * Reserved multicast: group addresses that a switch keeps for itself and never forwards (IEEE 802.1Q §8.6.3). DHCP: what
 * goes to a client's port (DHCP snooping; RFC 7610 for DHCPv6). Router advertisements and IPv6 redirects (RFC 6105).
 *
 * The last two look behind extension headers, which the frame has followed. A first fragment that ends before the upper
 * layer's header could hide either in the second one: it is dropped, as its receiver would have to (RFC 7112 §5, RFC 7113
 * §2). The fragments behind a first one that was dropped come to nothing.
 *
 * The operator stands first in a port's chain, before anything is learned. It acts on no plain packet (plain-packets.ts).
 */
import { DROP } from '../../tables/port-counters.ts';
import * as dhcp from '../../wire/dhcp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import { PROTOCOL_ICMP, PROTOCOL_UDP } from '../../wire/ipv4.ts';
import { NEXT_FRAGMENT, NEXT_ICMPV6 } from '../../wire/ipv6.ts';
import type { Context } from '../frame/context.ts';
import { FAMILY_IPV4, FAMILY_IPV6, type Frame } from '../frame/frame.ts';
import { PASS } from '../frame/verdict.ts';
import type { Operator } from '../ports/operator.ts';
import type { PortGuards } from '../snapshot.ts';

export class SourceGuards implements Operator {
  readonly name = 'source-guards';
  readonly inspects = 'odd';
  private readonly context: Context;
  private readonly guards: PortGuards;

  constructor(context: Context, guards: PortGuards) {
    this.context = context;
    this.guards = guards;
  }

  ingress(frame: Frame): number {
    const reason = this.reasonToDrop(frame);
    return reason === DROP.none ? PASS : this.context.consume(frame, reason);
  }

  private reasonToDrop(frame: Frame): number {
    const { dhcp: dhcpGuard, routerAdvertisements, reservedMulticast } = this.guards;
    if (reservedMulticast && ethernet.isForReservedGroup(frame.view, frame.offset))
      return DROP.reservedMulticast;
    if ((dhcpGuard || routerAdvertisements) && hidesUpperLayer(frame)) return DROP.fragmentTooSmall;
    if (dhcpGuard && isFromDhcpServer(frame)) return DROP.dhcpGuard;
    return routerAdvertisements && isFromRouter(frame) ? DROP.raGuard : DROP.none;
  }
}

/** A first fragment of IPv6 without its whole header chain, or with a fragment inside. */
const hidesUpperLayer = (frame: Frame): boolean =>
  frame.fragment &&
  frame.family === FAMILY_IPV6 &&
  frame.fragmentOffset === 0 &&
  (frame.l4 === 0 || frame.protocol === NEXT_FRAGMENT);

const isFromDhcpServer = (frame: Frame): boolean =>
  frame.protocol === PROTOCOL_UDP && dhcp.isClientPort(frame.destinationPort);

function isFromRouter(frame: Frame): boolean {
  const { view, l4, family, protocol } = frame;
  if (l4 === 0) return false;
  if (family === FAMILY_IPV4)
    return protocol === PROTOCOL_ICMP && icmp.type(view, l4) === icmp.ROUTER_ADVERTISEMENT;
  if (family !== FAMILY_IPV6 || protocol !== NEXT_ICMPV6) return false;
  const type = icmpv6.type(view, l4);
  return type === icmpv6.ROUTER_ADVERTISEMENT || type === icmpv6.REDIRECT;
}
