/**
 * The operators of a port's I/O chain by name, their order, and how each is made from the port's part of a snapshot.
 */
import { macHigh16, macLow32 } from '../wire/address.ts';
import type { Responder } from './forwarding/responder.ts';
import type { Context } from './frame/context.ts';
import { AntiSpoofing } from './operators/anti-spoofing.ts';
import { MacLearning } from './operators/mac-learning.ts';
import type { MssClamp } from './operators/mss-clamp.ts';
import { SourceGuards } from './operators/source-guards.ts';
import { UplinkEdge } from './operators/uplink-edge.ts';
import type { Networks } from './ports/networks.ts';
import type { Chain, EgressOperator, IngressOperator, Operator } from './ports/operator.ts';
import { NO_MAC, type Port } from './ports/port.ts';
import type { PortSpec } from './snapshot.ts';

export type OperatorName =
  | 'source-guards'
  | 'anti-spoofing'
  | 'uplink-edge'
  | 'mac-learning'
  | 'load-balancer'
  | 'mss-clamp';

export interface ChainOrder {
  readonly ingress: readonly OperatorName[];
  readonly egress: readonly OperatorName[];
}

/**
 * The chain of every port; an operator that a port is not configured for is left out. Guards, anti-spoofing and the uplink's
 * edge come before MAC learning, so that the MAC table learns nothing from frames that they drop.
 */
export const DEFAULT_CHAIN: ChainOrder = {
  ingress: ['source-guards', 'anti-spoofing', 'uplink-edge', 'mac-learning', 'load-balancer', 'mss-clamp'],
  egress: ['load-balancer', 'mss-clamp', 'uplink-edge'],
};

/** What operators are made of, beside the port's spec. */
export interface ChainParts {
  readonly context: Context;
  readonly networks: Networks;
  readonly responder: Responder;
  readonly ports: readonly (Port | undefined)[];
  /** The port's load balancer, which several ports may share. */
  readonly balancer: Operator | undefined;
  /** The clamp of the port's network, which all of its ports share. */
  readonly clamp: MssClamp | undefined;
}

/** Each makes an operator for a port, or nothing if the port is not configured for it. */
const MAKERS: Readonly<
  Record<OperatorName, (spec: PortSpec, mac: PortMac, parts: ChainParts) => Operator | undefined>
> = {
  'source-guards': ({ guards }, _mac, { context }) =>
    guards === undefined ? undefined : new SourceGuards(context, guards),
  'anti-spoofing': ({ allowedSources, allowedMacs, allowedEtherTypes }, { high, low }, { context }) =>
    high === NO_MAC || allowedSources === undefined
      ? undefined
      : new AntiSpoofing(context, { high, low }, allowedMacs ?? [], allowedSources, allowedEtherTypes),
  'uplink-edge': ({ uplink }, _mac, { context, networks, responder, ports }) =>
    uplink === undefined ? undefined : new UplinkEdge(context, networks, responder, ports, uplink.hostMac),
  'mac-learning': (_spec, { high, low }, { context, networks }) =>
    new MacLearning(context, networks, high, low),
  'load-balancer': (_spec, _mac, { balancer }) => balancer,
  'mss-clamp': (_spec, _mac, { clamp }) => clamp,
};

/** A port's configured MAC; NO_MAC and 0 without one. */
export interface PortMac {
  readonly high: number;
  readonly low: number;
}

export const portMac = ({ mac }: PortSpec): PortMac =>
  mac === undefined ? { high: NO_MAC, low: 0 } : { high: macHigh16(mac), low: macLow32(mac) };

/** The operators of a port in the order given; an operator in both directions is one object. */
export function buildChain(spec: PortSpec, parts: ChainParts, order: ChainOrder = DEFAULT_CHAIN): Chain {
  const mac = portMac(spec);
  const made = new Map<OperatorName, Operator | undefined>();
  for (const name of [...order.ingress, ...order.egress]) {
    if (!made.has(name)) made.set(name, MAKERS[name](spec, mac, parts));
  }
  const operatorsOf = (names: readonly OperatorName[]): Operator[] =>
    names.map((name) => made.get(name)).filter((operator) => operator !== undefined);
  const ingress = operatorsOf(order.ingress);
  const egress = operatorsOf(order.egress);
  if (!ingress.every(handlesIngress))
    throw new Error('an operator of an ingress chain handles no ingress frames');
  if (!egress.every(handlesEgress))
    throw new Error('an operator of an egress chain handles no egress frames');
  return { ingress, egress };
}

const handlesIngress = (operator: Operator): operator is IngressOperator => operator.ingress !== undefined;

const handlesEgress = (operator: Operator): operator is EgressOperator => operator.egress !== undefined;
