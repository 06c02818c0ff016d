/** What every policy does, whatever its kind: states, missing figures, slow start, bounds, damping, ejection. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createPolicy } from '../../src/policy/create-policy.ts';
import type { MemberLoad, PolicyInput } from '../../src/policy/policy.ts';
import type { LoadMetric, OutlierEjectionConfig, PolicyConfig } from '../../src/policy/policy-config.ts';
import { loadedWith, memberOf, policyOf } from '../support/policy-bed.ts';
import { check } from '../support/seed.ts';

const policies = suite('any policy');

const once = (config: PolicyConfig, members: readonly MemberLoad[], previous?: readonly number[]): number[] =>
  createPolicy(config).weights({ nowMs: 0, members, previous });

const inverseLoad = policyOf('inverse-load');
const UNEVEN = [131, 135, 101, 100, 86] as const;
const WEIGHTS = [1, 1, 2, 2, 3];

const withOne = (members: readonly MemberLoad[], place: number, more: Partial<MemberLoad>): MemberLoad[] =>
  members.map((member, i) => (i === place ? { ...member, ...more } : member));

policies('even: the configured weights of those that are active', () => {
  const members = [3, 1, 0, 2].map((configuredWeight, i) => memberOf(`app${i}`, { configuredWeight }));
  assert.equal(once(policyOf('even'), members), [3, 1, 0, 2]);
  assert.equal(once(policyOf('even'), withOne(members, 0, { state: 'draining' })), [0, 1, 0, 2]);
  assert.equal(once(policyOf('even'), withOne(members, 3, { state: 'failed' })), [3, 1, 0, 0]);
  assert.equal(once(policyOf('even'), []), []);
});

policies('inverse-load: a member configured with twice the weight carries twice the load', () => {
  const twice = withOne(loadedWith(100, 50, 50), 0, { configuredWeight: 2 });
  assert.equal(once(inverseLoad, twice), [2, 1, 1]);
  const less = withOne(loadedWith(100, 50, 100), 0, { configuredWeight: 2 });
  assert.equal(once(inverseLoad, less), [6, 3, 1]);
});

policies('inverse-load: few flows are even, however they lie', () => {
  assert.equal(once(inverseLoad, loadedWith(0, 1, 2)), [1, 1, 1]);
  assert.equal(once(inverseLoad, loadedWith(0, 1, 3)), [3, 2, 1]);
});

policies(
  'inverse-load by other metrics: more load, fewer new flows; what is unknown counts as the mean',
  () => {
    const by = (metric: LoadMetric, ...members: Partial<MemberLoad>[]): number[] =>
      once(
        policyOf('inverse-load', { metric }),
        members.map((more, i) => memberOf(`app${i + 1}`, more)),
      );
    const told = (load: number): Partial<MemberLoad> => ({ reportedLoad: load, reportedAgeMs: 0 });
    assert.equal(by('reported', told(0.9), told(0.1), told(0.5)), [1, 3, 2]);
    assert.equal(by('reported', told(1e15), told(0), told(0)), [1, 3, 3]);
    assert.equal(by('reported', told(0.9), told(0.1), { reportedAgeMs: Infinity, sinceMs: 0 }), [1, 3, 2]);
    assert.equal(by('reported', told(0.5), told(0.6)), [1, 1], 'within the tolerance');
    assert.equal(by('reported', {}, {}), [1, 1], 'nobody reports');
    assert.equal(by('packets', { packetsPerSecond: 900 }, { packetsPerSecond: 100 }), [1, 3]);
    assert.equal(by('rtt', { rttMs: 20 }, { rttMs: 2 }, {}), [1, 3, 2]);
    assert.equal(by('rtt', { rttMs: 0.09 }, { rttMs: 0.01 }), [1, 1], 'noise');
    assert.equal(by('window', { windowBytes: 1_000 }, { windowBytes: 64_000 }), [1, 3]);
    assert.equal(by('retransmissions', { retransmissionsPerSecond: 50 }, {}), [1, 3]);
    assert.equal(by('congestion', { congestionPercent: 180 }, { congestionPercent: 20 }), [1, 3]);
  },
);

policies(
  'a member that no longer reports keeps its share by the metric reported, whatever hosts measure',
  () => {
    const config = policyOf('inverse-load', { metric: 'reported' });
    const fresh = { reportedLoad: 1, reportedAgeMs: 0 };
    const members = [
      memberOf('a', { ...fresh, activeFlows: 500 }),
      memberOf('b', { ...fresh, reportedLoad: 9 }),
      memberOf('c', { reportedLoad: 9, reportedAgeMs: 60_000, activeFlows: 1 }),
    ];
    const weights = once(config, members, [3, 1, 4]);
    assert.equal(
      weights.map((weight) => Math.round((10 * weight) / weights[1]!)),
      [30, 10, 40],
    );
  },
);

policies('no figures: configured weights; old ones: the weights in force', () => {
  const unknown = loadedWith(...UNEVEN).map((member) => ({ ...member, ageMs: Infinity }));
  const old = loadedWith(...UNEVEN).map((member) => ({ ...member, ageMs: 10_001 }));
  assert.equal(once(inverseLoad, unknown), [1, 1, 1, 1, 1]);
  assert.equal(once(inverseLoad, old, [5, 4, 3, 2, 1]), [5, 4, 3, 2, 1]);
  assert.equal(once(inverseLoad, withOne(old, 0, { state: 'failed' }), [5, 4, 3, 2, 1]), [0, 4, 3, 2, 1]);
});

policies('one member with old figures keeps its part, the others are computed', () => {
  const members = withOne(loadedWith(...UNEVEN, 500), 5, { ageMs: 60_000 });
  const weights = once(inverseLoad, members, [2, 2, 2, 2, 2, 5]);
  assert.equal(
    weights.slice(0, 5).map((weight) => Math.round((10 * weight) / weights[4]!)),
    [3, 3, 7, 7, 10],
  );
  // Five tenths of what the others have.
  assert.ok(Math.abs(weights[5]! / weights.slice(0, 5).reduce((a, b) => a + b) - 0.5) < 0.01, `${weights}`);
});

policies('slow start: a tenth at first, half of it after half of the time', () => {
  const config = policyOf('even', { slowStartMs: 30_000 });
  const joining = (sinceMs: number) => [memberOf('a'), memberOf('b', { sinceMs })];
  assert.equal(once(config, joining(0)), [1000, 100]);
  assert.equal(once(config, joining(15_000)), [1000, 500]);
  assert.equal(once(config, joining(30_000)), [1, 1]);
});

policies('floor and ceiling hold exactly, by configured weights', () => {
  const config = policyOf('inverse-load', { spread: 99, floor: 0.5, ceiling: 1.5 });
  const weights = once(config, loadedWith(100, 100, 0, 50));
  const total = weights.reduce((a, b) => a + b);
  weights.forEach((weight, i) => {
    const share = (4 * weight) / total;
    assert.ok(share >= 0.495 && share <= 1.505, `member ${i} has ${share} of its configured share`);
  });
  assert.ok(weights[2]! > weights[3]! || weights[2]! / total > 0.37, `weights ${weights}`);
});

policies('damping goes part of the way; who leaves leaves at once', () => {
  const config = policyOf('inverse-load', { damping: 0.5 });
  const [first, ...rest] = once(config, loadedWith(...UNEVEN), [9, 0, 0, 0, 0]);
  assert.ok(first! > rest[0]!, 'half of what it had');
  const leaving = withOne(loadedWith(...UNEVEN), 0, { state: 'draining' });
  assert.is(once(config, leaving, [9, 1, 1, 1, 1])[0], 0);
});

policies('damped weights arrive in the end', () => {
  const policy = createPolicy(policyOf('inverse-load', { damping: 0.7 }));
  let previous: number[] = [1, 1, 1, 1, 1];
  for (let i = 0; i < 40; i++) {
    previous = policy.weights({ nowMs: i * 1_000, members: loadedWith(...UNEVEN), previous });
  }
  const total = previous.reduce((a, b) => a + b);
  assert.equal(
    previous.map((weight) => Math.round((9 * weight) / total)),
    WEIGHTS,
  );
});

policies('hysteresis: weights stay while they are near', () => {
  const config = policyOf('inverse-load', { hysteresis: 0.2 });
  assert.equal(once(config, loadedWith(...UNEVEN), [110, 100, 200, 210, 310]), [110, 100, 200, 210, 310]);
  assert.equal(once(config, loadedWith(...UNEVEN), [150, 100, 200, 200, 300]), WEIGHTS);
  // Near, but for one that must not have any.
  const failed = withOne(loadedWith(...UNEVEN), 0, { state: 'failed' });
  assert.is(once(config, failed, [110, 100, 200, 210, 310])[0], 0);
});

const ejection: OutlierEjectionConfig = {
  failureRatio: 0.5,
  minimumFlowsPerSecond: 1,
  ejectionMs: 30_000,
  maximumShare: 0.34,
  panicThreshold: 0.5,
};
const failing = (name: string, share: number): MemberLoad =>
  memberOf(name, { newFlowsPerSecond: 10, failedConnectsPerSecond: 10 * share });

policies('an outlier is ejected, longer every time, and tried again', () => {
  const policy = createPolicy(policyOf('even', { outlierEjection: ejection }));
  const at = (second: number, share: number): number => {
    const members = [failing('a', share), failing('b', 0.1), failing('c', 0)];
    return policy.weights({ nowMs: second * 1_000, members, previous: undefined })[0]!;
  };
  assert.is(at(0, 0.4), 1);
  assert.is(at(1, 0.9), 0);
  assert.is(at(30, 0), 0);
  assert.is(at(31, 0), 1);
  assert.is(at(40, 0.9), 0);
  assert.is(at(99, 0), 0);
  assert.is(at(100, 0), 1);
  assert.is(at(500, 0.9), 0, 'forgiven: the first time again');
  assert.is(at(530, 0), 1);
});

policies('only so many are ejected, the worst first; in a panic nobody is', () => {
  const policy = () => createPolicy(policyOf('even', { outlierEjection: ejection }));
  const weightsOf = (members: readonly MemberLoad[]) =>
    policy().weights({ nowMs: 0, members, previous: undefined });
  const six = [0.6, 0.9, 0, 0.8, 0, 0].map((share, i) => failing(`app${i}`, share));
  assert.equal(weightsOf(six), [1, 0, 1, 0, 1, 1]);
  const mostFailed = six.map((member, i): MemberLoad => (i < 3 ? { ...member, state: 'failed' } : member));
  assert.equal(weightsOf(mostFailed), [0, 0, 0, 1, 1, 1], 'two of six would be left');
  assert.equal(weightsOf([failing('only', 1)]), [1]);
});

const anyMember = (i: number): fc.Arbitrary<MemberLoad> =>
  fc.record({
    name: fc.constant(`app${i}`),
    state: fc.constantFrom('active', 'active', 'active', 'draining', 'failed'),
    configuredWeight: fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 65_535 })),
    activeFlows: fc.nat(1_000_000),
    newFlowsPerSecond: fc.double({ min: 0, max: 1e5, noNaN: true }),
    bytesPerSecond: fc.double({ min: 0, max: 1e12, noNaN: true }),
    synTimeMs: fc.option(fc.double({ min: 0, max: 1e4, noNaN: true }), { nil: undefined }),
    packetsPerSecond: fc.double({ min: 0, max: 1e7, noNaN: true }),
    windowBytes: fc.option(fc.double({ min: 1, max: 2 ** 30, noNaN: true }), { nil: undefined }),
    congestionPercent: fc.double({ min: 0, max: 1e4, noNaN: true }),
    reportedLoad: fc.option(fc.double({ min: 0, max: 1e15, noNaN: true }), { nil: undefined }),
    reportedAgeMs: fc.constantFrom(0, 500, 20_000, Infinity),
    rttMs: fc.option(fc.double({ min: 0, max: 1e4, noNaN: true }), { nil: undefined }),
    retransmissionsPerSecond: fc.constant(0),
    resetsPerSecond: fc.constant(0),
    failedConnectsPerSecond: fc.double({ min: 0, max: 1e5, noNaN: true }),
    ageMs: fc.constantFrom(0, 500, 20_000, Infinity),
    sinceMs: fc.constantFrom(0, 5_000, 1e9),
  });
const anyConfig = fc.record({
  kind: fc.constantFrom('even', 'inverse-load', 'latency-aware'),
  metric: fc.constantFrom<LoadMetric[]>(
    'active-flows',
    'packets',
    'rtt',
    'window',
    'retransmissions',
    'congestion',
    'reported',
  ),
  slowStartMs: fc.constantFrom(0, 10_000),
  damping: fc.constantFrom(0, 0.9),
  hysteresis: fc.constantFrom(0, 0.1),
  floor: fc.constantFrom(0, 0.2),
  ceiling: fc.constantFrom(undefined, 2),
  flowLimit: fc.constantFrom(undefined, 1_000),
  outlierEjection: fc.constantFrom(undefined, ejection),
});
const anySteps = fc.integer({ min: 0, max: 8 }).chain((count) =>
  fc.array(fc.tuple(...Array.from({ length: count }, (_, i) => anyMember(i))), {
    minLength: 1,
    maxLength: 6,
  }),
);

policies(
  'whatever comes: whole weights, 0 for those that must not, and more than 0 for somebody who may',
  () => {
    check(
      fc.property(anyConfig, anySteps, (config, steps) => {
        const policy = createPolicy(policyOf(config.kind, config));
        let previous: number[] | undefined;
        steps.forEach((members, step) => {
          const input: PolicyInput = { nowMs: step * 1_000, members, previous };
          const weights = policy.weights(input);
          assert.is(weights.length, members.length);
          weights.forEach((weight, i) => {
            assert.ok(Number.isInteger(weight) && weight >= 0 && weight <= 65_535, `weight ${weight}`);
            const { state, configuredWeight } = members[i]!;
            if (state !== 'active' || configuredWeight === 0) assert.is(weight, 0);
            else if (config.outlierEjection === undefined) assert.ok(weight > 0);
          });
          const mayHave = members.some((member) => member.state === 'active' && member.configuredWeight > 0);
          assert.is(
            weights.some((weight) => weight > 0),
            mayHave,
          );
          previous = weights;
        });
      }),
      500,
    );
  },
);

policies.run();
