// Criteria with time periods: the switch happens at its time, and running flows stay where they are.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PolicyDetail } from '../../src/api/fleet-shapes.ts';
import type { GroupDetail, RuleRow } from '../../src/api/shapes.ts';
import { until } from '../support/command.ts';
import { shares, Testbed } from '../support/testbed.ts';
import { member } from '../support/testbed-config.ts';

const test = suite('e2e: time periods');

/** From the writing of the configuration to the switch: long enough for the testbed to come up. */
const LEAD_MS = 15_000;

/** Who computes the weights of a group. */
const MODES = [
  { mode: 'distribute-rules' },
  { mode: 'distribute-rules', perLoadBalancer: true },
  { mode: 'distribute-stats' },
  { mode: 'both' },
];
const vipOf = (mode: number): string => `10.1.0.${122 + mode}`;

let bed: Testbed;
let switchAt: Date;
test.before(async () => {
  switchAt = new Date(Math.ceil((Date.now() + LEAD_MS) / 1000) * 1000);
  bed = await Testbed.create((config) => {
    const group = { name: 'night', network: 'app', vip: '10.1.0.121', protocol: 'tcp', port: 80 };
    const boundary = switchAt.toISOString();
    const criteria = [
      { until: boundary, members: [member('s1'), member('s2', { weight: 2 })] },
      { from: boundary, members: [member('s2'), member('s3', { weight: 3 })] },
    ];
    config.groups.push({ ...group, criteria });
    const weighted = [
      { until: boundary, members: [member('s1'), member('s2', { weight: 3 })] },
      {
        from: boundary,
        members: [member('s1', { weight: 3 }), member('s2'), member('s3', { weight: 4 })],
      },
    ];
    MODES.forEach((mode, i) => {
      const policy = { kind: 'even', interval: '200ms', ...mode };
      config.groups.push({ ...group, name: `mode${i}`, vip: vipOf(i), policy, criteria: weighted } as never);
    });
  });
});
test.after(() => bed?.close());

/** As `group show` and `policy show` have them, which say the same. */
async function shownWeights(mode: number): Promise<Record<string, number>> {
  const weights = (members: { member: string; weight: number }[]) =>
    Object.fromEntries(members.map(({ member, weight }) => [member, weight]));
  const group = weights((await bed.json<GroupDetail>('group', 'show', `mode${mode}`)).members);
  assert.equal(weights((await bed.json<PolicyDetail>('policy', 'show', `mode${mode}`)).members), group);
  return group;
}

test('each set of criteria counts in its period, and running flows stay', async () => {
  assert.ok(Date.now() < switchAt.getTime() - 2_000, 'the testbed took too long to come up');
  assert.equal(shares(await bed.ask('c1', '10.1.0.121', 6)), { s1: 2, s2: 4 });
  for (const [i, mode] of MODES.entries()) {
    assert.equal(shares(await bed.ask('c1', vipOf(i), 8)), { s1: 2, s2: 6 }, JSON.stringify(mode));
    assert.equal(await shownWeights(i), { s1: 1, s2: 3 }, JSON.stringify(mode));
  }
  const connection = await bed.keepAsking('c1', '10.1.0.121', 80);
  const [first] = await connection.nextAnswers(1);

  const rules = (await bed.json<RuleRow[]>('rule', 'list', '--port', 'c1')).filter(
    (row) => row.group === 'night',
  );
  const periods = rules.map(({ effectiveFrom, effectiveUntil, members }) => ({
    from: effectiveFrom && Date.parse(effectiveFrom),
    until: effectiveUntil && Date.parse(effectiveUntil),
    members,
  }));
  assert.equal(periods, [
    { from: null, until: switchAt.getTime(), members: ['s1=1', 's2=2'] },
    { from: switchAt.getTime(), until: null, members: ['s2=1', 's3=3'] },
  ]);

  await until('the switch', () => Date.now() > switchAt.getTime(), LEAD_MS + 5_000);
  assert.equal(shares(await bed.ask('c1', '10.1.0.121', 8)), { s2: 2, s3: 6 });
  for (const [i, mode] of MODES.entries()) {
    assert.equal(shares(await bed.ask('c1', vipOf(i), 16)), { s1: 6, s2: 2, s3: 8 }, JSON.stringify(mode));
    assert.equal(await shownWeights(i), { s1: 3, s2: 1, s3: 4 }, JSON.stringify(mode));
  }
  assert.equal(shares(await connection.nextAnswers(10)), { [first!.server]: 10 });
  assert.equal(connection.errors, []);
  await connection.stop();
});

test.run();
