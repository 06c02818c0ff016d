// Settings of groups that people of other load balancers expect: a member for each datagram, and service while all drain.
// timeout: 180s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GroupDetail, RuleRow } from '../../src/api/shapes.ts';
import { shares, Testbed } from '../support/testbed.ts';
import { member, tcpGroup } from '../support/testbed-config.ts';

const test = suite('scheduling');

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    config.datapath = { ...config.datapath, loadBalancers: { edge: ['c1', 'c2'] } };
    const udp = ['s1', 's2', 's3'].map((name) => member(name, { port: 5300, weight: name === 's2' ? 2 : 1 }));
    config.groups.push(
      { ...tcpGroup('spread', 170, udp), protocol: 'udp', port: 53, udpScheduling: 'per-datagram' },
      tcpGroup('shared', 172, [member('s1'), member('s2', { weight: 4 })]),
      { ...tcpGroup('falls-back', 171, [member('s1'), member('s2')]), drainFallback: true },
    );
  });
});
test.after(() => bed?.close());

test('UDP from one socket: every datagram finds a member anew, in exact shares, and every reply comes back', async () => {
  const answers = await bed.askUdp('c1', '10.1.0.170', 53, 16, true);
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const [server] = /s[123]$|^s[123]|s[123]/.exec(answer) ?? [answer];
    counts[server!] = (counts[server!] ?? 0) + 1;
  }
  assert.equal(counts, { s1: 4, s2: 8, s3: 4 }, answers.join());
  const stays = await bed.askUdp('c1', '10.1.0.101', 53, 8, true);
  assert.is(
    new Set(stays.map((answer) => /s[1-5]/.exec(answer)?.[0])).size,
    1,
    'a flow of another group stays',
  );
});

test('two ports that share a named load balancer share its cycle', async () => {
  const together: { server: string }[] = [];
  for (let i = 0; i < 5; i++) {
    together.push(...(await bed.ask('c1', '10.1.0.172', 1)), ...(await bed.ask('c2', '10.1.0.172', 1)));
  }
  assert.equal(shares(together), { s1: 2, s2: 8 });
  const rules = await bed.json<RuleRow[]>('rule', 'list', '--port', 'c2');
  assert.is(rules.find(({ group }) => group === 'shared')?.loadBalancer, 'edge/app[tier=client]');
});

test('all members drain: new connections go on, and the listings say who serves', async () => {
  const before = shares(await bed.ask('c1', '10.1.0.171', 4));
  assert.equal(before, { s1: 2, s2: 2 });
  await bed.sluice('member', 'drain', 'falls-back', 's1');
  assert.equal(shares(await bed.ask('c1', '10.1.0.171', 4)), { s2: 4 });
  await bed.sluice('member', 'drain', 'falls-back', 's2');
  assert.equal(shares(await bed.ask('c1', '10.1.0.171', 4)), { s1: 2, s2: 2 });
  const rules = await bed.json<RuleRow[]>('rule', 'list', '--port', 'c1');
  const rule = rules.find(({ group }) => group === 'falls-back')!;
  assert.equal(rule.members, ['s1=1 (draining, serves)', 's2=1 (draining, serves)']);
  const group = await bed.json<GroupDetail>('group', 'show', 'falls-back');
  assert.equal([group.drainFallback, group.udpScheduling], [true, 'per-flow']);
  await bed.sluice('member', 'fail', 'falls-back', 's2');
  assert.equal(shares(await bed.ask('c1', '10.1.0.171', 4)), { s1: 4 });
});

test.run();
