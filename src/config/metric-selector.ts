/** A metric of Prometheus text as a group's `load.metric` names it: `name`, or `name{label="value",…}`. */

export interface MetricSelector {
  readonly name: string;
  /** Labels that a sample must have; it may have others. */
  readonly labels: ReadonlyMap<string, string>;
}

const NAME = /^[A-Za-z_:][A-Za-z0-9_:]*$/;
/** One label; a value's escapes are \\, \" and \n. */
const LABEL = /^\s*([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\["\\n])*)"\s*(?:,|$)/;

/** Undefined: malformed. */
export function parseMetricSelector(text: string): MetricSelector | undefined {
  const brace = text.indexOf('{');
  const name = brace < 0 ? text : text.slice(0, brace);
  if (!NAME.test(name) || (brace >= 0 && !text.endsWith('}'))) return undefined;
  const labels = brace < 0 ? new Map<string, string>() : parseLabels(text.slice(brace + 1, -1));
  return labels && { name, labels };
}

/** The labels between braces, of a selector or a sample; undefined: malformed. */
export function parseLabels(text: string): Map<string, string> | undefined {
  const labels = new Map<string, string>();
  for (let rest = text; rest.trim() !== ''; ) {
    const [all, label, value] = LABEL.exec(rest) ?? [];
    if (all === undefined) return undefined;
    labels.set(
      label!,
      value!.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
    );
    rest = rest.slice(all.length);
  }
  return labels;
}
