import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BusyPoll } from '../../../src/io/engines/busy-poll.ts';
import { RunnableTasks } from '../../../src/native/processes/runnable-tasks.ts';
import { sleep, until } from '../testbed.ts';

const test = suite('busy poll');

test('spinning ends when there is work, or when time is over', () => {
  // So long that a busy machine has no part in the verdict.
  const patient = new BusyPoll(60e6);
  let looks = 0;
  assert.is(
    patient.spin(() => ++looks === 1000, 60e6),
    true,
  );
  assert.is(looks, 1000);
  patient.close();
  const poll = new BusyPoll(5000);
  for (const [maxWaitUs, expectedMs] of [
    [1e6, 5],
    [2000, 2],
  ] as const) {
    // The shortest of some: a busy machine may lengthen any of them.
    const times = Array.from({ length: 20 }, () => {
      const start = performance.now();
      const found = poll.spin(() => false, maxWaitUs);
      assert.is(found, false);
      return performance.now() - start;
    });
    const spun = Math.min(...times);
    // performance.now() and the clock that the loop reads differ by some hundred nanoseconds.
    assert.ok(spun >= expectedMs - 0.01 && spun < expectedMs + 20, `${spun} ms`);
  }
  poll.close();
});

test('a duration of 0 never spins', () => {
  const poll = new BusyPoll(0);
  for (let i = 0; i < 200; i++) assert.is(poll.wanted(), false);
  poll.close();
});

test('runnable tasks are counted: this thread, and others that want a CPU; then there is no spinning', async () => {
  const tasks = new RunnableTasks();
  assert.ok(tasks.count() >= 1);
  const poll = new BusyPoll(50);
  const burners = Array.from({ length: availableParallelism() + 1 }, () =>
    spawn(process.execPath, ['-e', 'for (const end = Date.now() + 10_000; Date.now() < end; );']),
  );
  try {
    await until('burners run', () => tasks.count() > burners.length, 10_000);
    // A decision holds for some waits.
    await until('no spinning', () => !poll.wanted());
  } finally {
    const ended = burners.map((child) => new Promise((resolve) => child.on('exit', resolve)));
    for (const child of burners) child.kill('SIGKILL');
    await Promise.all(ended);
  }
  await sleep(10);
  tasks.close();
  poll.close();
});

test.run();
