/** Services that controllers use on this host besides rules: running VMs and probing members. */
import type { Logger } from 'pino';
import type { Host } from '../host/host.ts';
import type { FromAgent, FromController } from '../messages/messages.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { HealthChecker } from './health/health-checker.ts';
import { VmDriver } from './vms/vm-driver.ts';

type Send = (message: Exclude<FromAgent, { type: 'hello' | 'report' }>) => void;

export class HostServices {
  private readonly send: Send;
  private readonly driver: VmDriver;
  private readonly checker: HealthChecker;

  /** `send` may drop messages while no controller is attached: `attached` sends the full state again. */
  constructor(host: Host, log: Logger, runtime: Runtime, send: Send) {
    this.send = send;
    this.driver = new VmDriver({
      host,
      log,
      runtime,
      onEvent: (event) => send({ type: 'vmEvent', ...event }),
    });
    this.checker = new HealthChecker({
      host,
      log,
      runtime,
      onResults: (results) => send({ type: 'probeResults', ...results }),
    });
  }

  attached(): void {
    for (const event of this.driver.lastEvents()) this.send({ type: 'vmEvent', ...event });
    this.send({ type: 'probeResults', isFull: true, results: this.checker.results() });
  }

  received(message: FromController): void {
    if (message.type === 'vmOrder') this.driver.take(message);
  }

  async close(): Promise<void> {
    await this.checker.close();
    await this.driver.close();
  }
}
