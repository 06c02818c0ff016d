import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Limits, runFile, type Verdict } from './run-file.ts';

const test = suite('runner: verdict on one file');

const LIMITS: Limits = { timeoutMs: 20_000, termGraceMs: 500, outputGraceMs: 500 };

const run = (name: string, limits: Partial<Limits> = {}): Promise<Verdict> =>
  runFile(join(import.meta.dirname, 'fixtures', `${name}.fixture.js`), { ...LIMITS, ...limits });

const counts = ({ passed, failed, skipped }: Verdict) => ({ passed, failed, skipped });

test('every test passed', async () => {
  const verdict = await run('good');
  assert.is(verdict.problem, null);
  assert.equal(counts(verdict), { passed: 2, failed: 0, skipped: 0 });
});

test('skipped tests are counted, and do not fail the file', async () => {
  const verdict = await run('skipping');
  assert.is(verdict.problem, null);
  assert.equal(counts(verdict), { passed: 1, failed: 0, skipped: 1 });
});

test('failed tests are counted one by one, and their output is kept', async () => {
  const verdict = await run('failing');
  assert.match(verdict.problem!, 'exit status 1');
  assert.match(verdict.output, 'wrong as well');
  assert.equal(counts(verdict), { passed: 1, failed: 2, skipped: 0 });
});

// In each of these uvu's exit status is 0, or says nothing about tests that never ran.
const cases: [fixture: string, problem: RegExp][] = [
  ['before-hook-throws', /0 of 1 tests passed, though exit status 0/],
  ['after-hook-throws', /0 summaries.*exit status 1/],
  ['rejects-with-string', /tests passed|0 summaries/],
  ['no-tests', /no test ran/],
  ['never-run', /0 summaries.*exit status 0/],
  ['exits-early', /0 summaries/],
  ['prints-a-summary', /2 summaries/],
  ['there-is-no-such-file', /0 summaries.*exit status 1/],
];
for (const [fixture, problem] of cases) {
  test(`a failure: ${fixture}`, async () => {
    const verdict = await run(fixture);
    assert.match(verdict.problem ?? 'none', problem);
    assert.is(verdict.failed > 0, true);
  });
}

test('a file that hangs is stopped when its time is up', async () => {
  const verdict = await run('hangs', { timeoutMs: 1_000 });
  assert.match(verdict.problem!, 'still running after 1 s');
  assert.is(verdict.failed, 1);
  assert.ok(verdict.seconds < 10, `${verdict.seconds} s`);
});

test('a file that does not heed SIGTERM is killed', async () => {
  const verdict = await run('hangs-on-sigterm', { timeoutMs: 1_000 });
  assert.match(verdict.problem!, 'still running after 1 s');
  assert.ok(verdict.seconds < 10, `${verdict.seconds} s`);
});

test('a process left behind fails the file, and does not outlive it', async () => {
  const verdict = await run('leaves-a-process');
  assert.match(verdict.problem!, 'still holds its output');
  const pid = Number(/child (\d+)/.exec(verdict.output)![1]);
  for (let wait = 0; alive(pid) && wait < 100; wait++) await new Promise((done) => setTimeout(done, 20));
  assert.is(alive(pid), false, `process ${pid} still runs`);
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test.run();
