/**
 * The received parts of fragmented datagrams: two bitmaps per datagram, one bit per 8-byte unit of its payload (RFC
 * 791 §3.2: fragment offsets count in such units).
 *
 * `covered` marks the units that were received, `begins` those at which a fragment began. Together they distinguish a
 * repeated fragment, with the same beginning and end, from one that overlaps others (RFC 8200 §4.5 allows ignoring
 * the first, RFC 5722 demands discarding the datagram for the second), in any order of arrival and in constant space.
 *
 * Datagram `row` has words row × UNIT_WORDS … of the given memory, which must initially be zero.
 */

/** Units of the longest datagram: 64 KB. */
export const MAX_UNITS = 8_192;
const BITMAP_WORDS = MAX_UNITS / 32;
/** Words per datagram. */
export const UNIT_WORDS = 2 * BITMAP_WORDS;

/** Results of `add`. */
export const FRESH = 0;
export const DUPLICATE = 1;
export const OVERLAP = 2;

export class ReceivedUnits {
  private readonly words: Int32Array;

  constructor(words: Int32Array) {
    this.words = words;
  }

  /** Records a fragment with the units from … to - 1, 0 ≤ from < to ≤ MAX_UNITS, if it is FRESH. */
  add(row: number, from: number, to: number): number {
    const { words } = this;
    const covered = row * UNIT_WORDS;
    const begins = covered + BITMAP_WORDS;
    const first = from >>> 5;
    const last = (to - 1) >>> 5;
    let any = 0;
    let missing = 0;
    let within = 0;
    for (let word = first; word <= last; word++) {
      const mask = maskOf(word, from, to);
      any |= words[covered + word]! & mask;
      missing |= ~words[covered + word]! & mask;
      within |= words[begins + word]! & mask & (word === first ? ~(1 << (from & 31)) : -1);
    }
    if (any !== 0) {
      const isSame = missing === 0 && within === 0 && this.has(begins, from) && this.isEdge(row, to);
      return isSame ? DUPLICATE : OVERLAP;
    }
    for (let word = first; word <= last; word++) words[covered + word]! |= maskOf(word, from, to);
    words[begins + first]! |= 1 << (from & 31);
    return FRESH;
  }

  /** Clears a datagram whose fragments end before unit `to`. */
  clear(row: number, to: number): void {
    const covered = row * UNIT_WORDS;
    const used = (to + 31) >>> 5;
    this.words.fill(0, covered, covered + used);
    this.words.fill(0, covered + BITMAP_WORDS, covered + BITMAP_WORDS + used);
  }

  /** Whether the unit before `unit` was the last of its fragment. */
  private isEdge(row: number, unit: number): boolean {
    const covered = row * UNIT_WORDS;
    return unit === MAX_UNITS || !this.has(covered, unit) || this.has(covered + BITMAP_WORDS, unit);
  }

  private has(bitmap: number, unit: number): boolean {
    return ((this.words[bitmap + (unit >>> 5)]! >>> (unit & 31)) & 1) !== 0;
  }
}

/** Bits of a word within from … to - 1; the word has at least one. */
function maskOf(word: number, from: number, to: number): number {
  const low = word === from >>> 5 ? -1 << (from & 31) : -1;
  const high = word === (to - 1) >>> 5 ? -1 >>> (31 - ((to - 1) & 31)) : -1;
  return low & high;
}
