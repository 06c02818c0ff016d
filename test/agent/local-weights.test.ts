// Weights that a host computes by itself: from configured weights, criteria set by criteria set.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LocalWeights } from '../../src/agent/local-weights.ts';
import { parseConfiguration } from '../../src/config/load.ts';
import type { GroupConfig } from '../../src/config/model/model.ts';
import { weightsOfSet } from '../../src/host/publishing/weights.ts';
import type { MemberGlobal } from '../../src/messages/messages.ts';

const test = suite('weights computed by the agent');

const NOW_MS = Date.parse('2026-12-01T13:00:00Z');
const BALANCER = 'port web1';

function group(policy: string, members: string): GroupConfig {
  const { groups } = parseConfiguration(`
host: h1
networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/24] }]
groups:
  - { name: app, network: app, vip: 10.1.0.100, policy: ${policy}, ${members} }
`);
  return groups[0]!;
}

const member = (name: string, weight: number): string =>
  `{ name: ${name}, address: 10.1.0.${name.charCodeAt(0) - 96}, weight: ${weight} }`;

const loadOf = (name: string, activeFlows: number): MemberGlobal => ({
  name,
  hosts: 1,
  activeFlows,
  newFlowsPerSecond: 1,
  bytesPerSecond: 1,
  packetsPerSecond: 1,
  synTimeMicros: 0,
  rttMicros: 0,
  retransmissionsPerSecond: 0,
  resetsPerSecond: 0,
  failedConnectsPerSecond: 0,
  zeroWindowsPerSecond: 0,
  congestionPercent: 100,
  windowBytes: 0,
  reportedLoad: 0,
  loadReporters: 0,
  reportedAgeMs: 0,
  ageMs: 0,
});

/** Weights of each criteria set, in its members' order. */
function weightsOf(local: LocalWeights, config: GroupConfig, nowMs: number): number[][] {
  const weights = local
    .compute([{ loadBalancerKey: BALANCER, groups: [config] }], () => 0, {
      monotonicMs: nowMs,
      wallMs: nowMs,
    })
    .get(BALANCER)!
    .get('app')!;
  return config.criteria.map((set) => {
    const ofSet = weightsOfSet(weights, set);
    return set.members.map(({ name, weight }) => ofSet?.get(name) ?? weight);
  });
}

const stats = (members: readonly MemberGlobal[]) => ({
  epoch: 1,
  sequence: 1,
  atMs: NOW_MS,
  groups: [{ name: 'app', members }],
});

test('mode both: what the controllers have computed is not the configured weight', () => {
  const members = ['a', 'b', 'c', 'd', 'e'];
  const config = group(
    '{ kind: inverse-load, mode: both, tolerance: 0 }',
    `members: [${members.map((name) => member(name, 1)).join(', ')}]`,
  );
  const distributed = [1, 1, 2, 2, 3];
  const [set] = config.criteria;
  const out = set!.members.map((one, i) => ({ ...one, weight: distributed[i]!, configuredWeight: 1 }));
  const local = new LocalWeights();
  local.received(stats([131, 135, 101, 100, 86].map((flows, i) => loadOf(members[i]!, flows))), NOW_MS);
  assert.equal(weightsOf(local, { ...config, criteria: [{ members: out }] }, NOW_MS), [distributed]);
});

const PERIODS = `criteria: [${[
  `{ until: 2026-12-01T13:00:00Z, members: [${member('a', 1)}, ${member('b', 3)}] }`,
  `{ from: 2026-12-01T13:00:00Z, until: 2026-12-01T14:00:00Z, members: [${member('a', 3)}, ${member('b', 1)}, ${member('c', 4)}] }`,
  `{ from: 2026-12-01T14:00:00Z, members: [${member('c', 9)}] }`,
].join(', ')}]`;

test('each criteria set has its own weights, before its time has come and after', () => {
  const local = new LocalWeights();
  const config = group('{ kind: even, mode: distribute-stats }', PERIODS);
  const expected = [[1, 3], [3, 1, 4], [9]];
  assert.equal(weightsOf(local, config, NOW_MS - 1_000), expected);
  assert.equal(weightsOf(local, config, NOW_MS), expected);
  assert.equal(weightsOf(local, config, NOW_MS + 3_600_000), expected);
});

test('the next set has the weights of its own members and their loads when it begins', () => {
  const local = new LocalWeights();
  const config = group('{ kind: inverse-load, mode: distribute-stats, tolerance: 0 }', PERIODS);
  local.received(stats([loadOf('a', 30), loadOf('b', 10)]), NOW_MS - 1_000);
  const [now, next, later] = weightsOf(local, config, NOW_MS - 1_000);
  assert.ok(now![1]! / now![0]! > 3, `b has less load than a: ${now}`);
  assert.ok(next![2]! / next![0]! > 4 / 3, `c has none yet: ${next}`);
  assert.is(next![1]! / next![0]!, 1 / 3, 'a and b have as much load as their weights of this set say');
  assert.equal(later, [9], 'not asked for yet');
  assert.equal(weightsOf(local, config, NOW_MS - 500)[1], next, 'steady until its time');
  assert.equal(weightsOf(local, config, NOW_MS)[1], next, 'and at it');
});

test.run();
