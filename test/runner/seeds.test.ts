import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seededFiles } from './seeded.ts';

const test = suite('runner: tests over many seeds');

const testFile = (body: string): string => `
  import { test as one } from '${import.meta.resolve('uvu')}';
  one('all is well', () => { ${body} });
  one.run();`;

/** A checkout: sources, which are read for their imports, and compiled files, which are run. */
const FILES: Record<string, string> = {
  'test/support/seed.ts': '',
  'test/support/model.ts': "import { Random } from './seed.ts';",
  'test/support/other.ts': "import { model } from './model.ts';\nimport './missing.ts';",
  'test/direct.test.ts': "import { Random } from './support/seed.ts';",
  'test/through/others.test.ts': "import {\n  other,\n} from '../support/other.ts';",
  'test/unseeded.test.ts': "// imports no './support/seed.ts'\nimport * as assert from 'uvu/assert';",
  'dist/test/direct.test.js': testFile(
    `if (process.env.SLUICE_TEST_SEED === '12') throw new Error('twelve is unlucky');`,
  ),
  'dist/test/through/others.test.js': testFile(`if (process.env.SLUICE_TEST_SEED === '17') process.exit(3);`),
  'dist/test/unseeded.test.js': 'process.exit(1);',
};

let root: string;
test.before.each(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-seeds-'));
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
});
test.after.each(() => rmSync(root, { recursive: true }));

const seeds = (...args: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, 'seeds.js'), '--root', root, ...args], {
    encoding: 'utf8',
  });

test('seeded are the files that import the seed, themselves or through others', () => {
  assert.equal(
    seededFiles(root).map(({ source }) => source),
    ['test/direct.test.ts', 'test/through/others.test.ts'],
  );
});

test('every file is run with every seed; a failure is told with the command that repeats it', () => {
  const { status, stdout } = seeds('--first', '10', '4');
  assert.is(status, 1, stdout);
  assert.match(stdout, 'FAIL test/direct.test.ts, seed 12: ');
  assert.match(
    stdout,
    /repeat: SLUICE_TEST_SEED=12 SLUICE_TEST_RUNS=0.03 node .*dist\/test\/direct\.test\.js\n/,
  );
  assert.match(stdout, 'twelve is unlucky');
  assert.is(stdout.match(/repeat:/g)?.length, 1, stdout);
  assert.match(stdout, /\n8 runs of 2 files over 4 seeds in \d+ s of processes: 7 passed, 1 failed\n$/);
});

test('a seed that ends the process of several fails, and the others are run again', () => {
  const { status, stdout } = seeds('--first', '15', '4', 'through/');
  assert.is(status, 1, stdout);
  assert.match(stdout, 'FAIL test/through/others.test.ts, seed 17: ');
  assert.is(stdout.match(/repeat:/g)?.length, 1, stdout);
  assert.match(stdout, /\n4 runs of 1 file over 4 seeds in \d+ s of processes: 3 passed, 1 failed\n$/);
});

test('parts of paths choose files', () => {
  const { status, stdout } = seeds('3', 'through/');
  assert.is(status, 0, stdout);
  assert.match(stdout, /\n3 runs of 1 file over 3 seeds in \d+ s of processes: 3 passed, 0 failed\n$/);
});

test('wrong arguments, and parts that match nothing, are no run', () => {
  for (const [args, message] of [
    [['0'], 'N: found 0, expected a whole number from 1 on'],
    [['--first', 'x', '1'], '--first: found x, expected a whole number from 0 on'],
    [['--runs', '0', '1'], '--runs: found 0, expected a number above 0'],
    [['3', 'no-such'], 'no seeded test file matches no-such'],
  ] as const) {
    const { status, stderr } = seeds(...args);
    assert.is(status, 2);
    assert.match(stderr, message);
  }
});

test.run();
