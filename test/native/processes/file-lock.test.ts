import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tryLockFile } from '../../../src/native/processes/file-lock.ts';

const test = suite('file lock');

let directory: string;
let path: string;
test.before.each(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-file-lock-'));
  path = join(directory, 'lock');
});
test.after.each(() => rmSync(directory, { recursive: true, force: true }));

test('one open file has it, until it is closed', () => {
  const first = openSync(path, 'w');
  const second = openSync(path, 'r+');
  assert.ok(tryLockFile(first));
  assert.not.ok(tryLockFile(second));
  assert.ok(tryLockFile(first), 'its holder has it already');
  closeSync(first);
  assert.ok(tryLockFile(second));
  closeSync(second);
});

test('it holds between processes and ends with the process, also when that is killed', async () => {
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const fd = openSync(path, 'a+');
  try {
    await once(holder.stdout!, 'data');
    assert.not.ok(tryLockFile(fd));
    process.kill(-holder.pid!, 'SIGKILL');
    await once(holder, 'close');
    assert.ok(tryLockFile(fd));
  } finally {
    if (holder.exitCode === null && holder.signalCode === null) process.kill(-holder.pid!, 'SIGKILL');
    closeSync(fd);
  }
});

test('a descriptor that is not open is an error', () => {
  assert.throws(() => tryLockFile(1_000_000), /flock of descriptor 1000000: EBADF/);
});

test.run();
