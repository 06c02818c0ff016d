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
  assert.ok(rang.ringMs >= rang.atMs, `rang ${rang.atMs - rang.ringMs} ms early`);
});

test('groups without deadlines stop it', async () => {
  const timer = new DrainTimer(systemRuntime, () => assert.unreachable());
  timer.watch(draining(Date.now() + 20));
  timer.watch(shop());
  await new Promise((resolve) => setTimeout(resolve, 60));
});

test.run();
