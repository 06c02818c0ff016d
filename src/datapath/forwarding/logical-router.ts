/**
 * The logical routers between the networks of a host: routes, TTL, MTU, and the errors that go with them.
 *
 * A router connects its networks, which have a gateway address; each is reached through its subnets, and further prefixes
 * through next hops in them. Networks of different routers are isolated and may have the same subnets. Only balanced
 * packets may be tagged (vlan-tags.ts). Longest prefix first, in one list per router: hosts have tens of routes, and a
 * match costs 2 ns per entry.
 */
import { ENDPOINT_WORDS } from '../../tables/balancing/endpoint-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { DATAGRAM } from '../../tables/forwarding/fragment-table.ts';
import { DROP } from '../../tables/port-counters.ts';
import { addressToWords } from '../../wire/address.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Context } from '../frame/context.ts';
import { FAMILY_IPV4, type Frame } from '../frame/frame.ts';
import { areTagsKept } from '../frame/vlan-tags.ts';
import {
  compileSubnet,
  fits,
  isInSubnet,
  type Network,
  type Networks,
  type Subnet,
} from '../ports/networks.ts';
import type { NetworkSpec } from '../snapshot.ts';
import { FOLLOW, type Fragments, INGRESS } from './fragments.ts';
import type { IcmpErrors } from './icmp-errors.ts';
import type { NeighbourResolver } from './neighbour-resolver.ts';
import type { Responder } from './responder.ts';

interface Route {
  readonly subnet: Subnet;
  readonly network: number;
  /** Next hop, or undefined: the destination itself. */
  readonly via: Int32Array | undefined;
}

export class LogicalRouter {
  private readonly context: Context;
  private readonly networks: Networks;
  private readonly resolver: NeighbourResolver;
  private readonly responder: Responder;
  private readonly errors: IcmpErrors;
  private readonly fragments: Fragments;
  /** Routes of its router, by network. */
  private routes: (readonly Route[])[] = [];

  constructor(
    context: Context,
    networks: Networks,
    resolver: NeighbourResolver,
    responder: Responder,
    errors: IcmpErrors,
    fragments: Fragments,
  ) {
    this.context = context;
    this.networks = networks;
    this.resolver = resolver;
    this.responder = responder;
    this.errors = errors;
    this.fragments = fragments;
  }

  replace(specs: readonly NetworkSpec[]): void {
    const routed = specs.filter((spec) => spec.gateways.length > 0);
    const routesOf = (spec: NetworkSpec): Route[] => [
      ...spec.subnets.map((to) => ({ subnet: compileSubnet(to), network: spec.id, via: undefined })),
      ...spec.routes.map(({ to, via }) => {
        const words = new Int32Array(4);
        addressToWords(via, words, 0);
        return { subnet: compileSubnet(to), network: spec.id, via: words };
      }),
    ];
    this.routes = [];
    for (const router of new Set(routed.map((spec) => spec.router))) {
      const joined = routed.filter((spec) => spec.router === router);
      const routes = joined.flatMap(routesOf).sort((a, b) => b.subnet.bits - a.subnet.bits);
      for (const { id } of joined) this.routes[id] = routes;
    }
  }

  /** Handles a packet that was sent to the router's MAC. The caller keeps ownership of the frame. */
  route(frame: Frame): void {
    const { context } = this;
    const network = this.networks.at(frame.network);
    if (network.isGateway(frame.d0, frame.d1, frame.d2, frame.d3)) return this.toUs(frame, network);
    if (!network.isRouted) return context.drop(frame, DROP.notForUs);
    // RFC 7126 §4.3, §4.4: a sender chooses no paths here.
    if (frame.untranslatable === DROP.sourceRoute) return context.drop(frame, DROP.sourceRoute);
    if (frame.tagged && (frame.member === NONE || !areTagsKept(frame))) {
      return context.drop(frame, DROP.vlanNotAllowed);
    }
    if (frame.family === FAMILY_IPV4 ? ipv4.isGroup(frame.d3) || frame.s3 === 0 : !isRoutable6(frame)) {
      return context.drop(frame, DROP.noRoute);
    }
    const route = this.find(frame);
    if (route === undefined) {
      context.drop(frame, DROP.noRoute);
      return this.errors.noRoute(frame);
    }
    const to = this.networks.at(route.network);
    if (to.isGateway(frame.d0, frame.d1, frame.d2, frame.d3)) return this.toUs(frame, to);
    if (frame.ttl <= 1) {
      context.drop(frame, DROP.ttlExceeded);
      return this.errors.timeExceeded(frame);
    }
    if (!fits(frame, to)) return this.errors.dropOverMtu(frame, to.mtu);
    if (frame.family === FAMILY_IPV4) ipv4.decrementTtlWithChecksum(frame.view, frame.l3);
    else ipv6.decrementHopLimit(frame.view, frame.l3);
    frame.ttl--;
    frame.routed = true;
    const { via } = route;
    if (context.sink !== null) {
      const hop = via === undefined ? undefined : ([via[0]!, via[1]!, via[2]!, via[3]!] as const);
      context.sink.fact({ kind: 'route', network: to.id, via: hop, ttl: frame.ttl });
    }
    if (via === undefined) this.deliver(frame, to);
    else this.resolver.deliver(frame, to.id, via[0]!, via[1]!, via[2]!, via[3]!);
  }

  /** Sends to a station of a network: the packet's destination, or the member of a MAC redirect. */
  private deliver(frame: Frame, to: Network): void {
    if (frame.member === NONE) {
      return this.resolver.deliver(frame, to.id, frame.d0, frame.d1, frame.d2, frame.d3);
    }
    const { rows } = this.context.tables.endpoints;
    const at = frame.member * ENDPOINT_WORDS;
    this.resolver.deliver(frame, to.id, rows[at]!, rows[at + 1]!, rows[at + 2]!, rows[at + 3]!);
  }

  private find(frame: Frame): Route | undefined {
    const routes = this.routes[frame.network]!;
    for (let i = 0; i < routes.length; i++) {
      if (isInSubnet(routes[i]!.subnet, frame.d0, frame.d1, frame.d2, frame.d3)) return routes[i];
    }
    return undefined;
  }

  /** A packet for one of the router's addresses in a network. */
  private toUs(frame: Frame, asked: Network): void {
    if (frame.isForHop) {
      this.responder.refuseHop(frame);
      return;
    }
    const { fragments } = this;
    if (frame.fragment && fragments.admit(frame, INGRESS) !== FOLLOW) return;
    const isAnswered = this.responder.answerEcho(frame, asked);
    if (frame.fragment && frame.fragmentOffset === 0) fragments.settle(frame, DATAGRAM.follow);
    if (isAnswered) return;
    this.context.drop(frame, DROP.gatewayLocal);
    // RFC 4443 §2.2: an error or reset would have the anycast address as source, which is not allowed.
    if (asked.isAnycast(frame.d0, frame.d1, frame.d2, frame.d3)) return;
    if (frame.protocol === ipv4.PROTOCOL_TCP || frame.protocol === ipv4.PROTOCOL_UDP)
      this.responder.reject(frame);
  }
}

/** RFC 4291 §2.5.6, §2.7: link-local and group addresses stay on their link; so does the unspecified one. */
const isRoutable6 = (frame: Frame): boolean =>
  !ipv6.isGroup(frame.d0) &&
  !ipv6.isLinkLocal(frame.d0) &&
  !ipv6.isLinkLocal(frame.s0) &&
  !ipv6.isUnspecified(frame.s0, frame.s1, frame.s2, frame.s3) &&
  !ipv6.isUnspecified(frame.d0, frame.d1, frame.d2, frame.d3);
