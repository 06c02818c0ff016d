/** Load over time as a chart takes it: one list of times, and one list of values per line. */
import type { Sample } from '../frames.ts';

/** Place of a figure in a sample's member. */
export const FIGURES = { activeFlows: 1, newFlowsPerSecond: 2, bytesPerSecond: 3, weight: 4 } as const;
export type Figure = keyof typeof FIGURES;

export interface Lines {
  readonly names: readonly string[];
  /** Seconds since 1970, then values per name; null: no sample of the member at that time. */
  readonly data: [times: number[], ...values: (number | null)[][]];
}

/** Missing for longer than this, a line has a gap. */
const GAP_MS = 3_000;

/** Lines of members of the latest sample, at most `max`, in its order. */
export function linesOf(samples: readonly Sample[], figure: Figure, max: number): Lines {
  const names = (samples.at(-1)?.members ?? []).slice(0, max).map(([name]) => name);
  const times: number[] = [];
  const values: (number | null)[][] = names.map(() => []);
  const place = new Map(names.map((name, i) => [name, i]));
  let before = 0;
  for (const { at, members } of samples) {
    if (before > 0 && at - before > GAP_MS) {
      times.push((before + 1_000) / 1_000);
      for (const line of values) line.push(null);
    }
    before = at;
    times.push(at / 1_000);
    for (const line of values) line.push(null);
    for (const member of members) {
      const line = place.get(member[0]);
      if (line !== undefined) values[line]![times.length - 1] = member[FIGURES[figure]];
    }
  }
  return { names, data: [times, ...values] };
}
