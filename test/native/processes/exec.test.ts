import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { replaceProcess } from '../../../src/native/processes/exec.ts';

const test = suite('exec');

const MODULE = JSON.stringify(join(import.meta.dirname, '../../../src/native/processes/exec.js'));

/** A process of node's that goes on as a shell, which runs `script`. */
const asShell = (script: string): string[] => [
  '--input-type=module',
  '-e',
  `import { replaceProcess } from ${MODULE};
   import { writeSync } from 'node:fs';
   writeSync(1, process.pid + '\\n');
   setInterval(() => {}, 1000);
   process.env.GIVEN = 'ä b';
   replaceProcess('/bin/sh', ['sh', '-c', process.argv[1], 'name', 'two words', '']);`,
  script,
];

test('the same process goes on: its number, environment, arguments and standard streams', () => {
  const script = 'echo $$; echo "$GIVEN|$1|$2|$#"; cat; echo error >&2; exit 7';
  const options = { input: 'input\n', encoding: 'utf8' as const };
  const { stdout, stderr, status } = spawnSync(process.execPath, asShell(script), options);
  const [before, after, ...lines] = stdout.trimEnd().split('\n');
  assert.match(before!, /^\d+$/);
  assert.is(after, before);
  assert.equal(lines, ['ä b|two words||2', 'input']);
  assert.equal([stderr, status], ['error\n', 7]);
});

test('nothing that Node catches or blocks stays so: a signal ends it', () => {
  const script = 'kill -TERM $$; echo still here';
  const { stdout, signal } = spawnSync(process.execPath, asShell(script), { encoding: 'utf8' });
  assert.is(signal, 'SIGTERM');
  assert.match(stdout, /^\d+\n$/);
});

test('a program that is not there: an error, and this one goes on', () => {
  assert.throws(() => replaceProcess('/absent/program', ['program']), /execv \/absent\/program: ENOENT/);
  assert.is(execFileSync('echo', ['on'], { encoding: 'utf8' }), 'on\n');
});

test.run();
