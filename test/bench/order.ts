/**
 * In which order the columns of one row are measured.
 *
 * What is judged by the ratio of two single measurements must not be spoilt by what stands between them, nor by which of
 * the two came first: after a pause, or on a core that another has warmed (new connections: 3 % more for the first). So
 * the columns are rotated from row to row and round to round; and Sluice and a variant of it, which are compared to a few
 * per cent, stay together as a pair whose order changes from round to round: AB, BA, AB, BA.
 */

/**
 * `pair`: what stays together, at most two; `others`: what is only rotated, with the pair as one of them.
 * `position`: of the row within its round. Both count from 0.
 */
export function measuringOrder<T>(
  pair: readonly T[],
  others: readonly T[],
  round: number,
  position: number,
): T[] {
  const isTurned = (round + position) % 2 === 1;
  const parts = [isTurned ? pair.toReversed() : pair, ...others.map((other) => [other])].filter(
    ({ length }) => length > 0,
  );
  // Once forwards and once backwards in each place, where there is a difference.
  const steps = position + (pair.length > 1 ? round >> 1 : round);
  const start = steps % parts.length;
  return [...parts.slice(start), ...parts.slice(0, start)].flat();
}
