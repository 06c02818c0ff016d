/** Items that were removed from and added to a list, by identity; cheap if most of both lists is the same, in order. */
export interface Difference<Item> {
  readonly gone: readonly Item[];
  readonly come: readonly Item[];
}

export function difference<Item>(before: readonly Item[], after: readonly Item[]): Difference<Item> {
  if (before === after) return NOTHING;
  let first = 0;
  const shorter = Math.min(before.length, after.length);
  while (first < shorter && before[first] === after[first]) first++;
  let last = 0;
  while (last < shorter - first && before.at(-1 - last) === after.at(-1 - last)) last++;
  const [gone, come] = [before.slice(first, before.length - last), after.slice(first, after.length - last)];
  if (gone.length === 0 || come.length === 0) return { gone, come };
  const [previous, present] = [new Set(gone), new Set(come)];
  return {
    gone: gone.filter((item) => !present.has(item)),
    come: come.filter((item) => !previous.has(item)),
  };
}

const NOTHING = { gone: [], come: [] };
