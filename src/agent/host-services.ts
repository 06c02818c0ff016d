/** Services that controllers use on this host besides rules: running VMs and probing members. */
import type { Logger } from 'pino';
import type { Host } from '../host/host.ts';
import type { FromAgent, FromController } from '../messages/messages.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { HealthChecker } from './health/health-checker.ts';
import { ProberProcess } from './health/prober-process.ts';
import { VmDriver } from './vms/vm-driver.ts';

/** May drop messages while no controller is attached: `attached` sends the whole state again. */
export type SendMessage = (message: Exclude<FromAgent, { type: 'hello' | 'report' }>) => void;

export interface AgentServices {
  attached(): void;
  received(message: FromController): void;
  close(): Promise<void>;
}

export class HostServices implements AgentServices {
  private readonly send: SendMessage;
  private readonly driver: VmDriver;
  private readonly checker: HealthChecker;

  constructor(host: Host, log: Logger, runtime: Runtime, send: SendMessage) {
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
      events: host.events,
      runtime,
      startProber: (start, events) => new ProberProcess(start, log, runtime, events),
      onResults: (results) => send({ type: 'probeResults', ...results }),
      onLoads: (loads) => send({ type: 'memberLoads', loads }),
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
