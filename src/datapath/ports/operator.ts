/**
 * An operator of a port's I/O chain: a step between the port's device and the forwarding element.
 *
 * Directions are seen from the port: `ingress` handles frames that come in by the port's device, from its VM or from an
 * uplink's wire; `egress` handles frames that are about to leave by it. An operator has one of the two methods or both.
 * The order of the operators is declared in port-chain.ts.
 */
import type { Frame } from '../frame/frame.ts';

/**
 * Which packets of tracked flows the operator must see:
 * - `source`: those whose source is not the port's own (its MAC, and the addresses of `ownSources`);
 * - `flow`: those whose record demands it (the load balancer);
 * - `handshake`: segments that open or end a connection (SYN, FIN, RST);
 * - `odd`: those that are not plain (plain-packets.ts);
 * - `anything`: all of them.
 * A port with an operator that inspects anything has no fast path; the fast path acts for all other operators.
 */
export type Inspects = 'source' | 'flow' | 'handshake' | 'odd' | 'anything';

/** Source addresses that an operator lets through from the port's own MAC without any further check. */
export interface OwnSources {
  readonly ipv4: Int32Array;
  hasIpv6(w0: number, w1: number, w2: number, w3: number): boolean;
}

export interface Operator {
  /** As the configuration and traces name it. */
  readonly name: string;
  readonly inspects: Inspects;
  /** Absent: the operator checks no source addresses. */
  readonly ownSources?: OwnSources;
  /** Returns PASS or CONSUMED (frame/verdict.ts). */
  ingress?(frame: Frame): number;
  /**
   * Returns PASS or CONSUMED. `frame.network` is the network of the port. A shared frame must be made writable before it
   * is changed.
   */
  egress?(frame: Frame): number;
}

export interface IngressOperator extends Operator {
  ingress(frame: Frame): number;
}

export interface EgressOperator extends Operator {
  egress(frame: Frame): number;
}

/** A port's operators, each list in the order in which a frame meets them. */
export interface Chain {
  readonly ingress: readonly IngressOperator[];
  readonly egress: readonly EgressOperator[];
}
