// Health checks on a real host: members that stop answering, are killed, lose their interface, and come back.
// timeout: 120s
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HealthChecker } from '../../../src/agent/health/health-checker.ts';
import { ProberProcess } from '../../../src/agent/health/prober-process.ts';
import { loadConfiguration } from '../../../src/config/load.ts';
import type { MemberLoad, ProbeResults } from '../../../src/messages/messages.ts';
import { processesIn } from '../../../src/run-dir/namespace-processes.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { TestHost } from '../../host/hosts.ts';
import { linesOnly } from '../../support/event-sinks.ts';
import { freeze } from '../../support/freeze.ts';
import { sleep } from '../../support/host-processes.ts';

const test = suite('health checks');

const SERVER = join(import.meta.dirname, '../../../../scripts/testbed/server.mjs');
const MEMBERS = ['m1', 'm2', 'm3'];
const PROBE_NETNS = `sluice-probe-${process.pid}-app`;

let host: TestHost;
let checker: HealthChecker;
let told: ProbeResults[];
let toldLoads: MemberLoad[];
let servers: Map<string, ChildProcess>;
let count = 0;

const address = (member: string): string => `10.1.0.2${member.at(-1)}`;

function configure(health: object, more: object = {}, ports: readonly object[] = []): void {
  host.files.writeConfig({
    host: 'h1',
    networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24', 'fd00:1::/64'], ...more }],
    ports: [
      { name: 'a', network: 'app', netns: host.files.netns('a'), addresses: ['10.1.0.11/24'] },
      ...MEMBERS.map((name) => ({
        name,
        network: 'app',
        netns: host.files.netns(name),
        addresses: [`${address(name)}/24`, `fd00:1::2${name.at(-1)}/64`],
      })),
      ...ports,
    ],
    groups: [
      {
        name: 'api',
        network: 'app',
        vip: ['10.1.0.100', 'fd00:1::100'],
        health: { interval: '100ms', timeout: '100ms', rise: 2, fall: 2, ...health },
        members: [
          ...MEMBERS.map((name) => ({ name, address: address(name) })),
          { name: 'six', address: 'fd00:1::21' },
        ],
      },
    ],
  });
}

const check = (): void => {
  told = [];
  toldLoads = [];
  checker = new HealthChecker({
    runtime: systemRuntime,
    host: host.host,
    log: host.logger,
    events: linesOnly(host.logger),
    startProber: (name, netns, events) => new ProberProcess(name, netns, host.logger, systemRuntime, events),
    onResults: (results) => told.push(results),
    onLoads: (loads) => toldLoads.push(...loads),
  });
};

const serve = (member: string): void => {
  const command = ['netns', 'exec', host.files.netns(member), process.execPath, SERVER, '--name', member];
  servers.set(member, spawn('ip', command, { stdio: 'ignore' }));
};

const states = (): string =>
  checker
    .results()
    .map(({ member, isHealthy }) => `${member}${isHealthy ? '+' : '-'}`)
    .sort()
    .join(' ');
const detailOf = (member: string): string =>
  checker.results().find((result) => result.member === member)!.detail;

async function until(wanted: string): Promise<void> {
  for (const end = Date.now() + 30_000; states() !== wanted; await sleep(10))
    if (Date.now() > end) throw new Error(`found ${states()}, expected ${wanted}\n${host.log.join('\n')}`);
}

async function untilDetail(member: string, wanted: RegExp): Promise<void> {
  for (const end = Date.now() + 30_000; !wanted.test(detailOf(member)); await sleep(10))
    if (Date.now() > end) throw new Error(`${member}: found ${detailOf(member)}, expected ${wanted}`);
}

async function begin(health: object, more: object = {}): Promise<void> {
  configure(health, more);
  await host.start();
  for (const member of MEMBERS) serve(member);
  check();
}

test.before.each(() => {
  host = new TestHost(`h${++count}`);
  servers = new Map();
});
test.after.each(async () => {
  await checker.close();
  for (const server of servers.values()) server.kill('SIGKILL');
  await host.close();
  assert.not(spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout.includes(PROBE_NETNS));
});

test('an HTTP member that stops answering, one that is killed, one whose TAP is gone; all recover', async () => {
  await begin({ kind: 'http', port: 8080 });
  await until('m1+ m2+ m3+ six+');
  freeze(servers.get('m2')!.pid!);
  await until('m1+ m2- m3+ six+');
  await untilDetail('m2', /^no answer within 100 ms$/);
  servers.get('m2')!.kill('SIGCONT');
  await until('m1+ m2+ m3+ six+');

  servers.get('m3')!.kill('SIGKILL');
  await until('m1+ m2+ m3- six+');
  await untilDetail('m3', /^connection (refused|reset)$/);
  serve('m3');
  await until('m1+ m2+ m3+ six+');

  spawnSync('ip', ['-n', host.files.netns('m1'), 'link', 'del', 'eth0']);
  await until('m1- m2+ m3+ six-');
  await host.host.reload(loadConfiguration(host.files.configPath));
  await until('m1+ m2+ m3+ six+');
  assert.ok(told.every(({ isFull, results }) => isFull || results.length > 0));
  const changes = told.filter(({ isFull }) => !isFull).flatMap(({ results }) => results);
  const ofM2 = changes.filter(({ member }) => member === 'm2').map(({ isHealthy }) => isHealthy);
  // On a busy machine m2 may have been late at other times, too.
  assert.ok(ofM2.length >= 3 && ofM2.at(-1), `m2: ${ofM2}`);
  assert.ok(
    ofM2.every((isHealthy, i) => i === 0 || isHealthy !== ofM2[i - 1]),
    `every change once: ${ofM2}`,
  );
});

test('a status that was not expected', async () => {
  await begin({ kind: 'http', port: 8080, path: '/healthz', expectStatus: 204 });
  await until('m1- m2- m3- six-');
  await untilDetail('m1', /^HTTP status \d+$/);
});

test('connections and echoes, both families', async () => {
  await begin({ kind: 'icmp' });
  await until('m1+ m2+ m3+ six+');
  await untilDetail('six', /^echo reply$/);
  spawnSync('ip', ['-n', host.files.netns('m1'), 'link', 'set', 'eth0', 'down']);
  await until('m1- m2+ m3+ six-');
  configure({ kind: 'tcp', port: 8080 });
  spawnSync('ip', ['-n', host.files.netns('m1'), 'link', 'set', 'eth0', 'up']);
  // IPv6 addresses go with the link.
  spawnSync('ip', ['-n', host.files.netns('m1'), 'addr', 'add', 'fd00:1::21/64', 'dev', 'eth0', 'nodad']);
  await host.host.reload(loadConfiguration(host.files.configPath));
  await until('m1+ m2+ m3+ six+');
  await untilDetail('m1', /^connected$/);
});

test('a prober that dies says nothing, and comes back', async () => {
  await begin({ kind: 'tcp', port: 8080 });
  await until('m1+ m2+ m3+ six+');
  for (const pid of processesIn(PROBE_NETNS)) process.kill(pid, 'SIGKILL');
  await until('');
  assert.equal(told.at(-1), { isFull: true, results: [] });
  await until('m1+ m2+ m3+ six+');
});

test('a reload may take the probe address, and end the checks', async () => {
  await begin({ kind: 'tcp', port: 8080 });
  await until('m1+ m2+ m3+ six+');
  const probeAddresses = (): readonly string[] =>
    host.host.configuration.ports.find(({ purpose }) => purpose === 'probe')?.addresses ?? [];
  assert.is(probeAddresses()[0], '10.1.0.254/24');
  configure({ kind: 'tcp', port: 8080 }, {}, [
    { name: 'last', network: 'app', netns: host.files.netns('last'), addresses: ['10.1.0.254/24'] },
  ]);
  await host.host.reload(loadConfiguration(host.files.configPath));
  for (const end = Date.now() + 5_000; probeAddresses()[0] !== '10.1.0.253/24' && Date.now() < end; )
    await sleep(10);
  assert.is(probeAddresses()[0], '10.1.0.253/24');
  host.files.ping('a', '10.1.0.254');
  servers.get('m2')!.kill('SIGKILL');
  await until('m1+ m2- m3+ six+');
  host.files.writeConfig({
    host: 'h1',
    networks: [{ name: 'other', vni: 5002, subnets: ['10.2.0.0/24'] }],
    ports: [{ name: 'b', network: 'other', netns: host.files.netns('b'), addresses: ['10.2.0.2/24'] }],
  });
  await host.host.reload(loadConfiguration(host.files.configPath));
  await until('');
  assert.equal(probeAddresses(), []);
  assert.equal(processesIn(PROBE_NETNS), []);
});

test.run();
