/**
 * node dist/test/balance/main.js [--rounds N] [--seconds 9] [--rate 200] [--scenario slowed|equal] [--json FILE] [--svg FILE]
 *
 * Measures (measure.ts), prints a table, and writes the figures as JSON and as a plot; with --scenario only one of the two
 * is measured, and the figures of the other are those in the file. The exit status is 1 if `latency-aware` is not twice as
 * good at the 99th percentile with one server slowed, or is worse with equal ones.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { advantage, type BalanceResult, measureBalance, PERCENTS, SCENARIOS } from './measure.ts';
import { plot } from './plot.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string', default: '9' },
    rate: { type: 'string', default: '200' },
    scenario: { type: 'string' },
    json: { type: 'string' },
    svg: { type: 'string' },
  },
});

const WANTED = 2;
/** Equal servers: what the median of five pairs of rounds of the same policy may differ by. */
const NOISE = 0.9;

const scenarios = SCENARIOS.filter((name) => values.scenario === undefined || values.scenario === name);
if (scenarios.length === 0) {
  throw new Error(`--scenario: found ${values.scenario}, expected one of ${SCENARIOS.join(', ')}`);
}
const measured = await measureBalance({
  scenarios,
  rounds: values.rounds === undefined ? undefined : Number(values.rounds),
  seconds: Number(values.seconds),
  rate: Number(values.rate),
});
const before = values.json !== undefined && existsSync(values.json) ? readResults(values.json) : [];
const results = [...measured, ...before.filter(({ scenario }) => !scenarios.includes(scenario))];

function readResults(path: string): BalanceResult[] {
  return (JSON.parse(readFileSync(path, 'utf8')) as { results: BalanceResult[] }).results;
}

for (const { scenario, policy, requests, failed, answers, percentilesMs } of results) {
  const at = (percent: number) => `p${percent} ${percentilesMs[PERCENTS.indexOf(percent)]!.toFixed(1)} ms`;
  const shares = Object.entries(answers).map(([server, count]) => `${server} ${count}`);
  console.log(
    `${scenario}, ${policy}: ${requests} requests, ${failed} failed, ${[50, 90, 99].map(at).join(', ')}; ${shares.join(' ')}`,
  );
}
let isGood = results.every(({ failed }) => failed === 0);
for (const [scenario, least] of [
  ['slowed', WANTED],
  ['equal', NOISE],
] as const) {
  if (!results.some((result) => result.scenario === scenario)) continue;
  const { median, min, max, count } = advantage(results, scenario, 99);
  const [ratio, from, to] = [median, min, max].map((value) => value.toFixed(2));
  console.log(
    `${scenario}: p99 of even / p99 of latency-aware is ${ratio} (median of ${count} pairs, ${from} to ${to}), expected at least ${least}`,
  );
  isGood &&= median >= least;
}
if (values.json !== undefined) {
  writeFileSync(
    values.json,
    `${JSON.stringify({ at: new Date().toISOString(), percents: PERCENTS, results }, null, 1)}\n`,
  );
}
if (values.svg !== undefined) writeFileSync(values.svg, plot(results));
process.exit(isGood ? 0 : 1);
