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

export const SINCE_SYNTAX = 'a duration such as 10m or 2h, or a time such as 2026-01-31T12:00:00Z';

/** Wall clock; undefined: neither a duration before `nowMs` nor a time of ISO 8601. */
export function parseSince(text: string, nowMs: number): number | undefined {
  const ms = parseDuration(text);
  if (ms !== undefined) return nowMs - ms;
  const isTime = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/.test(text);
  const at = isTime ? Date.parse(text.replace(',', '.')) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}
