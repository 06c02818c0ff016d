// VMs and health checks by the commands alone: scaled out, found unhealthy, killed and replaced, scaled in, and
// nothing left of a host that was killed.
// timeout: 180s
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GroupDetail } from '../../src/api/shapes.ts';
import { processesIn } from '../../src/run-dir/namespace-processes.ts';
import { until } from '../support/command.ts';
import { freeze } from '../support/freeze.ts';
import { Host, killProcess } from '../support/host.ts';
import { SERVER } from '../support/paths.ts';

const test = suite('e2e: VMs');

let host: Host;
test.before(async () => {
  host = new Host();
  const config = {
    host: 'h1',
    // A drain ends with the flows.
    datapath: { tcpTransitoryIdle: '1s', activeFlowIdle: '1s' },
    networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
    ports: [{ name: 'c1', network: 'app', netns: host.netns('c1'), addresses: ['10.1.0.11/24'] }],
    groups: [
      {
        name: 'api',
        network: 'app',
        vip: '10.1.0.100',
        protocol: 'tcp',
        port: 80,
        health: { kind: 'http', interval: '500ms', timeout: '1s' },
        members: [],
      },
    ],
    templates: [
      {
        name: host.netns('w'),
        network: 'app',
        group: 'api',
        port: 8080,
        addresses: '10.1.0.128/25',
        command: [process.execPath, SERVER, '--name', 'w'],
        stopTimeout: '1s',
      },
    ],
  };
  // JSON is YAML.
  writeFileSync(host.configFile, JSON.stringify(config));
  const { status, stderr } = await host.sluice('up', '-c', host.configFile, '--detach');
  assert.is(status, 0, stderr);
});
test.after(() => host?.close());

const scale = async (count: number): Promise<void> => {
  const { status, stderr } = await host.sluice('scale', 'api', String(count));
  assert.is(status, 0, stderr);
};

/** `NAME state`, in order. */
const members = async (): Promise<string[]> => {
  const { members: rows } = await host.json<GroupDetail>('group', 'show', 'api');
  return rows.map(({ member, state }) => `${member} ${state}`);
};

const withState = async (state: string): Promise<string[]> =>
  (await members()).filter((text) => text.endsWith(` ${state}`)).map((text) => text.split(' ')[0]!);

const untilActive = (count: number, timeoutMs = 60_000): Promise<string[]> =>
  until(
    `${count} active members`,
    async () => {
      const active = await withState('active');
      return active.length === count && (await members()).length === count ? active : undefined;
    },
    timeoutMs,
  );

const ask = (): Promise<string> => host.exec('c1', 'curl', '-s', '-m', '3', 'http://10.1.0.100/');

test('scaled out, they serve', async () => {
  await scale(2);
  await untilActive(2);
  for (let request = 0; request < 4; request++) assert.match(await ask(), /^w 10\.1\.0\.11:/);
});

test('one that does not answer fails, and another one takes its place for good', async () => {
  const [first] = await untilActive(2);
  const [pid] = processesIn(first!);
  freeze(pid!);
  await until('its end', () => (processesIn(first!).length === 0 ? true : undefined));
  assert.not((await untilActive(2, 30_000)).includes(first!));
  for (let request = 0; request < 4; request++) assert.match(await ask(), /^w /);
});

test('one that is killed is replaced', async () => {
  const [first, second] = await untilActive(2);
  killProcess(processesIn(first!)[0]!);
  const now = await until('another one', async () => {
    const active = await untilActive(2);
    return active.includes(first!) ? undefined : active;
  });
  assert.ok(now.includes(second!));
  for (let request = 0; request < 4; request++) assert.match(await ask(), /^w /);
});

test('scaled in, one is drained and gone', async () => {
  await scale(1);
  await untilActive(1, 60_000);
  await until('the end of one', () => (host.namespaces().length === 2 ? true : undefined));
  assert.match(await ask(), /^w /);
});

test('of a host that was killed, nothing is left after down', async () => {
  const { pid } = await host.status();
  const [vm] = await untilActive(1);
  killProcess(pid);
  const { status, stderr } = await host.sluice('down');
  assert.is(status, 0, stderr);
  assert.equal(host.namespaces(), []);
  assert.equal(processesIn(vm!), []);
  assert.equal(processesIn(`sluice-probe-${pid}-app`), []);
});

test.run();
