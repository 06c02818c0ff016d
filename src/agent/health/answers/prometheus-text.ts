/**
 * One metric in a stream of Prometheus text (exposition format 0.0.4, and OpenMetrics): the sum of the samples that have
 * the name and the labels asked for.
 *
 *   name{label="value",…} 12.5 [timestamp]
 */
import { type MetricSelector, parseLabels } from '../../../config/metric-selector.ts';

export class MetricSum {
  /** Undefined: no sample has been found. */
  sum: number | undefined;
  private readonly selector: MetricSelector;

  constructor(selector: MetricSelector) {
    this.selector = selector;
  }

  /** One line, without its end. */
  take(line: string): void {
    const { name, labels } = this.selector;
    if (!line.startsWith(name)) return;
    const next = line.charAt(name.length);
    if (next !== '{' && next !== ' ' && next !== '\t') return;
    const end = next === '{' ? endOfLabels(line, name.length + 1) : name.length;
    if (end < 0) return;
    if (labels.size > 0) {
      const found = next === '{' ? parseLabels(line.slice(name.length + 1, end - 1)) : undefined;
      if (found === undefined || [...labels].some(([label, value]) => found.get(label) !== value)) return;
    }
    const [value] = line.slice(end).trim().split(/[ \t]/, 1);
    this.sum = (this.sum ?? 0) + parseValue(value!);
  }
}

/** Position behind the closing brace, which may also stand within quotes; -1: there is none. */
function endOfLabels(line: string, start: number): number {
  let isQuoted = false;
  for (let at = start; at < line.length; at++) {
    const character = line[at];
    if (isQuoted && character === '\\') at++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === '}' && !isQuoted) return at + 1;
  }
  return -1;
}

/** NaN for `NaN` and for what is no number. */
const parseValue = (text: string): number =>
  /^[+-]?Inf$/i.test(text) ? Number.POSITIVE_INFINITY : text === '' ? Number.NaN : Number(text);
