// From what hosts find to failed members, beside what people said; how hosts agree: health-agreement.test.ts.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../../src/config/load.ts';
import type { Configuration } from '../../../src/config/model/model.ts';
import { port, startFleet, type TestAgent, type TestFleet } from '../fleet.ts';
import { until } from '../until.ts';

const test = suite('controller: health');

const configured = (quorum: string): Configuration =>
  parseConfiguration(`
host: c1
networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/24] }]
groups:
  - name: app
    network: app
    vip: 10.1.0.100
    protocol: tcp
    port: 80
    health: { kind: tcp, quorum: ${quorum} }
    members: [{ name: a, address: 10.1.0.1 }, { name: b, address: 10.1.0.2 }]
`);

let fleet: TestFleet;
let agents: TestAgent[];
test.after.each(() => fleet.close());

async function start(quorum: string, dir?: string): Promise<void> {
  fleet = await startFleet(configured(quorum), { dir });
  agents = ['h1', 'h2', 'h3'].map((host) => fleet.agent(host, { ports: [port(`${host}-web`, 'app')] }));
  await until(() => agents.every((agent) => agent.inForce.revision > 0));
}

const haveStates = (...states: (number | string)[]): Promise<void> =>
  until(() => agents.every((agent) => agent.weights('app').join() === states.join()));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('a member is failed when the quorum finds it so, and back when it no longer does', async () => {
  await start('majority');
  agents[2]!.probe('app', { a: true, b: true });
  agents[0]!.probe('app', { a: false, b: true });
  await pause(300);
  assert.equal(agents[0]!.weights('app'), [1, 1], 'one of two is no majority');
  agents[1]!.probe('app', { a: false, b: true });
  await haveStates('failed', 1);
  assert.match(fleet.controller.groups.get('app')!.health.a!.detail, '2 of 3 hosts: refused');
  agents[1]!.probe('app', { a: true, b: true });
  await haveStates(1, 1);
});

/** Two hosts that saw nothing, and one that sees everything; then the two see `a`, and `b` only after a while. */
test('what is left from the time in which a host saw nothing fails nobody, until its checks have had their time', async () => {
  await start('2');
  for (const agent of agents.slice(0, 2)) agent.probe('app', { a: false, b: false });
  await haveStates('failed', 'failed');
  agents[2]!.probe('app', { a: true, b: true });
  await haveStates(1, 1);
  const before = agents[0]!.rules.length;
  for (const agent of agents.slice(0, 2)) agent.probe('app', { a: true, b: false });
  await pause(500);
  assert.equal(agents[0]!.weights('app'), [1, 1]);
  assert.is(agents[0]!.rules.length, before, 'nobody has been failed for a moment');
  // (rise + 1) intervals and timeouts.
  await until(() => agents[0]!.weights('app').join() === '1,failed', 8_000);
});

test('a host that leaves takes its opinion with it; when all have left, the verdict stays for a while', async () => {
  await start('all');
  agents[0]!.probe('app', { a: false });
  agents[1]!.probe('app', { a: true });
  await pause(200);
  assert.equal(agents[0]!.weights('app'), [1, 1]);
  await agents[1]!.close();
  await until(() => agents[0]!.weights('app').join() === 'failed,1');
  await agents[0]!.close();
  await pause(300);
  assert.equal(agents[2]!.weights('app'), ['failed', 1]);
});

test('what people have failed health does not revive, and what health has failed is not theirs to weigh', async () => {
  await start('any');
  await fleet.controller.changes.failMember('app', 'b');
  agents[0]!.probe('app', { a: false, b: true });
  await haveStates('failed', 'failed');
  await fleet.controller.changes.setWeight('app', 'a', 9);
  agents[0]!.probe('app', { a: true, b: true });
  await haveStates(9, 'failed');
});

test('a verdict outlives a restart, until hosts say otherwise', async () => {
  await start('any');
  agents[0]!.probe('app', { a: false, b: true });
  await haveStates('failed', 1);
  await fleet.stop();
  await start('any', fleet.dir);
  await pause(200);
  assert.equal(agents[0]!.weights('app'), ['failed', 1]);
  agents[0]!.probe('app', { a: true, b: true });
  await haveStates(1, 1);
});

const FOREIGN = `
host: c1
networks:
  - { name: app, vni: 5001, subnets: [10.1.0.0/24] }
  - { name: db, vni: 5002, subnets: [10.2.0.0/24] }
groups:
  - name: app
    network: app
    vip: 10.1.0.100
    protocol: tcp
    port: 80
    from: { tier: web }
    health: { kind: tcp, quorum: any, interval: 100ms, timeout: 50ms, rise: 1, fall: 1 }
    members: [{ name: a, address: 10.1.0.1 }, { name: constructor, address: 10.1.0.2 }]
`;
const web = (name: string) => ({ ...port(name, 'app'), labels: { tier: 'web' } });

test('a host has no vote on members of a group that does not concern it', async () => {
  fleet = await startFleet(parseConfiguration(FOREIGN));
  const concerned = fleet.agent('h1', { ports: [web('h1-web')] });
  const strangers = [
    fleet.agent('h2', { ports: [port('h2-db', 'db')] }),
    fleet.agent('h3', { ports: [port('h3-unlabelled', 'app')] }),
    fleet.agent('h4', { ports: [] }),
  ];
  agents = [concerned];
  await until(() => concerned.inForce.revision > 0);
  for (const stranger of strangers) stranger.probe('app', { a: false });
  await pause(500);
  assert.equal(concerned.weights('app'), [1, 1]);
  concerned.probe('app', { a: false });
  await haveStates('failed', 1);
  concerned.probe('app', { a: true });
  await haveStates(1, 1);
});

test('a verdict goes with the hosts that gave it, once they are away for long', async () => {
  fleet = await startFleet(parseConfiguration(FOREIGN));
  const [passing, other] = [
    fleet.agent('h1', { ports: [web('a')] }),
    fleet.agent('h2', { ports: [web('b')] }),
  ];
  agents = [other];
  await until(() => passing.inForce.revision > 0);
  passing.probe('app', { a: false });
  await haveStates('failed', 1);
  await passing.close();
  await haveStates(1, 1);
});

test('results about members that do not exist are not kept', async () => {
  fleet = await startFleet(parseConfiguration(FOREIGN));
  const agent = fleet.agent('h1', { ports: [web('a')] });
  agents = [agent];
  await until(() => agent.inForce.revision > 0);
  const invented = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`m${i}`, false]));
  for (let round = 0; round < 5; round++) agent.probe('app', invented);
  agent.probe('app', { a: false });
  await haveStates('failed', 1);
  const { words } = (
    fleet.controller as unknown as { office: { health: { words: Map<string, Map<string, unknown>> } } }
  ).office.health;
  assert.is(words.get('h1')!.size, 1);
});

test('a member that flaps costs a few revisions and no more, is held back, and is shown with the reason', async () => {
  await start('any');
  const [agent] = agents;
  agent!.probe('app', { a: true, b: true });
  const before = agent!.rules.length;
  for (let flap = 0; flap < 30; flap++) {
    for (const isHealthy of [false, true]) {
      agent!.probe('app', { a: isHealthy, b: true });
      await pause(30);
    }
  }
  await haveStates('failed', 1);
  const revisions = agent!.rules.length - before;
  assert.ok(revisions <= 12, `${revisions} messages for 30 failures`);
  const health = fleet.controller.healthOf('app', 'a')!;
  assert.match(health, /suppressed: it keeps failing and recovering .*; in use \d+ s after it stays healthy/);
  assert.is(fleet.controller.healthOf('app', 'b'), undefined);
});

test('a member that asks to drain drains, one that most find worse has failed, and draining is no flapping', async () => {
  await start('majority');
  const all = (found: Parameters<TestAgent['probe']>[1]): void => {
    for (const agent of agents) agent.probe('app', found);
  };
  all({ a: 'drains', b: 'drains' });
  await haveStates('draining', 'draining');
  assert.match(fleet.controller.groups.get('app')!.health.a!.detail, '3 of 3 hosts: its agent says drain');
  agents[0]!.probe('app', { a: false, b: 'drains' });
  agents[1]!.probe('app', { a: false, b: 'drains' });
  await haveStates('failed', 'draining');
  all({ a: true, b: 'drains' });
  await haveStates(1, 'draining');
  for (let round = 0; round < 10; round++) {
    for (const found of ['drains', true] as const) {
      all({ a: found, b: true });
      await haveStates(found === true ? 1 : 'draining', 1);
    }
  }
  await fleet.controller.changes.failMember('app', 'a');
  all({ a: 'drains', b: true });
  await haveStates('failed', 1);
});

test('members that no host checks are shown as such', async () => {
  await start('any');
  assert.is(fleet.controller.healthOf('app', 'a'), 'checked by nobody');
  assert.equal(fleet.controller.healthChecks.checksOf('h1'), { checked: 0, toCheck: 2 });
  agents[0]!.probe('app', { a: true });
  await until(() => fleet.controller.healthOf('app', 'a') === undefined);
  assert.is(fleet.controller.healthOf('app', 'b'), 'checked by nobody');
  assert.equal(fleet.controller.healthChecks.checksOf('h1'), { checked: 1, toCheck: 2 });
});

test.run();
