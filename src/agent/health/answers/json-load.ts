/** Numbers in JSON that a member has sent: by a JSON pointer (RFC 6901), or in an ORCA load report. */

/** `text` is JSON, or undefined is returned, as it is where the pointer leads nowhere. */
export function valueAt(text: string, pointer: string): unknown {
  let value = parsed(text);
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/**
 * A field of an ORCA report (xds.data.orca.v3.OrcaLoadReport): `header`, of the response header `endpoint-load-metrics`
 * (`JSON {…}`, or `TEXT field=1,named_metrics.x=2`), or `body`, JSON. JSON names fields like the message or in
 * lowerCamelCase. Without a field: the utilisation of the application, or else of the CPU, as gRPC's weighted round robin
 * does (gRFC A58).
 */
export function orcaValue(header: string | undefined, body: string, field: string | undefined): unknown {
  const report = header === undefined ? parsed(body) : fromHeader(header);
  if (field !== undefined) return fieldOf(report, field);
  const application = fieldOf(report, 'application_utilization');
  return typeof application === 'number' && application > 0
    ? application
    : fieldOf(report, 'cpu_utilization');
}

function fromHeader(header: string): unknown {
  if (header.startsWith('JSON ')) return parsed(header.slice(5));
  if (!header.startsWith('TEXT ')) return undefined;
  const report: Record<string, unknown> = {};
  for (const pair of header.slice(5).split(',')) {
    const [name, value] = pair.split('=', 2).map((part) => part.trim());
    if (name && value) report[name] = Number(value);
  }
  return report;
}

function fieldOf(report: unknown, field: string): unknown {
  if (typeof report !== 'object' || report === null) return undefined;
  const own = (object: object, key: string): unknown =>
    Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined;
  const named = (object: object, key: string): unknown =>
    own(object, key) ??
    own(
      object,
      key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
    );
  const whole = named(report, field);
  const dot = field.indexOf('.');
  if (whole !== undefined || dot < 0) return whole;
  const map = named(report, field.slice(0, dot));
  return typeof map === 'object' && map !== null ? own(map, field.slice(dot + 1)) : undefined;
}
