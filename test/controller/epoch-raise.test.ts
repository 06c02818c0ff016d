import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EpochRaise } from '../../src/controller/epoch-raise.ts';
import type { Runtime, Timer } from '../../src/runtime/runtime.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { silent } from './fleet.ts';

const test = suite('epochs that hosts have seen');

/** Time that passes when the test says so, from 1 s on. */
class VirtualTime {
  private nowMs = 1_000;
  private timers: { atMs: number; act: () => void }[] = [];
  readonly runtime: Runtime = {
    ...systemRuntime,
    monotonicMs: () => this.nowMs,
    wallMs: () => 1_800_000_000_000 + this.nowMs,
    setTimer: (act, delayMs) => {
      const timer = { atMs: this.nowMs + delayMs, act, unref: () => timer };
      this.timers.push(timer);
      return timer;
    },
    clearTimer: (timer: Timer | undefined) => {
      this.timers = this.timers.filter((other) => other !== (timer as unknown));
    },
  };

  async pass(ms: number): Promise<void> {
    this.nowMs += ms;
    for (const { act } of this.timers.filter(({ atMs }) => atMs <= this.nowMs)) act();
    this.timers = this.timers.filter(({ atMs }) => atMs > this.nowMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('hosts that attach at about the same time cost one new epoch, above the greatest', async () => {
  const time = new VirtualTime();
  const raised: number[] = [];
  const raise = new EpochRaise(async (above) => void raised.push(above), silent, time.runtime);
  for (const [host, epoch] of [
    ['h1', 70],
    ['h2', 90],
    ['h3', 80],
  ] as const)
    raise.seen(host, epoch);
  await time.pass(200);
  assert.equal(raised, [90]);
});

test('a host that comes with greater and greater ones ends a term at most every ten seconds', async () => {
  const time = new VirtualTime();
  const raised: number[] = [];
  const raise = new EpochRaise(async (above) => void raised.push(above), silent, time.runtime);
  for (let tenth = 0; tenth < 600; tenth++) {
    raise.seen('liar', 1_000 + tenth);
    await time.pass(100);
  }
  assert.ok(raised.length <= 7, `${raised.length} in a minute`);
  assert.ok(raised.length >= 5, 'nor is it ignored');
});

test('an epoch that no store can have given is not followed', async () => {
  const time = new VirtualTime();
  const raise = new EpochRaise(async () => assert.unreachable(), silent, time.runtime);
  raise.seen('liar', Number.MAX_SAFE_INTEGER);
  await time.pass(60_000);
});

test('a store that cannot be written is tried again', async () => {
  const time = new VirtualTime();
  let tries = 0;
  const raise = new EpochRaise(
    async () => {
      if (++tries < 3) throw new Error('away');
    },
    silent,
    time.runtime,
  );
  raise.seen('h1', 50);
  for (let second = 0; second < 60; second++) await time.pass(1_000);
  assert.is(tries, 3);
});

test.run();
