/**
 * Runs one compiled test file with several seeds, one after the other, in this process:
 * node dist/test/runner/seed-batch.js FILE SEED…
 *
 * Theory of operation. Start-up and compilation cost more than a short run of most seeded files. Here the file is
 * imported anew for each seed (a query makes it another module), while everything that it imports stays loaded;
 * `seed` of test/support/seed.ts changes in between. uvu is asked to queue suites and is started for each seed, so that
 * the output has one summary per seed, behind a line that names the seed (seed-runs.ts reads it).
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { useSeed } from '../support/seed.ts';
import { exitLine, seedLine } from './seed-runs.ts';

const queues = globalThis as { UVU_DEFER?: number; UVU_QUEUE?: unknown[][] };
queues.UVU_DEFER = 1; // read when uvu is loaded
const { exec } = await import('uvu');
const [file, ...seeds] = process.argv.slice(2);
const url = pathToFileURL(resolve(file!)).href;

for (const seed of seeds) {
  console.log(seedLine(Number(seed)));
  process.env.SLUICE_TEST_SEED = seed;
  useSeed(Number(seed));
  queues.UVU_QUEUE = [[null]];
  process.exitCode = 0;
  await import(`${url}?seed=${seed}`);
  await exec();
  console.log(exitLine(Number(process.exitCode ?? 0)));
}
process.exitCode = 0;
