// Every file of examples/ is valid, and those for one host serve through their virtual addresses.
// timeout: 240s
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import type { FlowRow } from '../../src/api/shapes.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import { until } from '../support/command.ts';
import { Host } from '../support/host.ts';
import { CHECKOUT, SERVER } from '../support/paths.ts';
import { curl, holdQuietly, parseAnswers, shares } from '../support/testbed.ts';
import type { ConfigText } from '../support/testbed-config.ts';

const EXAMPLES = join(CHECKOUT, 'examples');

const files = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .sort();

const test = suite('examples');

const hosts: Host[] = [];
test.after.each(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

/** The example in namespaces of this test's own, with a server in each VM that is a member. */
async function run(name: string): Promise<Host> {
  const host = new Host();
  hosts.push(host);
  const config = parse(readFileSync(join(EXAMPLES, name), 'utf8')) as ConfigText;
  for (const port of config.ports) port.netns = host.netns(port.name);
  await host.up(config);
  for (const { name: vm } of config.ports.filter((port) => /^(app|db)/.test(port.name))) {
    await host.exec(vm, 'ip', 'link', 'set', 'lo', 'up');
    const server = host.start(vm, process.execPath, SERVER, '--name', vm);
    await until(`${vm}'s server`, () => server.lines.includes('ready'));
  }
  return host;
}

/** How many of `count` new connections to `target` each server answered. */
async function ask(host: Host, vm: string, target: string, count: number): Promise<Record<string, number>> {
  const urls = Array.from({ length: count }, () => `http://${target}/`);
  const text = await host.exec(vm, ...curl('-g', '-H', 'Connection: close', ...urls));
  return shares(parseAnswers(text));
}

test('there are examples, the README lists each, and each passes the checks', () => {
  const readme = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  assert.ok(files.length >= 9, files.join(', '));
  for (const name of files) {
    loadConfiguration(join(EXAMPLES, name));
    assert.match(readme, name.includes('/') ? `(${name.split('/')[0]}/)` : `(${name})`);
  }
});

test('service-chain: connections pass the firewalls by turns', async () => {
  const host = await run('service-chain.yaml');
  for (const vm of ['fw1', 'fw2']) await host.exec(vm, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  assert.equal(await ask(host, 'web1', '10.1.0.100', 4), { app1: 2, app2: 2 });
  const flows = await host.json<FlowRow[]>('flows');
  assert.equal(flows.map(({ through }) => through?.[0]?.member).sort(), ['fw1', 'fw1', 'fw2', 'fw2']);
});

test('one-host: eight new connections are spread 1 : 3', async () => {
  const host = await run('one-host.yaml');
  assert.equal(await ask(host, 'web1', '10.1.0.100', 8), { app1: 2, app2: 6 });
});

test('firewall: clients with the label are served, others are not', async () => {
  const host = await run('firewall.yaml');
  assert.equal(await ask(host, 'web1', '10.1.0.100', 4), { app1: 2, app2: 2 });
  const denied = await host.try('web2', ...curl('--max-time', '2', 'http://10.1.0.100/'));
  assert.is(denied.status, 28, denied.stderr);
});

test("tenants: the same VIP leads to each tenant's own server", async () => {
  const host = await run('tenants.yaml');
  assert.equal(await ask(host, 'web1', '10.2.0.100', 3), { db1: 3 });
  assert.equal(await ask(host, 'web2', '10.2.0.100', 3), { db2: 3 });
});

test('two-networks: both families reach members behind the router', async () => {
  const host = await run('two-networks.yaml');
  assert.equal(await ask(host, 'web1', '10.1.0.100', 4), { db1: 2, db2: 2 });
  const answers = await ask(host, 'web1', '[fd00:1::100]', 4);
  assert.is(
    Object.values(answers).reduce((sum, count) => sum + count),
    4,
  );
});

test('time-periods: the set that is effective now decides', async () => {
  const host = await run('time-periods.yaml');
  assert.equal(await ask(host, 'web1', '10.1.0.100', 6), { app1: 2, app2: 4 });
});

test('priorities: marked flows, a tenant and the rest have members of their own', async () => {
  const host = await run('priorities.yaml');
  assert.equal(await ask(host, 'web1', '10.1.0.100', 2), { app3: 2 });
  assert.equal(await ask(host, 'web2', '10.1.0.100:8005', 2), { app2: 2 });
  const chain = 'add table ip dscps; add chain ip dscps out { type route hook output priority -150; }';
  await host.exec('web1', 'nft', `${chain}; add rule ip dscps out ip dscp set 46`);
  assert.equal(await ask(host, 'web1', '10.1.0.100', 2), { app1: 2 });
});

test('mac-redirect: members that hold the address answer', async () => {
  const host = await run('mac-redirect.yaml');
  for (const vm of ['app1', 'app2']) await holdQuietly(host, vm, '10.1.0.100');
  assert.equal(await ask(host, 'web1', '10.1.0.100:8080', 4), { app1: 2, app2: 2 });
});

test('policies-and-scaling: the least number of VMs is started and serves', async () => {
  const host = await run('policies-and-scaling.yaml');
  await until('two active VMs', async () => {
    const { members } = await host.json<{ members: { state: string }[] }>('group', 'show', 'api');
    return members.filter(({ state }) => state === 'active').length >= 2;
  });
  const page = await host.exec('web1', ...curl('http://10.1.0.100/'));
  assert.match(page, 'Directory listing');
});

test.run();
