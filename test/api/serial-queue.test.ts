import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SerialQueue } from '../../src/api/serial-queue.ts';

const queue = suite('serial queue');

queue('steps run one at a time, in order, and a failed one does not stop the next', async () => {
  const serial = new SerialQueue();
  const seen: string[] = [];
  const step = (name: string, fails = false) =>
    serial.run(async () => {
      seen.push(`${name} starts`);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const results = Promise.allSettled([step('a'), step('b', true), step('c')]);
  await serial.idle();
  assert.equal(seen, ['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  assert.equal(
    (await results).map((result) => (result.status === 'fulfilled' ? result.value : result.reason.message)),
    ['a', 'b', 'c'],
  );
});

queue.run();
