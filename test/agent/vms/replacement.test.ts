// VM manager and driver together, on a real host: a command that is killed is replaced and serves again.
// timeout: 120s
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { VmDriver } from '../../../src/agent/vms/vm-driver.ts';
import { loadConfiguration } from '../../../src/config/load.ts';
import { VmManager } from '../../../src/controller/vm-manager/vm-manager.ts';
import { processesIn } from '../../../src/run-dir/namespace-processes.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { TestHost } from '../../host/hosts.ts';
import { sleep } from '../../support/host-processes.ts';

const test = suite('replacement of VMs');

const SERVER = join(import.meta.dirname, '../../../../scripts/testbed/server.mjs');
const CRASHES = 10;
/** The goal for a crash that is told to a controller on another host, too. */
const REPLACED_WITHIN_MS = 2_000;

test('a killed command is replaced and serving within two seconds', async () => {
  const host = new TestHost('m');
  host.files.writeConfig({
    host: 'h1',
    networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
    ports: [{ name: 'a', network: 'app', netns: host.files.netns('a'), addresses: ['10.1.0.11/24'] }],
    templates: [
      {
        // Names of VMs are names of namespaces.
        name: host.files.netns('w'),
        network: 'app',
        command: [process.execPath, SERVER, '--name', 'w'],
        port: 8080,
        addresses: '10.1.0.128/28',
      },
    ],
  });
  let names = 0;
  let driver: VmDriver | undefined;
  try {
    await host.start();
    const { templates } = loadConfiguration(host.files.configPath);
    // Served for long: it is not the template's fault, so there is no wait.
    let nowMs = Date.now();
    const manager = new VmManager({
      templates: () => templates,
      hosts: () => [{ host: 'h1', agentEpoch: 1, load: 0 }],
      isAddressTaken: (_, address) => address === '10.1.0.129',
      send: (_, order) => driver!.take(order),
      persist: () => {},
      vniOf: () => 1,
      onEvent: () => {},
      onWait: () => {},
      now: () => nowMs,
      suffix: () => String(++names),
    });
    driver = new VmDriver({
      runtime: systemRuntime,
      host: host.host,
      log: host.logger,
      onEvent: (event) => manager.take('h1', event),
    });
    const serving = () => manager.list().find(({ phase }) => phase === 'serving');
    const untilServing = async (): Promise<void> => {
      for (const end = Date.now() + 10_000; serving() === undefined; await sleep(5))
        if (Date.now() > end) throw new Error(host.log.join('\n'));
    };
    manager.instantiate(templates[0]!.name);
    manager.tick();
    await untilServing();
    const times: number[] = [];
    for (let crash = 0; crash < CRASHES; crash++) {
      nowMs += 60_000;
      const [pid] = processesIn(serving()!.id);
      const killedAt = performance.now();
      process.kill(pid!, 'SIGKILL');
      for (const id = serving()!.id; serving()?.id === id; ) await sleep(1);
      await untilServing();
      times.push(performance.now() - killedAt);
      const [address] = serving()!.addresses;
      assert.match(host.files.exec('a', 'curl', '-s', '-m', '3', `http://${address}:8080/`), /^w /);
    }
    const median = times.sort((a, b) => a - b)[CRASHES / 2]!;
    assert.ok(median < REPLACED_WITHIN_MS, `milliseconds: ${times.map(Math.round).join(' ')}`);
  } finally {
    await driver?.close();
    await host.close();
  }
});

test.run();
