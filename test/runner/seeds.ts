/**
 * Runs every seeded test file over many seeds:
 * node dist/test/runner/seeds.js [--first SEED] [--jobs N] [--runs FACTOR] [--root DIR] [N] [PART…]
 *
 * Many seeds find more than long runs of few: each property makes FACTOR of its usual number of runs, and a process
 * takes BATCH seeds of a file, as long as start-up costs more than the run (seed-batch.ts). For each BATCH of seeds all
 * files, so that an interrupted run has whole seeds behind it. A failure is printed at once, with the command that repeats
 * it; the last lines say how many runs there were, and how many failed. Exit status 0 only if every run passed.
 */
import { availableParallelism } from 'node:os';
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { TestFile } from './discover.ts';
import { stopAll } from './run-file.ts';
import { runSeeds, type SeedVerdict } from './seed-runs.ts';
import { seededFiles } from './seeded.ts';

const DEFAULT_SEEDS = 20;
/** At low priority, beside other work, a file may take much longer than alone. */
const PATIENCE = 10;
const PROGRESS_MS = 30_000;
/** Seeds in one process, at most. */
const BATCH = 25;
const DEFAULT_RUNS = '0.03';
/** Of a failed run's output. */
const SHOWN_LINES = 25;

interface Batch {
  readonly file: TestFile;
  readonly seeds: readonly number[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    first: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    runs: { type: 'string', default: process.env.SLUICE_TEST_RUNS ?? DEFAULT_RUNS },
    root: { type: 'string', default: resolve(import.meta.dirname, '../../..') },
  },
});
const root = resolve(values.root);
const isCount = (text: string | undefined): boolean => /^\d+$/.test(text ?? '');
const count = wholeNumber('N', isCount(positionals[0]) ? positionals[0]! : String(DEFAULT_SEEDS), 1);
const parts = isCount(positionals[0]) ? positionals.slice(1) : positionals;
const first = wholeNumber('--first', values.first, 0);
const jobs = wholeNumber('--jobs', values.jobs, 1);
if (!(Number(values.runs) > 0)) wrong(`--runs: found ${values.runs}, expected a number above 0`);

const files = seededFiles(root).filter(
  ({ source }) => parts.length === 0 || parts.some((part) => source.includes(part)),
);
if (files.length === 0) wrong(`no seeded test file matches ${parts.join(' ')}`);
const missing = files.find((file) => file.missing);
if (missing) wrong(`not compiled: ${missing.compiled} is missing`);

let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    interrupted = true;
    stopAll();
  });

const batches: number[][] = [];
for (let from = 0; from < count; from += BATCH)
  batches.push(Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => first + from + i));
const batchesOf = (chosen: readonly TestFile[]): Batch[] =>
  batches.flatMap((seeds) => chosen.map((file) => ({ file, seeds })));
const parallel = batchesOf(files.filter(({ serial }) => !serial));
const serial = batchesOf(files.filter(({ serial: alone }) => alone));
const total = files.length * count;
let done = 0;
let passed = 0;
let seconds = 0;
console.log(
  `${plural(files.length, 'test file')}, seeds ${first} to ${first + count - 1}, ${values.runs} of the usual runs, ${jobs} at once`,
);
const progress = setInterval(() => console.log(`  … ${done} of ${total} runs`), PROGRESS_MS);
await runAll(parallel, jobs);
await runAll(serial, 1);
clearInterval(progress);
if (interrupted) console.log(`  interrupted: ${total - done} of ${total} runs are missing`);
console.log(
  `${plural(done, 'run')} of ${plural(files.length, 'file')} over ${plural(count, 'seed')} in ${Math.round(seconds)} s of processes: ${passed} passed, ${done - passed} failed`,
);
process.exit(passed === total ? 0 : 1);

async function runAll(queue: Batch[], atOnce: number): Promise<void> {
  const worker = async () => {
    for (let batch = queue.shift(); batch && !interrupted; batch = queue.shift()) {
      const { file } = batch;
      const { verdicts, seconds: taken } = await runSeeds(file.compiled, batch.seeds, {
        timeoutMs: PATIENCE * file.timeoutMs,
        env: { SLUICE_TEST_RUNS: values.runs },
      });
      if (interrupted) return;
      seconds += taken;
      for (const verdict of verdicts) report(file, verdict);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function report(file: TestFile, { seed, problem, output }: SeedVerdict): void {
  done++;
  if (problem === null) {
    passed++;
    return;
  }
  console.log(`  FAIL ${file.source}, seed ${seed}: ${problem}`);
  console.log(
    `    repeat: SLUICE_TEST_SEED=${seed} SLUICE_TEST_RUNS=${values.runs} node ${relative(process.cwd(), file.compiled)}`,
  );
  const lines = output.trimEnd().split('\n');
  const from = Math.max(
    0,
    lines.findIndex((line) => /^\s+FAIL/.test(line)),
  );
  for (const line of lines.slice(from, from + SHOWN_LINES)) console.log(`    | ${line}`);
}

function wholeNumber(what: string, text: string, least: number): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < least)
    wrong(`${what}: found ${text}, expected a whole number from ${least} on`);
  return number;
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function wrong(message: string): never {
  console.error(`seeds: ${message}`);
  process.exit(2);
}
