/**
 * Shares of one set of a set-associative table among the ports with entries in it.
 *
 * A port's new entry replaces an entry of the port itself, or of a port that would still have as many in the set
 * afterwards. A port thus keeps its equal share of each set, whatever entries others aim at it; and if four ports
 * have one entry each, the fifth gets none.
 */

/** Location of the port in a set's entries. */
export interface SetLayout {
  readonly ways: number;
  readonly entryWords: number;
  /** Word of an entry that contains its port, above `shift` bits; `mask` selects the port's bits after the shift. */
  readonly portWord: number;
  readonly shift: number;
  readonly mask: number;
}

/** Which ways of a set a new entry of `port` may replace: one bit per way, a subset of `candidates`. */
export function waysToReplace(
  layout: SetLayout,
  words: Int32Array,
  set: number,
  candidates: number,
  port: number,
): number {
  const { ways, entryWords, portWord, shift, mask } = layout;
  let own = 0;
  let most = 0;
  let mostWays = 0;
  for (let way = 0; way < ways; way++) {
    if ((candidates & (1 << way)) === 0) continue;
    const owner = (words[set + way * entryWords + portWord]! >>> shift) & mask;
    let owned = 0;
    let count = 0;
    for (let other = 0; other < ways; other++) {
      if ((candidates & (1 << other)) === 0) continue;
      if (((words[set + other * entryWords + portWord]! >>> shift) & mask) !== owner) continue;
      owned |= 1 << other;
      count++;
    }
    if (owner === port) own = owned;
    else if (count > most) {
      most = count;
      mostWays = owned;
    }
  }
  return most >= bits(own) + 2 ? mostWays : own;
}

/** Number of bits set in the lowest eight. */
function bits(word: number): number {
  let count = 0;
  for (let left = word; left !== 0; left &= left - 1) count++;
  return count;
}
