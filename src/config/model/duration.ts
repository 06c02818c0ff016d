/**
 * Durations as people write them: numbers with a unit each, `90s`, `2m`, `1h30m`, `1.5h`.
 * A bare number has no unit and is not a duration.
 */

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export const DURATION_SYNTAX = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

/** Milliseconds, rounded to integers; undefined if the text is not a duration. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION_SYNTAX.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)([a-z]+)/g)) {
    ms += Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  }
  return Math.round(ms);
}

/** Milliseconds of a text that the schema has accepted. */
export function milliseconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new TypeError(`duration ${text} passed the schema but does not parse`);
  return ms;
}
