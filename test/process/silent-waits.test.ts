// Nothing waits without a word, without an end, or leaves something behind: etcd hangs, a process hangs.
// timeout: 240s
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ControllerStatus } from '../../src/api/fleet-shapes.ts';
import { output, run, start, until } from '../support/command.ts';
import { EtcdServer, freePorts } from '../support/etcd.ts';
import { freeze } from '../support/freeze.ts';
import { Host, killProcess } from '../support/host.ts';
import { CLI } from '../support/paths.ts';

const test = suite('silent waits');

const controllerOf = (agents: number, store?: object) =>
  ({
    host: 'k1',
    listen: { agents: `127.0.0.1:${agents}` },
    networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
    groups: [],
    ...(store && { store }),
  }) as never;

test('controller --detach with etcd hung: says what it waits for, gives up, and nothing is left', async () => {
  const etcd = await EtcdServer.start();
  const [patient, impatient] = [new Host(), new Host()];
  try {
    etcd.freeze();
    const [one, other] = (await freePorts(2)) as [number, number];
    const store = { kind: 'etcd', endpoints: [etcd.endpoint] };
    patient.configure(controllerOf(one, store));
    impatient.configure(controllerOf(other, store));

    const waiting = patient.startSluice('controller', '-c', patient.configFile, '--detach');
    const stopped = impatient.startSluice('controller', '-c', impatient.configFile, '--detach');
    const said = (text: string) => () => stopped.stderr.includes(text);
    await until('it says what it waits for', said(`waiting for etcd at ${etcd.endpoint}`));
    assert.ok(existsSync(impatient.runDir));
    stopped.child.kill('SIGINT');
    assert.is(await stopped.ended, 130);
    await until('the interrupted start has left nothing', () => !existsSync(impatient.runDir));

    assert.is(await waiting.ended, 1, waiting.stderr);
    assert.match(waiting.stderr, `waiting for etcd at ${etcd.endpoint}`);
    assert.match(waiting.stderr, `etcd at ${etcd.endpoint}: no answer within 20 s`);
    assert.not.ok(existsSync(patient.runDir));
    etcd.thaw();
    const late = await patient.sluice('status');
    assert.match(late.stderr, 'no Sluice host or controller runs');
  } finally {
    patient.close();
    impatient.close();
    await etcd.remove();
  }
});

/** An address where connections are neither accepted nor refused: the queue of the listener is full. */
const SILENT_LISTENER = `
import socket, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
waiting = [socket.socket() for _ in range(4)]
for one in waiting:
    one.setblocking(False)
    one.connect_ex(listener.getsockname())
print(listener.getsockname()[1], flush=True)
time.sleep(3600)`;

test('a process whose store or controller is at an address that never answers stops at once', async () => {
  const silent = start('/usr/bin/python3', '-c', SILENT_LISTENER);
  const etcd = await EtcdServer.start();
  const [host, controller] = [new Host(), new Host()];
  try {
    await until('the listener', () => silent.lines.length > 0);
    const address = `127.0.0.1:${silent.lines[0]}`;
    const [agents] = (await freePorts(1)) as [number];
    const store = { kind: 'etcd', endpoints: [address, etcd.endpoint] };
    controller.configure(controllerOf(agents, store));
    await output(process.execPath, CLI, 'tls', 'init', join(host.runDir, '..', host.name), '--hosts', 'h1');
    const tls = (name: string) => join(host.runDir, '..', host.name, name);
    host.configure({
      host: 'h1',
      networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
      groups: [],
      controllers: [address],
      tls: { ca: tls('ca.pem'), cert: tls('h1.pem'), key: tls('h1.key') },
    } as never);
    for (const [one, command] of [[controller, 'controller'] as const, [host, 'up'] as const]) {
      const started = await one.sluice(command, '-c', one.configFile, '--detach');
      assert.is(started.status, 0, started.stderr);
      const { pid } = await one.json<{ pid: number }>('status');
      const stopped = await one.sluice('down');
      assert.is(stopped.status, 0);
      assert.not.match(stopped.stderr, 'did not stop');
      await until('its end', () => !existsSync(`/proc/${pid}`));
    }
  } finally {
    silent.child.kill();
    rmSync(join(host.runDir, '..', host.name), { recursive: true, force: true });
    host.close();
    controller.close();
    await etcd.remove();
  }
});

test('a question to a process that is stopped says so after a second, and ends', async () => {
  const host = new Host();
  const [agents] = (await freePorts(1)) as [number];
  let pid = 0;
  try {
    host.configure(controllerOf(agents));
    assert.is((await host.sluice('controller', '-c', host.configFile, '--detach')).status, 0);
    ({ pid } = await host.json<ControllerStatus>('status'));
    freeze(pid);
    const { status, stderr } = await host.sluice('status');
    assert.is(status, 1);
    assert.match(stderr, `waiting for the Sluice process at ${host.runDir}, pid ${pid}, which is stopped`);
    assert.match(stderr, /no answer within 15 s from the Sluice process/);
  } finally {
    killProcess(pid, 'SIGCONT');
    host.close();
  }
});

test('a start that fails leaves no run directory', async () => {
  const host = new Host();
  const [agents] = (await freePorts(1)) as [number];
  try {
    host.configure(controllerOf(agents));
    assert.is((await host.sluice('controller', '-c', host.configFile, '--detach')).status, 0);
    const runDir = `${host.runDir}-second`;
    const again = await run(
      process.execPath,
      CLI,
      'controller',
      '-c',
      host.configFile,
      '--detach',
      '--run-dir',
      runDir,
    );
    assert.is(again.status, 2, 'a busy port is a problem of the configuration');
    assert.match(again.stderr, 'listen.agents');
    assert.not.ok(existsSync(runDir));
  } finally {
    host.close();
  }
});

test.run();
