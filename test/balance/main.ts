/**
 * node dist/test/balance/main.js [--rounds 3] [--seconds 20] [--warm-up 15] [--rate 200] [--json FILE] [--svg FILE]
 *
 * Measures (measure.ts), prints a table, and writes the figures as JSON and as a plot. The exit status is 1 if
 * `latency-aware` is not twice as good at the 99th percentile with one server slowed, or is worse with equal ones.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { advantage, measureBalance, PERCENTS } from './measure.ts';
import { plot } from './plot.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '20' },
    'warm-up': { type: 'string', default: '15' },
    rate: { type: 'string', default: '200' },
    json: { type: 'string' },
    svg: { type: 'string' },
  },
});

const WANTED = 2;
/** Equal servers: what two runs of the same policy differ by. */
const NOISE = 0.85;

const results = await measureBalance({
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  warmUpSeconds: Number(values['warm-up']),
  rate: Number(values.rate),
});
for (const { scenario, policy, requests, failed, answers, percentilesMs } of results) {
  const at = (percent: number) => `p${percent} ${percentilesMs[PERCENTS.indexOf(percent)]!.toFixed(1)} ms`;
  const shares = Object.entries(answers).map(([server, count]) => `${server} ${count}`);
  console.log(
    `${scenario}, ${policy}: ${requests} requests, ${failed} failed, ${[50, 90, 99].map(at).join(', ')}; ${shares.join(' ')}`,
  );
}
const slowed = advantage(results, 'slowed', 99);
const equal = advantage(results, 'equal', 99);
console.log(`p99, even / latency-aware: one slowed ${slowed.toFixed(2)}, equal ${equal.toFixed(2)}`);
if (values.json !== undefined) {
  writeFileSync(
    values.json,
    `${JSON.stringify({ at: new Date().toISOString(), percents: PERCENTS, results }, null, 1)}\n`,
  );
}
if (values.svg !== undefined) writeFileSync(values.svg, plot(results));
const isGood = slowed >= WANTED && equal >= NOISE && results.every(({ failed }) => failed === 0);
process.exit(isGood ? 0 : 1);
