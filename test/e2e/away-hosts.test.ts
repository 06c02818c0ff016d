// Hosts that vanish, hosts that stop: what `agent list` shows, and what the answer to a change says.
// timeout: 120s
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createControllerLink } from '../../src/agent/controller-link.ts';
import type { AgentRow } from '../../src/api/fleet-shapes.ts';
import type { Changed } from '../../src/api/shapes.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { port, silent, TestAgent } from '../controller/fleet.ts';
import { until } from '../controller/until.ts';
import { apiController, LoopbackController } from '../support/controllers.ts';
import { EtcdServer, freePorts } from '../support/etcd.ts';

const test = suite('hosts that are away');

let etcd: EtcdServer;
let controllers: LoopbackController[];
let addresses: string[];
let epochs = 1;

test.before(async () => {
  etcd = await EtcdServer.start();
  addresses = (await freePorts(2)).map((number) => `127.0.0.1:${number}`);
  controllers = addresses.map(() => new LoopbackController());
  for (const [i, controller] of controllers.entries()) {
    controller.configure(apiController(`c${i}`, etcd, { agents: addresses[i]! }) as never);
    await controller.launch();
  }
});
test.after(async () => {
  for (const controller of controllers) controller.close();
  await etcd.remove();
});

async function attach(host: string): Promise<TestAgent> {
  const agent = new TestAgent(
    (handler) =>
      createControllerLink({ runtime: systemRuntime, controllers: addresses, handler, log: silent }),
    host,
    { ports: [port(`${host}-web`, 'app')], agentEpoch: epochs++ },
  );
  await until(() => agent.inForce.revision > 0, 10_000);
  return agent;
}

const leader = (): LoopbackController => controllers[0]!;

async function rowOf(controller: LoopbackController, host: string): Promise<AgentRow | undefined> {
  const rows = await controller.json<AgentRow[]>('agent', 'list');
  return rows.find((row) => row.host === host);
}

async function untilState(controller: LoopbackController, host: string, state: string): Promise<AgentRow> {
  const endMs = performance.now() + 15_000;
  for (;;) {
    const row = await rowOf(controller, host);
    if ((row?.state ?? 'none') === state) return row!;
    assert.ok(performance.now() < endMs, `${host} is ${row?.state}, expected ${state}`);
    await sleep(50);
  }
}

test('a host that vanishes is shown as away: since when, and with which rules', async () => {
  const [h1, h2] = [await attach('h1'), await attach('h2')];
  const before = await untilState(leader(), 'h2', 'attached');
  const startMs = Date.now();
  await h2.close();
  const away = await untilState(leader(), 'h2', 'away');
  assert.is(away.epoch, before.epoch);
  assert.is(away.revision, before.revision);
  assert.is(away.peer, null);
  assert.ok(Date.parse(away.since) >= startMs - 1, away.since);

  const { status, stdout } = await leader().sluice('member', 'weight', 'api', 'a', '5');
  assert.is(status, 3, stdout);
  assert.match(stdout, `not confirmed by h2: away since ${away.since}`);
  assert.equal(h1.weights('api'), [5, 1, 1]);
  assert.is((await rowOf(leader(), 'h2'))!.revision, before.revision, 'it has what it had');
  await h1.close();
});

test('--wait waits for hosts that are away, and no longer than it says', async () => {
  const h1 = await attach('h1');
  const startMs = performance.now();
  const short = await leader().sluice('member', 'weight', 'api', 'a', '6', '--wait', '1s');
  assert.is(short.status, 3);
  assert.ok(performance.now() - startMs >= 1_000);
  const long = leader().sluice('member', 'weight', 'api', 'a', '7', '--wait', '60s', '-o', 'json');
  await sleep(300);
  const h2 = await attach('h2');
  const { status, stdout } = await long;
  assert.is(status, 0, stdout);
  const changed = JSON.parse(stdout) as Changed;
  assert.equal(Object.keys(changed.hosts!).sort(), ['h1', 'h2']);
  assert.equal(h2.weights('api'), [7, 1, 1]);
  await h1.close();
  await h2.close();
});

test('a leader that was elected after a host vanished knows of it', async () => {
  const away = await untilState(leader(), 'h2', 'away');
  await leader().kill();
  const next = controllers[1]!;
  for (let role = ''; role !== 'leader'; role = (await next.controllerStatus()).role) await sleep(50);
  controllers.shift();
  const row = await untilState(next, 'h2', 'away');
  assert.is(row.since, away.since);
});

test('a host that says farewell is not expected back, and one that is gone for good can be forgotten', async () => {
  const h1 = await attach('h1');
  const refused = await leader().sluice('agent', 'forget', 'h1');
  assert.is(refused.status, 1);
  assert.match(refused.stderr, /host h1 is attached/);
  assert.is((await leader().sluice('agent', 'forget', 'h2')).status, 0);
  assert.is(await rowOf(leader(), 'h2'), undefined);
  assert.is((await leader().sluice('agent', 'forget', 'h2')).status, 1);
  h1.ask('DELETE', '/v1/agents/h1');
  await until(() => h1.replies.length === 1);
  assert.is(h1.replies[0]!.status, 200);
  await h1.close();
  await untilState(leader(), 'h1', 'none');
  assert.is((await leader().sluice('member', 'weight', 'api', 'a', '1')).status, 0);
});

test('a host does not say farewell for another one', async () => {
  const h1 = await attach('h1');
  h1.ask('DELETE', '/v1/agents/h2');
  await until(() => h1.replies.length === 1);
  assert.is(h1.replies[0]!.status, 403);
  await h1.close();
});

test.run();
