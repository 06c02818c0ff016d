import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Catalogue } from '../../src/controller/groups/member-changes.ts';
import { initialMembership } from '../../src/controller/groups/membership.ts';
import { type DrainDeadline, DrainTimer, drainDeadlines } from '../../src/host/drain-deadlines.ts';
import { shop } from './configurations.ts';

const test = suite('drain deadlines');

/** api's app1 and night's app2 drain; by `atMs` and a moment earlier. */
function draining(atMs: number) {
  const store = new Catalogue(initialMembership(shop()));
  store.accept(store.drain('api', 'app1', atMs));
  store.accept(store.drain('night', 'app2', atMs - 1));
  store.accept(store.drain('api', 'app2'));
  return store;
}

test('deadlines that are set, the earliest first', () => {
  const store = draining(1_000);
  assert.equal(drainDeadlines(store.current.effective), [
    { group: 'night', member: 'app2', atMs: 999 },
    { group: 'api', member: 'app1', atMs: 1_000 },
  ]);
  store.accept(store.fail('night', 'app2'));
  assert.equal(drainDeadlines(store.current.effective).length, 1, 'a failed member drains no more');
});

test('the timer rings for the earliest, and not before', async () => {
  const atMs = Date.now() + 100;
  // The drain timer itself does not keep a process alive.
  const alive = setInterval(() => {}, 1_000);
  const rang = await new Promise<DrainDeadline & { ringMs: number }>((resolve) => {
    const timer = new DrainTimer((due) => resolve({ ...due, ringMs: Date.now() }));
    timer.watch(draining(atMs).current.effective);
  });
  clearInterval(alive);
  assert.is(rang.group, 'night');
  assert.ok(rang.ringMs >= rang.atMs, `rang ${rang.atMs - rang.ringMs} ms early`);
});

test('a membership without deadlines stops it', async () => {
  const timer = new DrainTimer(() => assert.unreachable());
  timer.watch(draining(Date.now() + 20).current.effective);
  timer.watch(shop());
  await new Promise((resolve) => setTimeout(resolve, 60));
});

test.run();
