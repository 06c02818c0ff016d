// One controller, its store and its agents: what reaches whom, and what people's changes answer.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Refusal } from '../../src/config/problems/refusal.ts';
import { shop, shopWith } from '../host/configurations.ts';
import { port, startFleet, type TestFleet } from './fleet.ts';
import { until } from './until.ts';

const test = suite('controller');

let fleet: TestFleet;
test.before.each(async () => {
  fleet = await startFleet(shop());
});
test.after.each(() => fleet.close());

const WEB = [port('web1', 'app', { tier: 'web' })];

async function refusal(change: Promise<unknown>): Promise<Refusal> {
  try {
    await change;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('not refused');
}

test('an agent is welcomed and gets all rules that its ports need, and no others', async () => {
  const web = fleet.agent('h1', { ports: WEB });
  const app = fleet.agent('h2', { ports: [port('app1', 'app', { tier: 'app' })] });
  const db = fleet.agent('h3', { ports: [port('db1', 'db')] });
  await until(() => [web, app, db].every(({ rules }) => rules.length === 1));
  assert.equal([...web.groups.keys()], ['api', 'night']);
  assert.equal([...app.groups.keys()], ['night']);
  assert.equal([...db.groups.keys()], []);
  assert.is(web.welcome!.controller, 'c1');
  assert.is(web.rules[0]!.epoch, fleet.controller.leadership!.epoch);
  assert.ok(web.rules[0]!.isFull);
});

test('a change goes as a delta to the agents concerned, and is answered when they have it', async () => {
  const web = fleet.agent('h1', { ports: WEB });
  const app = fleet.agent('h2', { ports: [port('app1', 'app')] });
  await until(() => web.inForce.revision > 0 && app.inForce.revision > 0);
  const changed = await fleet.controller.changes.setWeight('api', 'app2', 7);
  assert.equal(Object.keys(changed.hosts!), ['h1']);
  assert.is(changed.late, undefined);
  assert.equal(web.weights('api'), [1, 7, 2]);
  assert.is(web.inForce.revision, changed.revision);
  const delta = web.rules.at(-1)!;
  assert.not(delta.isFull);
  assert.equal(
    delta.groups.map(({ name }) => name),
    ['api'],
  );
  assert.is(app.rules.length, 1);
});

test('members are drained, failed, removed and added', async () => {
  const web = fleet.agent('h1', { ports: WEB });
  await until(() => web.inForce.revision > 0);
  await fleet.controller.changes.drainMember('api', 'app1', 60_000);
  assert.equal(web.weights('api'), ['draining', 3, 2]);
  const [draining] = web.members('api');
  assert.ok(Math.abs(draining!.drainDeadlineMs! - Date.now() - 60_000) < 5_000);
  await fleet.controller.changes.failMember('api', 'app2');
  assert.equal(web.weights('api'), ['draining', 'failed', 2]);
  await fleet.controller.changes.removeMember('api', 'six');
  assert.equal(web.weights('api'), ['draining', 'failed']);
  await fleet.controller.changes.addMember('api', {
    name: 'app3',
    address: '10.1.0.23',
    port: 8080,
    weight: 5,
  });
  assert.equal(web.weights('api'), ['draining', 'failed', 5]);
  assert.is((await refusal(fleet.controller.changes.failMember('api', 'app9'))).status, 404);
});

test('an agent that is late is named, and holds nobody up for long', async () => {
  const web = fleet.agent('h1', { ports: WEB });
  const slow = fleet.agent('h2', { ports: WEB });
  await until(() => web.inForce.revision > 0 && slow.inForce.revision > 0);
  slow.isMute = true;
  const changed = await fleet.controller.changes.setWeight('api', 'app2', 7);
  assert.equal(Object.keys(changed.hosts!), ['h1']);
  assert.equal(changed.late, ['h2']);
});

test('what every host refuses is taken back', async () => {
  const web = fleet.agent('h1', { ports: WEB });
  await until(() => web.inForce.revision > 0);
  web.refusal = 'the datapath cannot hold this';
  const { status, message } = await refusal(fleet.controller.changes.setWeight('api', 'app2', 7));
  assert.is(status, 409);
  assert.is(message, 'host h1: the datapath cannot hold this');
  web.refusal = '';
  await until(() => web.rules.at(-1)!.isFull && web.inForce.revision === web.rules.at(-1)!.revision);
  assert.equal(web.weights('api'), [1, 3, 2]);
});

test('what one of two hosts refuses stays, and the answer says so', async () => {
  const web = fleet.agent('h1', { ports: WEB });
  const full = fleet.agent('h2', { ports: WEB });
  await until(() => web.inForce.revision > 0 && full.inForce.revision > 0);
  full.refusal = 'full';
  const changed = await fleet.controller.changes.setWeight('api', 'app2', 7);
  assert.equal(Object.keys(changed.hosts!), ['h1']);
  assert.equal(changed.refused, { h2: 'full' });
});

test('other ports, other groups', async () => {
  const agent = fleet.agent('h1', { ports: [port('db1', 'db')] });
  await until(() => agent.inForce.revision > 0);
  agent.setPorts([port('db1', 'db'), ...WEB]);
  await until(() => agent.groups.has('api'));
  agent.setPorts([port('db1', 'db')]);
  await until(() => agent.groups.size === 0);
  assert.is(agent.rules.filter(({ isFull }) => isFull).length, 1);
});

test('of two agents of a host the younger stays', async () => {
  const old = fleet.agent('h1', { ports: WEB, agentEpoch: 1 });
  await until(() => old.isAttached);
  const young = fleet.agent('h1', { ports: WEB, agentEpoch: 2 });
  await until(() => young.isAttached && old.detachments.length > 0);
  assert.match(old.detachments[0]!, 'host h1 has attached again');
  await until(() => old.detachments.length > 1 || !old.isAttached);
  assert.ok(young.isAttached);
  assert.is(fleet.controller.leadership!.agents.get('h1')!.hello.agentEpoch, 2);
});

test('what people have changed is there after a restart, under a greater epoch', async () => {
  await fleet.controller.changes.failMember('api', 'app1');
  const { epoch } = fleet.controller.leadership!;
  await fleet.stop();
  fleet = await startFleet(shop(), { dir: fleet.dir });
  const web = fleet.agent('h1', { ports: WEB });
  await until(() => web.inForce.revision > 0);
  assert.equal(web.weights('api'), ['failed', 3, 2]);
  assert.ok(fleet.controller.leadership!.epoch > epoch);
});

test('a changed file speaks where it has changed; the rest stays', async () => {
  await fleet.controller.changes.failMember('api', 'app1');
  await fleet.controller.changes.setWeight('api', 'app2', 9);
  const web = fleet.agent('h1', { ports: WEB });
  await until(() => web.inForce.revision > 0);
  const changed = shopWith('10.1.0.22, port: 8080, weight: 3', '10.1.0.22, port: 8080, weight: 4');
  const { hosts } = await fleet.controller.reload(changed);
  assert.equal(Object.keys(hosts!), ['h1']);
  assert.equal(web.weights('api'), ['failed', 4, 2]);
  await fleet.stop();
  fleet = await startFleet({ ...changed, groups: changed.groups.slice(0, 1) }, { dir: fleet.dir });
  assert.equal([...fleet.controller.groups.keys()], ['api'], 'a group that its file names no more');
});

test('a controller that takes over with another file changes nothing that is there', async () => {
  await fleet.stop();
  const stale = shopWith('10.1.0.22, port: 8080, weight: 3', '10.1.0.22, port: 8080, weight: 4');
  fleet = await startFleet(stale, { dir: fleet.dir, id: 'c2' });
  const web = fleet.agent('h1', { ports: WEB });
  await until(() => web.inForce.revision > 0);
  assert.equal(web.weights('api'), [1, 3, 2]);
});

test('agents of a controller that lost leadership are redirected, and changes are refused', async () => {
  const web = fleet.agent('h1', { ports: WEB });
  await until(() => web.inForce.revision > 0);
  await fleet.controller.stop();
  await until(() => web.detachments.length > 0);
  assert.is((await refusal(fleet.controller.changes.setWeight('api', 'app1', 2))).status, 503);
});

test('an agent asks the API of its controller', async () => {
  const web = fleet.agent('h1', { ports: WEB });
  await until(() => web.isAttached);
  fleet.controller.answerAgentsWith(({ path }) => ({ path }));
  web.ask('GET', '/v1/groups/%61pi');
  await until(() => web.replies.length === 1);
  assert.equal(web.replies[0], { type: 'reply', id: 1, status: 200, body: '{"path":["v1","groups","api"]}' });
});

test.run();
