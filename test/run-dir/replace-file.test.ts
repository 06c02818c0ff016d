import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { replaceFile } from '../../src/run-dir/replace-file.ts';
import { SmallDisk } from '../support/small-disk.ts';

const files = suite('replaced files');

files('the new content stands, readable by its owner only; a failure leaves nothing behind', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-replace-'));
  try {
    const path = join(directory, 'state');
    replaceFile(path, 'old');
    replaceFile(path, 'new');
    assert.equal([readFileSync(path, 'utf8'), statSync(path).mode & 0o777], ['new', 0o600]);
    mkdirSync(join(directory, 'taken', 'full'), { recursive: true });
    assert.throws(() => replaceFile(join(directory, 'taken'), 'text'));
    assert.equal(readdirSync(directory).sort(), ['state', 'taken']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

files('a full disk: the message names the file, and the old content stands', () => {
  const disk = new SmallDisk();
  try {
    const path = join(disk.path, 'state');
    replaceFile(path, 'old');
    disk.fill();
    const text = 'x'.repeat(100_000);
    assert.throws(
      () => replaceFile(path, text),
      new RegExp(`^${path}: ENOSPC: no space left on device, write$`),
    );
    assert.is(readFileSync(path, 'utf8'), 'old');
    assert.equal(readdirSync(disk.path).sort(), ['filler', 'state']);
  } finally {
    disk.remove();
  }
});

files.run();
