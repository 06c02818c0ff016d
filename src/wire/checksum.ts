/**
 * Internet checksums (RFC 1071), whole and by delta (RFC 1624), complete and partial.
 *
 * A *sum* is a one's-complement sum of 16-bit words that is not complemented; a *check* is what stands in a
 * header, its complement. A *delta* is a sum that, added to an old sum, gives the new one: the sum of the new
 * words and of the complements of the old ones.
 */

/** Folds a sum (an unsigned integer below 2^47) into 16 bits. */
export function fold(sum: number): number {
  let s = (sum & 0xffff) + Math.floor(sum / 0x10000);
  s = (s & 0xffff) + (s >>> 16);
  return (s & 0xffff) + (s >>> 16);
}

/** Folds a sum of at most 2^31-1. */
export function fold31(sum: number): number {
  const s = (sum & 0xffff) + (sum >>> 16);
  return (s & 0xffff) + (s >>> 16);
}

/** Sum of `length` bytes from `at` on, an odd last byte padded with zero; unfolded carry-safe up to 128 KB. */
export function sumBytes(view: DataView, at: number, length: number, initial: number): number {
  let sum = initial;
  const end = at + (length & ~1);
  let i = at;
  for (; i < end; i += 2) sum += view.getUint16(i);
  if ((length & 1) !== 0) sum += view.getUint8(i) << 8;
  return sum;
}

/** Check of `length` bytes whose check field is zero or included (then 0 means: right). */
export const checkOf = (view: DataView, at: number, length: number, initial: number): number =>
  ~fold(sumBytes(view, at, length, initial)) & 0xffff;

/** Delta of one 32-bit word. Values are signed or unsigned; the result is below 2^18. */
export const delta32 = (was: number, now: number): number =>
  (~was >>> 16) + (~was & 0xffff) + (now >>> 16) + (now & 0xffff);

/** Delta of one 16-bit word. */
export const delta16 = (was: number, now: number): number => (~was & 0xffff) + (now & 0xffff);

/** A check after a delta: HC' = ~(~HC + ~m + m'), RFC 1624 eqn 3. */
export const replace = (check: number, delta: number): number => ~fold31((~check & 0xffff) + delta) & 0xffff;

/** UDP over IPv4, where 0 means "not computed" (RFC 768); a result of 0 goes out as 0xffff. */
export const replaceUdp = (check: number, delta: number): number =>
  check === 0 ? 0 : replace(check, delta) || 0xffff;

/**
 * A partial check (VIRTIO_NET_HDR_F_NEEDS_CSUM): the field holds the folded, not complemented sum of the pseudo
 * header, so an address delta is added as it is, and a port delta not at all.
 */
export const replacePartial = (partial: number, addressDelta: number): number =>
  fold31(partial + addressDelta);
