/**
 * Clamping the maximum segment size: TCP connections whose packets would not fit somewhere on their way are told so
 * when they begin, for paths on which path MTU discovery fails (RFC 2923 §2.1; RFC 9293 §3.7.1 has the option).
 *
 * The operator stands in both directions of a port's chain, so it sees the announcements of both ends. It lowers the
 * option of a SYN or SYN/ACK; it never raises it, and never adds one.
 */

import { DROP } from '../../tables/port-counters.ts';
import { delta16, replace } from '../../wire/checksum.ts';
import * as tcp from '../../wire/tcp.ts';
import type { Context } from '../frame/context.ts';
import { FAMILY_IPV4, type Frame } from '../frame/frame.ts';
import { PASS } from '../frame/verdict.ts';
import type { Operator } from '../ports/operator.ts';

export class MssClamp implements Operator {
  readonly name = 'mss-clamp';
  readonly inspects = 'handshake';
  private readonly context: Context;
  private readonly ipv4Bytes: number;
  private readonly ipv6Bytes: number;

  constructor(context: Context, ipv4Bytes: number, ipv6Bytes: number) {
    this.context = context;
    this.ipv4Bytes = ipv4Bytes;
    this.ipv6Bytes = ipv6Bytes;
  }

  ingress(frame: Frame): number {
    return (frame.tcpFlags & tcp.SYN) === 0 ? PASS : this.clamp(frame);
  }

  egress(frame: Frame): number {
    return (frame.tcpFlags & tcp.SYN) === 0 ? PASS : this.clamp(frame);
  }

  private clamp(frame: Frame): number {
    const most = frame.family === FAMILY_IPV4 ? this.ipv4Bytes : this.ipv6Bytes;
    const option = mssOption(frame);
    if (option === 0 || tcp.mss(frame.view, option) <= most) return PASS;
    const distance = option - frame.l4;
    if (!frame.makeWritable()) return this.context.consume(frame, DROP.outOfBuffers);
    const { view, l4 } = frame;
    const was = tcp.mss(view, l4 + distance);
    tcp.setMss(view, l4 + distance, most);
    // A partial checksum covers only the pseudo header: the device adds the current content.
    if (frame.partial) return PASS;
    const isOdd = (distance & 1) !== 0;
    const delta = isOdd ? delta16(swapped(was), swapped(most)) : delta16(was, most);
    tcp.setCheck(view, l4, replace(tcp.check(view, l4), delta));
    return PASS;
  }
}

/** Offset of the MSS option in a SYN, or 0 if there is none, or malformed options before it. */
function mssOption({ view, l4, l4Bytes }: Frame): number {
  if (l4 === 0) return 0;
  const end = l4 + Math.min(tcp.headerBytes(view, l4), l4Bytes);
  return tcp.optionAt(view, l4, end, tcp.OPTION_MSS, tcp.MSS_OPTION_BYTES);
}

/** A value at an odd offset enters the two words of the sum with its bytes swapped (RFC 1071 §2 B). */
const swapped = (word: number): number => ((word & 0xff) << 8) | (word >>> 8);
