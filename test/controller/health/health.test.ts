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
  assert.match(fleet.controller.state.groups.get('app')!.health.a!.detail, '2 of 3 hosts: refused');
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

test('a host that leaves takes its opinion with it; when all have left, the verdict stays', async () => {
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
  await fleet.controller.failMember('app', 'b');
  agents[0]!.probe('app', { a: false, b: true });
  await haveStates('failed', 'failed');
  await fleet.controller.setWeight('app', 'a', 9);
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

test.run();
