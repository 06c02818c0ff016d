import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('runner: a whole run');

const checkout = resolve(import.meta.dirname, '../../..');

/** Runs the runner over a checkout that holds the given fixtures as its test files. */
function runOver(
  fixtures: string[],
  args: string[],
  { uncompiled = [], files = {} }: { uncompiled?: string[]; files?: Record<string, string> } = {},
) {
  const root = mkdtempSync(join(tmpdir(), 'sluice-runner-'));
  try {
    for (const dir of ['src', 'scripts', 'test', 'dist/test'])
      mkdirSync(join(root, dir), { recursive: true });
    symlinkSync(join(checkout, 'node_modules'), join(root, 'node_modules'));
    copyFileSync(join(checkout, 'biome.json'), join(root, 'biome.json'));
    writeFileSync(join(root, 'package.json'), '{ "type": "module" }\n');
    writeFileSync(join(root, 'scripts/fine.sh'), '#!/bin/sh\nexit 0\n');
    writeFileSync(join(root, 'src/fine.ts'), 'export const fine = 1;\n');
    for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
    for (const name of fixtures) {
      copyFileSync(
        join(checkout, `test/runner/fixtures/${name}.fixture.ts`),
        join(root, `test/${name}.test.ts`),
      );
      if (uncompiled.includes(name)) continue;
      copyFileSync(
        join(import.meta.dirname, `fixtures/${name}.fixture.js`),
        join(root, `dist/test/${name}.test.js`),
      );
    }
    const runner = join(import.meta.dirname, 'run.js');
    const result = spawnSync(process.execPath, [runner, '--root', root, ...args], { encoding: 'utf8' });
    const lines = result.stdout.trimEnd().split('\n');
    return { status: result.status, stdout: result.stdout, last: lines.at(-1) };
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('all good: counts of tests and checks, exit status 0', () => {
  const run = runOver(['good', 'skipping'], []);
  assert.match(run.stdout, /ok .*test\/good\.test\.ts/);
  assert.is(run.last, '5 passed, 0 failed, 1 skipped', run.stdout); // 2 + 1 tests, biome, shellcheck
  assert.is(run.status, 0);
});

test('a bad file among good ones fails the run and shows its output', () => {
  const run = runOver(['failing', 'good'], ['test/']);
  assert.match(run.stdout, /FAIL .*test\/failing\.test\.ts/);
  assert.match(run.stdout, '"wrong as well"');
  assert.is(run.last, '3 passed, 2 failed, 0 skipped', run.stdout);
  assert.is(run.status, 1);
});

test('arguments choose files', () => {
  const run = runOver(['failing', 'good'], ['ood.test']);
  assert.match(run.stdout, '1 of 2 test files chosen');
  assert.is(run.last, '2 passed, 0 failed, 0 skipped', run.stdout);
  assert.is(run.status, 0);
});

test('no file at all, or none that matches, is a failure', () => {
  for (const args of [[], ['nothing-like-this']]) {
    const run = runOver(args.length === 0 ? [] : ['good'], args);
    assert.match(run.last!, ', 1 failed, ', run.stdout);
    assert.is(run.status, 1);
  }
});

test('a test file that was not compiled is a failure', () => {
  const run = runOver(['good', 'skipping'], ['test/'], { uncompiled: ['skipping'] });
  assert.match(run.stdout, /skipping\.test\.ts: not compiled/);
  assert.is(run.last, '2 passed, 1 failed, 0 skipped', run.stdout);
  assert.is(run.status, 1);
});

test('a check that finds something is a failure', () => {
  const unformatted = runOver(['good'], [], { files: { 'src/untidy.ts': 'export  const a = "1"\n' } });
  assert.match(unformatted.stdout, /FAIL .* biome/);
  assert.is(unformatted.last, '3 passed, 1 failed, 0 skipped', unformatted.stdout);
  assert.is(unformatted.status, 1);

  const unquoted = runOver(['good'], [], { files: { 'scripts/unquoted.sh': '#!/bin/sh\nrm $1\n' } });
  assert.match(unquoted.stdout, /FAIL .* shellcheck/);
  assert.is(unquoted.last, '3 passed, 1 failed, 0 skipped', unquoted.stdout);
  assert.is(unquoted.status, 1);
});

test.run();
