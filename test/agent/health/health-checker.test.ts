// Health checks on a real host: members that stop answering, are killed, lose their interface, and come back.
// timeout: 240s
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
    startProber: (start, events) => new ProberProcess(start, host.logger, systemRuntime, events),
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

/** Runs a server of Python in each member's namespace, in place of the ones that are there. */
function servePython(program: string): void {
  for (const member of MEMBERS) {
    servers.get(member)?.kill('SIGKILL');
    const command = ['netns', 'exec', host.files.netns(member), 'python3', '-c', program];
    servers.set(member, spawn('ip', command, { stdio: ['ignore', 'pipe', 'inherit'] }));
  }
}

const outputOf = (member: string): (() => string) => {
  let text = '';
  servers
    .get(member)!
    .stdout!.setEncoding('utf8')
    .on('data', (more: string) => {
      text += more;
    });
  return () => text;
};

test('half-open: a SYN is answered, and no connection ever opens, both families', async () => {
  configure({ kind: 'tcp-syn', port: 8081, timeout: '2s' });
  await host.start();
  servePython(`
import socket
server = socket.create_server(('', 8081), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    print('accepted', server.accept()[1][0], flush=True)
`);
  const accepted = MEMBERS.map(outputOf);
  check();
  await until('m1+ m2+ m3+ six+');
  assert.match(detailOf('m1'), /^SYN\/ACK$/);
  await sleep(1_000);
  assert.equal(
    accepted.map((text) => text()),
    ['', '', ''],
    'nobody was connected',
  );
  servers.get('m1')!.kill('SIGKILL');
  await until('m1- m2+ m3+ six-');
  await untilDetail('m1', /^connection refused$/);
  // A connection is seen: the server does tell.
  const connect = "import socket; socket.create_connection(('10.1.0.22', 8081)).close()";
  spawnSync('ip', ['netns', 'exec', host.files.netns('a'), 'python3', '-c', connect]);
  for (const end = Date.now() + 10_000; accepted[1]!() === '' && Date.now() < end; ) await sleep(10);
  assert.is(accepted[1]!(), 'accepted ::ffff:10.1.0.11\n');
});

test('UDP: the expected answer, another one, none, and a port that is unreachable', async () => {
  configure({ kind: 'udp', port: 8082, payload: 'ping\x00\xff', answer: 'pong', timeout: '1s' });
  await host.start();
  servePython(`
import socket
server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
server.bind(('::', 8082))
while True:
    data, peer = server.recvfrom(2048)
    server.sendto(b'a pong, ' + data if data.startswith(b'ping') else b'what?', peer)
`);
  check();
  await until('m1+ m2+ m3+ six+');
  assert.match(detailOf('m1'), /^an answer of \d+ bytes$/);
  servers.get('m2')!.kill('SIGKILL');
  await until('m1+ m2- m3+ six+');
  await untilDetail('m2', /^connection refused$/);
  freeze(servers.get('m3')!.pid!);
  await until('m1+ m2- m3- six+');
  await untilDetail('m3', /^no answer within 1000 ms$/);
  configure({ kind: 'udp', port: 8082, payload: 'hello', answer: 'pong', timeout: '1s' });
  await host.host.reload(loadConfiguration(host.files.configPath));
  await until('m1- m2- m3- six-');
  await untilDetail('m1', /^found "what\?" as answer$/);
});

const GRPC_SERVER = join(import.meta.dirname, '../../support/grpc-health-server.js');

test("gRPC's health service, a probe that the prober is started anew for", async () => {
  await begin({ kind: 'tcp', port: 8080 });
  await until('m1+ m2+ m3+ six+');
  const grpc = new Map<string, ChildProcess>();
  for (const member of MEMBERS) {
    const command = ['netns', 'exec', host.files.netns(member), process.execPath, GRPC_SERVER, '8083'];
    grpc.set(member, spawn('ip', command, { stdio: ['pipe', 'ignore', 'inherit'] }));
  }
  try {
    configure({ kind: 'grpc', port: 8083, service: 'shop.Cart', timeout: '2s' });
    await host.host.reload(loadConfiguration(host.files.configPath));
    await until('m1+ m2+ m3+ six+');
    await untilDetail('m1', /^gRPC health: SERVING$/);
    grpc.get('m2')!.stdin!.write('2');
    await until('m1+ m2- m3+ six+');
    await untilDetail('m2', /^gRPC health: NOT_SERVING$/);
    grpc.get('m3')!.kill('SIGKILL');
    await until('m1+ m2- m3- six+');
    await untilDetail('m3', /^gRPC: UNAVAILABLE$/);
    configure({ kind: 'grpc', port: 8083, service: 'other', timeout: '2s' });
    await host.host.reload(loadConfiguration(host.files.configPath));
    await until('m1- m2- m3- six-');
    await untilDetail('m1', /^gRPC: NOT_FOUND$/);
    // An HTTP server that speaks no gRPC.
    configure({ kind: 'grpc', port: 8080, timeout: '2s' });
    await host.host.reload(loadConfiguration(host.files.configPath));
    await until('m1- m2- m3- six-');
    await untilDetail('m1', /^gRPC: |^no answer/);
  } finally {
    for (const server of grpc.values()) server.kill('SIGKILL');
  }
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
