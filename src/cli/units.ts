/** Numbers for people; JSON has the raw values. */

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units, as for links and disks: `999 B`, `1.2 MB`, `34 GB`. */
export function humanBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 would be rounded to 1000.
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${BYTE_UNITS[unit]}`;
}

const DURATION_UNITS: readonly [name: string, ms: number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
];

/** The two largest units that are not zero, rounded down: `250ms`, `4s`, `3m 4s`, `2h 4m`, `3d 5h`. */
export function humanDuration(ms: number): string {
  const first = DURATION_UNITS.findIndex(([, unitMs]) => ms >= unitMs);
  if (first < 0) return `${Math.round(ms)}ms`;
  const [name, unitMs] = DURATION_UNITS[first]!;
  const whole = `${Math.floor(ms / unitMs)}${name}`;
  const [lesserName, lesserMs] = DURATION_UNITS[first + 1] ?? ['', Number.POSITIVE_INFINITY];
  const lesser = Math.floor((ms % unitMs) / lesserMs);
  return lesser === 0 ? whole : `${whole} ${lesser}${lesserName}`;
}

/** A rate per second: `0`, `0.3`, `12`, with one decimal below 10. */
export const humanRate = (perSecond: number): string =>
  perSecond === 0 || perSecond >= 9.95 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
