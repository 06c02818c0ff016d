import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  closeDescriptor,
  createEvent,
  PollSet,
  readBytes,
  setIovec,
  setNonBlocking,
  setTimespec,
  signalEvent,
  takeEvent,
  writeBytes,
  writePair,
} from '../../src/native/libc.ts';
import { mapAnonymous } from '../../src/native/memory.ts';
import { EAGAIN, errnoName, SystemError } from '../../src/native/system-error.ts';

const test = suite('libc');

test('an error names the call, errno and its words', () => {
  const error = new SystemError('TUNSETIFF sl0', 16);
  assert.is(error.message, 'TUNSETIFF sl0: EBUSY (device or resource busy)');
  assert.is(error.code, 'EBUSY');
  assert.is(error.errno, 16);
  assert.is(error.call, 'TUNSETIFF sl0');
  assert.is(errnoName(77), 'EBADFD');
  assert.is(errnoName(9999), 'errno 9999');
  assert.throws(() => closeDescriptor(-1), /close of descriptor -1: EBADF \(bad file descriptor\)/);
});

test('an event is taken once, however often it was signalled', () => {
  const event = createEvent();
  assert.is(takeEvent(event), false);
  signalEvent(event);
  signalEvent(event);
  assert.is(takeEvent(event), true);
  assert.is(takeEvent(event), false);
  closeDescriptor(event);
  assert.throws(() => signalEvent(event), /EBADF/);
});

test('bytes go out of a mapping and come back, and never from outside of it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-libc-'));
  try {
    const path = join(directory, 'file');
    const mapping = mapAnonymous(4096);
    const bytes = Buffer.from(mapping.bytes);
    bytes.write('headerXXXXframe', 0);
    const out = openSync(path, 'w');
    assert.is(writePair(out, mapping, 0, 6, 10, 5), 11);
    assert.is(writeBytes(out, mapping, 6, 4), 4);
    closeDescriptor(out);
    assert.is(readFileSync(path, 'latin1'), 'headerframeXXXX');
    const input = openSync(path, 'r');
    assert.is(readBytes(input, mapping, 100, 4000 - 100), 15);
    assert.is(bytes.toString('latin1', 100, 115), 'headerframeXXXX');
    assert.is(readBytes(input, mapping, 0, 10), 0);
    closeDescriptor(input);
    for (const [offset, length] of [
      [-1, 10],
      [4090, 7],
      [5000, 1],
      [0, -1],
      [Number.NaN, 1],
    ] as const) {
      assert.throws(() => readBytes(input, mapping, offset, length), /of a mapping of 4096 bytes/);
      assert.throws(() => writeBytes(input, mapping, offset, length), /of a mapping of 4096 bytes/);
      assert.throws(() => writePair(input, mapping, offset, length, 0, 1), /of a mapping of 4096 bytes/);
      assert.throws(() => writePair(input, mapping, 0, 1, offset, length), /of a mapping of 4096 bytes/);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a read that would block answers -EAGAIN once the descriptor is non-blocking', () => {
  const event = createEvent();
  setNonBlocking(event);
  assert.is(readBytes(event, mapAnonymous(64), 0, 8), -EAGAIN);
  closeDescriptor(event);
});

test('ppoll waits for its descriptors, passes over cleared places, and keeps to its timeout', () => {
  const [first, second] = [createEvent(), createEvent()];
  const polled = new PollSet(3);
  polled.set(0, first);
  polled.set(2, second);
  const start = performance.now();
  assert.is(polled.wait(3, 20_000), 0);
  assert.ok(performance.now() - start >= 19);
  signalEvent(second);
  assert.is(polled.wait(3, 1_000_000), 1);
  assert.is(polled.ready(0), 0);
  assert.is(polled.ready(2), 1);
  assert.is(polled.wait(2, 0), 0);
  polled.clear(2);
  assert.is(polled.wait(3, 0), 0);
  assert.throws(() => polled.set(3, first), /place 3, expected 0 to 2/);
  assert.throws(() => polled.wait(4, 0), /4 descriptors, at most 3/);
  assert.throws(() => new PollSet(0), /room for 0 descriptors/);
  closeDescriptor(first);
  closeDescriptor(second);
});

test('structures hold 64-bit values in little-endian words', () => {
  const words = new Int32Array(8);
  const view = new DataView(words.buffer);
  setIovec(words, 4, 0x7fff_1234_5678, 99);
  assert.is(view.getBigUint64(16, true), 0x7fff_1234_5678n);
  assert.is(view.getBigUint64(24, true), 99n);
  setTimespec(words, 0, 2_500_000.5);
  assert.is(view.getBigUint64(0, true), 2n);
  assert.is(view.getBigUint64(8, true), 500_000_500n);
});

test('koffi is loaded by one file, and the unchecked bindings are imported only beside it', () => {
  const sources = fileURLToPath(new URL('../../../src/', import.meta.url));
  const importers = (pattern: RegExp) =>
    readdirSync(sources, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && pattern.test(readFileSync(join(sources, path), 'utf8')))
      .sort();
  assert.equal(importers(/from 'koffi'/), ['native/bindings.ts']);
  const users = importers(/from '[^']*\/bindings\.ts'/);
  assert.ok(users.length > 3);
  for (const user of users) assert.match(user, /^native\//);
});

test.run();
