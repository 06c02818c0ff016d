import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FileStore } from '../../../src/controller/store/file-store.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { rejection, TestLog } from './support.ts';
import { WriterProcess } from './writer-process.ts';

const ROUNDS = 25;
/** Two of them a write: the log is compacted every 13 writes. */
const PADDING_BYTES = 40_000;

const test = suite('file store: kill -9');

let dir: string;
test.before.each(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-file-store-'));
});
test.after.each(() => rmSync(dir, { recursive: true }));

test('nothing that was promised is lost, no write is there in part, epochs grow', async () => {
  let last = 0;
  let epoch = 0;
  let compactions = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const writer = new WriterProcess({ kind: 'file', dir }, 'w', PADDING_BYTES);
    await writer.saying('written');
    await delay(Math.random() * 150);
    await writer.kill();
    if (readdirSync(dir).includes('snapshot')) compactions++;

    const store = await FileStore.open({ dir }, new TestLog(), systemRuntime);
    const { entries } = store.snapshot();
    await store.close();
    const { number: promised, epoch: ledUnder } = writer.lastWritten();
    const a = entries.get('a') as { number: number };
    assert.equal(entries.get('b'), a, 'both keys or none');
    assert.ok(a.number === promised || a.number === promised + 1, `${a.number} after ${promised}`);
    assert.ok(promised > last, 'it went on from what the last one had written');
    assert.ok(ledUnder > epoch);
    last = a.number;
    epoch = ledUnder;
  }
  assert.ok(compactions > 0, 'the log was compacted');
  assert.ok(statSync(join(dir, 'log')).size < 4 << 20, 'the log is bounded');
});

test('a second process is refused as long as the first one lives', async () => {
  const writer = new WriterProcess({ kind: 'file', dir }, 'w');
  await writer.saying('written');
  assert.match(
    (await rejection(FileStore.open({ dir }, new TestLog(), systemRuntime))).message,
    /another process uses it/,
  );
  await writer.kill();
  const store = await FileStore.open({ dir }, new TestLog(), systemRuntime);
  assert.ok(store.snapshot().entries.has('a'));
  await store.close();
});

test.run();
