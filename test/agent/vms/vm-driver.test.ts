// VMs on a real host: start, serve, crash, stop; and what a killed host leaves.
// timeout: 120s
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { VmDriver } from '../../../src/agent/vms/vm-driver.ts';
import { parseConfiguration } from '../../../src/config/load.ts';
import type { TemplateConfig } from '../../../src/config/model/model.ts';
import type { VmEvent } from '../../../src/messages/messages.ts';
import { processesIn } from '../../../src/run-dir/namespace-processes.ts';
import { identityOf } from '../../../src/run-dir/process-identity.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { TestHost } from '../../host/hosts.ts';
import { sleep } from '../../support/host-processes.ts';

const test = suite('VMs on a host');

let host: TestHost;
let driver: VmDriver;
let events: VmEvent[];
/** Of the host's file, by name. */
const templates = new Map<string, TemplateConfig>();
let count = 0;
test.before.each(async () => {
  host = new TestHost(`v${++count}`);
  host.files.configure([{ name: 'a', address: '10.1.0.11' }]);
  await host.start();
  events = [];
  templates.clear();
  const { host: real } = host;
  driver = new VmDriver({
    runtime: systemRuntime,
    host: {
      get configuration() {
        return { ...real.configuration, templates: [...templates.values()] };
      },
      addPort: (port) => real.addPort(port),
      removePort: (port) => real.removePort(port),
      onPortGone: (listener) => real.onPortGone(listener),
    },
    log: host.logger,
    onEvent: (event) => events.push(event),
  });
});
test.after.each(async () => {
  await driver.close();
  await host.close();
});

const SERVER = join(import.meta.dirname, '../../../../scripts/testbed/server.mjs');
const server = (port = 8080) => ({
  command: [process.execPath, SERVER, '--name', 'x', '--http', `${port}`],
  port: 8080,
});

function template(change: Partial<TemplateConfig>): TemplateConfig {
  const text = {
    host: 'h1',
    networks: [{ name: 'app', vni: 1, subnets: ['10.1.0.0/24'] }],
    templates: [{ name: 't', network: 'app', command: 'exit', addresses: '10.1.0.0/24' }],
  };
  const [plain] = parseConfiguration(JSON.stringify(text)).templates;
  return { ...plain!, ...change };
}

const id = (name: string): string => host.files.netns(name);
/** The order of a controller that has the same template; `addresses` are the VM's. */
function start(name: string, { addresses = ['10.1.0.129'], ...change }: Partial<TemplateConfig>): void {
  const own = template(change);
  templates.set('t', own);
  const definition = JSON.stringify({ ...own, addresses });
  driver.take({ command: 'start', vm: id(name), template: 't', definition });
}
const stop = (name: string): void =>
  driver.take({ command: 'stop', vm: id(name), template: 't', definition: '' });
const kindsOf = (name: string): string[] =>
  events.filter(({ vm }) => vm === id(name)).map(({ kind }) => kind);
const lastOf = (name: string): VmEvent => events.filter(({ vm }) => vm === id(name)).at(-1)!;

async function until(what: string, holds: () => boolean, timeoutMs = 30_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !holds(); await sleep(10))
    if (Date.now() > end)
      throw new Error(
        `${what}: not within ${timeoutMs} ms; ${JSON.stringify(events)}\n${host.log.join('\n')}`,
      );
}

test('starts, serves, and stops on request', async () => {
  start('x', server());
  await until('serving', () => kindsOf('x').includes('serving'));
  assert.equal(lastOf('x').port!.addresses, ['10.1.0.129/24']);
  const answer = host.files.exec('a', 'curl', '-s', '-m', '3', 'http://10.1.0.129:8080/');
  assert.match(answer, /^x 10\.1\.0\.11:/);
  const pid = processesIn(id('x'))[0]!;
  stop('x');
  await until('the end', () => kindsOf('x').includes('terminated'));
  await until('clear-up', () => host.host.configuration.ports.length === 1);
  assert.equal(host.files.namespaces(), ['a']);
  assert.equal(kindsOf('x'), ['created', 'serving', 'terminated']);
  assert.is(identityOf(pid), undefined);
});

test('a controller names a template and gives addresses: what runs is the host own', async () => {
  templates.set('t', template({ command: ['/bin/sh', '-c', 'echo own; exec sleep 600'] }));
  const order = (name: string, change: object, of = 't') => {
    const forged = { ...template({}), addresses: ['10.1.0.129'], ...change };
    driver.take({ command: 'start', vm: id(name), template: of, definition: JSON.stringify(forged) });
  };
  const foreign = {
    command: ['/bin/sh', '-c', 'echo foreign'],
    user: 'root',
    env: { A: 'foreign' },
    directory: '/root',
  };
  order('x', foreign);
  await until('its own command', () => host.log.some((line) => line.endsWith(': own')));
  order('u', foreign, 'unknown');
  order('p', { addresses: ['10.2.0.12'] });
  order('n', { addresses: [] });
  await until('all refusals', () => ['u', 'p', 'n'].every((name) => lastOf(name)?.kind === 'crashed'));
  assert.match(lastOf('u').detail, 'found no template unknown');
  assert.match(lastOf('p').detail, 'found address 10.2.0.12, expected one of template t: 10.1.0.0/24');
  assert.match(lastOf('n').detail, 'found an order that cannot be used');
  assert.ok(!host.log.some((line) => line.includes('foreign')), host.log.join('\n'));
});

test('a killed command is a crash, at once', async () => {
  start('x', server());
  await until('serving', () => kindsOf('x').includes('serving'));
  const killedAt = performance.now();
  process.kill(processesIn(id('x'))[0]!, 'SIGKILL');
  await until('the crash', () => kindsOf('x').includes('crashed'));
  assert.ok(performance.now() - killedAt < 3_000);
  assert.match(lastOf('x').detail, /SIGKILL/);
  await until('clear-up', () => !host.files.namespaces().includes('x'));
});

test('exit codes, a program that is not there, a user that is not there', async () => {
  start('zero', { command: ['/bin/true'], addresses: ['10.1.0.130'] });
  start('three', { command: ['/bin/sh', '-c', 'echo last words; exit 3'], addresses: ['10.1.0.131'] });
  start('none', { command: ['/no/such/program'], addresses: ['10.1.0.132'] });
  start('nobody', { command: ['/bin/true'], addresses: ['10.1.0.133'], user: 'no-such-user' });
  const names = ['zero', 'three', 'none', 'nobody'];
  await until('all ends', () =>
    names.every((name) => ['crashed', 'terminated'].includes(lastOf(name)?.kind)),
  );
  assert.equal(
    names.map((name) => lastOf(name).kind),
    ['terminated', 'crashed', 'crashed', 'crashed'],
  );
  assert.is(lastOf('three').detail, 'exit code 3');
  assert.is(lastOf('nobody').detail, 'found no user no-such-user on this host');
  await until('clear-up', () => host.files.namespaces().length === 1);
  assert.ok(
    host.log.some((line) => line.endsWith(': last words')),
    host.log.join('\n'),
  );
});

test('a command that does not listen in time is ended, and its children with it', async () => {
  const command = ['/bin/sh', '-c', 'sleep 600 & trap "" TERM; sleep 601; sleep 602'];
  start('x', { command, port: 8080, readyTimeoutMs: 300, stopTimeoutMs: 200 });
  await until('the crash', () => kindsOf('x').includes('crashed'));
  assert.match(lastOf('x').detail, /nothing listens at port 8080 after 300 ms/);
  await until('clear-up', () => !host.files.namespaces().includes('x'));
  assert.equal(kindsOf('x'), ['created', 'crashed']);
});

test('it runs as its user, with its environment', async () => {
  const command = ['/bin/sh', '-c', 'echo "$(id -un) $WORD $SLUICE_ADDRESS $(pwd)"; exec sleep 600'];
  start('x', { command, user: 'nobody', env: { WORD: 'hello' }, directory: '/tmp' });
  await until('output', () => host.log.some((line) => line.endsWith('nobody hello 10.1.0.129 /tmp')));
});

test('orders that come twice, a stop before the start is through, an unknown one', async () => {
  start('x', { command: ['/bin/sleep', '600'], stopTimeoutMs: 100 });
  start('x', { command: ['/bin/sleep', '600'], stopTimeoutMs: 100 });
  stop('x');
  await until('the end', () => kindsOf('x').includes('terminated'));
  assert.equal(kindsOf('x'), ['terminated']);
  start('x', { command: ['/bin/sleep', '600'] });
  assert.equal(kindsOf('x'), ['terminated', 'terminated'], 'a name is used once');
  stop('y');
  assert.equal(kindsOf('y'), ['terminated']);
  await until('clear-up', () => host.files.namespaces().length === 1);
});

test('a VM whose interface disappears has crashed', async () => {
  start('x', { command: ['/bin/sleep', '600'], stopTimeoutMs: 100 });
  await until('serving', () => kindsOf('x').includes('serving'));
  spawnSync('ip', ['-n', id('x'), 'link', 'del', 'eth0']);
  await until('the crash', () => kindsOf('x').includes('crashed'));
  assert.is(lastOf('x').detail, 'its interface has disappeared');
});

test('an address that is taken, a network that is not there', async () => {
  start('x', { addresses: ['10.1.0.11'] });
  start('y', { network: 'db' });
  start('z', { addresses: ['10.9.0.1'] });
  await until('all ends', () => ['x', 'y', 'z'].every((name) => kindsOf(name).includes('crashed')));
  assert.match(lastOf('x').detail, /cannot be added, 10\.1\.0\.11, as port a/);
  assert.is(lastOf('y').detail, 'found no network db on this host');
  assert.match(lastOf('z').detail, /found address 10\.9\.0\.1/);
});

test.run();

const leftovers = suite('VMs of a host that was killed');

leftovers(
  'the command dies with the host; its children and the namespace are cleared by the next host',
  async () => {
    const dying = new TestHost('k');
    dying.files.writeConfig({
      host: 'h1',
      networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
      ports: [{ name: 'a', network: 'app', netns: dying.files.netns('a'), addresses: ['10.1.0.11/24'] }],
      templates: [
        {
          name: 't',
          network: 'app',
          command: 'sleep 600 & wait',
          addresses: '10.1.0.128/25',
          stopTimeout: '1s',
        },
      ],
    });
    const { files } = dying;
    try {
      const main = join(import.meta.dirname, 'dying-vms.js');
      const child = spawn(process.execPath, [main, files.configPath, files.runDir, files.netns('x')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      const pids = processesIn(files.netns('x'));
      assert.is(pids.length, 2);
      child.kill('SIGKILL');
      await once(child, 'exit');
      await sleep(100);
      assert.is(processesIn(files.netns('x')).length, 1, 'the grandchild alone is left');
      await dying.clearLeftovers();
      assert.equal(files.namespaces(), ['a']);
      for (const pid of pids) assert.is(identityOf(pid), undefined);
    } finally {
      await dying.close();
    }
  },
);

leftovers.run();
