/**
 * The operators of a port's I/O chain: their order, and how each is made from the port's part of a snapshot.
 *
 * The fixed operators stand at the ends; between them come those that the configuration orders (`PortSpec.chain`). An
 * operator that a port is not configured for is left out. Guards, anti-spoofing and the uplink's edge come before MAC
 * learning, so that the MAC table learns nothing from frames that they drop.
 */
import { FirewallRules } from '../tables/firewall/firewall-rules.ts';
import { macHigh16, macLow32 } from '../wire/address.ts';
import { HandOn } from './balancing/chains/hand-on.ts';
import { HandedFlows } from './balancing/chains/handed-flows.ts';
import type { ConnectionTracking } from './balancing/connection-tracking.ts';
import { Firewall } from './firewall/firewall.ts';
import type { FirewallFlows } from './firewall/firewall-flows.ts';
import type { Fragments } from './forwarding/fragments.ts';
import type { Responder } from './forwarding/responder.ts';
import type { Context } from './frame/context.ts';
import { AntiSpoofing } from './operators/anti-spoofing.ts';
import { MacLearning } from './operators/mac-learning.ts';
import { Mark } from './operators/mark.ts';
import { Mirror } from './operators/mirror.ts';
import type { MssClamp } from './operators/mss-clamp.ts';
import { type RateBuckets, RateLimit } from './operators/rate-limit.ts';
import { SourceGuards } from './operators/source-guards.ts';
import { UplinkEdge } from './operators/uplink-edge.ts';
import type { Networks } from './ports/networks.ts';
import type { Chain, EgressOperator, IngressOperator, Operator } from './ports/operator.ts';
import { NO_MAC, type Port } from './ports/port.ts';
import type { OperatorSpec, PortSpec } from './snapshot.ts';

const FIXED = [
  'source-guards',
  'handed-flows',
  'anti-spoofing',
  'uplink-edge',
  'mac-learning',
  'hand-on',
  'mark',
  'mss-clamp',
] as const;
type FixedOperator = (typeof FIXED)[number];

/** Stands for the operators that the configuration orders. */
const CONFIGURED = 'configured';

const INGRESS_ORDER: readonly (FixedOperator | typeof CONFIGURED)[] = [
  'source-guards',
  'handed-flows',
  'anti-spoofing',
  'uplink-edge',
  'mac-learning',
  CONFIGURED,
  'hand-on',
  'mss-clamp',
];
/** The configured ones are in the reverse order. */
const EGRESS_ORDER: readonly (FixedOperator | typeof CONFIGURED)[] = [
  CONFIGURED,
  'mark',
  'mss-clamp',
  'uplink-edge',
];

const DEFAULT_CHAIN: readonly OperatorSpec[] = [{ kind: 'load-balancer' }];

/** What operators are made of, besides the port's spec. */
export interface ChainParts {
  readonly context: Context;
  readonly networks: Networks;
  readonly responder: Responder;
  readonly ports: readonly (Port | undefined)[];
  readonly firewallFlows: FirewallFlows;
  readonly tracking: ConnectionTracking;
  readonly fragments: Fragments;
  /** Buckets of a port's rate limit, from its VM and to it; `place`: of the limit among those of the port. */
  bucketsOf(port: number, place: number): readonly [RateBuckets, RateBuckets];
  /** The port's load balancer, which several ports may share. */
  readonly balancer: Operator | undefined;
  /** The clamp of the port's network, which all of its ports share. */
  readonly clamp: MssClamp | undefined;
}

/** Each makes an operator for a port, or nothing if the port is not configured for it. */
const MAKERS: Readonly<
  Record<FixedOperator, (spec: PortSpec, mac: PortMac, parts: ChainParts) => Operator | undefined>
> = {
  'source-guards': ({ guards }, _mac, { context }) =>
    guards === undefined ? undefined : new SourceGuards(context, guards),
  'handed-flows': ({ isMiddlebox, addresses }, _mac, { context, tracking, fragments }) =>
    isMiddlebox ? new HandedFlows(context, tracking, fragments, addresses) : undefined,
  'hand-on': ({ isMiddlebox }, _mac, { context, tracking, networks, ports }) =>
    isMiddlebox ? new HandOn(context, tracking, networks, ports) : undefined,
  'anti-spoofing': ({ allowedSources, allowedMacs, allowedEtherTypes }, { high, low }, { context }) =>
    high === NO_MAC || allowedSources === undefined
      ? undefined
      : new AntiSpoofing(context, { high, low }, allowedMacs ?? [], allowedSources, allowedEtherTypes),
  'uplink-edge': ({ uplink }, _mac, { context, networks, responder, ports }) =>
    uplink === undefined ? undefined : new UplinkEdge(context, networks, responder, ports, uplink.hostMac),
  'mac-learning': (_spec, { high, low }, { context, networks }) =>
    new MacLearning(context, networks, high, low),
  mark: ({ marks }, _mac, { context }) => (marks === undefined ? undefined : new Mark(context, marks)),
  'mss-clamp': (_spec, _mac, { clamp }) => clamp,
};

/** A port's configured MAC; NO_MAC and 0 without one. */
export interface PortMac {
  readonly high: number;
  readonly low: number;
}

export const portMac = ({ mac }: PortSpec): PortMac =>
  mac === undefined ? { high: NO_MAC, low: 0 } : { high: macHigh16(mac), low: macLow32(mac) };

export interface BuiltChain extends Chain {
  /** In the order of the chain. */
  readonly firewalls: readonly Firewall[];
}

/** The operators of a port; an operator in both directions is one object. */
export function buildChain(spec: PortSpec, parts: ChainParts): BuiltChain {
  const mac = portMac(spec);
  const fixed = new Map(FIXED.map((name) => [name, MAKERS[name](spec, mac, parts)]));
  const firewalls: Firewall[] = [];
  let limits = 0;
  const configured = (spec.chain ?? DEFAULT_CHAIN).map((operator): Operator | undefined => {
    if (operator.kind === 'load-balancer') return parts.balancer;
    if (operator.kind === 'firewall') {
      const rules = new FirewallRules(operator.rules);
      firewalls.push(new Firewall(parts.context, parts.firewallFlows, rules, spec.id, firewalls.length));
      return firewalls.at(-1);
    }
    if (operator.kind === 'rate-limit') {
      const [fromVm, toVm] = parts.bucketsOf(spec.id, ++limits);
      return new RateLimit(parts.context, operator, fromVm, toVm);
    }
    const rules = operator.rules === undefined ? undefined : new FirewallRules(operator.rules);
    return new Mirror(parts.context, parts.ports, operator.port, rules);
  });
  const inOrder = (order: typeof INGRESS_ORDER, middle: readonly (Operator | undefined)[]): Operator[] =>
    order
      .flatMap((name) => (name === CONFIGURED ? middle : [fixed.get(name)]))
      .filter((operator) => operator !== undefined);
  const ingress = inOrder(INGRESS_ORDER, configured);
  const egress = inOrder(EGRESS_ORDER, configured.toReversed());
  if (!ingress.every(handlesIngress))
    throw new Error('an operator of an ingress chain handles no ingress frames');
  if (!egress.every(handlesEgress))
    throw new Error('an operator of an egress chain handles no egress frames');
  return { ingress, egress, firewalls };
}

const handlesIngress = (operator: Operator): operator is IngressOperator => operator.ingress !== undefined;

const handlesEgress = (operator: Operator): operator is EgressOperator => operator.egress !== undefined;
