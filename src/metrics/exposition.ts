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
  const contentType: RegistryContentType = accept.includes('application/openmetrics-text')
    ? client.openMetricsContentType
    : client.prometheusContentType;
  // A registry writes counters' names of the one format into them, so each scrape has its own.
  const registry = new client.Registry<RegistryContentType>();
  registry.setContentType(contentType);
  for (const [name, values] of samples.metrics()) {
    registry.registerMetric(snapshot(name, METRICS[name], values) as unknown as Metric);
  }
  return { text: await registry.metrics(), contentType };
}

/** What a registry needs of a metric. */
const snapshot = (name: MetricName, { type, help }: Definition, values: readonly Sample[]) => ({
  name,
  help,
  type,
  values,
  get() {
    return this;
  },
});
