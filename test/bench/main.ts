/**
 * Driver of the benchmark; scripts/bench.sh installs what is missing, holds the lock and starts it.
 * Whatever ends the run, what it made is gone afterwards: namespaces, forwarders, servers.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildRevision, type Revision, removeRevisions } from './against.ts';
import { type Context, deleteAllNamespaces } from './environment.ts';
import { SluiceRun } from './environments/sluice.ts';
import { type LiveResult, measureLive, type Surroundings } from './live.ts';
import { machineFacts } from './machine.ts';
import { measureMemory } from './memory.ts';
import type { MicroResult } from './micro-result.ts';
import { type Options, parseOptions, UsageError, usage } from './options.ts';
import { rows, variantIds } from './plan.ts';
import { killChildren, run } from './process.ts';
import { Progress } from './progress.ts';
import { type BenchDocument, judgeFigures, judgeRatios, mediansOf, reportText } from './report.ts';

/** One run at a time, so one place: a later run finds what a killed one has left. */
const RUN_DIR = '/run/sluice-bench';
const MICRO_TIMEOUT_MS = 10 * 60_000;

class Interrupted extends Error {}

const root = fileURLToPath(new URL('../../../', import.meta.url));
const progress = new Progress();

async function main(options: Options): Promise<void> {
  let interruptedBy: NodeJS.Signals | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      interruptedBy ??= signal;
      killChildren();
    });
  }
  const undo: (() => Promise<void>)[] = [];
  const context: Context = {
    root,
    runDir: RUN_DIR,
    engine: options.engine,
    busyPollUs: options.busyPollUs,
  };
  const surroundings: Surroundings = {
    context,
    progress,
    atEnd: (step) => undo.unshift(step),
    checkInterrupted() {
      if (interruptedBy !== undefined) throw new Interrupted(`interrupted by ${interruptedBy}`);
    },
  };
  await removeLeftovers(context);
  if (options.clean) return removeRevisions(root);
  try {
    mkdirSync(RUN_DIR, { recursive: true, mode: 0o700 });
    const before = await revisionFor(options, surroundings);
    await measureAll(options, { ...surroundings, context: { ...context, before } });
  } finally {
    progress.say('cleaning up');
    for (const step of undo) await step().catch((error: Error) => progress.problem(error.message));
    killChildren();
    await removeLeftovers(context);
  }
}

async function revisionFor(
  { against }: Options,
  { checkInterrupted }: Surroundings,
): Promise<Revision | undefined> {
  if (against === null) return undefined;
  try {
    return await buildRevision(root, against, (text) => progress.say(text));
  } catch (error) {
    checkInterrupted();
    throw error;
  }
}

async function measureAll(options: Options, surroundings: Surroundings): Promise<void> {
  const startedAt = new Date().toISOString();
  const machine = await machineFacts(root);
  if (machine.loadAverage > 0.5) {
    progress.say(`note: the load average is ${machine.loadAverage}; other work makes the figures worse`);
  }
  const wantsLive = options.tools.length > 0 && options.columns.length > 0;
  const live: LiveResult = wantsLive
    ? await measureLive(options, surroundings)
    : { values: {}, versions: {} };
  const memory = options.memory ? await orProblem('memory', () => measureMemory(surroundings)) : null;
  const micro = options.micro ? await orProblem('micro', () => runMicro(options.quick)) : null;
  surroundings.checkInterrupted();

  const document: BenchDocument = {
    format: 1,
    startedAt,
    finishedAt: new Date().toISOString(),
    options,
    machine,
    versions: live.versions,
    rows,
    values: live.values,
    medians: mediansOf(live.values),
    ratios: judgeRatios(live.values),
    memory,
    micro,
    figures: judgeFigures(memory, micro),
    problems: progress.problems,
  };
  const path = resolve(options.json);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`);
  process.stdout.write(reportText(document));
  progress.say(`written: ${path}`);
}

/** A part that fails is reported; the others count all the same. An interruption goes through. */
async function orProblem<T>(what: string, part: () => Promise<T>): Promise<T | null> {
  try {
    return await part();
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    progress.problem(`${what}: ${(error as Error).message}`);
    return null;
  }
}

/** The micro benchmark gets a process of its own: a heap without our objects, and the collector at hand. */
async function runMicro(quick: boolean): Promise<MicroResult> {
  progress.say('the datapath alone, without I/O: about a minute');
  const script = join(root, 'dist', 'test', 'bench', 'micro.bundle.js');
  const flags = ['--expose-gc', '--max-semi-space-size=64'];
  const argv = [...flags, script, ...(quick ? ['--quick'] : [])];
  return JSON.parse(await run(process.execPath, argv, { timeoutMs: MICRO_TIMEOUT_MS })) as MicroResult;
}

/** What a run that was killed could not remove itself; harmless when there is nothing. */
async function removeLeftovers(context: Context): Promise<void> {
  for (const name of ['sluice', 'memory', ...variantIds]) {
    await new SluiceRun(context.root, join(context.runDir, name)).clearLeftovers();
  }
  await deleteAllNamespaces();
  rmSync(RUN_DIR, { recursive: true, force: true });
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(usage);
  } else {
    await main(options);
    process.exitCode = progress.problems.length === 0 ? 0 : 1;
  }
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`bench: ${error.message}\n${usage}`);
    process.exitCode = 2;
  } else if (error instanceof Interrupted) {
    progress.say(error.message);
    process.exitCode = 130;
  } else {
    throw error;
  }
}
