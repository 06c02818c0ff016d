/** Changes with a time at a controller with its store: made when their time has come, over restarts, and cancelled. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Refusal } from '../../src/config/problems/refusal.ts';
import type { PendingChange } from '../../src/controller/groups/pending-changes.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { shop, shopWith } from '../host/configurations.ts';
import { makeDirectory, port, removeDirectory, startFleet, type TestFleet } from './fleet.ts';
import { until } from './until.ts';

const test = suite('timed changes');

const WEB = [port('web1', 'app', { tier: 'web' })];
const MINUTE_MS = 60_000;
const BY = 'uid 1000 (alice)';

/** A wall clock that the test sets; timers run as they are. */
let aheadMs: number;
const runtime: Runtime = { ...systemRuntime, wallMs: () => systemRuntime.wallMs() + aheadMs };
const inMs = (ms: number): number => runtime.wallMs() + ms;

let dir: string;
let fleet: TestFleet;
const start = async (configuration = shop()): Promise<void> => {
  fleet = await startFleet(configuration, { dir, runtime });
};
test.before.each(async () => {
  aheadMs = 0;
  dir = makeDirectory();
  await start();
});
test.after.each(async () => {
  await fleet.stop();
  removeDirectory(dir);
});

const members = () =>
  Object.fromEntries(
    fleet.controller.groups
      .get('api')!
      .group.criteria[0]!.members.map(({ name, state, weight }) => [
        name,
        state === 'active' ? weight : state,
      ]),
  );
const pending = (): readonly PendingChange[] => fleet.controller.groups.get('api')!.pending;
const AT_FIRST = { app1: 1, app2: 3, six: 2 };

async function refusal(change: Promise<unknown>): Promise<Refusal> {
  try {
    await change;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('not refused');
}

const weightAt = (atMs: number, weight: number, overMs?: number): PendingChange => ({
  kind: 'weight',
  member: 'app2',
  atMs,
  weight,
  overMs,
  by: BY,
});

test('a weight at T: nothing changes before, and agents have it when the clock shows T', async () => {
  const web = fleet.agent('h1', { ports: WEB });
  await until(() => web.inForce.revision > 0);
  const atMs = inMs(MINUTE_MS);
  const { scheduled, revision } = await fleet.controller.changes.schedule('api', weightAt(atMs, 7));
  const at = new Date(atMs).toISOString();
  assert.equal(scheduled, { at, until: at });
  assert.equal([members(), web.weights('api')], [AT_FIRST, [1, 3, 2]]);
  assert.is(fleet.controller.leadership!.distribution.revision, revision, 'nothing is distributed');
  aheadMs = MINUTE_MS; // the clock is set, or a minute has passed
  await until(() => web.weights('api')[1] === 7);
  assert.equal(members(), { ...AT_FIRST, app2: 7 });
  assert.equal(pending(), []);
  const override = fleet.controller.groups.get('api')!.overrides.get('app2')!;
  assert.is(override.by, BY);
  assert.ok(override.atMs! >= atMs);
});

test('what was scheduled outlives the controller, and what came due meanwhile is made by the next', async () => {
  const add = { name: 'app3', address: '10.1.0.23', port: 8080, weight: 4 };
  const { changes } = fleet.controller;
  await changes.schedule('api', { kind: 'add', member: 'app3', atMs: inMs(MINUTE_MS), add });
  await changes.schedule('api', { kind: 'weight', member: 'app3', atMs: inMs(2 * MINUTE_MS), weight: 9 });
  const drain: PendingChange = {
    kind: 'drain',
    member: 'app1',
    atMs: inMs(3 * MINUTE_MS),
    deadlineMs: 5_000,
  };
  await changes.schedule('api', drain);
  await fleet.stop();
  aheadMs = 2 * MINUTE_MS + 1_000;
  await start();
  await until(() => pending().length === 1);
  assert.equal(members(), { ...AT_FIRST, app3: 9 });
  aheadMs += MINUTE_MS;
  await until(() => pending().length === 0);
  assert.equal(members(), { ...AT_FIRST, app3: 9, app1: 'draining' });
  const { drainDeadlineMs } = fleet.controller.groups.get('api')!.overrides.get('app1')!;
  assert.ok(
    Math.abs(drainDeadlineMs! - inMs(5_000)) < 5_000,
    'the deadline counts from the beginning of the drain',
  );
});

test('a ramp goes on at the next leader, from where it was, and reaches its end', async () => {
  await fleet.controller.changes.schedule('api', weightAt(inMs(0), 13, 10 * MINUTE_MS));
  await until(() => pending().some((change) => change.kind === 'weight' && change.fromWeight === 3));
  assert.equal(members(), AT_FIRST);
  aheadMs += 3 * MINUTE_MS + 1_000;
  await until(() => members().app2 === 6);
  await fleet.stop();
  aheadMs += 2 * MINUTE_MS;
  await start();
  await until(() => members().app2 === 8);
  aheadMs -= 4 * MINUTE_MS; // the clock is set back: the ramp rests
  await fleet.controller.changes.setWeight('api', 'app1', 2);
  assert.equal(members(), { ...AT_FIRST, app1: 2, app2: 8 });
  aheadMs += 20 * MINUTE_MS;
  await until(() => pending().length === 0);
  assert.equal(members(), { ...AT_FIRST, app1: 2, app2: 13 });
});

test('cancel drops what is to come of a member, and nothing else', async () => {
  const { changes } = fleet.controller;
  await changes.schedule('api', weightAt(inMs(MINUTE_MS), 7));
  await changes.schedule('api', weightAt(inMs(2 * MINUTE_MS), 8));
  await changes.schedule('api', { kind: 'drain', member: 'app1', atMs: inMs(MINUTE_MS) });
  await changes.cancelPending('api', 'app2');
  aheadMs = 3 * MINUTE_MS;
  await until(() => pending().length === 0);
  assert.equal(members(), { ...AT_FIRST, app1: 'draining' });
  const { status, message } = await refusal(changes.cancelPending('api', 'app2'));
  assert.is(status, 404);
  assert.match(message, /nothing is pending/);
});

test('a weight by hand ends the ramp that runs; removing or resetting a member, or its group, drops what is to come', async () => {
  const { changes } = fleet.controller;
  await changes.schedule('api', weightAt(inMs(0), 13, 10 * MINUTE_MS));
  await until(() => pending().some((change) => change.kind === 'weight' && change.fromWeight === 3));
  await changes.setWeight('api', 'app2', 5);
  assert.equal(pending(), []);
  for (const drop of [
    () => changes.removeMember('api', 'app2'),
    () => changes.resetMember('api', 'app2'),
    () => changes.resetGroup('api'),
  ]) {
    await changes.schedule('api', weightAt(inMs(MINUTE_MS), 7));
    await drop();
    assert.equal(pending(), []);
    if (members().app2 === undefined) await changes.resetGroup('api');
  }
  assert.equal(members(), AT_FIRST);
});

test('a change that does not fit any more is dropped, and the next one is made', async () => {
  const { changes } = fleet.controller;
  await changes.schedule('api', { kind: 'drain', member: 'app2', atMs: inMs(MINUTE_MS) });
  await changes.schedule('api', { kind: 'weight', member: 'app1', atMs: inMs(MINUTE_MS), weight: 6 });
  await changes.failMember('api', 'app2');
  aheadMs = MINUTE_MS;
  await until(() => pending().length === 0);
  assert.equal(members(), { ...AT_FIRST, app1: 6, app2: 'failed' });
});

test('a file that changes a member drops what was to come of it, not of others', async () => {
  const { changes } = fleet.controller;
  await changes.schedule('api', weightAt(inMs(MINUTE_MS), 7));
  await changes.schedule('api', { kind: 'drain', member: 'app1', atMs: inMs(MINUTE_MS) });
  await fleet.controller.reload(shopWith('port: 8080, weight: 3', 'port: 8080, weight: 4'));
  assert.equal(
    pending().map(({ member }) => member),
    ['app1'],
  );
});

test('what could not be done now, or is in the past, is refused', async () => {
  const { changes } = fleet.controller;
  const unknown = await refusal(changes.schedule('api', { ...weightAt(inMs(MINUTE_MS), 7), member: 'app9' }));
  assert.is(unknown.status, 404);
  const past = await refusal(changes.schedule('api', weightAt(inMs(-MINUTE_MS), 7)));
  assert.is(past.status, 400);
  assert.match(past.message, /expected a time after/);
  const add = { name: 'app3', address: '10.1.0.100' };
  const anotherVip = await refusal(
    changes.schedule('api', { kind: 'add', member: 'app3', atMs: inMs(MINUTE_MS), add }),
  );
  assert.is(anotherVip.status, 400);
  assert.equal(pending(), []);
});

test.run();
