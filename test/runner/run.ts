/**
 * The guard runner: node dist/test/runner/run.js [--root DIR] [PART-OF-A-PATH…]
 *
 * Runs checks, then every test file of ROOT/test in its own process: two files at a time, then those that
 * must be alone. Prints a line per file, its output if it failed, and last
 *
 *     N passed, N failed, N skipped
 *
 * where N counts tests and checks; a file that breaks outside its tests counts as one failed. Exit status 0
 * only if nothing failed and every test file was run. Arguments select the files whose path contains one of
 * them, and leave out the checks.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { discover, type TestFile } from './discover.ts';
import { runFile, stopAll, type Verdict } from './run-file.ts';

const FILES_AT_ONCE = 2;
/** A file that takes longer than this says so, and again after as much more. */
const STILL_RUNNING_MS = 30_000;

const totals = { passed: 0, failed: 0, skipped: 0 };

const { values, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: { root: { type: 'string', default: resolve(import.meta.dirname, '../../..') } },
});
const root = resolve(values.root);

let interrupted = false;
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);

const all = discover(root);
const chosen = all.filter(
  (file) => filters.length === 0 || filters.some((part) => file.source.includes(part)),
);
if (filters.length > 0) console.log(`  ${chosen.length} of ${all.length} test files chosen, checks left out`);
else await runChecks();

if (chosen.length === 0) {
  fail(`no test file${filters.length > 0 ? ` matches ${filters.join(' ')}` : ` in ${join(root, 'test')}`}`);
}
await runFiles(
  chosen.filter((file) => !file.serial),
  FILES_AT_ONCE,
);
await runFiles(
  chosen.filter((file) => file.serial),
  1,
);
finish();

async function runFiles(files: TestFile[], atOnce: number): Promise<void> {
  const queue = [...files];
  const worker = async () => {
    for (let file = queue.shift(); file && !interrupted; file = queue.shift())
      report(file, await runOne(file));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function runOne(file: TestFile): Promise<Verdict> {
  if (file.missing) {
    const problem = `not compiled: ${file.compiled} is missing`;
    return { passed: 0, failed: 1, skipped: 0, seconds: 0, problem, output: '' };
  }
  let waited = 0;
  const heartbeat = setInterval(() => {
    waited += STILL_RUNNING_MS;
    console.log(`  …    ${file.source} (${waited / 1000} s of at most ${file.timeoutMs / 1000} s)`);
  }, STILL_RUNNING_MS);
  try {
    return await runFile(file.compiled, file);
  } finally {
    clearInterval(heartbeat);
  }
}

function report(file: TestFile, verdict: Verdict): void {
  totals.passed += verdict.passed;
  totals.failed += verdict.failed;
  totals.skipped += verdict.skipped;
  const mark = verdict.problem === null ? 'ok  ' : 'FAIL';
  const skipped = verdict.skipped > 0 ? `, ${verdict.skipped} skipped` : '';
  const seconds = verdict.seconds.toFixed(1).padStart(6);
  console.log(
    `  ${mark} ${seconds} s  ${String(verdict.passed).padStart(4)} passed${skipped}  ${file.source}`,
  );
  if (verdict.problem === null) return;
  console.log(`    ${file.source}: ${verdict.problem}`);
  console.log(indent(verdict.output));
}

/** Checks of the whole checkout; each counts as one test. */
async function runChecks(): Promise<void> {
  await check('biome', [join(root, 'node_modules/.bin/biome'), 'check', '--colors=off', 'src', 'test']);
  await check('shellcheck', ['shellcheck', '-x', ...shellScripts()]);
}

async function check(name: string, [command, ...args]: string[]): Promise<void> {
  const started = performance.now();
  const child = spawn(command!, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text));
  const status = await once(child, 'close').then(
    ([code]) => `exit status ${code}`,
    (error: Error) => error.message,
  );
  const good = status === 'exit status 0';
  totals[good ? 'passed' : 'failed']++;
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  console.log(`  ${good ? 'ok  ' : 'FAIL'} ${seconds} s  check        ${name}`);
  if (!good) console.log(indent(`${status}\n${output}`));
}

/** Shell scripts of the checkout: those in scripts/ that end in .sh or, without an ending, start with a shell's #!. */
function shellScripts(): string[] {
  return readdirSync(join(root, 'scripts'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && (entry.name.endsWith('.sh') || !entry.name.includes('.')))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

function fail(message: string): void {
  totals.failed++;
  console.log(`  FAIL ${message}`);
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '    | ');
}

/** Asks the running files to stop, and waits for them; a second signal, or 12 s, end the wait. */
function interrupt(): void {
  if (interrupted) finish();
  interrupted = true;
  fail('interrupted: not every test file was run');
  stopAll();
  setTimeout(finish, 12_000);
}

function finish(): never {
  console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  process.exit(totals.failed === 0 ? 0 : 1);
}
