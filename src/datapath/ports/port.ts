/**
 * A port: where a VM is plugged in. It runs its I/O chain in both directions, and it is the last place a frame
 * passes: what the device cannot finish (partial checksums, GSO) is finished here, and what does not fit into the
 * network's packets is fragmented.
 */
import { NONE } from '../../tables/bucket-index.ts';
import * as virtio from '../../wire/virtio-net.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import type { OffloadFinisher } from '../frame/offload.ts';
import { AntiSpoofing } from '../operators/anti-spoofing.ts';
import { CONSUMED, type FromVm, PASS, type ToVm } from './operator.ts';

/** High 16 bits of a port's MAC that has none: no frame has them. */
export const NO_MAC = -1;

export class Port {
  readonly id: number;
  readonly name: string;
  readonly network: number;
  readonly offloads: boolean;
  /** In the order in which a frame meets them. */
  private readonly fromVmChain: readonly FromVm[];
  private readonly toVmChain: readonly ToVm[];
  /** The VM's configured MAC, or NO_MAC. */
  macHigh = NO_MAC;
  macLow = 0;
  /** A way to the physical network: stations of other hosts are behind it. */
  isUplink = false;
  /** Number of the load balancer in both chains; NONE: there is none. */
  balancer = NONE;
  /** No frame to a reserved group address comes in or leaves by it. */
  guardsReservedMulticast = false;
  /** A load balancer stands in both chains. */
  readonly balances: boolean;
  /** Nothing else in the chains heeds the packets that TrackedPath handles, but for `antiSpoofing`. */
  readonly isSimple: boolean;
  readonly antiSpoofing: AntiSpoofing | undefined;
  private readonly context: Context;
  private readonly finisher: OffloadFinisher;

  constructor(
    id: number,
    name: string,
    network: number,
    offloads: boolean,
    fromVmChain: readonly FromVm[],
    toVmChain: readonly ToVm[],
    context: Context,
    finisher: OffloadFinisher,
  ) {
    this.id = id;
    this.name = name;
    this.network = network;
    this.offloads = offloads;
    this.fromVmChain = fromVmChain;
    this.toVmChain = toVmChain;
    this.balances =
      fromVmChain.some(({ heeds }) => heeds === 'flow') && toVmChain.some(({ heeds }) => heeds === 'flow');
    this.antiSpoofing = fromVmChain.find((operator) => operator instanceof AntiSpoofing);
    this.isSimple =
      fromVmChain.every(({ heeds }) => heeds !== 'anything') &&
      toVmChain.every(({ heeds }) => heeds === 'flow' || heeds === 'handshake');
    this.context = context;
    this.finisher = finisher;
  }

  setMac(high16: number, low32: number): void {
    this.macHigh = high16;
    this.macLow = low32;
  }

  /** The chain towards the forwarding element. */
  fromVm(frame: Frame): number {
    const chain = this.fromVmChain;
    for (let i = 0; i < chain.length; i++) {
      if (chain[i]!.fromVm(frame) !== PASS) return CONSUMED;
    }
    return PASS;
  }

  /** The chain towards the VM, then out. The frame stays the caller's. */
  send(frame: Frame): void {
    const chain = this.toVmChain;
    frame.network = this.network;
    frame.egress = this.id;
    for (let i = 0; i < chain.length; i++) {
      if (chain[i]!.toVm(frame) !== PASS) return;
    }
    this.deliver(frame);
  }

  /** Out, as it is, but finished where the device takes whole packets only. */
  deliver(frame: Frame): void {
    if (frame.cutToMtu !== 0) this.finisher.sendCut(frame, this.id);
    else if (!this.offloads && !virtio.isEmpty(frame.view, frame.offset))
      this.finisher.sendFinished(frame, this.id);
    else this.context.transmit(this.id, frame.slot, frame.offset, frame.length);
  }
}
