/**
 * A port: where a VM is plugged in, or an uplink to the physical network. It runs its I/O chain in both directions, and it
 * is the last place that a frame passes: what the device cannot finish (partial checksums, GSO) is finished here, and
 * packets larger than the network's MTU are fragmented.
 */
import * as virtio from '../../wire/virtio-net.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import type { OffloadFinisher } from '../frame/offload.ts';
import { CONSUMED, PASS } from '../frame/verdict.ts';
import type { Chain, EgressOperator, IngressOperator, Operator, OwnSources } from './operator.ts';

/** High 16 bits of the MAC of a port without one: no frame has them. */
export const NO_MAC = -1;

export interface PortOptions {
  readonly id: number;
  readonly name: string;
  readonly network: number;
  /** The device takes partial checksums and GSO frames. */
  readonly offloads: boolean;
  /** The VM's configured MAC, or NO_MAC and 0. */
  readonly macHigh: number;
  readonly macLow: number;
  /** The port leads to the physical network: stations of other hosts are behind it. */
  readonly isUplink: boolean;
  /** Number of the load balancer in both chains, or NONE. */
  readonly balancer: number;
  /** Frames to reserved group addresses neither come in nor leave by the port. */
  readonly guardsReservedMulticast: boolean;
  /** The VM is a middlebox of service chains. */
  readonly isMiddlebox: boolean;
  readonly chain: Chain;
}

export class Port {
  readonly id: number;
  readonly name: string;
  readonly network: number;
  readonly offloads: boolean;
  readonly macHigh: number;
  readonly macLow: number;
  readonly isUplink: boolean;
  readonly balancer: number;
  readonly guardsReservedMulticast: boolean;
  readonly isMiddlebox: boolean;
  /** A load balancer is in both chains. */
  readonly balances: boolean;
  /** The fast path may act for all operators of both chains. */
  readonly hasFastPath: boolean;
  /** Source addresses that the ingress chain passes unchecked; undefined: it checks none. */
  readonly ownSources: OwnSources | undefined;
  private readonly ingressChain: readonly IngressOperator[];
  private readonly egressChain: readonly EgressOperator[];
  private readonly context: Context;
  private readonly finisher: OffloadFinisher;

  constructor(options: PortOptions, context: Context, finisher: OffloadFinisher) {
    const { ingress, egress } = options.chain;
    this.id = options.id;
    this.name = options.name;
    this.network = options.network;
    this.offloads = options.offloads;
    this.macHigh = options.macHigh;
    this.macLow = options.macLow;
    this.isUplink = options.isUplink;
    this.balancer = options.balancer;
    this.guardsReservedMulticast = options.guardsReservedMulticast;
    this.isMiddlebox = options.isMiddlebox;
    this.balances = ingress.some(inspectsFlows) && egress.some(inspectsFlows);
    const checkers = ingress.filter(({ ownSources }) => ownSources !== undefined);
    this.ownSources = checkers[0]?.ownSources;
    this.hasFastPath =
      checkers.length <= 1 &&
      ingress.every(({ inspects }) => inspects !== 'anything') &&
      egress.every(({ inspects }) => inspects === 'flow' || inspects === 'handshake');
    this.ingressChain = ingress;
    this.egressChain = egress;
    this.context = context;
    this.finisher = finisher;
  }

  /** Runs the ingress chain: PASS, or CONSUMED by one of its operators. */
  ingress(frame: Frame): number {
    const chain = this.ingressChain;
    const { sink } = this.context;
    if (sink !== null) sink.enter(frame, this.id, 'ingress');
    for (let i = 0; i < chain.length; i++) {
      if (sink !== null) sink.handing(frame, chain[i]!);
      const verdict = chain[i]!.ingress(frame);
      if (sink !== null) sink.judged(frame, verdict);
      if (verdict !== PASS) return CONSUMED;
    }
    return PASS;
  }

  /** Runs the egress chain, then sends what passes. The frame stays the caller's. */
  send(frame: Frame): void {
    const chain = this.egressChain;
    frame.network = this.network;
    frame.egress = this.id;
    const { sink } = this.context;
    if (sink !== null) sink.enter(frame, this.id, 'egress');
    for (let i = 0; i < chain.length; i++) {
      if (sink !== null) sink.handing(frame, chain[i]!);
      const verdict = chain[i]!.egress(frame);
      if (sink !== null) sink.judged(frame, verdict);
      if (verdict !== PASS) return;
    }
    this.context.noteBalanced(frame);
    this.deliver(frame);
  }

  /** Sends a frame past the chain, finished if the device takes complete packets only. */
  deliver(frame: Frame): void {
    const { sink } = this.context;
    if (sink !== null) sink.delivers(frame);
    if (frame.cutToMtu !== 0) this.finisher.sendCut(frame, this.id);
    else if (!this.offloads && !virtio.isEmpty(frame.view, frame.offset))
      this.finisher.sendFinished(frame, this.id);
    else this.context.transmit(this.id, frame.slot, frame.offset, frame.length);
    if (sink !== null) sink.delivers(null);
  }
}

const inspectsFlows = ({ inspects }: Operator): boolean => inspects === 'flow';
