// The plot of latencies: well-formed, a line per policy and scenario, faster further down.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { advantage, type BalanceResult, PERCENTS, POLICIES, SCENARIOS } from './measure.ts';
import { plot } from './plot.ts';

const test = suite('balance: plot');

const results: BalanceResult[] = SCENARIOS.flatMap((scenario) =>
  POLICIES.map((policy) => {
    const factor = scenario === 'slowed' && policy === 'even' ? 5 : 1;
    const percentilesMs = PERCENTS.map((percent) => factor * (1 + percent));
    const spoilt = percentilesMs.map((ms) => ms * (policy === 'even' ? 10 : 1));
    const roundsMs = [percentilesMs, spoilt, percentilesMs];
    return { scenario, policy, requests: 1, failed: 0, answers: {}, roundsMs, percentilesMs };
  }),
);

test('a line for each policy in each scenario, the slower one higher', () => {
  const svg = plot(results);
  const lines = [...svg.matchAll(/<polyline points="([^"]+)"/g)].map(([, points]) => points!.split(' '));
  assert.is(lines.length, 4);
  assert.ok(lines.every((points) => points.length === PERCENTS.length));
  const heights = lines.map((points) => Number(points.at(-1)!.split(',')[1]));
  assert.ok(heights[0]! < heights[1]!, `${heights}`);
  assert.is(heights[2], heights[3]);
  assert.is(svg.split('<g').length, svg.split('</g>').length);
});

test('the advantage is a ratio of latencies; one round that was spoilt does not count', () => {
  assert.equal(advantage(results, 'slowed', 99), { median: 5, min: 5, max: 50, count: 3 });
  assert.equal(advantage(results, 'equal', 99), { median: 1, min: 1, max: 10, count: 3 });
});

test.run();
