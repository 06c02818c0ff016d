// A host whose controller's store is on a disk that is full: what people are told, and what goes on.
// timeout: 240s
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createControllerLink } from '../../src/agent/controller-link.ts';
import type { AgentRow } from '../../src/api/fleet-shapes.ts';
import type { GroupDetail } from '../../src/api/shapes.ts';
import { ApiClient, ApiFailure } from '../../src/cli/api-client.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { port, silent, TestAgent } from '../controller/fleet.ts';
import { until as untilTrue } from '../controller/until.ts';
import { until } from '../support/command.ts';
import { freePorts } from '../support/etcd.ts';
import { killProcess } from '../support/host.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { shares, Testbed } from '../support/testbed.ts';
import { member, tcpGroup } from '../support/testbed-config.ts';

const PATIENCE_MS = 30_000;
const NO_ROOM = /the store cannot be written: store \S+: ENOSPC: no space left on device/;
/** Names of one length, so that changes of either take the same room. */
const [CHANGED, KEPT] = ['paper', 'press'];
const KEPT_VIP = '10.1.0.112';

const test = suite('e2e: full disk');

let disk: SmallDisk;
let bed: Testbed;
let agent: TestAgent;
test.before(async () => {
  disk = new SmallDisk();
  const [number] = await freePorts(1);
  const agents = `127.0.0.1:${number}`;
  bed = await Testbed.create((config) => {
    Object.assign(config, { store: { kind: 'file', dir: join(disk.path, 'store') }, listen: { agents } });
    const members = [member('s1'), { ...member('s2'), weight: 3 }];
    config.groups.push(tcpGroup(CHANGED, 111, members), tcpGroup(KEPT, 112, members));
  });
  agent = new TestAgent(
    (handler) =>
      createControllerLink({ runtime: systemRuntime, controllers: [agents], handler, log: silent }),
    'h9',
    { ports: [port('web', 'app', { tier: 'client' })] },
  );
  await untilTrue(() => agent.inForce.revision > 0, PATIENCE_MS);
});
test.after(async () => {
  await agent?.close();
  bed?.close();
  disk?.remove();
});

/** Fills the disk, and the last page of the store's log with changes that are taken. */
async function fillUp(): Promise<void> {
  disk.fill();
  const api = new ApiClient(bed.runDir);
  for (let weight = 100; weight < 1000; weight++) {
    try {
      await api.post(`/v1/groups/${CHANGED}/members/s2/weight`, { weight });
    } catch (error) {
      assert.instance(error, ApiFailure);
      assert.match((error as ApiFailure).message, NO_ROOM);
      return;
    }
  }
  assert.unreachable('changes are taken on a full disk');
}

const membersOf = async (group: string) =>
  (await bed.json<GroupDetail>('group', 'show', group)).members.map((row) => [
    row.member,
    row.state,
    row.weight,
  ]);

const AS_CONFIGURED = [
  ['s1', 'active', 1],
  ['s2', 'active', 3],
];

/** None of these is taken, and nothing of them is to be seen. */
async function refusesChanges(): Promise<void> {
  const { revision } = await bed.status();
  const inForce = { ...agent.inForce };
  for (const change of [
    ['weight', KEPT, 's2', '100'],
    ['fail', KEPT, 's1'],
    ['add', KEPT, 's3', '10.1.0.23:8080'],
  ]) {
    const { status, stdout, stderr } = await bed.sluice('member', ...change);
    assert.is(status, 1, change.join(' '));
    assert.is(stdout, '');
    assert.match(stderr, NO_ROOM);
  }
  assert.equal(await membersOf(KEPT), AS_CONFIGURED);
  assert.is((await bed.status()).revision, revision);
  assert.equal(agent.inForce, inForce);
  assert.equal(agent.weights(KEPT), [1, 3]);
}

/** The store does not stand in the way of packets, or of agents. */
async function goesOn(): Promise<void> {
  assert.equal(shares(await bed.ask('c2', KEPT_VIP, 8)), { s1: 2, s2: 6 });
  const rows = await bed.json<AgentRow[]>('agent', 'list');
  assert.ok(rows.some(({ host }) => host === 'h9'));
  const { length } = agent.replies;
  agent.ask('GET', `/v1/groups/${KEPT}`);
  await untilTrue(() => agent.replies.length > length, PATIENCE_MS);
  assert.is(agent.replies.at(-1)!.status, 200);
}

test('a change that finds no room is refused, and leaves no trace; flows and agents go on', async () => {
  const connection = await bed.keepAsking('c1', KEPT_VIP, 80);
  const [before] = await connection.nextAnswers(1);
  await fillUp();
  await refusesChanges();
  await goesOn();
  assert.equal(agent.detachments, []);
  const [after] = await connection.nextAnswers(1);
  assert.is(after!.server, before!.server);
});

test('killed on a full disk it starts again, with all that was taken', async () => {
  const changed = await membersOf(CHANGED);
  killProcess((await bed.status()).pid);
  await until(
    'it to be up again',
    async () => (await bed.sluice('up', '-c', bed.configFile, '--detach')).status === 0,
    PATIENCE_MS,
  );
  await untilTrue(() => agent.isAttached, PATIENCE_MS);
  assert.equal(await membersOf(CHANGED), changed);
  await refusesChanges();
  await goesOn();
});

test('with room again changes are taken, everywhere, and last', async () => {
  disk.free();
  const { status, stderr } = await bed.sluice('member', 'fail', KEPT, 's1');
  assert.is(status, 0, stderr);
  assert.equal(agent.weights(KEPT), ['failed', 3]);
  assert.equal(shares(await bed.ask('c2', KEPT_VIP, 8)), { s2: 8 });
  killProcess((await bed.status()).pid);
  await until(
    'it to be up again',
    async () => (await bed.sluice('up', '-c', bed.configFile, '--detach')).status === 0,
    PATIENCE_MS,
  );
  assert.equal(await membersOf(KEPT), [
    ['s1', 'failed', 1],
    ['s2', 'active', 3],
  ]);
});

test.run();
