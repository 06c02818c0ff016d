/**
 * The pseudo header that TCP, UDP and ICMPv6 checksums cover: both addresses, the protocol and the length of the
 * upper-layer packet (RFC 9293 §3.1; RFC 8200 §8.1). Sums are unfolded, for `checksum.ts` to go on with.
 */
import { checkOf, sumBytes } from './checksum.ts';
import * as ipv6 from './ipv6.ts';

/** Over IPv6. `bytes`: of the upper-layer packet. */
export const pseudoSum6 = (view: DataView, l3: number, protocol: number, bytes: number): number =>
  sumBytes(view, l3 + ipv6.SOURCE_OFFSET, 32, protocol + (bytes & 0xffff) + (bytes >>> 16));

/** Over IPv4. `bytes`: of the upper-layer packet. */
export const pseudoSum4 = (view: DataView, l3: number, protocol: number, bytes: number): number =>
  sumBytes(view, l3 + 12, 8, protocol + bytes);

/** Computes and writes the checksum of an ICMPv6 message of `bytes` bytes; the IPv6 addresses are in place. */
export function setIcmpv6Check(view: DataView, l3: number, l4: number, bytes: number): void {
  view.setUint16(l4 + 2, 0);
  view.setUint16(l4 + 2, checkOf(view, l4, bytes, pseudoSum6(view, l3, ipv6.NEXT_ICMPV6, bytes)));
}
