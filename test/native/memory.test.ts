import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { discard, isTmpfs, mapAnonymous, mapFile, viewMapping } from '../../src/native/memory.ts';
import { CHECKOUT } from '../support/paths.ts';

const test = suite('memory');

let directory = '';
test.before(() => {
  directory = mkdtempSync('/dev/shm/sluice-memory-');
});
test.after(() => rmSync(directory, { recursive: true }));

test('anonymous memory is zeroed, writable, and reads as zero again after discard', () => {
  for (const options of [{}, { noReserve: true }, { populate: true }, { hugePages: true }]) {
    const mapping = mapAnonymous(3 * 4096, options);
    const bytes = new Uint8Array(mapping.bytes);
    assert.is(bytes.length, 3 * 4096);
    assert.ok(bytes.every((byte) => byte === 0));
    bytes.fill(7);
    discard(mapping);
    assert.ok(bytes.every((byte) => byte === 0));
  }
  assert.is(mapAnonymous(4096, { hugePages: true }).address % (2 << 20), 0);
});

test('lengths and addresses that cannot be are refused before the call', () => {
  for (const length of [0, -1, 1.5, Number.NaN])
    assert.throws(() => mapAnonymous(length), /positive integer/);
  assert.throws(() => viewMapping(0, 10), /address 0/);
  assert.throws(
    () => mapAnonymous(2 ** 50),
    /mmap of 1125899906842624 bytes: ENOMEM \(cannot allocate memory\)/,
  );
});

test('a second thread sees the same bytes by address, with atomics', async () => {
  const mapping = mapAnonymous(4096);
  const words = new Int32Array(mapping.bytes);
  Atomics.store(words, 0, 41);
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads');
     import(workerData.module).then(({ viewMapping }) => {
       const words = new Int32Array(viewMapping(workerData.address, workerData.length).bytes);
       Atomics.add(words, 0, 1);
       Atomics.store(words, 1, 7);
     });`,
    {
      eval: true,
      workerData: {
        module: new URL('../../src/native/memory.js', import.meta.url).href,
        address: mapping.address,
        length: mapping.length,
      },
    },
  );
  await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
  assert.is(Atomics.load(words, 0), 42);
  assert.is(Atomics.load(words, 1), 7);
});

test('a file mapping is the file, for every mapping of it, and grows but never shrinks', () => {
  const path = join(directory, 'table');
  const first = mapFile(path, 100);
  assert.is(statSync(path).size, 100);
  assert.is(statSync(path).mode & 0o777, 0o600);
  new Uint8Array(first.bytes)[99] = 5;
  const second = mapFile(path, 8192);
  assert.is(statSync(path).size, 8192);
  assert.is(new Uint8Array(second.bytes)[99], 5);
  new Uint8Array(second.bytes)[0] = 9;
  assert.is(new Uint8Array(first.bytes)[0], 9);
  assert.is(readFileSync(path)[0], 9);
  mapFile(path, 10);
  assert.is(statSync(path).size, 8192);
});

test('a file in huge pages is the same file, and begins with a huge page', () => {
  const path = join(directory, 'collapsed');
  const length = 5 << 20;
  const huge = mapFile(path, length, { hugePages: true });
  assert.is(huge.address % (2 << 20), 0);
  assert.is(huge.length, length);
  const words = new Int32Array(huge.bytes);
  assert.ok(words.every((word) => word === 0));
  words[words.length - 1] = 5;
  words[0] = 3;
  const other = new Int32Array(mapFile(path, length).bytes);
  assert.equal([other[0], other[other.length - 1]], [3, 5]);
  other[1] = 4;
  assert.is(words[1], 4);
});

test('a file that cannot be mapped is an error that says so', () => {
  assert.throws(() => mapFile(directory, 100), /EISDIR/);
  assert.throws(() => mapFile(join(directory, 'none', 'table'), 100), /ENOENT/);
  assert.throws(
    () => mapFile(join(directory, 'huge'), 2 ** 45),
    /posix_fallocate of 35184372088832 bytes in .*huge: ENOSPC \(no space left on device\)/,
  );
});

test('a link or a file that another user has put in the place is not mapped', () => {
  const open = mkdtempSync('/dev/shm/sluice-memory-');
  chmodSync(open, 0o777);
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'untouched');
  const path = join(open, 'tables');
  const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];
  try {
    execFileSync('setpriv', [...nobody, 'ln', '-s', victim, path]);
    assert.throws(() => mapFile(path, 100), /ELOOP/);
    assert.throws(() => mapFile(path, 100, { isNew: true }), /EEXIST/);
    rmSync(path);
    execFileSync('setpriv', [...nobody, 'touch', path]);
    assert.throws(() => mapFile(path, 100), /tables: found user 65534 as its owner, expected 0|EACCES/);
    assert.throws(() => mapFile(path, 100, { isNew: true }), /EEXIST/);
  } finally {
    rmSync(open, { recursive: true });
  }
  assert.is(readFileSync(victim, 'utf8'), 'untouched');
});

test('tmpfs is told from other file systems, also for a file that does not exist yet', () => {
  assert.is(isTmpfs(directory), true);
  assert.is(isTmpfs(join(directory, 'not-there-yet')), true);
  assert.is(isTmpfs('/proc/self'), false);
  writeFileSync(join(directory, 'file'), '');
  assert.is(isTmpfs(join(directory, 'file')), true);
  assert.is(isTmpfs(join(tmpdir(), '..', 'proc')), false);
});

test('what malloc holds free goes back to the kernel', () => {
  const module = join(CHECKOUT, 'dist/src/native/memory.js');
  // Blocks too small for mappings of their own, and one above them in use: nothing is free at the heap's end.
  const code = `const { releaseFreeMemory } = await import(${JSON.stringify(module)});
    let blocks = Array.from({ length: 20_000 }, () => Buffer.alloc(3_000));
    const last = Buffer.alloc(3_000);
    blocks = null;
    gc();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = process.memoryUsage.rss();
    releaseFreeMemory();
    console.log(before - process.memoryUsage.rss(), last.length);`;
  const options = ['--expose-gc', '--input-type=module', '-e', code];
  const { stdout, status } = spawnSync(process.execPath, options, { encoding: 'utf8' });
  assert.is(status, 0);
  const released = Number(stdout.split(' ')[0]);
  assert.ok(released > 30_000_000, `${released} of 60 000 000 bytes`);
});

test.run();
