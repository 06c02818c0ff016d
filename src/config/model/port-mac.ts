/** MAC addresses of ports whose configuration has none. */
import { wordsToMac } from '../../wire/address.ts';

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/**
 * A locally administered unicast MAC (second-least bit of the first octet), `02:` and 40 bits of the FNV-1a
 * hash of both names: the same on every start, so that neighbours' caches stay valid.
 */
export function derivePortMac(host: string, port: string): string {
  let hash = FNV_OFFSET;
  for (const byte of new TextEncoder().encode(`${host}\0${port}`)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
  }
  const folded = (hash >> 40n) ^ hash;
  return wordsToMac(0x0200 | Number((folded >> 32n) & 0xffn), Number(folded & 0xffff_ffffn) | 0);
}
