/** The checksum of a whole ICMP or ICMPv6 message. */
import { checkOf } from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { pseudoSum6, setIcmpv6Check } from '../../wire/pseudo-header.ts';
import { FAMILY_IPV4, type Frame } from './frame.ts';

/** Whether the message's own checksum is correct. */
export function isIcmpCheckRight(frame: Frame): boolean {
  const { view, l3, l4, l4Bytes } = frame;
  const pseudo = frame.family === FAMILY_IPV4 ? 0 : pseudoSum6(view, l3, ipv6.NEXT_ICMPV6, l4Bytes);
  return checkOf(view, l4, l4Bytes, pseudo) === 0;
}

/** Computes the message's own checksum after a change. */
export function fixIcmpCheck(frame: Frame): void {
  const { view, l3, l4, l4Bytes } = frame;
  if (frame.family === FAMILY_IPV4) {
    icmp.setCheck(view, l4, 0);
    icmp.setCheck(view, l4, checkOf(view, l4, l4Bytes, 0));
  } else {
    setIcmpv6Check(view, l3, l4, l4Bytes);
  }
}
