// The host's process is killed, or replaced by the next one: VMs, their interfaces and their flows go on.
// timeout: 300s
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FlowRow, PortRow } from '../../src/api/shapes.ts';
import { output, run, until } from '../support/command.ts';
import { Host, killProcess } from '../support/host.ts';
import { CLI } from '../support/paths.ts';
import { countingDigest, shares, Testbed } from '../support/testbed.ts';
import { member, tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: restart');

const WEB = '10.1.0.100';
const UDP = { vip: '10.1.0.120', port: 53 };
const STICKY = '10.1.0.121';
const DRAINING = '10.1.0.122';
const FAILING = '10.1.0.123';

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    const three = ['s1', 's2', 's3'];
    config.groups.push(
      {
        ...tcpGroup(
          'datagrams',
          120,
          three.map((name) => member(name, { port: 5300 })),
        ),
        protocol: 'udp',
        port: UDP.port,
      },
      {
        ...tcpGroup(
          'sticky',
          121,
          three.map((name) => member(name)),
        ),
        affinity: { timeout: '1h' },
      },
      tcpGroup('draining', 122, [member('s1'), member('s2')]),
      tcpGroup('failing', 123, [member('s1'), member('s2')]),
    );
  });
});
test.after(() => bed?.close());

async function killHost(): Promise<void> {
  const { pid } = await bed.status();
  killProcess(pid);
  await until('its end', async () => (await bed.sluice('status')).status === 1);
}

async function up(...options: string[]): Promise<void> {
  const { status, stderr } = await bed.sluice('up', '-c', bed.configFile, '--detach', ...options);
  assert.is(status, 0, stderr);
}

const RESTARTS: Record<string, () => Promise<void>> = {
  'kill -9, then up': async () => {
    await killHost();
    await up();
  },
  'up --replace': () => up('--replace'),
};

/** Which server answers a datagram from each of these ports of c1. */
async function serversOf(sourcePorts: readonly number[]): Promise<string[]> {
  const script = `
    const { createSocket } = require('node:dgram');
    for (const port of process.argv.slice(1).map(Number)) {
      const socket = createSocket('udp4');
      const send = () => socket.send('x', ${UDP.port}, '${UDP.vip}');
      const again = setInterval(send, 500);
      socket.on('message', (answer) => {
        clearInterval(again);
        socket.close();
        console.log(port + ' ' + answer);
      });
      socket.bind(port, send);
    }`;
  const text = await bed.exec('c1', process.execPath, '-e', script, ...sourcePorts.map(String));
  return text.trim().split('\n').sort();
}

/** Packets that the VM has sent, as its port has counted them. */
const packetsFrom = async (vm: string): Promise<number> =>
  (await bed.json<PortRow[]>('stats', '--by', 'port')).find(({ port }) => port === vm)!.rxPackets;

const SOURCE_PORTS = Array.from({ length: 30 }, (_, i) => 40_000 + i);

const flowsOf = async (group: string): Promise<FlowRow[]> =>
  (await bed.json<FlowRow[]>('flows')).filter((flow) => flow.group === group);

for (const [how, restart] of Object.entries(RESTARTS)) {
  test(`${how}: connections, downloads, datagrams and clients' members are as before`, async () => {
    const kept = await Promise.all(['c1', 'c2', 'c3'].map((vm) => bed.keepAsking(vm, WEB, 80)));
    const before = await Promise.all(kept.map((connection) => connection.nextAnswers(1)));
    const bytes = 60_000_000;
    const shell = 'set -o pipefail; curl -sSf --limit-rate 10M "$1" | sha256sum';
    const download = bed.exec('c2', 'bash', '-c', shell, 'bash', `http://${WEB}/bytes/${bytes}`);
    const datagrams = await serversOf(SOURCE_PORTS);
    assert.is(new Set(datagrams.map((line) => line.split(' ')[1])).size, 3, datagrams.join());
    const [sticky] = await bed.ask('c1', STICKY, 1);
    const process = await bed.status();
    const index = await bed.exec('c1', 'cat', '/sys/class/net/eth0/ifindex');
    // Many more than this VM sends by itself during the restart.
    await bed.exec('s5', 'ping', '-n', '-q', '-i', '0.0005', '-c', '3000', '-W', '1', '10.1.0.21');
    const counted = await packetsFrom('s5');
    assert.ok(counted >= 3000, `${counted}`);

    await restart();
    assert.ok((await packetsFrom('s5')) >= counted, 'counters go on');
    assert.is.not((await bed.status()).pid, process.pid);
    const after = await Promise.all(kept.map((connection) => connection.nextAnswers(20)));
    for (const [i, answers] of after.entries()) {
      assert.equal(shares(answers), { [before[i]![0]!.server]: 20 });
      assert.equal(kept[i]!.errors, []);
      await kept[i]!.stop();
    }
    assert.equal(await serversOf(SOURCE_PORTS), datagrams);
    assert.equal(shares(await bed.ask('c1', STICKY, 9)), { [sticky!.server]: 9 });
    assert.is((await download).slice(0, 64), countingDigest(bytes));
    assert.is(await bed.exec('c1', 'cat', '/sys/class/net/eth0/ifindex'), index, 'the same interface');
    assert.equal(shares(await bed.ask('c1', WEB, 10)), { s1: 1, s2: 3, s3: 1, s4: 3, s5: 2 });
  });
}

test('up --replace: what VMs send meanwhile waits for the next process, carrier and neighbours stay', async () => {
  const newFlows = async () =>
    (await bed.json<{ group: string; newFlows: number }[]>('stats')).find(({ group }) => group === 'web')!
      .newFlows;
  await bed.ask('c1', WEB, 10);
  const counted = await newFlows();
  assert.ok(counted >= 10);
  const carrierChanges = () => bed.exec('c2', 'cat', '/sys/class/net/eth0/carrier_changes');
  await bed.exec('c2', 'ping', '-n', '-c', '1', '-W', '3', '10.1.0.21');
  const before = await carrierChanges();
  const ping = bed.exec('c2', 'ping', '-n', '-q', '-i', '0.01', '-c', '400', '-W', '5', '10.1.0.21');
  await up('--replace');
  const said = await ping;
  const received = Number(/(\d+) received/.exec(said)![1]);
  // Echo requests that come during the change wait: the longest round trip is its pause.
  console.log(`pause of up --replace: ${/= [\d.]+\/[\d.]+\/([\d.]+)/.exec(said)![1]} ms`);
  // One or two may be in the previous process's hands when it ends.
  assert.ok(received >= 397, `${received} of 400`);
  assert.is(await carrierChanges(), before);
  assert.is(await newFlows(), counted, 'statistics go on');
  await bed.ask('c1', WEB, 10);
  await until('and on', async () => (await newFlows()) === counted + 10);
});

test('what is known of a flow is known to the next process, and its end is counted there', async () => {
  const connection = await bed.keepAsking('c1', DRAINING, 80);
  const server = (await connection.nextAnswers(5))[0]!.server;
  const [before] = (await flowsOf('draining')).filter(({ state }) => state === 'established');
  await killHost();
  await up();
  await connection.nextAnswers(1);
  const [after, ...others] = (await flowsOf('draining')).filter(({ state }) => state === 'established');
  assert.equal(others, []);
  for (const key of ['port', 'group', 'member', 'client', 'destination', 'vip'] as const)
    assert.equal(after![key as keyof FlowRow], before![key as keyof FlowRow], key);
  assert.ok(after!.ageMs > before!.ageMs && after!.packets > before!.packets && after!.bytes > before!.bytes);
  await bed.json('member', 'drain', 'draining', server);
  const left = async () =>
    (
      await bed.json<{ members: { member: string; flowsLeft: number | null }[] }>('group', 'show', 'draining')
    ).members.find(({ member }) => member === server)!.flowsLeft;
  assert.is(await left(), 1);
  await connection.stop();
  await until('the flow to end', async () => (await left()) === 0);
});

test('what has changed meanwhile: a member failed, one was removed, a port is gone, another one is new', async () => {
  const failing = await bed.keepAsking('c1', FAILING, 80);
  const failed = (await failing.nextAnswers(1))[0]!.server;
  const staying = await bed.keepAsking('c2', WEB, 80);
  const removed = (await staying.nextAnswers(1))[0]!.server;
  const datagrams = await serversOf(SOURCE_PORTS);
  const gone = await bed.keepAsking('c3', WEB, 80);
  await bed.json('member', 'fail', 'failing', failed);
  await until('the connection to break', () => !failing.isRunning);

  await killHost();
  const config = structuredClone(bed.config);
  const group = (name: string) => config.groups.find((one) => one.name === name)!;
  group('web').members = group('web').members!.filter(({ name }) => name !== removed);
  group('datagrams').members = group('datagrams').members!.filter(({ name }) => name !== 's1');
  config.ports = config.ports.filter(({ name }) => name !== 'c3');
  config.ports.push({ name: 'c9', network: 'app', netns: bed.netns('c9'), addresses: ['10.1.0.19/24'] });
  bed.configure(config);
  await up();

  assert.equal(shares(await staying.nextAnswers(10)), { [removed]: 10 }, 'TCP flows run to their end');
  assert.equal(staying.errors, []);
  for (const [i, line] of (await serversOf(SOURCE_PORTS)).entries()) {
    const [, before] = datagrams[i]!.split(' ');
    if (before === 's1') assert.not.match(line, / s1 /, 'datagrams leave a member that is gone');
    else assert.is(line, datagrams[i]);
  }
  const other = failed === 's1' ? 's2' : 's1';
  assert.equal(shares(await bed.ask('c1', FAILING, 6)), { [other]: 6 }, 'who has failed is known');
  assert.equal(
    (await bed.json<FlowRow[]>('flows')).filter(({ port }) => port === 'c3'),
    [],
  );
  assert.not.ok(bed.namespaces().includes(bed.netns('c3')), 'a namespace of ours that nobody wants');
  await bed.exec('c9', 'ping', '-c', '1', '-W', '3', '10.1.0.21');
  await Promise.all([staying.stop(), gone.stop(), failing.stop()]);
  bed.configure(bed.config);
  await bed.json('reload', '-c', bed.configFile);
});

test('a VM that goes away after a restart takes its port with it, and one that comes back is served', async () => {
  await killHost();
  await up();
  const stateOf = async (name: string) =>
    (await bed.json<PortRow[]>('port', 'list')).find(({ port }) => port === name)!.state;
  assert.is(await stateOf('c2'), 'up');
  await output('ip', 'netns', 'delete', bed.netns('c2'));
  await until('the port to be gone', async () => (await stateOf('c2')) === 'gone');
  await bed.json('reload', '-c', bed.configFile);
  assert.is(await stateOf('c2'), 'up');
  await bed.ask('c2', WEB, 3);
});

test('tables of before the machine was started, or of another version: none of their flows', async () => {
  const numbers = join(bed.runDir, 'numbers.json');
  const falsify: Record<string, (file: { boot: string; layout: number }) => void> = {
    'before the machine was started': (file) => (file.boot = 'another'),
    'not written by this version': (file) => (file.layout = 0),
  };
  for (const [reason, change] of Object.entries(falsify)) {
    await bed.ask('c1', WEB, 1);
    await killHost();
    const [header, ...lines] = readFileSync(numbers, 'utf8').split('\n');
    const file = JSON.parse(header!);
    change(file);
    writeFileSync(numbers, [JSON.stringify(file), ...lines].join('\n'));
    await up();
    assert.match(readFileSync(join(bed.runDir, 'sluice.log'), 'utf8'), reason);
    assert.equal(await bed.json<FlowRow[]>('flows'), []);
    assert.equal(shares(await bed.ask('c1', WEB, 10)), { s1: 1, s2: 3, s3: 1, s4: 3, s5: 2 });
  }
});

/** A host with two VMs and no group, whose first namespace was there before. */
async function smallHost(): Promise<Host> {
  const host = new Host();
  await output('ip', 'netns', 'add', host.netns('a'));
  host.configure({
    host: host.name,
    networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
    ports: ['a', 'b'].map((name, i) => ({
      name,
      network: 'app',
      netns: host.netns(name),
      addresses: [`10.1.0.1${i}/24`],
    })),
    groups: [],
  });
  return host;
}

test('down after kill -9 leaves a namespace that was there before as it was', async () => {
  const host = await smallHost();
  try {
    assert.is((await host.sluice('up', '-c', host.configFile, '--detach')).status, 0);
    killProcess((await host.status()).pid);
    await until('its end', async () => (await host.sluice('status')).status === 1);
    assert.match(await host.exec('a', 'ip', '-brief', 'link'), /eth0/, 'for the next host');
    assert.is((await host.sluice('down')).status, 0);
    assert.equal(host.namespaces(), [host.netns('a')]);
    assert.not.match(await host.exec('a', 'ip', '-brief', 'link'), /eth0/);
  } finally {
    host.close();
  }
});

test('up --replace refuses while the flows of the running process would be lost, unless that is wanted', async () => {
  const host = await smallHost();
  try {
    const up = (...options: string[]) => host.sluice('up', '-c', host.configFile, '--detach', ...options);
    assert.is((await up()).status, 0);
    const { pid } = await host.status();
    const numbers = `${host.runDir}/numbers.json`;
    // As another version would have written it.
    writeFileSync(numbers, readFileSync(numbers, 'utf8').replace(/"layout":\d+/, '"layout":1'));
    const refused = await up('--replace');
    assert.is(refused.status, 1);
    assert.match(
      refused.stderr,
      /all flows and their statistics would be lost: found tables of layout 1, expected/,
    );
    assert.is((await host.status()).pid, pid, 'the process runs on');
    const wanted = await up('--replace', '--lose-flows');
    assert.is(wanted.status, 0, wanted.stderr);
    assert.is.not((await host.status()).pid, pid);
    assert.not.ok(existsSync(`${host.runDir}/tables.next`));
  } finally {
    host.close();
  }
});

test('an interface that another Sluice process has is named with that process; a stop logs no warnings', async () => {
  const host = await smallHost();
  try {
    assert.is((await host.sluice('up', '-c', host.configFile, '--detach')).status, 0);
    const { pid } = await host.status();
    const log = `${host.runDir}/sluice.log`;
    const other = `${host.runDir}-other`;
    const clash = await run(
      process.execPath,
      CLI,
      'up',
      '-c',
      host.configFile,
      '--detach',
      '--run-dir',
      other,
    );
    assert.is(clash.status, 2);
    assert.match(clash.stderr, `belongs to the Sluice process at ${host.runDir}, pid ${pid}`);
    assert.is((await host.sluice('down')).status, 0);
    const warnings = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => / (warn|error|fatal) /.test(line));
    assert.equal(warnings, []);
  } finally {
    host.close();
  }
});

test('up --replace where nothing runs is up; without it, a host that runs is in the way', async () => {
  const host = await smallHost();
  try {
    const up = (...options: string[]) => host.sluice('up', '-c', host.configFile, '--detach', ...options);
    const first = await up('--replace');
    assert.is(first.status, 0, first.stderr);
    const second = await up();
    assert.is(second.status, 1);
    assert.match(second.stderr, /already running: pid \d+/);
  } finally {
    host.close();
  }
});

test.run();
