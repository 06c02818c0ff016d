/** The command behind scripts/soak.sh. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CHECKOUT } from '../support/paths.ts';
import { soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '2000' },
    json: { type: 'string', default: join(CHECKOUT, 'dist/soak.json') },
  },
});

function positive(option: 'minutes' | 'rate'): number {
  const value = Number(values[option]);
  if (value > 0) return value;
  console.error(`soak.sh: --${option}: found ${values[option]}, expected a number above 0`);
  process.exit(2);
}

const result = await soak({
  seconds: positive('minutes') * 60,
  rate: positive('rate'),
  maxGrowth: 1.02,
  pauseMs: 2_000,
  onProgress: (text) => console.error(text),
});
const text = `${JSON.stringify(result, null, 2)}\n`;
writeFileSync(values.json, text);
process.stdout.write(text);
for (const problem of result.problems) console.error(`soak.sh: ${problem}`);
process.exitCode = result.isGood ? 0 : 1;
