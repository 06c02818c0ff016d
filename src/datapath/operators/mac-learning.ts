/**
 * MAC learning: records the port that a station sends from.
 *
 * The operator follows a port's guards and precedes everything that acts on a frame, so a frame dropped as spoofed
 * changes no MAC entry. The router's MAC and the host's own are never learned: no station has them.
 */
import * as ethernet from '../../wire/ethernet.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import { PASS } from '../frame/verdict.ts';
import type { Networks } from '../ports/networks.ts';
import type { Operator } from '../ports/operator.ts';

export class MacLearning implements Operator {
  readonly name = 'mac-learning';
  readonly inspects = 'source';
  private readonly context: Context;
  private readonly networks: Networks;
  /** The VM's configured MAC, which is known already; -1, which no frame has, if there is none. */
  private readonly macHigh: number;
  private readonly macLow: number;

  constructor(context: Context, networks: Networks, macHigh: number, macLow: number) {
    this.context = context;
    this.networks = networks;
    this.macHigh = macHigh;
    this.macLow = macLow;
  }

  ingress(frame: Frame): number {
    const { view, offset, network } = frame;
    const high = ethernet.sourceHigh(view, offset);
    const low = ethernet.sourceLow(view, offset);
    if (high === this.macHigh && low === this.macLow) return PASS;
    if (this.networks.at(network).isOwnMac(high, low)) return PASS;
    this.context.tables.macs.learn(network, high, low, frame.ingress, this.context.nowMs);
    return PASS;
  }
}
