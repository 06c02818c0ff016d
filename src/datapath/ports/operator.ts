/**
 * An operator of a port's I/O chain: a step that a frame takes between the VM and the forwarding element.
 * `fromVm` handles what the VM sends, `toVm` what it is about to receive.
 */
import type { Frame } from '../frame/frame.ts';

/** The frame goes on to the next operator or to the forwarding element. */
export const PASS = 0;
/** The operator has answered, dropped or kept the frame, and counted it. */
export const CONSUMED = 1;

/**
 * What about a packet of a tracked flow may make an operator do something: its source, its flow (the load balancer), only the
 * segments that open and end a connection (SYN, FIN, RST), nothing as long as it is plain (plain-packets.ts), or anything.
 * All but the last let TrackedPath act for them.
 */
export type Heeds = 'source' | 'flow' | 'handshake' | 'odd' | 'anything';

/** Stands in the way from the VM. */
export interface FromVm {
  readonly heeds: Heeds;
  fromVm(frame: Frame): number;
}

/** Stands in the way to the VM. */
export interface ToVm {
  readonly heeds: Heeds;
  /** `frame.network` is the network of the port. A frame that is shared must be made writable before a change. */
  toVm(frame: Frame): number;
}
