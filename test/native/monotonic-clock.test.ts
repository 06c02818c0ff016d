import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { elapsedMs, monotonicMs32, readClock, readMs32, readUs32 } from '../../src/native/monotonic-clock.ts';
import { CHECKOUT } from '../support/paths.ts';

const MODULE = join(CHECKOUT, 'dist/src/native/monotonic-clock.js');
const clock = suite('monotonic clock');

clock("is the kernel's monotonic clock, modulo 2^32", () => {
  const before = process.hrtime.bigint();
  readClock();
  const after = process.hrtime.bigint();
  const isBetween = (value: number, unitNs: bigint): boolean =>
    BigInt.asIntN(32, BigInt(value) - before / unitNs) >= 0n &&
    BigInt.asIntN(32, after / unitNs - BigInt(value)) >= 0n;
  assert.ok(isBetween(readMs32(), 1_000_000n), `${readMs32()} ms, between ${before} and ${after} ns`);
  assert.ok(isBetween(readUs32(), 1_000n), `${readUs32()} us, between ${before} and ${after} ns`);
});

clock('tells the time of the last reading until the next', async () => {
  readClock();
  const [ms, us] = [readMs32(), readUs32()];
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal([readMs32(), readUs32()], [ms, us]);
  readClock();
  assert.ok(((readMs32() - ms) | 0) >= 19 && ((readUs32() - us) | 0) >= 19_000);
});

clock('is the same in every thread', async () => {
  const before = monotonicMs32();
  const code = `import(${JSON.stringify(MODULE)}).then((m) => require('worker_threads').parentPort.postMessage(m.monotonicMs32()))`;
  const worker = new Worker(code, { eval: true });
  const theirs = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  const after = monotonicMs32();
  assert.ok(((theirs - before) | 0) >= 0 && ((after - theirs) | 0) >= 0, `${before}, ${theirs}, ${after}`);
});

clock('makes no garbage', () => {
  const readings = 500_000;
  const code = `const { monotonicMs32 } = await import(${JSON.stringify(MODULE)});
    let sum = 0;
    for (let i = 0; i < ${readings}; i++) sum ^= monotonicMs32();
    console.log(sum);`;
  const options = ['--trace-gc', '--max-semi-space-size=1', '--input-type=module', '-e', code];
  const { stdout, status } = spawnSync(process.execPath, options, { encoding: 'utf8' });
  assert.is(status, 0);
  // A heap number of 16 bytes each would be 8 of them; loading koffi makes one or two.
  const collections = stdout.match(/Scavenge/g)?.length ?? 0;
  assert.ok(collections <= 3, `${collections} collections of 1 MB in ${readings} readings`);
});

clock('takes a moment that lies ahead, as noted by another thread, for now', () => {
  assert.is(elapsedMs(100, 250), 150);
  assert.is(elapsedMs(0x7fff_ffff, -0x8000_0000), 1);
  assert.is(elapsedMs(250, 245), 0);
});

clock.run();
