// Ports beside the file's: added and removed while traffic flows, kept over reloads, gone with the host.
// timeout: 120s
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfiguration } from '../../src/config/load.ts';
import type { PortConfig } from '../../src/config/model/model.ts';
import { derivePortMac } from '../../src/config/model/port-mac.ts';
import { FULL_PROTECTION } from '../../src/config/model/port-protection.ts';
import { HostError } from '../../src/config/problems/host-error.ts';
import { processesIn } from '../../src/run-dir/namespace-processes.ts';
import { sleep } from '../support/host-processes.ts';
import { TestHost } from './hosts.ts';

const test = suite('ports beside the file');

let host: TestHost;
let count = 0;
test.before.each(async () => {
  host = new TestHost(`p${++count}`);
  host.files.configure([
    { name: 'a', address: '10.1.0.11' },
    { name: 'b', address: '10.1.0.12' },
  ]);
  await host.start();
});
test.after.each(() => host.close());

const portFor = (name: string, address: string, other: Partial<PortConfig> = {}): PortConfig => ({
  name,
  network: 'app',
  netns: host.files.netns(name),
  interface: 'eth0',
  mac: derivePortMac('h1', name),
  addresses: [`${address}/24`],
  ...FULL_PROTECTION,
  labels: {},
  purpose: 'vm',
  ...other,
});

const running = (child: ChildProcess): boolean => existsSync(`/proc/${child.pid}/ns/net`);

test('a port comes and goes, and the others lose no packet', async () => {
  const lost = host.files.countLost('a', '10.1.0.12');
  await sleep(200);
  await host.host.addPort(portFor('x', '10.1.0.21'));
  host.files.ping('a', '10.1.0.21');
  host.files.ping('x', '10.1.0.1');
  assert.ok(host.host.configuration.ports.some(({ name }) => name === 'x'));
  await host.host.removePort('x');
  assert.equal(host.files.namespaces(), ['a', 'b']);
  assert.is(await lost, 0);
  await host.host.addPort(portFor('x', '10.1.0.21'));
  host.files.ping('a', '10.1.0.21');
});

test('a reload of the same file leaves ports and networks as they are, object and all, so that nothing is wired anew', async () => {
  await host.host.addPort(portFor('x', '10.1.0.21'));
  const { snapshot } = host.host.publisher.inForce!.built;
  await host.host.reload(loadConfiguration(host.files.configPath));
  const after = host.host.publisher.inForce!.built.snapshot;
  assert.ok(after.revision > snapshot.revision);
  assert.is(after.ports, snapshot.ports);
  assert.is(after.networks, snapshot.networks);
});

test('a reload keeps it, adjusts it, and does not give its address to another', async () => {
  await host.host.addPort(portFor('x', '10.1.0.21'));
  host.files.configure(
    [
      { name: 'a', address: '10.1.0.11' },
      { name: 'c', address: '10.1.0.13' },
    ],
    { mtu: 1400 },
  );
  await host.host.reload(loadConfiguration(host.files.configPath));
  host.files.ping('c', '10.1.0.21');
  assert.match(host.files.exec('x', 'ip', 'link', 'show', 'eth0'), /mtu 1400/);
  host.files.configure([{ name: 'a', address: '10.1.0.21' }]);
  const error = await host.host.reload(loadConfiguration(host.files.configPath)).then(
    () => undefined,
    (reason) => reason,
  );
  assert.instance(error, HostError);
  assert.equal(error.problems, [
    { path: 'ports[x]', found: '10.1.0.21, as port a', expected: 'an address of its own' },
  ]);
  host.files.ping('c', '10.1.0.21');
});

test('what is taken is refused, and leaves nothing behind', async () => {
  const taken: [PortConfig, RegExp][] = [
    [portFor('a', '10.1.0.21', { netns: host.files.netns('x') }), /another port a/],
    [portFor('x', '10.1.0.11'), /10\.1\.0\.11, as port a/],
    [portFor('x', '10.1.0.1'), /10\.1\.0\.1, a gateway's/],
    [portFor('x', '10.1.0.21', { mac: derivePortMac('h1', 'b') }), /MAC .* as port b/],
    [portFor('x', '10.1.0.21', { network: 'none' }), /network none/],
  ];
  for (const [port, found] of taken) {
    const error = await host.host.addPort(port).then(
      () => undefined,
      (reason) => reason,
    );
    assert.instance(error, HostError);
    assert.match(error.problems.map((problem: { found: string }) => problem.found).join('; '), found);
  }
  const revision = host.host.publisher.revision;
  await host.host
    .addPort(portFor('x', '10.1.0.21', { netns: host.files.netns('a'), interface: 'eth1' }))
    .then(
      () => assert.unreachable('a namespace that exists was taken'),
      (error) => assert.match(error.message, /found a namespace/),
    );
  assert.is(host.host.publisher.revision, revision);
  assert.equal(host.files.namespaces(), ['a', 'b']);
});

test('its processes end with it; those of other namespaces do not', async () => {
  const start = (name: string): ChildProcess =>
    spawn('ip', ['netns', 'exec', host.files.netns(name), 'sleep', '600'], { stdio: 'ignore' });
  await host.host.addPort(portFor('x', '10.1.0.21'));
  const inside = [start('x'), start('x')];
  const beside = start('a');
  while (processesIn(host.files.netns('x')).length < 2) await sleep(5);
  await host.host.removePort('x');
  try {
    for (const child of inside) assert.not(running(child));
    assert.ok(running(beside));
  } finally {
    beside.kill('SIGKILL');
  }
});

test('a device that disappears is told once', async () => {
  const gone: string[] = [];
  host.host.onPortGone((port) => gone.push(port));
  await host.host.addPort(portFor('x', '10.1.0.21'));
  spawnSync('ip', ['netns', 'exec', host.files.netns('x'), 'ip', 'link', 'del', 'eth0']);
  for (let tries = 0; tries < 200 && gone.length === 0; tries++) await sleep(10);
  assert.equal(gone, ['x']);
  await host.host.removePort('x');
  assert.equal(host.files.namespaces(), ['a', 'b']);
});

test.run();
