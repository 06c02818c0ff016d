// VMs as members: added when asked for or when the load is high, replaced when they crash, drained before they go.
// The agents obey orders as a host does, without VMs.
// timeout: 60s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../../src/config/load.ts';
import type { Configuration } from '../../../src/config/model/model.ts';
import { Refusal } from '../../../src/config/problems/refusal.ts';
import { policyDetail, vmRows } from '../../../src/controller/fleet-listings.ts';
import type { HostNetworks } from '../../../src/messages/messages.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { port, startFleet, type TestAgent, type TestFleet } from '../fleet.ts';
import { until } from '../until.ts';

const test = suite('controller: scaling');

const configured = (scaling = ''): Configuration =>
  parseConfiguration(`
host: c1
networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/24] }]
templates:
  - { name: server, network: app, group: app, command: [serve], addresses: [10.1.0.64/29], port: 8080, maxInstances: 4 }
groups:
  - name: app
    network: app
    vip: 10.1.0.100
    ${scaling}
    members: [{ name: a, address: 10.1.0.1 }]
`);

let fleet: TestFleet;
let agents: TestAgent[];
test.after.each(() => fleet.close());

async function start(configuration: Configuration, dir?: string, networks?: HostNetworks): Promise<void> {
  fleet = await startFleet(configuration, { dir });
  agents = ['h1', 'h2'].map((host) => fleet.agent(host, { ports: [port(`${host}-web`, 'app')], networks }));
  await until(() => agents.every((agent) => agent.inForce.revision > 0));
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const active = (agent: TestAgent): string[] =>
  agent
    .members('app')
    .filter(({ state }) => state === 'active')
    .map(({ name }) => name);
const running = (): string[] => agents.flatMap(({ vms }) => [...vms.keys()]);

test('a group is brought to a number of members, spread over the hosts', async () => {
  await start(configured());
  await fleet.controller.changes.scale('app', 3);
  await until(() => agents.every((agent) => active(agent).length === 3));
  assert.equal(
    agents.map(({ vms }) => vms.size),
    [1, 1],
  );
  const members = agents[0]!.members('app').slice(1);
  assert.equal(members.map(({ name }) => name).sort(), running().sort());
  assert.ok(members.every(({ address, port: at }) => address.startsWith('10.1.0.6') && at === 8080));
});

test('more than the template allows is refused', async () => {
  await start(configured());
  try {
    await fleet.controller.changes.scale('app', 9);
    assert.unreachable('not refused');
  } catch (error) {
    assert.instance(error, Refusal);
    assert.match((error as Refusal).message, 'found 9, expected 0 to 4 members');
  }
});

test('where no host has the network of the template: a command is refused, a VM waits', async () => {
  const other: HostNetworks = { all: [{ name: 'app', vni: 9 }] };
  await start(
    configured('scaling: { members: { template: server, minimum: 2, maximum: 3 } }'),
    undefined,
    other,
  );
  const { controller } = fleet;
  const why = 'no host has network app (VNI 5001); found h1 with app (VNI 9); h2 with app (VNI 9)';
  await until(() => vmRows(controller.vms)[0]?.waitsFor === why, 5_000);
  try {
    await controller.changes.scale('app', 3);
    assert.unreachable('not refused');
  } catch (error) {
    assert.instance(error, Refusal);
    assert.is((error as Refusal).message, `group app: template server: ${why}`);
  }
  agents[1]!.setPorts([], { all: [{ name: 'app', vni: 5001 }] });
  await until(() => agents[1]!.vms.size === 1, 5_000);
  assert.is(agents[0]!.vms.size, 0);
  assert.is(vmRows(controller.vms)[0]!.waitsFor, null);
});

test('a crashed VM is out at once, and replaced', async () => {
  await start(configured());
  await fleet.controller.changes.scale('app', 2);
  await until(() => active(agents[0]!).length === 2);
  const [crashed] = running();
  agents.find(({ vms }) => vms.has(crashed!))!.crash(crashed!);
  await until(() => active(agents[0]!).length === 2 && !active(agents[0]!).includes(crashed!));
  assert.is(running().length, 1);
  assert.is.not(running()[0], crashed);
  await until(() => !agents[0]!.members('app').some(({ name }) => name === crashed));
});

test('a VM that is to go keeps its flows until they have ended', async () => {
  await start(configured());
  await fleet.controller.changes.scale('app', 2);
  await until(() => active(agents[0]!).length === 2);
  const [vm] = running();
  agents[0]!.report('app', { [vm!]: { newFlows: 5, endedFlows: 4, activeFlows: 1 } });
  await fleet.controller.changes.scale('app', 1);
  assert.equal(active(agents[0]!), ['a']);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  assert.equal(running(), [vm], 'one flow is left');
  agents[0]!.report('app', { [vm!]: { newFlows: 5, endedFlows: 5 } });
  await until(() => running().length === 0);
  assert.equal(
    agents[0]!.members('app').map(({ name }) => name),
    ['a'],
  );
});

test('a controller that starts again finds its VMs, and starts no others', async () => {
  await start(configured());
  await fleet.controller.changes.scale('app', 3);
  await until(() => active(agents[0]!).length === 3);
  const before = fleet.controller.vms.manager.list().map(({ id }) => id);
  await until(
    () =>
      [...fleet.store.snapshot().entries.keys()].filter((key) => key.startsWith('instances/')).length === 2,
  );
  await fleet.stop();
  await start(configured(), fleet.dir);
  await until(() => running().length === 2);
  assert.equal(running().sort(), before.sort());
  assert.is(active(agents[0]!).length, 3);
});

test('load over the threshold adds members, up to the maximum', async () => {
  const scaling = `scaling: { members: { template: server, average: { above: 100, below: 20 }, maximum: 3, sustain: 0s, coolDown: 0s } }`;
  await start(configured(scaling));
  agents[0]!.report('app', { a: { activeFlows: 1_000, newFlows: 1_000 } });
  await until(() => active(agents[0]!).length === 3, 10_000);
  agents[0]!.report('app', { a: { activeFlows: 1_000, newFlows: 1_001 } });
  await pause(1_500);
  assert.is(active(agents[0]!).length, 3);
  agents[0]!.report('app', { a: { activeFlows: 3, newFlows: 1_001, endedFlows: 1_001 } });
  await until(() => active(agents[0]!).length === 1 && running().length === 0, 15_000);
});

test('a number that was asked for holds against thresholds, crashes and a restart, until `auto`', async () => {
  const scaling = `scaling: { members: { template: server, average: { above: 100, below: 20 }, maximum: 3, sustain: 0s, coolDown: 0s } }`;
  await start(configured(scaling));
  const { controller } = fleet;
  await controller.changes.scale('app', 2);
  await until(() => active(agents[0]!).length === 2);
  const load = (activeFlows: number): void =>
    agents[0]!.report('app', { a: { activeFlows, newFlows: activeFlows } });
  load(1_000);
  const figures = () =>
    controller.leadership!.aggregation.loads('app', systemRuntime.monotonicMs()).get('a')?.activeFlows;
  await until(() => figures() === 1_000);
  await pause(2_500);
  assert.is(active(agents[0]!).length, 2, 'over the threshold');
  const shown = await policyDetail({ term: controller.leading(), groups: controller.groups }, 'app');
  assert.is(shown.heldCount, 2);

  const [crashed] = running();
  agents.find(({ vms }) => vms.has(crashed!))!.crash(crashed!);
  await until(() => active(agents[0]!).length === 2 && !active(agents[0]!).includes(crashed!));

  await fleet.stop();
  await start(configured(scaling), fleet.dir);
  load(1_000);
  await pause(2_500);
  assert.is(active(agents[0]!).length, 2, 'the next leader keeps it');
  await fleet.controller.changes.scale('app', null);
  await until(() => active(agents[0]!).length === 3, 10_000);
});

test('a number that was asked for ends with the scaling of the file that it stood in for', async () => {
  const scaling = (maximum: number) =>
    configured(
      `scaling: { members: { template: server, average: { above: 100, below: 20 }, maximum: ${maximum}, sustain: 0s, coolDown: 0s } }`,
    );
  await start(scaling(3));
  await fleet.controller.changes.scale('app', 2);
  await fleet.controller.reload(scaling(2));
  assert.is(fleet.controller.groups.get('app')!.heldCount, undefined);
});

test('a hung VM is stopped and its address freed when its successor starts', async () => {
  const health = 'health: { kind: icmp, interval: 100ms, timeout: 50ms, quorum: any }';
  await start(configured(health));
  const { controller } = fleet;
  await controller.changes.scale('app', 2);
  await until(() => active(agents[0]!).length === 2);
  const [hung] = running();
  const { addresses } = controller.vms.manager.list()[0]!;
  agents[0]!.probe('app', { a: true, [hung!]: false });
  await until(() => running().length === 1 && !running().includes(hung!), 10_000);
  const [successor] = running();
  await until(() => active(agents[0]!).includes(successor!));
  assert.not(agents[0]!.members('app').some(({ name }) => name === hung));
  assert.not(controller.vms.manager.list().some((record) => record.addresses[0] === addresses[0]));

  // No member is active any more: it is stopped when one is.
  await controller.changes.failMember('app', 'a');
  agents[0]!.probe('app', { a: true, [successor!]: false });
  await until(() => active(agents[0]!).length === 2 && !running().includes(successor!), 10_000);
});

const SOURCES = 'average: { below: 5 }, single: { above: 50 }, maximum: 4, sustain: 0s, coolDown: 0s';

/** Sources are the ports with `tier: web`: one on each host, and VMs of `web`, which agents that obey have none of. */
const withSources = (group: string): Configuration =>
  parseConfiguration(`
host: c1
networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/24] }]
templates:
  - { name: web, network: app, ${group} labels: { tier: web }, command: [serve], addresses: [10.1.0.64/29], port: 8080 }
groups:
  - name: app
    network: app
    vip: 10.1.0.100
    from: { tier: web }
    scaling: { sources: { template: web, ${SOURCES} } }
    members: [{ name: a, address: 10.1.0.1 }, { name: b, address: 10.1.0.2 }]
  - { name: web, network: app, vip: 10.1.0.101, from: { tier: client }, members: [] }
`);

const webPort = (name: string) => port(name, 'app', { tier: 'web' });

/** The hosts' ports, with those of the VMs that run there. */
function showPorts(): void {
  for (const [i, agent] of agents.entries()) {
    const names = [`h${i + 1}-web`, ...agent.vms.keys()];
    agent.setPorts([...names.map(webPort), port(`h${i + 1}-client`, 'app', { tier: 'client' })]);
  }
}

const flows = (activeFlows: number) => ({ activeFlows, newFlows: activeFlows });

test('sources: one that sends too much brings another one, and the one that sends least goes', async () => {
  await start(withSources('group: web,'));
  showPorts();
  // 60 of one source, none of the other: 30 on average.
  agents[0]!.report('app', { a: flows(40), b: flows(20) }, 'port h1-web');
  agents[1]!.report('app', { a: flows(0) }, 'port h2-web');
  await until(() => running().length > 0, 5_000);
  showPorts();
  agents[0]!.report('app', { a: flows(10), b: flows(10) }, 'port h1-web');
  await pause(1_500);
  const [first, ...others] = running();
  assert.equal(others, []);
  const webMember = () => agents.flatMap((agent) => agent.members('web')).find(({ name }) => name === first);
  assert.is(webMember()?.state, 'active', 'it serves in the group of its template');

  agents[0]!.report('app', { a: flows(1), b: flows(1) }, 'port h1-web');
  await until(() => webMember()?.state === 'draining', 5_000);
  await until(() => running().length === 0, 10_000);
  assert.is(webMember(), undefined);
});

test('sources: there are never fewer than the least number; one that is a member nowhere is stopped at once', async () => {
  const bounded = (minimum: number, maximum: number): Configuration => {
    const configuration = withSources('');
    Object.assign(configuration.groups[0]!.scaling!.sources!, { minimum, maximum });
    return configuration;
  };
  await start(bounded(3, 4));
  showPorts();
  await until(() => running().length === 1, 5_000);
  showPorts();
  await pause(1_500);
  assert.is(running().length, 1, 'three sources');
  await fleet.controller.reload(bounded(1, 2));
  await until(() => running().length === 0, 5_000);
});

test.run();
