// Coming up and going down: whole or not at all, and nothing left, whatever ended it.
// timeout: 240s
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { output, run, until } from '../support/command.ts';
import { Host, killProcess } from '../support/host.ts';
import type { ConfigText } from '../support/testbed-config.ts';

const test = suite('e2e: lifecycle');

let host: Host;
test.before.each(() => {
  host = new Host();
});
test.after.each(() => host.close());

/** Two VMs on one switch. */
const twoPorts = (name: string): ConfigText => ({
  host: name,
  networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'], gateway: ['10.1.0.1'] }],
  ports: [
    { name: 'a', network: 'app', netns: `${name}-a`, addresses: ['10.1.0.11/24'] },
    { name: 'b', network: 'app', netns: `${name}-b`, addresses: ['10.1.0.12/24'] },
  ],
  groups: [],
});

const ping = (address = '10.1.0.12') => host.exec('a', 'ping', '-c', '1', '-W', '2', address);

const alive = (pid: number) => existsSync(`/proc/${pid}`);

async function assertNothingLeft(pid: number): Promise<void> {
  await until(`process ${pid} to end`, () => !alive(pid));
  assert.equal(host.namespaces(), []);
  const { status, stderr } = await host.sluice('status');
  assert.is(status, 1);
  assert.ok(stderr.length > 0);
}

test('up --detach returns when traffic can flow, and prints one line', async () => {
  host.configure(twoPorts(host.name));
  const result = await host.sluice('up', '-c', host.configFile, '--detach');
  assert.is(result.status, 0, result.stderr);
  await ping();
  assert.match(result.stdout, /^[^\n]+\n$/);
});

test('inside the namespace: the interface up, its address, its MTU, the default route', async () => {
  await host.up(twoPorts(host.name));
  const link = JSON.parse(await host.exec('a', 'ip', '-json', 'address', 'show', 'dev', 'eth0'))[0];
  assert.ok(link.flags.includes('UP'), link.flags.join());
  assert.is(link.mtu, 1500);
  const ipv4 = link.addr_info.filter((one: { family: string }) => one.family === 'inet');
  assert.equal(
    ipv4.map((one: { local: string; prefixlen: number }) => `${one.local}/${one.prefixlen}`),
    ['10.1.0.11/24'],
  );
  assert.match(await host.exec('a', 'ip', 'route', 'show', 'default'), /^default via 10\.1\.0\.1 dev eth0/);
});

test('down leaves nothing behind', async () => {
  await host.up(twoPorts(host.name));
  const { pid } = await host.status();
  const result = await host.sluice('down');
  assert.is(result.status, 0, result.stderr);
  await assertNothingLeft(pid);
});

test('down leaves alone what was there before', async () => {
  await output('ip', 'netns', 'add', host.netns('a'));
  await output('ip', '-n', host.netns('a'), 'link', 'add', 'own0', 'type', 'veth', 'peer', 'own1');
  await host.up(twoPorts(host.name));
  await ping();
  await host.sluice('down');
  assert.equal(host.namespaces(), [host.netns('a')]);
  const links = JSON.parse(await output('ip', '-n', host.netns('a'), '-json', 'link'));
  assert.equal(links.map((link: { ifname: string }) => link.ifname).sort(), ['lo', 'own0', 'own1']);
});

test('down of nothing says so', async () => {
  const result = await host.sluice('down');
  assert.is(result.status, 1);
  assert.is(result.stdout, '');
  assert.ok(result.stderr.includes(host.runDir), result.stderr);
});

test('up twice says so, and the first one goes on', async () => {
  await host.up(twoPorts(host.name));
  const { pid } = await host.status();
  const again = await host.sluice('up', '-c', host.configFile, '--detach');
  assert.is(again.status, 1);
  assert.match(again.stderr, /already|running/);
  assert.ok(again.stderr.includes(String(pid)), again.stderr);
  assert.is((await host.status()).pid, pid);
  await ping();
});

test('up finds a taken interface name before it makes anything, and config check does', async () => {
  await output('ip', 'netns', 'add', host.netns('b'));
  await output('ip', '-n', host.netns('b'), 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'eth1');
  host.configure(twoPorts(host.name));
  const failed = await host.sluice('up', '-c', host.configFile, '--detach');
  assert.is(failed.status, 2);
  const found = /found interface eth0 in namespace \S+, which already exists/;
  assert.match(failed.stderr, found);
  const checked = await host.sluice('config', 'check', '-c', host.configFile);
  assert.is(checked.status, 2);
  assert.match(checked.stdout, found);
  assert.ok(failed.stderr.includes(host.netns('b')), failed.stderr);
  assert.equal(host.namespaces(), [host.netns('b')]);
  assert.match(await output('ip', '-n', host.netns('b'), '-d', 'link', 'show', 'eth0'), /veth/);

  await output('ip', '-n', host.netns('b'), 'link', 'delete', 'eth0');
  const now = await host.sluice('up', '-c', host.configFile, '--detach');
  assert.is(now.status, 0, now.stderr);
  await ping();
  const running = await host.sluice('config', 'check', '-c', host.configFile);
  assert.is(running.status, 0, `its own interfaces are free to it: ${running.stdout}`);
});

test('up that fails half-way takes back what it did, and no more', async () => {
  // The second namespace refuses the route to the gateway.
  await output('ip', 'netns', 'add', host.netns('b'));
  await output('ip', '-n', host.netns('b'), 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'eth2');
  await output('ip', '-n', host.netns('b'), 'link', 'set', 'eth1', 'up');
  await output('ip', '-n', host.netns('b'), 'address', 'add', '192.0.2.1/24', 'dev', 'eth1');
  await output('ip', '-n', host.netns('b'), 'route', 'add', 'default', 'via', '192.0.2.2');
  host.configure(twoPorts(host.name));
  const failed = await host.sluice('up', '-c', host.configFile, '--detach');
  assert.is(failed.status, 1);
  assert.match(failed.stderr, /eth0/);
  assert.ok(failed.stderr.includes(host.netns('b')), failed.stderr);
  assert.equal(host.namespaces(), [host.netns('b')]);
  assert.match(await output('ip', '-n', host.netns('b'), '-d', 'link', 'show', 'eth1'), /veth/);

  await output('ip', '-n', host.netns('b'), 'route', 'delete', 'default');
  const now = await host.sluice('up', '-c', host.configFile, '--detach');
  assert.is(now.status, 0, now.stderr);
  await ping();
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} stops it cleanly, in the foreground`, async () => {
    host.configure(twoPorts(host.name));
    const foreground = host.startSluice('up', '-c', host.configFile);
    const { pid } = await until('status', () => host.status());
    await until('traffic', () => ping());
    // Whoever started it waits for the process that serves.
    assert.is(pid, foreground.child.pid);
    foreground.child.kill(signal);
    assert.is(await foreground.ended, 0, foreground.stderr);
    assert.match(foreground.stderr, /info .*2 ports, 0 groups/);
    await assertNothingLeft(pid);
  });

  test(`${signal} stops it cleanly, detached`, async () => {
    await host.up(twoPorts(host.name));
    const { pid } = await host.status();
    killProcess(pid, signal);
    await until(`process ${pid} to end`, () => !alive(pid));
    await assertNothingLeft(pid);
  });
}

test('kill -9, then down clears what is left', async () => {
  await host.up(twoPorts(host.name));
  const { pid } = await host.status();
  killProcess(pid);
  await until(`process ${pid} to end`, () => !alive(pid));
  assert.is((await host.sluice('status')).status, 1);
  await host.sluice('down');
  await assertNothingLeft(pid);
});

test('kill -9, then up works, and down still removes what the first one made', async () => {
  await host.up(twoPorts(host.name));
  const { pid } = await host.status();
  killProcess(pid);
  await until(`process ${pid} to end`, () => !alive(pid));
  const again = await host.sluice('up', '-c', host.configFile, '--detach');
  assert.is(again.status, 0, again.stderr);
  await ping();
  const next = await host.status();
  assert.is.not(next.pid, pid);
  await host.sluice('down');
  await assertNothingLeft(next.pid);
});

test('the socket in the run directory is for its owner only', async () => {
  await host.up(twoPorts(host.name));
  assert.is(statSync(join(host.runDir, 'api.sock')).mode & 0o777, 0o600);
});

test('a configuration with errors: exit status 2, every problem with its path, nothing made', async () => {
  const config = twoPorts(host.name);
  config.ports[0]!.addresses = ['10.1.0.300/24'];
  config.ports[1]!.network = 'nowhere';
  host.configure(config);
  for (const args of [
    ['up', '-c', host.configFile, '--detach'],
    ['config', 'check', '-c', host.configFile],
  ]) {
    const result = await host.sluice(...args);
    assert.is(result.status, 2, args.join(' '));
    const told = result.stdout + result.stderr;
    for (const part of ['ports[0].addresses', '10.1.0.300/24', 'ports[1].network', 'nowhere']) {
      assert.ok(told.includes(part), `${part} in ${told}`);
    }
  }
  assert.equal(host.namespaces(), []);
});

test('a VM that goes away takes its port with it, and nothing else', async () => {
  const config = twoPorts(host.name);
  config.ports.push({ name: 'c', network: 'app', netns: host.netns('c'), addresses: ['10.1.0.13/24'] });
  await host.up(config);
  await ping('10.1.0.13');
  await output('ip', 'netns', 'delete', host.netns('c'));
  await until('the port to be gone', async () => {
    const ports = await host.json<{ port: string; state: string }[]>('port', 'list');
    return ports.find((port) => port.port === 'c')?.state === 'gone';
  });
  await ping();
  assert.is((await host.sluice('down')).status, 0);
});

test('two hosts on one machine keep apart', async () => {
  const other = new Host();
  try {
    await host.up(twoPorts(host.name));
    await other.up(twoPorts(other.name));
    await ping();
    await other.exec('a', 'ping', '-c', '1', '-W', '2', '10.1.0.12');
    await other.sluice('down');
    assert.equal(other.namespaces(), []);
    await ping();
  } finally {
    other.close();
  }
});

test('no command, an unknown one and an unknown option are wrong usage', async () => {
  for (const args of [[], ['fly'], ['status', '--altitude', '3'], ['up']]) {
    const result = await run(process.execPath, ...host.cli(...args));
    assert.is(result.status, 2, `sluice ${args.join(' ')}: ${result.stderr}`);
    assert.is(result.stdout, '');
    assert.ok(result.stderr.length > 0);
  }
});

test.run();
