/**
 * In which order the columns of one row are measured.
 *
 * What is judged by the ratio of two single measurements must not be spoilt by what stands between them, nor by which of
 * the two came first: after a pause, or on a core that another has warmed. So the columns are rotated from row to row
 * and round to round; and those that are compared to a few per cent, Sluice and its own variants, stay together as a
 * chain with Sluice in its middle, which runs forwards in one round and backwards in the next: AB, BA, AB, BA. Then each
 * variant follows Sluice directly as often as Sluice follows it.
 */

/**
 * `chain`: what stays together, in this order or turned round; `others`: what is only rotated, with the chain as one of
 * them. `position`: of the row within its round. Both count from 0.
 */
export function measuringOrder<T>(
  chain: readonly T[],
  others: readonly T[],
  round: number,
  position: number,
): T[] {
  const isTurned = (round + position) % 2 === 1;
  const parts = [isTurned ? chain.toReversed() : chain, ...others.map((other) => [other])].filter(
    ({ length }) => length > 0,
  );
  // Once forwards and once backwards in each place, where there is a difference.
  const steps = position + (chain.length > 1 ? round >> 1 : round);
  const start = steps % parts.length;
  return [...parts.slice(start), ...parts.slice(0, start)].flat();
}
