/**
 * A mirror: copies of a port's chosen packets go out by another port, as they are at the mirror's place in the chain.
 *
 * The copy passes no chain: what the mirroring port gets is what the mirror has seen. If no buffer is free, the copy is
 * dropped and counted under the mirroring port (`mirror-lost`); the packet itself is not affected.
 */
import { type FirewallRules, FROM_VM, TO_VM } from '../../tables/firewall/firewall-rules.ts';
import { DROP } from '../../tables/port-counters.ts';
import * as virtio from '../../wire/virtio-net.ts';
import type { Context } from '../frame/context.ts';
import { isIcmp } from '../frame/echo.ts';
import { FAMILY_IPV4, FAMILY_IPV6, Frame } from '../frame/frame.ts';
import { PASS } from '../frame/verdict.ts';
import type { Operator } from '../ports/operator.ts';
import type { Port } from '../ports/port.ts';

export class Mirror implements Operator {
  readonly name = 'mirror';
  readonly inspects = 'anything';
  private readonly context: Context;
  private readonly ports: readonly (Port | undefined)[];
  private readonly target: number;
  /** Packets that it allows are copied; undefined: all frames. */
  private readonly rules: FirewallRules | undefined;
  private readonly copy: Frame;
  private readonly source = new Int32Array(4);
  private readonly destination = new Int32Array(4);

  constructor(
    context: Context,
    ports: readonly (Port | undefined)[],
    target: number,
    rules: FirewallRules | undefined,
  ) {
    this.context = context;
    this.ports = ports;
    this.target = target;
    this.rules = rules;
    this.copy = new Frame(context.arena);
  }

  ingress(frame: Frame): number {
    if (this.isChosen(frame, FROM_VM)) this.send(frame);
    return PASS;
  }

  egress(frame: Frame): number {
    if (this.isChosen(frame, TO_VM)) this.send(frame);
    return PASS;
  }

  private isChosen(frame: Frame, direction: number): boolean {
    const { rules, source, destination } = this;
    if (rules === undefined) return true;
    if (frame.family !== FAMILY_IPV4 && frame.family !== FAMILY_IPV6) return false;
    source[0] = frame.s0;
    source[1] = frame.s1;
    source[2] = frame.s2;
    source[3] = frame.s3;
    destination[0] = frame.d0;
    destination[1] = frame.d1;
    destination[2] = frame.d2;
    destination[3] = frame.d3;
    const value = isIcmp(frame.protocol) ? frame.icmpType : frame.destinationPort;
    return rules.match(direction, frame.protocol, value, source, destination);
  }

  private send(frame: Frame): void {
    const port = this.ports[this.target];
    if (port === undefined) return;
    const { context, copy } = this;
    const { arena, counters } = context;
    const slot = arena.take();
    if (slot < 0) return counters.drop(this.target, DROP.mirrorLost);
    const to = arena.frameOffset(slot);
    arena.bytes.copyWithin(
      to - virtio.HEADER_BYTES,
      frame.offset - virtio.HEADER_BYTES,
      frame.offset + frame.length,
    );
    // A copy that cannot be read as a frame is none that the mirror could have seen.
    if (copy.load(slot, to, frame.length, frame.ingress, port.network) === DROP.none) port.deliver(copy);
    arena.release(copy.slot);
  }
}
