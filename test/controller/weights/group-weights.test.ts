/** Policies are asked when something may have changed, and answer as if they were asked every time. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../../src/config/load.ts';
import type { GroupConfig } from '../../../src/config/model/model.ts';
import { Aggregation } from '../../../src/controller/load/aggregation.ts';
import { GroupWeights, type Loads } from '../../../src/controller/weights/group-weights.ts';
import { makeColumns, reportOf } from '../../../src/messages/report.ts';
import type { Moment } from '../../../src/runtime/runtime.ts';
import { Random, runs, seed } from '../../support/seed.ts';

const test = suite('group weights');

const POLICIES = [
  '{ kind: inverse-load, interval: 1s, tolerance: 0 }',
  '{ kind: inverse-load, interval: 1s, damping: 0.5, hysteresis: 0.02 }',
  '{ kind: inverse-load, interval: 1s, slowStart: 20s, floor: 0.2 }',
  '{ kind: latency-aware, interval: 1s }',
  '{ kind: even, interval: 2s, outlierEjection: {} }',
];

const groupsOf = (members: number, policies: readonly string[] = POLICIES): Map<string, GroupConfig> =>
  new Map(
    parseConfiguration(`
host: c1
networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/16] }]
groups:
${policies
  .map(
    (policy, at) => `  - name: g${at}
    network: app
    vip: 10.1.1.${at}
    policy: ${policy}
    members: [${Array.from({ length: members }, (_, i) => `{ name: m${i}, address: 10.1.0.${i + 1} }`).join(', ')}]`,
  )
  .join('\n')}
`).groups.map((group) => [group.name, group]),
  );

const at = (nowMs: number): Moment => ({ monotonicMs: nowMs, wallMs: nowMs });

/** Reports of hosts with running sequences; all figures are totals. */
class Reporter {
  readonly aggregation = new Aggregation();
  private readonly sequences = new Map<string, number>();

  report(
    host: string,
    rows: readonly { group: string; member: string; flows: number }[],
    nowMs: number,
  ): void {
    const sequence = (this.sequences.get(host) ?? 0) + 1;
    if (sequence === 1) this.aggregation.attached(host, 1);
    this.sequences.set(host, sequence);
    const none = Object.fromEntries(Object.keys(makeColumns(0)).map((name) => [name, 0])) as never;
    const header = { sequence, atMs: nowMs, intervalMs: 1_000, isAggregated: true };
    const report = reportOf(
      header,
      rows.map(({ group, member, flows }) => ({
        ...(none as object),
        group,
        member,
        address: '10.1.0.1',
        loadBalancer: '',
        activeFlows: flows,
        newFlows: flows,
        synTimeMicros: 100 + flows,
        connects: flows,
      })) as never,
    );
    this.aggregation.report(host, report, nowMs);
  }
}

/** Never the same version twice: no policy comes to rest. */
const restless = (source: Loads): Loads => {
  let version = 0;
  return {
    loads: (group, nowMs) => source.loads(group, nowMs),
    loadsByBalancer: (group, nowMs) => source.loadsByBalancer(group, nowMs),
    versionOf: () => ++version,
    silenceMs: (nowMs) => source.silenceMs(nowMs),
  };
};

const weightsOf = (groups: GroupWeights): unknown =>
  [...groups.groups].map(([name, { criteria }]) => [name, criteria[0]!.members.map(({ weight }) => weight)]);

test('whatever is reported, and however hosts fall silent and come back: weights are those of policies that are asked each time', () => {
  for (let round = 0; round < runs(5); round++) {
    const random = new Random(seed, 40 + round);
    const reporter = new Reporter();
    const resting = new GroupWeights(reporter.aggregation);
    const asked = new GroupWeights(restless(reporter.aggregation));
    let nowMs = 1_000_000;
    let members = 3;
    const flows = new Map<string, number>();
    for (let step = 0; step < 150; step++) {
      if (step === 0 || random.chance(40)) {
        members = random.between(2, 5);
        const groups = groupsOf(members);
        resting.setGroups(groups, at(nowMs));
        asked.setGroups(groups, at(nowMs));
      }
      if (random.chance(4))
        flows.set(`${random.below(2)} g${random.below(5)} m${random.below(members)}`, random.below(200));
      for (const host of [0, 1]) {
        // The second is silent for a while now and then.
        if (host === 1 && step % 60 > 40) continue;
        const rows = [...flows]
          .filter(([key]) => key.startsWith(`${host} `))
          .map(([key, count]) => ({ group: key.split(' ')[1]!, member: key.split(' ')[2]!, flows: count }));
        reporter.report(`h${host}`, rows, nowMs);
      }
      nowMs += random.pick([100, 500, 1_000, 1_000]);
      resting.tick(at(nowMs));
      asked.tick(at(nowMs));
      assert.equal(weightsOf(resting), weightsOf(asked), `seed ${seed}, round ${round}, step ${step}`);
    }
  }
});

test('a policy whose figures do not change is not asked, and is asked again as soon as they do', () => {
  const reporter = new Reporter();
  let asked = 0;
  const weights = new GroupWeights({
    loads: (group, nowMs) => {
      asked++;
      return reporter.aggregation.loads(group, nowMs);
    },
    loadsByBalancer: () => new Map(),
    versionOf: (group, nowMs) => reporter.aggregation.versionOf(group, nowMs),
    silenceMs: (nowMs) => reporter.aggregation.silenceMs(nowMs),
  });
  let nowMs = 1_000_000;
  weights.setGroups(
    groupsOf(3, ['{ kind: inverse-load, interval: 1s, tolerance: 0, staleAfter: 3s }']),
    at(nowMs),
  );
  const rows = [0, 1, 2].map((i) => ({ group: 'g0', member: `m${i}`, flows: 10 * i }));
  const pass = (seconds: number, figures: typeof rows): void => {
    for (let i = 0; i < seconds; i++) {
      nowMs += 1_000;
      reporter.report('h', figures, nowMs);
      weights.tick(at(nowMs));
    }
  };
  pass(3, rows);
  assert.ok(asked > 0);
  pass(5, []); // rates end
  asked = 0;
  pass(20, []);
  assert.is(asked, 0);
  pass(1, [{ group: 'g0', member: 'm0', flows: 50 }]);
  assert.is(asked, 1);
  pass(5, []);
  asked = 0;
  nowMs += 3_500; // the host is silent: its figures become old
  weights.tick(at(nowMs));
  assert.is(asked, 1);
});

const T_MS = Date.parse('2026-12-01T13:00:00Z');

/** Two criteria sets, the second from T_MS on. */
const periods = (policy: string): Map<string, GroupConfig> => {
  const { groups } = parseConfiguration(`
host: c1
networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/16] }]
groups:
  - name: g0
    network: app
    vip: 10.1.1.0
    policy: ${policy}
    criteria:
      - { until: 2026-12-01T13:00:00Z, members: [{ name: m0, address: 10.1.0.1 }, { name: m1, address: 10.1.0.2, weight: 3 }] }
      - { from: 2026-12-01T13:00:00Z, members: [{ name: m0, address: 10.1.0.1, weight: 3 }, { name: m1, address: 10.1.0.2 }, { name: m2, address: 10.1.0.3, weight: 4 }] }
`);
  return new Map(groups.map((group) => [group.name, group]));
};

const ofSets = (weights: GroupWeights): { weight: number; configured: number }[][] =>
  weights.groups
    .get('g0')!
    .criteria.map(({ members }) =>
      members.map(({ weight, configuredWeight }) => ({ weight, configured: configuredWeight ?? weight })),
    );

const weightsBySet = (weights: GroupWeights): number[][] =>
  ofSets(weights).map((set) => set.map(({ weight }) => weight));

test('each criteria set has its own weights, from before its time on', () => {
  const weights = new GroupWeights(new Reporter().aggregation);
  weights.setGroups(periods('{ kind: even, interval: 1s }'), at(T_MS - 10_000));
  for (const nowMs of [T_MS - 9_000, T_MS - 1, T_MS, T_MS + 1_000]) {
    weights.tick(at(nowMs));
    assert.equal(weightsBySet(weights), [
      [1, 3],
      [3, 1, 4],
    ]);
  }
});

test('the next set has weights by the loads of its members when its time comes, and the configured ones beside them', () => {
  const reporter = new Reporter();
  const weights = new GroupWeights(reporter.aggregation);
  weights.setGroups(periods('{ kind: inverse-load, interval: 1s, tolerance: 0 }'), at(T_MS - 10_000));
  const rows = [30, 10].map((flows, i) => ({ group: 'g0', member: `m${i}`, flows }));
  reporter.report('h', rows, T_MS - 2_000);
  weights.tick(at(T_MS - 1_500));
  const [now, next] = weightsBySet(weights);
  assert.ok(now![1]! / now![0]! > 3, `m1 has less load than m0: ${now}`);
  assert.ok(next![2]! / next![0]! > 4 / 3, `m2 has none yet: ${next}`);
  assert.equal(
    ofSets(weights).map((set) => set.map(({ configured }) => configured)),
    [
      [1, 3],
      [3, 1, 4],
    ],
  );
  weights.tick(at(T_MS));
  assert.equal(weightsBySet(weights)[1], next, 'nothing changes at that time');
});

test('a policy with a long interval is asked when another set comes into force', () => {
  const reporter = new Reporter();
  const weights = new GroupWeights(reporter.aggregation);
  weights.setGroups(
    periods('{ kind: inverse-load, interval: 30m, staleAfter: 1h, tolerance: 0 }'),
    at(T_MS - 3_600_000),
  );
  weights.tick(at(T_MS - 100));
  reporter.report('h', [{ group: 'g0', member: 'm0', flows: 90 }], T_MS - 50);
  assert.not.ok(weights.tick(at(T_MS - 1)));
  assert.ok(weights.tick(at(T_MS)));
  assert.ok(weightsBySet(weights)[1]![0]! < weightsBySet(weights)[1]![2]!);
});

test.run();
