// Processes that may open few files, and strangers that take as many connections as they get: agents and commands get
// through all the same, and writes reach the disk.
// timeout: 120s
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createControllerLink } from '../../src/agent/controller-link.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { port, silent, TestAgent } from '../controller/fleet.ts';
import { onEnd, until } from '../support/command.ts';
import { LoopbackController } from '../support/controllers.ts';
import { freePorts } from '../support/etcd.ts';
import { TestRun } from '../support/host-processes.ts';

const test = suite('few descriptors');

const LIMIT = 256;
const STRANGERS = 400;
const IDLE_CALLERS = 200;

const sockets: Socket[] = [];
/** Connects and says nothing; a connection that is closed is made again. */
const stranger = (to: Parameters<typeof connect>[0]): void => {
  const socket = connect(to as never);
  sockets.push(socket);
  socket.on('error', () => {});
  socket.on('close', () => {
    if (!isOver) setTimeout(() => stranger(to), 1_000).unref();
  });
};
let isOver = false;

let controller: LoopbackController;
let running: ChildProcess;
let log = '';
let agents = '';
test.before(async () => {
  const [number] = await freePorts(1);
  agents = `127.0.0.1:${number}`;
  controller = new LoopbackController();
  controller.configure({
    host: 'c0',
    listen: { agents },
    networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
    groups: [
      { name: 'api', network: 'app', vip: '10.1.0.100', members: [{ name: 'a', address: '10.1.0.1' }] },
    ],
  } as never);
  const command = controller.cli('controller', '-c', controller.configFile);
  running = spawn('prlimit', [`--nofile=${LIMIT}:${LIMIT}`, process.execPath, ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onEnd(() => running.kill('SIGKILL'));
  running.stderr!.on('data', (data) => {
    log += data;
  });
  await until('the controller answers', async () => {
    assert.is(running.exitCode, null, log);
    return (await controller.sluice('status')).status === 0;
  });
});
test.after(async () => {
  isOver = true;
  for (const socket of sockets) socket.destroy();
  running?.kill('SIGTERM');
  await until('its end', () => running.exitCode !== null || running.signalCode !== null);
  controller?.close();
});

test('agents attach, commands are answered and changes are written while strangers hold what they get', async () => {
  const [host, number] = agents.split(':');
  for (let i = 0; i < STRANGERS; i++)
    stranger({ host, port: Number(number), localAddress: `127.0.1.${1 + (i & 7)}` } as never);
  for (let i = 0; i < IDLE_CALLERS; i++) stranger({ path: join(controller.runDir, 'api.sock') } as never);
  const opened = (): number => readdirSync(`/proc/${running.pid}/fd`).length;
  const quiet = opened();
  await until('strangers take descriptors', () => opened() > quiet);

  const agent = new TestAgent(
    (handler) =>
      createControllerLink({ controllers: [agents], handler, log: silent, runtime: systemRuntime }),
    'h1',
    { ports: [port('web', 'app')] },
  );
  try {
    await until('an agent has the rules', () => agent.inForce.revision > 0);
    for (const weight of ['3', '4', '5']) {
      const changed = await controller.sluice('member', 'weight', 'api', 'a', weight);
      assert.is(changed.status, 0, `${changed.stderr}\n${log}`);
    }
    await until('the rules of the last change', () => agent.weights('api').join() === '5');
    assert.ok(opened() < LIMIT, `${opened()} open`);
    assert.equal(agent.detachments, []);
    assert.is(running.exitCode, null);
    assert.not.match(log, /EMFILE|failed/);
  } finally {
    await agent.close();
  }
});

test('a host serves commands, takes a port in and passes packets while its socket is full of idle connections', async () => {
  const run = new TestRun('few');
  const ports = [
    { name: 'a', address: '10.1.0.11' },
    { name: 'b', address: '10.1.0.12' },
  ];
  try {
    run.configure(ports);
    const host = await run.start();
    const opened = (): number => readdirSync(`/proc/${host.pid}/fd`).length;
    const limit = opened() + 96;
    execFileSync('prlimit', ['--pid', `${host.pid}`, `--nofile=${limit}:${limit}`]);
    const quiet = opened();
    for (let i = 0; i < IDLE_CALLERS; i++) stranger({ path: join(run.runDir, 'api.sock') } as never);
    await until('strangers take descriptors', () => opened() > quiet + 32);
    run.configure([...ports, { name: 'c', address: '10.1.0.13' }]);
    const { status, body } = await run.reload();
    assert.is(status, 200, JSON.stringify(body));
    run.ping('a', '10.1.0.13');
    assert.is((await run.api('GET', '/v1/status')).status, 200);
    assert.is(host.exitCode, null);
  } finally {
    await run.close();
  }
});

test.run();
