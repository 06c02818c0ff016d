/**
 * What a scrape answers: samples of this moment, written by prom-client as Prometheus or OpenMetrics text.
 *
 * Counters are totals that the tables keep; they are handed over as they are, so a scrape costs nothing between scrapes.
 */
import client, { type Metric, type RegistryContentType } from 'prom-client';
import { type Definition, METRICS, type MetricName } from './definitions.ts';
import type { Sample, Samples } from './samples.ts';

export interface Exposition {
  readonly text: string;
  readonly contentType: string;
}

/** `accept`: header of the request; OpenMetrics if it asks for that. */
export async function expose(samples: Samples, accept = ''): Promise<Exposition> {
  const isOpen = accept.includes('application/openmetrics-text');
  const contentType = isOpen ? client.openMetricsContentType : client.prometheusContentType;
  const registry = new client.Registry<RegistryContentType>();
  registry.setContentType(contentType);
  const parts: string[] = [];
  for (const [name, values] of samples.metrics()) {
    const metric = snapshot(name, METRICS[name], values, isOpen);
    registry.registerMetric(metric as unknown as Metric);
    parts.push(`${await registry.getSingleMetricAsString(metric.name)}\n`);
    // Other work of the main thread gets its turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (isOpen) parts.push('# EOF\n');
  return { text: parts.join(''), contentType };
}

/** What a registry needs of a metric. */
const snapshot = (
  name: MetricName,
  { type, help }: Definition,
  values: readonly Sample[],
  isOpen: boolean,
) => ({
  // OpenMetrics names a counter without its suffix, which prom-client adds to each value.
  name: isOpen && type === 'counter' ? name.replace(/_total$/, '') : name,
  help,
  type,
  values,
  get() {
    return this;
  },
});
