/** Ports and ranges of ports, as the file has them (`80`, `8000-8099`) and as lists of first and last. */
import type { PortRange } from '../../tables/balancing/rule-spec.ts';

/** First and last port of `80` or `8000-8099`. */
export function parsePortRange(range: number | string): PortRange {
  if (typeof range === 'number') return [range, range];
  const [first, last] = range.split('-').map(Number) as [number, number];
  return [first, last];
}

export const portRangeText = ([first, last]: PortRange): string =>
  first === last ? `${first}` : `${first}-${last}`;

/** The same ports in ascending ranges that neither overlap nor touch. */
export function mergedRanges(ranges: readonly PortRange[]): PortRange[] {
  const merged: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = merged.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** Ports as the model has them: a single one by itself; both absent: any. */
export interface Ports {
  readonly port?: number;
  readonly ports?: readonly PortRange[];
}

/** Of `port` and `ports` of the file, of which at most one is given. */
export function resolvePorts(port: number | undefined, ports: readonly (number | string)[] = []): Ports {
  if (port !== undefined) return { port };
  const merged = mergedRanges(ports.map(parsePortRange));
  if (merged.length === 0) return {};
  const [[first, last]] = merged as [PortRange];
  return merged.length === 1 && first === last ? { port: first } : { ports: merged };
}

/** undefined: any. */
export const rangesOf = ({ port, ports }: Ports): readonly PortRange[] | undefined =>
  port === undefined ? ports : [[port, port]];
