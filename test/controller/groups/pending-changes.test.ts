/** Changes with a time: when each is due, and the weights of ramps. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Refusal } from '../../../src/config/problems/refusal.ts';
import {
  firstDue,
  MAX_PENDING,
  nextDueMs,
  type PendingChange,
  type PendingWeight,
  rampStep,
  withoutRunningRamps,
  withPending,
} from '../../../src/controller/groups/pending-changes.ts';

const test = suite('pending changes');

const T = Date.parse('2026-12-01T13:00:00Z');
const ramp = (weight: number, overMs: number): PendingWeight => ({
  kind: 'weight',
  member: 'app1',
  atMs: T,
  weight,
  overMs,
});

/** Every weight of a ramp and when it came, by a leader whose timer is right; times are seconds after T. */
function play(change: PendingWeight, weightAtStart: number): [seconds: number, weight: number][] {
  const made: [number, number][] = [];
  let weightNow = weightAtStart;
  for (let rest: PendingWeight | undefined = change; rest !== undefined; ) {
    const nowMs = nextDueMs([rest]);
    assert.is(firstDue([rest], nowMs - 1), undefined, 'it is not due before');
    assert.is(firstDue([rest], nowMs), rest);
    const step = rampStep(rest, nowMs, weightNow);
    if (step.weight !== weightNow) made.push([(nowMs - T) / 1000, step.weight]);
    weightNow = step.weight;
    rest = step.rest;
  }
  return made;
}

test('a ramp goes up by one at a time, evenly', () => {
  assert.equal(play(ramp(5, 60_000), 1), [
    [15, 2],
    [30, 3],
    [45, 4],
    [60, 5],
  ]);
});

test('a ramp goes down to 0 the same way', () => {
  assert.equal(play(ramp(0, 4_000), 2), [
    [2, 1],
    [4, 0],
  ]);
});

test('no step is shorter than a second, and there are at most a hundred', () => {
  assert.equal(play(ramp(1000, 3_500), 10), [
    [1.167, 340],
    [2.334, 670],
    [3.5, 1000],
  ]);
  assert.is(play(ramp(65_535, 3_600_000), 1).length, 100);
  assert.equal(play(ramp(7, 200), 3), [[0.2, 7]]);
});

test('steps that nobody made are made up for by one; of a clock that is set back none is taken back', () => {
  const begun: PendingWeight = { ...ramp(11, 100_000), fromWeight: 1, step: 0 };
  const late = rampStep(begun, T + 75_000, 1);
  assert.equal([late.weight, late.rest!.step], [8, 7]);
  assert.is(firstDue([late.rest!], T + 20_000), undefined);
  assert.is(nextDueMs([late.rest!]), T + 80_000);
  assert.equal(rampStep(late.rest!, T + 500_000, 8), { weight: 11, rest: undefined });
});

test('without a duration, or to the weight that it has, it is done at once', () => {
  const { overMs, ...atOnce } = ramp(5, 0);
  assert.equal(rampStep(atOnce, T, 1), { weight: 5, rest: undefined });
  assert.equal(rampStep(ramp(5, 60_000), T, 5), { weight: 5, rest: undefined });
});

test('what is due is made in the order of the times', () => {
  const drain: PendingChange = { kind: 'drain', member: 'app1', atMs: T + 10 };
  const weight: PendingChange = { kind: 'weight', member: 'app1', atMs: T, weight: 5 };
  const pending = withPending('api', withPending('api', [], drain), weight);
  assert.equal(pending, [weight, drain]);
  assert.is(firstDue(pending, T + 60_000), weight);
  assert.is(nextDueMs(pending), T);
  assert.is(nextDueMs([]), Number.POSITIVE_INFINITY);
});

test('a ramp that has begun gives way to a person, one to come does not', () => {
  const begun = { ...ramp(5, 60_000), fromWeight: 1, step: 2 };
  const other = { ...begun, member: 'app2' };
  const later = { ...ramp(9, 60_000), atMs: T + 3_600_000 };
  assert.equal(withoutRunningRamps([begun, other, later], 'app1'), [other, later]);
});

test('a group has a bounded number of them', () => {
  let pending: readonly PendingChange[] = [];
  for (let at = 0; at < MAX_PENDING; at++) pending = withPending('api', pending, ramp(at, 1_000));
  assert.throws(
    () => withPending('api', pending, ramp(1, 1_000)),
    (error: unknown) => error instanceof Refusal && error.status === 409 && /at most 64/.test(error.message),
  );
});

test.run();
