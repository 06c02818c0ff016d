/** Values of one scrape, by metric. */
import { METRICS, type MetricName } from './definitions.ts';

type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly value: number;
  /** The same object for several metrics: prom-client formats it once. */
  readonly sharedLabels: Labels;
}

const NO_LABELS: Labels = {};

export class Samples {
  private readonly values = new Map<MetricName, Sample[]>();

  add(name: MetricName, value: number, labels: Labels = NO_LABELS): void {
    const known = this.values.get(name);
    if (known === undefined) this.values.set(name, [{ value, sharedLabels: labels }]);
    else known.push({ value, sharedLabels: labels });
  }

  /** In the order of their definition. */
  *metrics(): Generator<readonly [MetricName, readonly Sample[]]> {
    for (const name of Object.keys(METRICS) as MetricName[]) {
      const values = this.values.get(name);
      if (values !== undefined) yield [name, values];
    }
  }
}
