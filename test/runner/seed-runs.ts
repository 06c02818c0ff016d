/** Runs a test file with several seeds in one process (seed-batch.ts), and judges each seed. */
import { join } from 'node:path';
import { runFile, type Verdict } from './run-file.ts';
import { parseSummary, problemOf } from './summary.ts';

/** The lines around the output of each seed. */
export const seedLine = (seed: number): string => `\n--- seed ${seed}`;
export const exitLine = (status: number): string => `--- exit status ${status}`;

export interface SeedVerdict {
  readonly seed: number;
  /** Null if good, else why not. */
  readonly problem: string | null;
  readonly output: string;
}

const BATCH = join(import.meta.dirname, 'seed-batch.js');
const EXIT = /^--- (exit status \d+)$/m;

/**
 * Verdicts by seed, and the seconds that all of them took. Seeds that the process did not live to finish are run again,
 * each in a process of its own, so that each has its own verdict.
 */
export async function runSeeds(
  compiled: string,
  seeds: readonly number[],
  limits: { readonly timeoutMs: number; readonly env: Readonly<Record<string, string>> },
): Promise<{ verdicts: SeedVerdict[]; seconds: number }> {
  const alone = async (seed: number): Promise<Verdict> =>
    await runFile(compiled, { ...limits, env: { ...limits.env, SLUICE_TEST_SEED: String(seed) } });
  if (seeds.length === 1) {
    const { problem, output, seconds } = await alone(seeds[0]!);
    return { verdicts: [{ seed: seeds[0]!, problem, output }], seconds };
  }
  const batch = await runFile(BATCH, { ...limits, args: [compiled, ...seeds.map(String)] });
  const verdicts: SeedVerdict[] = [];
  let { seconds } = batch;
  for (const seed of seeds) {
    const verdict = verdictOf(seed, batch.output);
    if (verdict) {
      verdicts.push(verdict);
      continue;
    }
    const again = await alone(seed);
    seconds += again.seconds;
    verdicts.push({ seed, problem: again.problem, output: again.output });
  }
  return { verdicts, seconds };
}

/** Undefined: the process did not get to the seed's end. */
function verdictOf(seed: number, batchOutput: string): SeedVerdict | undefined {
  const from = batchOutput.indexOf(`${seedLine(seed)}\n`);
  if (from < 0) return undefined;
  const rest = batchOutput.slice(from + 1);
  const end = EXIT.exec(rest);
  const next = rest.indexOf('\n--- seed ');
  if (end === null || (next >= 0 && next < end.index)) return undefined;
  const output = rest.slice(0, end.index);
  return { seed, problem: problemOf(parseSummary(output), end[1]!), output };
}
