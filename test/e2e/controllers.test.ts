// Three controllers as processes over a real etcd, an agent over real gRPC: who leads, what outlives a leader, and
// what a leader of the past can no longer do.
// timeout: 120s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createControllerLink } from '../../src/agent/controller-link.ts';
import type { AgentRow, ControllerStatus } from '../../src/api/fleet-shapes.ts';
import type { Changed } from '../../src/api/shapes.ts';
import type { ControllerLinkHandler } from '../../src/messages/link.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { port, silent, TestAgent } from '../controller/fleet.ts';
import { until } from '../controller/until.ts';
import { apiController } from '../support/controllers.ts';
import { EtcdServer, freePorts } from '../support/etcd.ts';
import { freeze } from '../support/freeze.ts';
import { Host, killProcess } from '../support/host.ts';

const test = suite('controllers');

let etcd: EtcdServer;
let controllers: Host[] = [];
let addresses: string[] = [];
let httpAddresses: string[] = [];
let agent: TestAgent;

/** A new leader is there by then. */
const TAKEOVER_MS = 5_000;

test.before(async () => {
  etcd = await EtcdServer.start();
  const free = (await freePorts(6)).map((number) => `127.0.0.1:${number}`);
  addresses = free.slice(0, 3);
  httpAddresses = free.slice(3);
  controllers = addresses.map(() => new Host());
  for (const [i, host] of controllers.entries()) {
    const listen = { agents: addresses[i]!, http: httpAddresses[i]! };
    host.configure(apiController(`c${i}`, etcd, listen) as never);
    const { status, stderr } = await host.sluice('controller', '-c', host.configFile, '--detach');
    assert.is(status, 0, stderr);
  }
  agent = new TestAgent(connect, 'h1', { ports: [port('web1', 'app')] });
  await until(() => agent.inForce.revision > 0);
});
test.after(async () => {
  await agent?.close();
  for (const host of controllers) host.close();
  await etcd?.remove();
});

const connect = (handler: ControllerLinkHandler) =>
  createControllerLink({ runtime: systemRuntime, controllers: addresses, handler, log: silent });

const statusOf = (host: Host): Promise<ControllerStatus> => host.json<ControllerStatus>('status');

/** The controller that the agent is attached to. */
const leader = (): Host => controllers[Number(agent.welcome!.controller.slice(1))]!;

/** Waits until one of the others leads under a greater epoch; answers the milliseconds since `startMs`. */
async function takeover(epoch: number, startMs: number): Promise<number> {
  const gone = leader();
  const others = httpAddresses.filter((_, i) => controllers[i] !== gone);
  for (;;) {
    const answers = await Promise.all(
      others.map((http) => fetch(`http://${http}/v1/status`).catch(() => null)),
    );
    const tookMs = performance.now() - startMs;
    for (const answer of answers) {
      const status = (await answer?.json()) as ControllerStatus | undefined;
      if ((status?.epoch ?? 0) > epoch) return tookMs;
    }
    if (tookMs > 4 * TAKEOVER_MS) throw new Error(`no other controller leads after ${tookMs} ms`);
  }
}

/** However busy the machine is. */
const FOLLOWED_MS = 3 * TAKEOVER_MS;
/** The agent has found the new leader. */
const followed = (epoch: number): Promise<void> => until(() => agent.inForce.epoch > epoch, FOLLOWED_MS);

test('one of them leads, the others say where it is', async () => {
  const statuses = await Promise.all(controllers.map(statusOf));
  assert.equal(statuses.map(({ role }) => role).sort(), ['follower', 'follower', 'leader']);
  const { leader: address } = statuses.find(({ role }) => role === 'leader')!;
  assert.ok(statuses.every((status) => status.leader === address));
  const [follower] = controllers.filter((host) => host !== leader());
  const { status, stderr } = await follower!.sluice('member', 'fail', 'api', 'a');
  assert.is(status, 1);
  assert.match(stderr, `this controller is not the leader; it is at ${address}`);
});

test('a change at the leader is in force at the agent when the command returns', async () => {
  const changed = await leader().json<Changed>('member', 'fail', 'api', 'a');
  assert.equal(Object.keys(changed.hosts!), ['h1']);
  assert.equal(agent.weights('api'), ['failed', 1, 1]);
  const [row] = await leader().json<AgentRow[]>('agent', 'list');
  assert.is(row!.host, 'h1');
  assert.is(row!.revision, changed.revision);
});

test('the leader is killed: another one takes over with all that was changed, and has all agents', async () => {
  const previous = leader();
  const { epoch, pid } = await statusOf(previous);
  const more = ['h2', 'h3', 'h4', 'h5', 'h6'].map(
    (host) => new TestAgent(connect, host, { ports: [port('web1', 'app')] }),
  );
  await until(() => more.every(({ inForce }) => inForce.epoch === epoch), FOLLOWED_MS);
  const startMs = performance.now();
  killProcess(pid);
  const tookMs = await takeover(epoch!, startMs);
  await followed(epoch!);
  assert.ok(tookMs < TAKEOVER_MS, `${tookMs} ms`);
  assert.equal(agent.weights('api'), ['failed', 1, 1]);
  const agents = [agent, ...more];
  await until(
    () => agents.every(({ isAttached, welcome }) => isAttached && welcome!.epoch > epoch!),
    FOLLOWED_MS,
  );
  assert.is.not(leader(), previous);
  const rows = await leader().json<AgentRow[]>('agent', 'list');
  assert.equal(rows.map(({ host }) => host).sort(), ['h1', 'h2', 'h3', 'h4', 'h5', 'h6']);
  const changed = await leader().json<Changed>('member', 'weight', 'api', 'b', '7');
  assert.equal(Object.keys(changed.hosts!).sort(), ['h1', 'h2', 'h3', 'h4', 'h5', 'h6']);
  for (const one of agents) assert.equal(one.weights('api'), ['failed', 7, 1]);
  for (const one of more) await one.leave();
});

test('a leader that was paused finds that another one leads, and changes nothing', async () => {
  const paused = leader();
  const { epoch, pid } = await statusOf(paused);
  const startMs = performance.now();
  freeze(pid);
  const late = paused.startSluice('member', 'weight', 'api', 'c', '9');
  const tookMs = await takeover(epoch!, startMs);
  await followed(epoch!);
  assert.ok(tookMs < TAKEOVER_MS, `${tookMs} ms`);
  assert.is.not(leader(), paused);
  await leader().json('member', 'weight', 'api', 'c', '3');
  killProcess(pid, 'SIGCONT');
  assert.is.not(await late.ended, 0, 'the late change is refused');
  const since = performance.now();
  while ((await statusOf(paused)).role !== 'follower') {
    assert.ok(performance.now() - since < TAKEOVER_MS, 'it still thinks that it leads');
  }
  assert.equal(agent.weights('api'), ['failed', 7, 3]);
});

test('etcd is away: what is in force stays, changes are refused; it comes back: they are taken', async () => {
  const before = leader();
  await etcd.kill();
  const { status, stderr } = await before.sluice('member', 'weight', 'api', 'b', '8');
  assert.is(status, 1);
  assert.match(stderr, /the store cannot be written|is not the leader|has lost leadership/);
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  assert.equal(agent.weights('api'), ['failed', 7, 3]);
  await etcd.restart();
  const startMs = performance.now();
  await until(() => agent.isAttached, 2 * TAKEOVER_MS);
  let answer = await leader().sluice('member', 'weight', 'api', 'b', '8');
  while (answer.status !== 0 && performance.now() - startMs < 3 * TAKEOVER_MS) {
    answer = await leader().sluice('member', 'weight', 'api', 'b', '8');
  }
  assert.is(answer.status, 0, answer.stderr);
  await until(() => agent.weights('api').join() === 'failed,8,3');
});

test.run();
