/**
 * Resident memory of a host with ten ports and the default connection table: right after `up`, and after load
 * from one port to another, when frame buffers and table rows have been touched.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Environment, interfaceOf, makeDirectory, namespaceOf, VIP } from './environment.ts';
import { configurationYaml, endPorts, portYaml, SluiceRun } from './environments/sluice.ts';
import type { Surroundings } from './live.ts';
import { Meter } from './measure.ts';
import { MEMORY_PORTS } from './plan.ts';
import { memoryMiB } from './process.ts';

export interface MemoryResult {
  ports: number;
  /** VmRSS of the host process one second after `up`. */
  afterUpMiB: number;
  /** VmHWM after one second each of TCP with four flows, a UDP flood, and short connections. */
  afterLoadMiB: number;
}

const LOAD_SECONDS = 1;
const NAME = 'memory';
const FIRST_IDLE_ADDRESS = 11;

export async function measureMemory(surroundings: Surroundings): Promise<MemoryResult> {
  const { context, progress } = surroundings;
  progress.say(`resident memory with ${MEMORY_PORTS} ports`);
  const run = new SluiceRun(context.root, makeDirectory(context, 'memory'));
  const idlePorts = Array.from({ length: MEMORY_PORTS - 2 }, (_, index) => {
    const namespace = namespaceOf(`idle${index}`, 'client');
    return portYaml(`idle${index}`, namespace, interfaceOf('client'), [
      `10.9.0.${FIRST_IDLE_ADDRESS + index}`,
    ]);
  });
  let pid = 0;
  const environment = new Environment({
    name: NAME,
    destination: VIP,
    async start() {
      const configuration = configurationYaml(context, [...endPorts(NAME), ...idlePorts]);
      pid = (await run.up(configuration)).pid;
    },
    pids: () => (pid === 0 ? [] : [pid]),
    version: async () => '',
    async stop() {
      if (pid !== 0) await run.down();
    },
  });
  try {
    await environment.start();
    await sleep(1_000);
    const afterUpMiB = memoryMiB(pid, 'VmRSS');
    const meter = new Meter(context, LOAD_SECONDS);
    const webServer = await meter.startWebServer(environment);
    for (const tool of ['tcp4', 'udp64', 'conn'] as const) {
      surroundings.checkInterrupted();
      await meter.measure(tool, environment);
    }
    await webServer.stop();
    return { ports: MEMORY_PORTS, afterUpMiB, afterLoadMiB: memoryMiB(pid, 'VmHWM') };
  } finally {
    await environment.stop();
  }
}
