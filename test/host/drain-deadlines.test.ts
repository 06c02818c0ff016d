import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Configuration } from '../../src/config/model/model.ts';
import { type DrainDeadline, DrainTimer, drainDeadlines } from '../../src/host/drain-deadlines.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { shop, withMember } from './configurations.ts';

const test = suite('drain deadlines');

/** Drains app1 of api by `atMs`, app2 of night a moment earlier, app2 of api without a deadline. */
function draining(atMs: number): Configuration {
  let configuration = shop();
  const drain = (group: string, member: string, drainDeadlineMs?: number): void => {
    configuration = withMember(configuration, group, member, { state: 'draining', drainDeadlineMs });
  };
  drain('api', 'app1', atMs);
  drain('night', 'app2', atMs - 1);
  drain('api', 'app2');
  return configuration;
}

test('deadlines that are set, the earliest first', () => {
  const configuration = draining(1_000);
  assert.equal(drainDeadlines(configuration), [
    { group: 'night', member: 'app2', atMs: 999 },
    { group: 'api', member: 'app1', atMs: 1_000 },
  ]);
  const failed = withMember(configuration, 'night', 'app2', { state: 'failed', drainDeadlineMs: undefined });
  assert.equal(drainDeadlines(failed).length, 1, 'a failed member does not drain');
});

test('the timer rings for the earliest, and not before', async () => {
  const atMs = Date.now() + 100;
  // The drain timer itself does not keep a process alive.
  const alive = setInterval(() => {}, 1_000);
  const rang = await new Promise<DrainDeadline & { ringMs: number }>((resolve) => {
    const timer = new DrainTimer(systemRuntime, (due) => resolve({ ...due, ringMs: Date.now() }));
    timer.watch(draining(atMs));
  });
  clearInterval(alive);
  assert.is(rang.group, 'night');
  // Both clocks tell whole milliseconds.
  assert.ok(rang.ringMs >= rang.atMs - 1, `rang ${rang.atMs - rang.ringMs} ms early`);
});

/** Counts by a clock that the test sets; timers run in real time. */
async function ringsOf(timer: DrainTimer, act: () => void): Promise<void> {
  const alive = setInterval(() => {}, 1_000);
  act();
  await new Promise((resolve) => setTimeout(resolve, 30));
  timer.stop();
  clearInterval(alive);
}

const FIVE_MINUTES_MS = 300_000;
const TEN_MINUTES_MS = 600_000;

test('a deadline is as far away as the controllers say, however wrong the clock of this host is', async () => {
  for (const hostIsAheadMs of [TEN_MINUTES_MS, -TEN_MINUTES_MS]) {
    const controllersMs = Date.now() - hostIsAheadMs;
    let elapsedMs = 1_000;
    const rings: string[] = [];
    const runtime = { ...systemRuntime, monotonicMs: () => elapsedMs };
    const timer = new DrainTimer(runtime, ({ group }) => rings.push(group));
    timer.controllersShow(controllersMs);
    await ringsOf(timer, () => timer.watch(draining(controllersMs + FIVE_MINUTES_MS)));
    assert.equal(rings, [], `${hostIsAheadMs} ms ahead: rang at once`);
    elapsedMs += FIVE_MINUTES_MS - 2;
    await ringsOf(timer, () => timer.watch(draining(controllersMs + FIVE_MINUTES_MS)));
    assert.equal(rings, [], 'a moment too early');
    elapsedMs += 1;
    await ringsOf(timer, () => timer.watch(draining(controllersMs + FIVE_MINUTES_MS)));
    assert.equal(rings, ['night']);
  }
});

test('another controller, whose clock is ahead, does not move a deadline that is counted', async () => {
  const controllersMs = Date.now();
  const rings: string[] = [];
  const runtime = { ...systemRuntime, monotonicMs: () => 0 };
  const timer = new DrainTimer(runtime, ({ group }) => rings.push(group));
  timer.controllersShow(controllersMs);
  timer.watch(draining(controllersMs + FIVE_MINUTES_MS));
  timer.controllersShow(controllersMs + TEN_MINUTES_MS);
  await ringsOf(timer, () => timer.watch(draining(controllersMs + FIVE_MINUTES_MS)));
  assert.equal(rings, []);
});

test('groups without deadlines stop it', async () => {
  const timer = new DrainTimer(systemRuntime, () => assert.unreachable());
  timer.watch(draining(Date.now() + 20));
  timer.watch(shop());
  await new Promise((resolve) => setTimeout(resolve, 60));
});

test.run();
