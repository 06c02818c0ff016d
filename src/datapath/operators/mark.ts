/**
 * Marks packets to a VM with a DSCP by their source address (RFC 2474), so that a VM that copies the field into its own
 * requests tells whom it acts for. The first prefix that contains the source decides; ECN bits stay.
 */
import { DROP } from '../../tables/port-counters.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Context } from '../frame/context.ts';
import { FAMILY_IPV4, FAMILY_IPV6, type Frame } from '../frame/frame.ts';
import { PASS } from '../frame/verdict.ts';
import { compileSubnet, isInSubnet, type Subnet } from '../ports/networks.ts';
import type { Operator } from '../ports/operator.ts';

export interface MarkSpec {
  readonly sources: readonly string[];
  /** 0 … 63. */
  readonly dscp: number;
}

export class Mark implements Operator {
  readonly name = 'mark';
  readonly inspects = 'anything';
  private readonly context: Context;
  private readonly subnets: readonly Subnet[];
  /** By subnet. */
  private readonly dscps: readonly number[];

  constructor(context: Context, marks: readonly MarkSpec[]) {
    this.context = context;
    this.subnets = marks.flatMap(({ sources }) => sources.map(compileSubnet));
    this.dscps = marks.flatMap(({ sources, dscp }) => sources.map(() => dscp));
  }

  egress(frame: Frame): number {
    if (frame.family !== FAMILY_IPV4 && frame.family !== FAMILY_IPV6) return PASS;
    const dscp = this.dscpOf(frame);
    if (dscp < 0) return PASS;
    if (!frame.makeWritable()) return this.context.consume(frame, DROP.outOfBuffers);
    if (frame.family === FAMILY_IPV4) ipv4.setDscpWithChecksum(frame.view, frame.l3, dscp);
    else ipv6.setDscp(frame.view, frame.l3, dscp);
    return PASS;
  }

  private dscpOf({ s0, s1, s2, s3 }: Frame): number {
    const { subnets } = this;
    for (let i = 0; i < subnets.length; i++)
      if (isInSubnet(subnets[i]!, s0, s1, s2, s3)) return this.dscps[i]!;
    return -1;
  }
}
