import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FileStore } from '../../../src/controller/store/file-store.ts';
import { StoreUnavailable } from '../../../src/controller/store/store.ts';
import { systemRuntime } from '../../../src/runtime/system-runtime.ts';
import { SmallDisk } from '../../support/small-disk.ts';
import { rejection, Standing, TestLog, until } from './support.ts';

const test = suite('file store: full disk');

let disk: SmallDisk;
let dir: string;
test.before.each(() => {
  disk = new SmallDisk();
  dir = join(disk.path, 'store');
});
test.after.each(() => disk.remove());

test('writes are refused and change nothing; reads go on; with room again, writes do too', async () => {
  const log = new TestLog();
  const store = await FileStore.open({ dir }, log, systemRuntime);
  const epoch = await new Standing(store).elected();
  let heard = 0;
  store.watch(() => heard++);
  await store.write([{ key: 'a', value: 1 }], epoch);
  disk.fill();

  // More than what is left of the log's last page, so that some of it is written before the disk is full.
  const large = 'x'.repeat(20_000);
  for (let round = 0; round < 3; round++) {
    const before = { snapshot: store.snapshot(), heard, bytes: readFileSync(join(dir, 'log')) };
    const error = await rejection(store.write([{ key: 'a', value: large }], epoch));
    assert.instance(error, StoreUnavailable);
    assert.match(error.message, /ENOSPC/);
    assert.equal(store.snapshot(), before.snapshot);
    assert.is(heard, before.heard);
    assert.equal(readFileSync(join(dir, 'log')), before.bytes, 'no part of it is left');
    // What still fits on that page is taken.
    await store.write([{ key: 'small', value: round }], epoch);
  }

  disk.free();
  await store.write([{ key: 'a', value: large }], epoch);
  await store.close();
  assert.equal(log.warnings, []);

  const again = await FileStore.open({ dir }, log, systemRuntime);
  assert.equal(Object.fromEntries(again.snapshot().entries), { a: large, small: 2 });
  assert.equal(log.warnings, []);
  await again.close();
});

test('a controller starts on a full disk, leads, and serves what there is', async () => {
  const first = await FileStore.open({ dir }, new TestLog(), systemRuntime);
  const epoch = await new Standing(first).elected();
  await first.write([{ key: 'a', value: 1 }], epoch);
  await first.close();
  disk.fill();

  const log = new TestLog();
  const store = await FileStore.open({ dir }, log, systemRuntime);
  const later = await new Standing(store).elected();
  assert.is(later, epoch + 1);
  assert.equal([...store.snapshot().entries], [['a', 1]]);
  assert.instance(
    await rejection(store.write([{ key: 'a', value: 'x'.repeat(20_000) }], later)),
    StoreUnavailable,
  );
  disk.free();
  await store.write([{ key: 'a', value: 2 }], later);
  await store.close();
  assert.equal(log.warnings, []);
});

test('no room for a snapshot: the log goes on, whole, and is compacted when there is room', async () => {
  const log = new TestLog();
  const store = await FileStore.open({ dir }, log, systemRuntime);
  const epoch = await new Standing(store).elected();
  // A state of 1.2 MiB in a log that outgrows 1 MiB, on a disk of 4 MiB with 2.2 MiB taken: the log fits, both do not.
  disk.fillUpTo(Math.round(2.2 * 2 ** 20));
  const value = 'x'.repeat(100_000);
  for (let index = 0; index < 15; index++) await store.write([{ key: `k${index}`, value }], epoch);
  assert.match(log.warnings.join(), /could not compact the log: ENOSPC/);
  disk.free();
  for (let index = 0; index < 15; index++) await store.write([{ key: `l${index % 3}`, value }], epoch);
  await store.close();
  assert.is(log.warnings.length, 1);
  assert.ok(statSync(join(dir, 'snapshot')).size > 15 * value.length);
  const again = await FileStore.open({ dir }, log, systemRuntime);
  assert.is(again.snapshot().entries.size, 18);
  await again.close();
});

test('a disk that is full before the first start: leading waits for room', async () => {
  disk.fill();
  const log = new TestLog();
  const store = await FileStore.open({ dir }, log, systemRuntime);
  const standing = new Standing(store);
  await until(() => log.warnings.length > 0, 'a warning');
  assert.match(log.warnings[0]!, /the epoch could not be written: \S+epoch: ENOSPC/);
  assert.is(standing.epoch, undefined);
  disk.free();
  assert.ok((await standing.elected()) > 0);
  await store.close();
});

test.run();
