/** The answer to a scrape: what every process says of itself, and what its host or controller adds. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { PlainAnswer } from '../api/routes.ts';
import { VERSION } from '../api/version.ts';
import type { Certificates } from '../config/certificates.ts';
import { Samples } from './samples.ts';

export class MetricsEndpoint {
  private readonly kind: 'host' | 'controller';
  private readonly certificates: Pick<Certificates, 'list'>;
  private readonly collect: (samples: Samples) => void;
  private readonly delay = monitorEventLoopDelay({ resolution: 20 });

  constructor(
    kind: 'host' | 'controller',
    certificates: Pick<Certificates, 'list'>,
    collect: (samples: Samples) => void,
  ) {
    this.kind = kind;
    this.certificates = certificates;
    this.collect = collect;
  }

  async answer(accept: string | undefined): Promise<PlainAnswer> {
    const samples = new Samples();
    // From the first scrape on: it wakes the thread up 50 times a second.
    this.delay.enable();
    this.ofProcess(samples);
    this.collect(samples);
    // Most hosts are never scraped, and need no library for it.
    const { expose } = await import('./exposition.ts');
    const { text, contentType } = await expose(samples, accept);
    return new PlainAnswer(text, contentType);
  }

  stop(): void {
    this.delay.disable();
  }

  private ofProcess(samples: Samples): void {
    for (const { setting, expires } of this.certificates.list)
      samples.add('sluice_certificate_expiry_timestamp_seconds', Date.parse(expires) / 1000, { setting });
    const { user, system } = process.cpuUsage();
    samples.add('sluice_build_info', 1, { version: VERSION, kind: this.kind });
    samples.add('sluice_uptime_seconds', process.uptime());
    samples.add('sluice_resident_bytes', process.memoryUsage.rss());
    samples.add('sluice_heap_bytes', process.memoryUsage().heapUsed);
    samples.add('sluice_cpu_seconds_total', user / 1e6, { mode: 'user' });
    samples.add('sluice_cpu_seconds_total', system / 1e6, { mode: 'system' });
    samples.add('sluice_main_thread_delay_seconds', this.delay.max / 1e9);
    this.delay.reset();
  }
}
