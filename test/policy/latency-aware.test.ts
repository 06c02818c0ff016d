/** latency-aware: how long clients wait with it, against plain weighted round robin. */
// timeout: 300s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createPolicy } from '../../src/policy/create-policy.ts';
import type { MemberLoad } from '../../src/policy/policy.ts';
import { assertMostly } from '../support/chance.ts';
import { memberOf, policyOf } from '../support/policy-bed.ts';
import { isTurn, Random, seed } from '../support/seed.ts';
import { type Outcome, type SimulatedServer, simulate } from '../support/server-simulation.ts';

const latencyAware = suite('latency-aware');

const fast: SimulatedServer = { serviceMs: 2 };
/** Of a thousand connections. */
const HICCUPS = 20;

/**
 * A 99th percentile of a queue is a matter of luck: at 84 % load a run in thirty is more than 5 % worse, though the policy
 * has moved hardly anything. So each claim is that it holds in 95 % of runs.
 */
const CLAIM = { runs: 8, atMost: 0.05 };

function run(
  servers: readonly SimulatedServer[],
  requestsPerSecond: number,
  stream: number,
  hiccups = 0,
): [Outcome, Outcome] {
  const same = { servers, requestsPerSecond, seconds: 90, warmUpSeconds: 30, hiccups };
  const policy = policyOf('latency-aware', { hysteresis: 0.05 });
  return [
    simulate({ ...same, random: new Random(seed, stream), noise: new Random(seed, 10_000 + stream) }),
    simulate({ ...same, random: new Random(seed, stream), noise: new Random(seed, 10_000 + stream), policy }),
  ];
}

/** The random numbers of a scene's run. */
const streamOf = (scene: number, run: number): number => 100 * run + scene;

const show = (plain: Outcome, aware: Outcome): string =>
  `p99 ${plain.p99Ms.toFixed(1)} ms plain, ${aware.p99Ms.toFixed(1)} ms latency-aware; weights ${aware.weights}, requests ${aware.requests}`;

/** The last one's flows are few: it takes long to tell that it is slow, and it is tried again and again. */
const slowed: [what: string, slow: SimulatedServer, requestsPerSecond: number, better: number][] = [
  ['a slow path', { serviceMs: 2, pathMs: 20 }, 500, 2],
  ['a slightly slow path', { serviceMs: 2, pathMs: 10 }, 300, 2],
  ['a slow processor that cannot do its share', { serviceMs: 20 }, 500, 2],
  ['a slow processor that can, barely', { serviceMs: 15 }, 300, 2],
  ['a slow processor with little to do', { serviceMs: 30 }, 100, 1.2],
];
slowed.forEach(([what, slow, requestsPerSecond, better], i) => {
  if (!isTurn(i)) return;
  latencyAware(`four fast servers and one with ${what}: p99 better by a factor of ${better}`, () => {
    assertMostly(CLAIM, (k) => {
      const [plain, aware] = run([fast, fast, slow, fast, fast], requestsPerSecond, streamOf(i, k), HICCUPS);
      return aware.p99Ms * better <= plain.p99Ms ? undefined : show(plain, aware);
    });
  });
});

/** Requests per second; five servers can do 2500. */
[50, 500, 1_000, 1_700, 2_100].forEach((requestsPerSecond, i) => {
  if (!isTurn(i)) return;
  latencyAware(`five equal servers with hiccups, ${requestsPerSecond} requests/s: p99 within 5 %`, () => {
    assertMostly(CLAIM, (k) => {
      const [plain, aware] = run(
        [fast, fast, fast, fast, fast],
        requestsPerSecond,
        streamOf(10 + i, k),
        HICCUPS,
      );
      return aware.p99Ms <= 1.05 * plain.p99Ms ? undefined : show(plain, aware);
    });
  });
});

latencyAware('where the others could not carry the load of one: no chain of overloads', () => {
  for (const [count, requestsPerSecond, stream] of [
    [2, 700, 20],
    [5, 2_100, 21],
  ] as const) {
    assertMostly(CLAIM, (k) => {
      const servers = new Array<SimulatedServer>(count).fill(fast);
      const [plain, aware] = run(servers, requestsPerSecond, streamOf(stream, k));
      return aware.p99Ms <= 3 * plain.p99Ms ? undefined : show(plain, aware); // a chain is 20 to 800 times
    });
  }
});

const settings = policyOf('latency-aware');
const withSynTimes = (...synTimesMs: number[]): MemberLoad[] =>
  synTimesMs.map((synTimeMs, i) => memberOf(`app${i}`, { synTimeMs }));

latencyAware(
  'a member that becomes slow falls in seconds, is held, and returns when it has become fast',
  () => {
    const policy = createPolicy(settings);
    const at = (second: number, synTimeMs: number): number => {
      const members = withSynTimes(1, synTimeMs, 1);
      const [first, changing] = policy.weights({ nowMs: second * 1_000, members, previous: undefined });
      return changing! / first!;
    };
    assert.is(at(0, 1.2), 1);
    const fall = Array.from({ length: 10 }, (_, i) => at(1 + i, 30));
    assert.is(fall[0], 1);
    assert.ok(fall[4]! < 0.1, `after five seconds ${fall}`);
    assert.is(fall[9], 0.01);
    assert.is(at(11, 1), 0.01);
    assert.is(at(16, 1), 0.01); // ten seconds after it reached the least
    const path = Array.from({ length: 60 }, (_, i) => at(17 + i, 1));
    assert.ok(
      path.every((share, i) => i === 0 || share >= path[i - 1]!),
      'rises steadily',
    );
    assert.is(path.at(-1), 1);
    assert.ok(path.find((share) => share > 0.1 && share < 0.5) !== undefined, 'slowly');
  },
);

latencyAware('a SYN that was lost, in the smoothed time of connecting, moves nothing', () => {
  const policy = createPolicy(settings);
  for (let second = 0; second < 30; second++) {
    // One of a thousand milliseconds, among forty a second that take one.
    const synTimeMs = 1 + (second < 10 ? 0 : (1_000 / 8) * (7 / 8) ** (40 * (second - 10)));
    const weights = policy.weights({
      nowMs: second * 1_000,
      members: withSynTimes(1, synTimeMs, 1),
      previous: undefined,
    });
    assert.equal(new Set(weights).size, 1, `second ${second}: ${weights}`);
  }
});

latencyAware('what slows all members changes nothing, and neither do configured weights', () => {
  const policy = createPolicy(settings);
  const weights = (members: readonly MemberLoad[], nowMs: number): number[] =>
    policy.weights({ nowMs, members, previous: undefined });
  assert.equal(new Set(weights(withSynTimes(1, 1.1, 0.9), 0)).size, 1);
  assert.equal(new Set(weights(withSynTimes(100, 110, 90), 1_000)).size, 1);
  const [small, large] = [memberOf('small'), memberOf('large', { configuredWeight: 3 })].map((member) => ({
    ...member,
    activeFlows: 10 * member.configuredWeight,
    newFlowsPerSecond: 5 * member.configuredWeight,
  }));
  const [one, three] = weights([small!, large!], 2_000);
  assert.is(three! / one!, 3);
});

latencyAware('however slow many are, half of the group stays in use', () => {
  const weights = createPolicy(settings).weights({
    nowMs: 0,
    members: withSynTimes(1, 1, 1, 90, 90).map((member, i) =>
      i === 1 ? { ...member, activeFlows: 900, newFlowsPerSecond: 1 } : { ...member, newFlowsPerSecond: 100 },
    ),
    previous: undefined,
  });
  assert.ok(weights.reduce((a, b) => a + b) >= 0.5 * 5 * Math.max(...weights), `weights ${weights}`);
});

latencyAware.run();
