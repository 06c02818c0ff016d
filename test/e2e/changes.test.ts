// What commands have changed: who and when, against the file, undone, and written down.
// timeout: 120s
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { createControllerLink } from '../../src/agent/controller-link.ts';
import type { Difference, GroupDetail } from '../../src/api/shapes.ts';
import type { Event } from '../../src/events/event.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { port, silent, TestAgent } from '../controller/fleet.ts';
import { until } from '../controller/until.ts';
import { apiController, LoopbackController } from '../support/controllers.ts';
import { EtcdServer, freePorts } from '../support/etcd.ts';

const test = suite('changes');

let etcd: EtcdServer;
let controller: LoopbackController;
let listen: { agents: string };
let agent: TestAgent;
const startMs = Date.now();

type Text = ReturnType<typeof apiController>;
const file = (): Text => apiController('c0', etcd, listen);

test.before(async () => {
  etcd = await EtcdServer.start();
  listen = { agents: `127.0.0.1:${(await freePorts(1))[0]}` };
  controller = new LoopbackController();
  controller.configure(file() as never);
  await controller.launch();
  agent = new TestAgent(
    (handler) =>
      createControllerLink({ runtime: systemRuntime, controllers: [listen.agents], handler, log: silent }),
    'h1',
    { ports: [port('web', 'app')] },
  );
  await until(() => agent.inForce.revision > 0);
});
test.after(async () => {
  await agent?.close();
  controller?.close();
  await etcd?.remove();
});

async function change(...args: string[]): Promise<void> {
  const { status, stderr, stdout } = await controller.sluice(...args);
  assert.is(status, 0, `${args.join(' ')}: ${stdout}${stderr}`);
}

const diff = (): Promise<Difference[]> => controller.json<Difference[]>('diff', '-c', controller.configFile);
const members = async (): Promise<string[]> => {
  const detail = await controller.json<GroupDetail>('group', 'show', 'api');
  return detail.members.map(({ member, weight }) => `${member} ${weight}`).sort();
};
const audit = (): Event[] =>
  readFileSync(join(controller.runDir, 'audit.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);

test('without changes file and what is in force are the same', async () => {
  const { status, stdout } = await controller.sluice('diff', '-c', controller.configFile);
  assert.is(status, 0);
  assert.is(stdout, 'no differences\n');
});

test('diff says what commands have changed, who and when', async () => {
  await change('member', 'weight', 'api', 'a', '5');
  await change('member', 'remove', 'api', 'b');
  await change('member', 'add', 'api', 'd', '10.1.0.9');
  const rows = await diff();
  assert.equal(
    rows.map(({ path, inForce, file: inFile }) => [path, inForce === null, inFile === null]).sort(),
    [
      ['groups.api.members.a.weight', false, false],
      ['groups.api.members.b', true, false],
      ['groups.api.members.d', false, true],
    ],
  );
  for (const { path, by, at } of rows) {
    assert.is(by, 'uid 0 (root)', path);
    assert.ok(Date.parse(at!) >= startMs - 1_000 && Date.parse(at!) <= Date.now() + 1_000, `${path}: ${at}`);
  }
  const weight = rows.find(({ path }) => path.endsWith('weight'))!;
  assert.equal([weight.inForce, weight.file], [5, 1]);
  const { status } = await controller.sluice('diff', '-c', controller.configFile, '--exit-code');
  assert.is(status, 1);
});

test('a reload of the same file undoes no change; resets do', async () => {
  const plan = ['reload', '-c', controller.configFile, '--dry-run'];
  assert.is((await controller.sluice(...plan)).stdout, 'nothing would change\n');
  await change('reload', '-c', controller.configFile);
  assert.equal(await members(), ['a 5', 'c 1', 'd 1']);
  await change('member', 'reset', 'api', 'b');
  assert.equal(await members(), ['a 5', 'b 1', 'c 1', 'd 1']);
  await change('member', 'reset', 'api', 'd');
  assert.equal(await members(), ['a 5', 'b 1', 'c 1']);
  await change('policy', 'set', 'api', 'inverse-load');
  await change('group', 'reset', 'api');
  assert.equal(await members(), ['a 1', 'b 1', 'c 1']);
  assert.equal(await diff(), []);
  const { status, stderr } = await controller.sluice('member', 'reset', 'api', 'nobody');
  assert.is(status, 1);
  assert.match(stderr, /member of group api: found nobody/);
});

test('--dry-run says what a reload would change, and changes nothing', async () => {
  await change('member', 'weight', 'api', 'a', '5');
  const next = file();
  next.groups[0]!.members[2] = { name: 'c', address: '10.1.0.33' };
  writeFileSync(controller.configFile, stringify(next));
  const rows = await controller.json<Difference[]>('reload', '-c', controller.configFile, '--dry-run');
  assert.equal(
    rows.map(({ path, inForce, file: after }) => [path, inForce, after]),
    [['groups.api.members.c.address', '10.1.0.3', '10.1.0.33']],
    'the weight that a command has set stays',
  );
  assert.equal(await members(), ['a 5', 'b 1', 'c 1']);
  assert.is((await diff()).length, 2);
  await change('reload', '-c', controller.configFile);
  const left = await diff();
  assert.equal(
    left.map(({ path }) => path),
    ['groups.api.members.a.weight'],
  );
});

test('a removed group stays removed until somebody resets it', async () => {
  const without = { ...file(), groups: [] };
  writeFileSync(controller.configFile, stringify(without));
  await change('reload', '-c', controller.configFile);
  assert.equal(await controller.json('group', 'list'), []);
  const { status, stderr } = await controller.sluice('group', 'reset', 'api');
  assert.is(status, 1);
  assert.match(stderr, /group api: the group was removed, and the file of c0 does not have it/);
  writeFileSync(controller.configFile, stringify(file()));
  const rows = await diff();
  assert.equal(
    rows.map(({ path, by }) => [path, by]),
    [['groups.api', 'uid 0 (root)']],
  );
  await change('reload', '-c', controller.configFile);
  assert.equal(await members(), ['a 1', 'b 1', 'c 1']);
});

test('every change is in the audit trail: who, when, what; those that hosts pass on, too', async () => {
  agent.ask('POST', '/v1/groups/api/members/c/fail', '{}');
  await until(() => agent.replies.length === 1);
  const entries = audit();
  const types = entries.map(({ type, subject }) => `${type} ${subject}`);
  for (const expected of [
    'audit.member-weight api/a',
    'audit.member-remove api/b',
    'audit.member-add api/d',
    'audit.member-reset api/b',
    'audit.policy-set api',
    'audit.group-reset api',
    `audit.reload ${controller.configFile}`,
    'audit.member-fail api/c',
  ])
    assert.ok(types.includes(expected), `${expected} among ${types.join(', ')}`);
  const weight = entries.find(({ type }) => type === 'audit.member-weight')!;
  assert.equal(
    [weight.host, weight.actor, (weight.details as { weight: number }).weight],
    ['c0', 'uid 0 (root)', 5],
  );
  assert.is(entries.at(-1)!.actor, 'host h1');
  assert.not(
    types.some((type) => type.startsWith('audit.diff')),
    'whoever only looks is not in it',
  );
  assert.is(statSync(join(controller.runDir, 'audit.jsonl')).mode & 0o777, 0o600);
});

test('it outlives the process', async () => {
  const { length } = audit();
  await controller.kill();
  await controller.launch();
  await until(() => agent.isAttached, 15_000);
  await change('member', 'add', 'api', 'c', '10.1.0.3');
  assert.is(audit().length, length + 1);
  await change('down');
  assert.ok(existsSync(join(controller.runDir, 'audit.jsonl')));
});

test.run();
