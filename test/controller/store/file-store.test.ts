import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FileStore } from '../../../src/controller/store/file-store.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { rejection, Standing, TestLog } from './support.ts';

const test = suite('file store');

let dir: string;
let path: (name: string) => string;
test.before.each(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'sluice-file-store-')), 'store');
  path = (name) => join(dir, name);
});
test.after.each(() => rmSync(join(dir, '..'), { recursive: true }));

/** Opens the store, does this as its leader, closes it; answers what it then held and was warned of. */
async function session(work: (store: FileStore, epoch: number) => Promise<unknown> = async () => {}) {
  const log = new TestLog();
  const store = await FileStore.open({ dir }, log, systemRuntime);
  try {
    await work(store, await new Standing(store).elected());
    return {
      ...store.snapshot(),
      held: Object.fromEntries(store.snapshot().entries),
      warnings: log.warnings,
    };
  } finally {
    await store.close();
  }
}

const writeEach = (values: readonly unknown[]) => async (store: FileStore, epoch: number) => {
  for (const value of values) await store.write([{ key: 'a', value }], epoch);
};

test('only its owner can read it', async () => {
  await session(writeEach([1]));
  assert.is(statSync(dir).mode & 0o777, 0o700);
  for (const name of readdirSync(dir)) assert.is(statSync(path(name)).mode & 0o777, 0o600, name);
});

test('a torn tail is cut off with a warning, wherever it is torn, and writing goes on', async () => {
  await session(writeEach([1]));
  const whole = statSync(path('log')).size;
  await session(writeEach([2]));
  const both = readFileSync(path('log'));
  for (let length = whole; length <= both.length; length++) {
    writeFileSync(path('log'), both.subarray(0, length));
    const torn = length > whole && length < both.length;
    const { held, warnings } = await session();
    assert.equal(held, { a: length < both.length ? 1 : 2 }, `${length} bytes`);
    assert.is(warnings.length, torn ? 1 : 0, `${length} bytes`);
    if (!torn) continue;
    assert.match(warnings[0]!, new RegExp(`last ${length - whole} bytes are no whole record: cut off`));
    assert.is(statSync(path('log')).size, whole);
  }
  writeFileSync(path('log'), both.subarray(0, both.length - 3));
  await session(writeEach([3]));
  assert.equal((await session()).held, { a: 3 });
});

test('zeros and noise after the last record are a torn tail, too', async () => {
  await session(writeEach([1]));
  for (const tail of [
    Buffer.alloc(4096),
    Buffer.from('\n\n00000005 00000000 {"x'),
    Buffer.from([255, 10, 0, 10]),
  ]) {
    appendFileSync(path('log'), tail);
    const { held, warnings } = await session();
    assert.equal(held, { a: 1 });
    assert.match(warnings.join(), new RegExp(`last ${tail.length} bytes`));
  }
});

test('a damaged record with good ones behind it is an error, and nothing is cut', async () => {
  await session(writeEach([1, 2, 3]));
  const good = readFileSync(path('log'));
  const second = good.indexOf('\n') + 1;
  for (const offset of [0, 5, 12, 30, second - 1]) {
    const bad = Buffer.from(good);
    bad[offset]! ^= 1;
    writeFileSync(path('log'), bad);
    const { message } = await rejection(FileStore.open({ dir }, new TestLog(), systemRuntime));
    assert.match(message, /log: found a damaged record at byte 0 with good ones behind it/);
    assert.equal(readFileSync(path('log')), bad);
  }
  writeFileSync(path('log'), good.subarray(second));
  assert.match(
    (await rejection(FileStore.open({ dir }, new TestLog(), systemRuntime))).message,
    /found revision 2, expected 1/,
  );
  writeFileSync(path('log'), good);
  assert.equal((await session()).held, { a: 3 });
});

test('a damaged snapshot is an error', async () => {
  await session(writeEach(Array.from({ length: 30 }, (_, index) => `${index}${'x'.repeat(50_000)}`)));
  const good = readFileSync(path('snapshot'));
  for (const bad of [good.subarray(0, good.length - 1), Buffer.concat([good, good]), Buffer.alloc(0)]) {
    writeFileSync(path('snapshot'), bad);
    assert.match(
      (await rejection(FileStore.open({ dir }, new TestLog(), systemRuntime))).message,
      /snapshot: found \d+ bytes/,
    );
  }
});

test('the log is compacted, and bounded however much is written', async () => {
  let longest = 0;
  const value = 'x'.repeat(100_000);
  const { revision } = await session(async (store, epoch) => {
    for (let index = 0; index < 60; index++) {
      await store.write([{ key: `k${index % 3}`, value: `${index} ${value}` }], epoch);
      longest = Math.max(longest, statSync(path('log')).size);
    }
  });
  assert.ok(longest < (1 << 20) + 2 * 100_100, `${longest} bytes`);
  const again = await session();
  assert.is(again.revision, revision);
  assert.equal(again.held, { k0: `57 ${value}`, k1: `58 ${value}`, k2: `59 ${value}` });
  assert.equal(readdirSync(dir).sort(), ['epoch', 'lock', 'log', 'snapshot']);
});

test('killed between snapshot and emptying the log: what both have counts once', async () => {
  const values = Array.from({ length: 30 }, (_, index) => `${index} ${'x'.repeat(50_000)}`);
  await session(writeEach(values.slice(0, 20)));
  const log = readFileSync(path('log'));
  await session(writeEach(values.slice(20)));
  const rest = readFileSync(path('log'));
  assert.ok(rest.length < log.length, 'the test needs a compaction in between');
  const lastRevision = (await session()).revision;

  // The log as it was, with the writes up to the snapshot still in it. All but the first were in one session.
  writeFileSync(path('log'), log);
  writeFileSync(path('snapshot.new'), 'half a snap');
  const { held, revision, warnings } = await session();
  const missing = rest.toString().split('\n').length - 1;
  assert.is(revision, lastRevision - missing);
  assert.equal(held, { a: values.at(-1 - missing) });
  assert.equal(warnings, []);
  assert.not.ok(readdirSync(dir).includes('snapshot.new'));
});

test('an epoch slot that was being written when the process was killed does not count', async () => {
  const epochs: number[] = [];
  for (let round = 0; round < 3; round++) await session(async (_, epoch) => epochs.push(epoch));
  const first = epochs[0]!;
  assert.equal(epochs, [first, first + 1, first + 2]);
  assert.ok(Math.abs(first - Date.now()) < 60_000, 'a store that is made anew outranks one that was lost');
  const bytes = readFileSync(path('epoch'));
  const slot = (epochs[2]! % 2) * 26;
  bytes.fill(0x39, slot, slot + 4);
  writeFileSync(path('epoch'), bytes);
  await session(async (_, epoch) => epochs.push(epoch));
  assert.is(epochs.at(-1), first + 2, 'the one before it counts, and this one was never made known');
});

test.run();
