import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { replaceFile } from '../../src/run-dir/replace-file.ts';

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

files.run();
