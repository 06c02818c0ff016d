// The loop through the controller: reports of hosts in, weights in the agents' rules out. Figures 14 to 16 of the
// patent's worked examples with their numbers spread over the reports of several hosts.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../../src/config/load.ts';
import type { Configuration } from '../../../src/config/model/model.ts';
import { policyDetail } from '../../../src/controller/fleet-listings.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { port, startFleet, type TestAgent, type TestFleet } from '../fleet.ts';
import { until } from '../until.ts';

const test = suite('controller: policies');

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

const app = (policy: string, members: readonly string[] = NAMES.slice(0, 5)): Configuration =>
  parseConfiguration(`
host: c1
networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/24] }]
groups:
  - name: app
    network: app
    vip: 10.1.0.100
    policy: ${policy}
    members: [${members.map((name) => `{ name: ${name}, address: 10.1.0.${NAMES.indexOf(name) + 1} }`).join(', ')}]
`);

let fleet: TestFleet;
test.after.each(() => fleet.close());

async function hosts(configuration: Configuration, count: number): Promise<TestAgent[]> {
  fleet = await startFleet(configuration);
  const agents = Array.from({ length: count }, (_, i) =>
    fleet.agent(`h${i}`, { ports: [port(`web${i}`, 'app')] }),
  );
  await until(() => agents.every((agent) => agent.inForce.revision > 0));
  return agents;
}

/** Reports of all hosts whose active flows add up to these, by member. */
function report(agents: readonly TestAgent[], activeFlows: readonly number[]): void {
  agents.forEach((agent, i) => {
    const share = (total: number): number =>
      Math.floor(total / agents.length) + (i < total % agents.length ? 1 : 0);
    const members = activeFlows.map((total, at) => [NAMES[at]!, { activeFlows: share(total) }]);
    agent.report('app', Object.fromEntries(members));
  });
}

const haveWeights = (agents: readonly TestAgent[], weights: readonly (number | string)[]): Promise<void> =>
  until(() => agents.every((agent) => agent.weights('app').join() === weights.join()));

const QUICK = 'interval: 100ms';

test('figure 14: 131 135 101 100 86 flows give 1 1 2 2 3 at every host', async () => {
  const agents = await hosts(app(`{ kind: inverse-load, ${QUICK}, tolerance: 0 }`), 3);
  report(agents, [131, 135, 101, 100, 86]);
  await haveWeights(agents, [1, 1, 2, 2, 3]);
});

test('figure 15: a sixth member joins five that are full, and fills up', async () => {
  const agents = await hosts(app(`{ kind: inverse-load, ${QUICK}, flowLimit: 50000 }`), 5);
  report(agents, [50_000, 50_000, 50_000, 50_000, 50_000]);
  await haveWeights(agents, [1, 1, 1, 1, 1]);
  await fleet.controller.changes.addMember('app', { name: 'f', address: '10.1.0.6' });
  await haveWeights(agents, [1, 1, 1, 1, 1, 1000]);
  report(agents, [40_000, 39_000, 41_000, 38_000, 39_000, 18_000]);
  await haveWeights(agents, [1, 1, 1, 1, 1, 3]);
  report(agents, [44_000, 42_000, 43_000, 45_000, 46_000, 35_000]);
  await haveWeights(agents, [1, 1, 1, 1, 1, 1]);
});

test('figure 16: a member that is taken out gets nothing more, the others go on', async () => {
  const agents = await hosts(app(`{ kind: inverse-load, ${QUICK} }`, NAMES), 5);
  report(agents, [22_000, 26_000, 27_000, 28_000, 28_000, 26_000]);
  await haveWeights(agents, [1, 1, 1, 1, 1, 1]);
  await fleet.controller.changes.drainMember('app', 'a');
  assert.is(agents[0]!.weights('app')[0], 'draining');
  report(agents, [12_000, 30_000, 32_000, 31_000, 32_000, 30_000]);
  await haveWeights(agents, ['draining', 1, 1, 1, 1, 1]);
});

test('distribute-stats: the agents get the sums of all, and the configured weights', async () => {
  const policy = `{ kind: inverse-load, mode: distribute-stats, ${QUICK}, tolerance: 0 }`;
  const agents = await hosts(app(policy), 2);
  report(agents, [131, 135, 101, 100, 86]);
  const flows = (agent: TestAgent): (number | undefined)[] =>
    agent.globalStats.at(-1)?.groups[0]?.members.map(({ activeFlows }) => activeFlows) ?? [];
  await until(() => agents.every((agent) => flows(agent).join() === '131,135,101,100,86'));
  assert.equal(agents[0]!.weights('app'), [1, 1, 1, 1, 1]);
  assert.ok(agents[0]!.globalStats.at(-1)!.groups[0]!.members.every(({ hosts }) => hosts === 2));
});

test('both: weights by the controllers, and the sums besides', async () => {
  const agents = await hosts(app(`{ kind: inverse-load, mode: both, ${QUICK}, tolerance: 0 }`), 2);
  report(agents, [131, 135, 101, 100, 86]);
  await haveWeights(agents, [1, 1, 2, 2, 3]);
  await until(() => agents.every(({ globalStats }) => globalStats.length > 0));
});

test('even: the configured weights, and no sums to the agents', async () => {
  const agents = await hosts(app('even'), 1);
  const { controller } = fleet;
  report(agents, [131, 135, 101, 100, 86]);
  await until(() => controller.leadership!.aggregation.loads('app', systemRuntime.monotonicMs()).size === 5);
  await controller.changes.setWeight('app', 'a', 4);
  await haveWeights(agents, [4, 1, 1, 1, 1]);
  assert.is(agents[0]!.globalStats.length, 0);
});

test('a policy that is set at run time outlives a restart, until the file has its say again', async () => {
  let [agent] = await hosts(app('even'), 1);
  await fleet.controller.changes.setPolicy('app', { kind: 'inverse-load', interval: '100ms', tolerance: 0 });
  report([agent!], [131, 135, 101, 100, 86]);
  await haveWeights([agent!], [1, 1, 2, 2, 3]);
  await fleet.stop();
  fleet = await startFleet(app('even'), { dir: fleet.dir });
  agent = fleet.agent('h0', { ports: [port('web0', 'app')] });
  await until(() => agent!.inForce.revision > 0);
  report([agent!], [131, 135, 101, 100, 86]);
  await haveWeights([agent!], [1, 1, 2, 2, 3]);
  await fleet.controller.changes.setPolicy('app', null);
  await haveWeights([agent!], [1, 1, 1, 1, 1]);
});

test('a new leader leaves the weights of its predecessor until it knows the load', async () => {
  const policy = `{ kind: inverse-load, ${QUICK}, tolerance: 0 }`;
  const [agent] = await hosts(app(policy), 1);
  report([agent!], [131, 135, 101, 100, 86]);
  await haveWeights([agent!], [1, 1, 2, 2, 3]);
  const { rulesEpoch, rulesRevision } = agent!.hello();
  await fleet.stop();
  fleet = await startFleet(app(policy), { dir: fleet.dir });
  const again = fleet.agent('h0', { ports: [port('web0', 'app')], rulesEpoch, rulesRevision });
  await until(() => again.isAttached);
  report([again], [131, 135, 101, 100, 86]);
  await until(() => again.rules.length > 0);
  assert.equal(again.weights('app'), [1, 1, 2, 2, 3], 'the first rules have the weights already');
});

test('weights of a host that falls silent stay, and those of the others go on', async () => {
  const agents = await hosts(app(`{ kind: inverse-load, ${QUICK}, tolerance: 0 }`), 2);
  report(agents, [131, 135, 101, 100, 86]);
  await haveWeights(agents, [1, 1, 2, 2, 3]);
  await agents[1]!.close();
  await until(() => fleet.controller.leadership!.agents.size === 1);
  report(agents.slice(0, 1), [131, 135, 101, 100, 86]);
  await haveWeights(agents.slice(0, 1), [1, 1, 2, 2, 3]);
});

/** What an agent was told last about single load balancers. */
const balancersAt = (agent: TestAgent) =>
  agent.rules.flatMap(({ groups }) => groups.filter(({ name }) => name === 'app')).at(-1)?.balancers ?? [];

test('weights of single load balancers: figure 16 for the one that is uneven, nothing for the others', async () => {
  const policy = `{ kind: inverse-load, ${QUICK}, perLoadBalancer: true }`;
  const agents = await hosts(app(policy, NAMES), 3);
  await fleet.controller.changes.drainMember('app', 'a');
  const tell = (agent: TestAgent, balancer: string, flows: readonly number[]): void => {
    const members = flows.map((activeFlows, i) => [NAMES[i]!, { activeFlows }]);
    agent.report('app', Object.fromEntries(members), balancer);
  };
  tell(agents[1]!, 'port web1', [16, 19, 17, 19, 18, 16]);
  tell(agents[2]!, 'port web2', [0, 0, 0, 0, 0, 0]);
  tell(agents[0]!, 'port web0', [6, 7, 10, 9, 10, 10]);
  tell(agents[0]!, 'port other', [0, 0, 0, 0, 0, 0]);
  const weights = { a: 0, b: 2, c: 1, d: 1, e: 1, f: 1 };
  await until(() => balancersAt(agents[0]!).length > 0, 5_000);
  assert.equal(balancersAt(agents[0]!), [{ loadBalancer: 'port web0', criteriaSet: '/', weights }]);
  assert.equal(balancersAt(agents[1]!), []);
  await haveWeights(agents, ['draining', 1, 1, 1, 1, 1]);

  const told = agents.map(({ rules }) => rules.length);
  tell(agents[0]!, 'port web0', [5, 8, 9, 8, 10, 9]);
  await until(() => balancersAt(agents[0]!).length === 0, 5_000);
  assert.equal(
    agents.map(({ rules }, i) => rules.length - told[i]!),
    [1, 0, 0],
    'only the host that it is about is told',
  );
});

/** What a host says of the group: weights of a and b, and its load balancers that have other ones. */
const shownBy = (
  loadBalancers: number,
  weights: readonly number[],
  others: Record<string, number>[],
): string =>
  JSON.stringify({
    loadBalancers,
    activeFlows: 0,
    newFlows: 0,
    members: weights.map((weight, i) => ({
      member: NAMES[i]!,
      weight,
      flowsLeft: null,
      loadBalancers: Object.entries(others[i]!).map(([loadBalancer, own]) => ({ loadBalancer, weight: own })),
    })),
  });

test('weights that hosts compute are shown as they say: that of most load balancers, and those that differ', async () => {
  fleet = await startFleet(app(`{ kind: inverse-load, mode: distribute-stats, ${QUICK} }`, ['a', 'b']));
  const hostOf = (name: string, body: string) =>
    fleet.agent(name, { ports: [port(`web-${name}`, 'app')], answer: () => ({ status: 200, body }) });
  const agents = [
    hostOf('h0', shownBy(3, [1, 5], [{}, { web1: 6 }])),
    hostOf('h1', shownBy(2, [2, 5], [{}, {}])),
  ];
  await until(() => agents.every((agent) => agent.inForce.revision > 0));
  const { controller } = fleet;
  const { members } = await policyDetail({ term: controller.leading(), groups: controller.groups }, 'app');
  assert.equal(
    members.map(({ configuredWeight, weight, differing }) => ({ configuredWeight, weight, differing })),
    [
      { configuredWeight: 1, weight: 1, differing: [{ host: 'h1', loadBalancer: '*', weight: 2 }] },
      { configuredWeight: 1, weight: 5, differing: [{ host: 'h0', loadBalancer: 'web1', weight: 6 }] },
    ],
  );
});

test.run();
