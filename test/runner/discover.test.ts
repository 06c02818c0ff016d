import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { discover, parseDirectives } from './discover.ts';

const test = suite('runner: discovery');

test('finds every *.test.ts at any depth, and notices what was not compiled', () => {
  const root = mkdtempSync(join(tmpdir(), 'sluice-discover-'));
  try {
    const files: Record<string, string> = {
      'test/b.test.ts': '',
      'test/wire/a.test.ts': '// timeout: 7s\n// serial\n',
      'test/e2e/c.test.ts': '',
      'test/support/helper.ts': '',
      'dist/test/b.test.js': '',
      'dist/test/wire/a.test.js': '',
      'dist/test/gone.test.js': '',
    };
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const found = discover(root).map(({ source, missing, timeoutMs, serial }) => ({
      source,
      missing,
      timeoutMs,
      serial,
    }));
    assert.equal(found, [
      { source: 'test/b.test.ts', missing: false, timeoutMs: 120_000, serial: false },
      { source: 'test/e2e/c.test.ts', missing: true, timeoutMs: 120_000, serial: true },
      { source: 'test/wire/a.test.ts', missing: false, timeoutMs: 7_000, serial: true },
    ]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('directives stand in the leading comment lines only', () => {
  const text = "// what this file is about\n// timeout: 300s\nimport 'x';\n// timeout: 5s\n";
  assert.equal(parseDirectives(text, 'x'), { timeoutMs: 300_000, serial: false });
});

test('a directive that cannot be read is an error, not a default', () => {
  for (const line of ['// timeout: 5m', '// timeout 300s', '//timeout: 300s', '// Serial']) {
    assert.throws(() => parseDirectives(`${line}\n`, 'x.test.ts'), /x\.test\.ts: found directive/, line);
  }
});

test.run();
