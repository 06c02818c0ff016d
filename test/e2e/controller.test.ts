// `sluice controller` as a process with a file store: its commands, its read-only HTTP, reload, restart, and its end.
// timeout: 120s
import { existsSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createControllerLink } from '../../src/agent/controller-link.ts';
import type { ControllerStatus, GroupSample, PolicyDetail, VmRow } from '../../src/api/fleet-shapes.ts';
import type { Changed, GroupDetail, GroupRow } from '../../src/api/shapes.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { port, silent, TestAgent } from '../controller/fleet.ts';
import { until } from '../controller/until.ts';
import { freePorts } from '../support/etcd.ts';
import { Host, killProcess } from '../support/host.ts';

const test = suite('controller process');

const host = new Host();
let agents = '';
let http = '';
let agent: TestAgent;

const configuration = (weight = 1) => ({
  host: 'c1',
  listen: { agents, http },
  networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
  templates: [
    {
      name: 'server',
      network: 'app',
      group: 'api',
      command: ['serve'],
      addresses: ['10.1.0.64/29'],
      port: 80,
    },
  ],
  groups: [
    {
      name: 'api',
      network: 'app',
      vip: '10.1.0.100',
      members: [
        { name: 'a', address: '10.1.0.1', weight },
        { name: 'b', address: '10.1.0.2' },
      ],
    },
  ],
});

async function startController(): Promise<void> {
  const { status, stdout, stderr } = await host.sluice('controller', '-c', host.configFile, '--detach');
  assert.is(status, 0, stderr);
  assert.match(stdout, /^sluice controller c1: 1 group, leads, agents at 127\.0\.0\.1:\d+, pid \d+$/m);
}

test.before(async () => {
  [agents, http] = (await freePorts(2)).map((free) => `127.0.0.1:${free}`) as [string, string];
  host.configure(configuration() as never);
  await startController();
  agent = new TestAgent(
    (handler) =>
      createControllerLink({ runtime: systemRuntime, controllers: [agents], handler, log: silent }),
    'h1',
    { ports: [port('web1', 'app')] },
  );
  await until(() => agent.inForce.revision > 0);
});
test.after(async () => {
  await agent?.close();
  host.close();
});

test('status, and the same over HTTP, where nothing can be changed', async () => {
  const status = await host.json<ControllerStatus>('status');
  assert.is(status.role, 'leader');
  assert.is(status.agents, 1);
  const overHttp = (await (await fetch(`http://${http}/v1/status`)).json()) as ControllerStatus;
  assert.is(overHttp.pid, status.pid);
  const refused = await fetch(`http://${http}/v1/groups/api/members/a/fail`, { method: 'POST' });
  assert.is(refused.status, 400);
  assert.equal(agent.weights('api'), [1, 1]);
});

test('groups and their members are listed', async () => {
  const [row] = await host.json<GroupRow[]>('group', 'list');
  assert.is(row!.members, 2);
  const detail = await host.json<GroupDetail>('group', 'show', 'api');
  assert.equal(
    detail.members.map(({ member, weight }) => [member, weight]),
    [
      ['a', 1],
      ['b', 1],
    ],
  );
});

test('a policy is set, shown, refused with every problem, and the file’s again', async () => {
  const set = await host.sluice('policy', 'set', 'api', 'inverse-load', 'interval=200ms', 'tolerance=0');
  assert.is(set.status, 0, set.stderr);
  const { from, policy } = await host.json<PolicyDetail>('policy', 'show', 'api');
  assert.is(from, 'runtime');
  assert.is((policy as { intervalMs: number }).intervalMs, 200);
  agent.report('api', { a: { activeFlows: 10 }, b: { activeFlows: 100 } });
  await until(() => agent.weights('api').join() === '3,1');
  const wrong = await host.sluice('policy', 'set', 'api', 'even', 'floor=7', 'flowLimit=3');
  assert.is(wrong.status, 2);
  assert.match(wrong.stderr, 'policy.floor: found 7');
  await host.json('policy', 'set', 'api', '--file');
  assert.is((await host.json<PolicyDetail>('policy', 'show', 'api')).from, 'none');
  assert.equal(agent.weights('api'), [1, 1]);
});

test('a group is watched, a line per look', async () => {
  const watch = host.startSluice('group', 'watch', 'api', '--interval', '100ms', '-o', 'json');
  await until(() => watch.lines.length >= 3, 10_000);
  await watch.stop();
  const samples = watch.lines.map((line) => JSON.parse(line) as GroupSample);
  assert.ok(samples.every(({ group, members }) => group === 'api' && members.length === 2));
});

test('a group is scaled by VMs of its template', async () => {
  await host.json('scale', 'api', '3');
  await until(() => agent.weights('api').length === 3);
  const [vm] = await host.json<VmRow[]>('vm', 'list');
  assert.is(vm!.host, 'h1');
  assert.is(vm!.phase, 'serving');
  await host.json('scale', 'api', '2');
  await until(() => agent.vms.size === 0, 10_000);
  // A count that is held would replace the member that a later test fails.
  await host.json('scale', 'api', 'auto');
});

test('a changed file is taken up; what cannot change is refused', async () => {
  host.configure(configuration(5) as never);
  const changed = await host.json<Changed>('reload', '-c', host.configFile);
  assert.equal(Object.keys(changed.hosts!), ['h1']);
  assert.equal(agent.weights('api'), [5, 1]);
  host.configure({ ...configuration(5), host: 'c2' } as never);
  const refused = await host.sluice('reload', '-c', host.configFile);
  assert.is(refused.status, 1);
  assert.match(refused.stderr, 'host: found "c2", expected "c1", which cannot change');
  host.configure(configuration(5) as never);
});

test('it is killed: what was changed is there when it starts again, and its agents come back', async () => {
  await host.json('member', 'fail', 'api', 'b');
  const { pid, epoch } = await host.json<ControllerStatus>('status');
  killProcess(pid);
  await until(() => !agent.isAttached);
  await startController();
  await until(() => agent.inForce.epoch > epoch!, 10_000);
  assert.equal(agent.weights('api'), [5, 'failed']);
});

test('down ends it, and leaves its store', async () => {
  const { status, stderr } = await host.sluice('down');
  assert.is(status, 0, stderr);
  assert.not(existsSync(`${host.runDir}/api.sock`));
  assert.ok(existsSync(`${host.runDir}/store`));
  await until(() => !agent.isAttached);
});

test('a controller without an address for agents is refused', async () => {
  host.configure({ ...configuration(), listen: { http } } as never);
  const { status, stderr } = await host.sluice('controller', '-c', host.configFile);
  assert.is(status, 2);
  assert.match(stderr, 'listen.agents: found nothing, expected where agents connect');
});

test.run();
