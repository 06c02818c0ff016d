// Three hosts joined by uplinks under one controller, embedded in h1: agents of h2 and h3 attach over TLS. Commands at
// h1, or passed on to it, reach every host; listings add up; policies move flows, computed here or there; and when h1
// is gone, the others go on as they are.
// timeout: 360s
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PolicyDetail } from '../../src/api/fleet-shapes.ts';
import type { Changed, GroupDetail } from '../../src/api/shapes.ts';
import type { Background } from '../support/command.ts';
import { until } from '../support/command.ts';
import { apiOf, Fleet } from '../support/fleet.ts';
import { killProcess } from '../support/host.ts';
import { HOSTS, WEB_SHARES } from '../support/hosts.ts';
import { shares } from '../support/testbed.ts';
import { tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: fleet');

/** A client on each host. */
const CLIENTS = ['c1', 'c3', 'c5'] as const;
/** VIPs of groups with members s1, s3 and s5, one on each host. */
const CALM = '10.1.0.105';
const LOCAL = '10.1.0.106';

let fleet: Fleet;
test.before(async () => {
  const members = ['s1', 's3', 's5'].map((name, i) => {
    const member = { name, address: `10.1.0.2${2 * i + 1}`, port: 8080, weight: i === 0 ? 1 : 0 };
    return member;
  });
  fleet = await Fleet.embedded({
    groups: (groups) => [...groups, tcpGroup('calm', 105, members), tcpGroup('local', 106, members)],
  });
});
test.after(() => fleet?.close());

/** A command at the controller that changes something; the hosts that have it in force. */
async function change(...args: string[]): Promise<string[]> {
  const changed = await fleet.host('h1').json<Changed>(...args);
  assert.is(changed.late, undefined, `late: ${changed.late}`);
  assert.is(changed.refused, undefined);
  return Object.keys(changed.hosts!).sort();
}

const groupAt = (host: 'h1' | 'h2' | 'h3', group: string) =>
  fleet.host(host).json<GroupDetail>('group', 'show', group);

const byMember = <T>({ members }: GroupDetail, figure: (member: GroupDetail['members'][number]) => T) =>
  Object.fromEntries(members.map((member) => [member.member, figure(member)]));

test('all hosts are attached, each with the rules that were sent to it', async () => {
  const rows = await fleet.agents();
  assert.equal(rows.map(({ host }) => host).sort(), [...HOSTS]);
  for (const row of rows) {
    assert.is(row.revision, row.sentRevision, row.host);
    assert.is(row.groups, 6, row.host);
    assert.is(row.error, null);
  }
  assert.equal(rows.map(({ peer }) => peer?.split(':')[0]).sort(), [
    '192.0.2.12',
    '192.0.2.13',
    'in-process',
  ]);
});

test('a host passes questions about the fleet on to the controller', async () => {
  const agents = await fleet.host('h2').json<{ host: string }[]>('agent', 'list');
  assert.equal(agents.map(({ host }) => host).sort(), [...HOSTS]);
  assert.equal(await fleet.host('h2').json('vm', 'list'), []);
});

test('clients of every host spread their flows exactly, and the controller counts them all', async () => {
  for (const client of CLIENTS) {
    assert.equal(shares(await fleet.hosts.ask(client, '10.1.0.100', 10)), WEB_SHARES, client);
  }
  const all = await groupAt('h1', 'web');
  assert.equal(
    byMember(all, ({ newFlows }) => newFlows),
    Object.fromEntries(Object.entries(WEB_SHARES).map(([name, share]) => [name, 3 * share])),
  );
  assert.is(all.newFlows, 30);
  assert.equal(
    byMember(await groupAt('h2', 'web'), ({ newFlows }) => newFlows),
    WEB_SHARES,
    'h2 has its own',
  );
});

test('active flows are listed by host', async () => {
  const held = [
    await fleet.hosts.hold('c3', '10.1.0.104', 8080, 3),
    await fleet.hosts.hold('c5', '10.1.0.104', 8080, 2),
  ];
  const { members } = await groupAt('h1', 'bulk');
  assert.is(members[0]!.activeFlows, 5);
  assert.equal(members[0]!.flowsByHost, { h2: 3, h3: 2 });
  const flows = await fleet.host('h1').json<{ host: string }[]>('flows', '--group', 'bulk');
  assert.equal(flows.map(({ host }) => host).sort(), ['h2', 'h2', 'h2', 'h3', 'h3']);
  await Promise.all(held.map((client) => client.stop()));
});

test('a weight that is changed at the controller is in force at every host when the command returns', async () => {
  assert.equal(await change('member', 'weight', 'web', 's6', '1'), [...HOSTS]);
  for (const client of CLIENTS) {
    const answers = await fleet.hosts.ask(client, '10.1.0.100', 8);
    assert.equal(shares(answers), { ...WEB_SHARES, s6: 1 }, client);
  }
});

test('a command at another host is passed on', async () => {
  const { status, stderr } = await fleet.host('h3').sluice('member', 'weight', 'web', 's6', '3');
  assert.is(status, 0, stderr);
  for (const client of CLIENTS) {
    assert.equal(shares(await fleet.hosts.ask(client, '10.1.0.100', 10)), WEB_SHARES, client);
  }
});

test('a member that drains keeps its connections, and gets no new one from any host', async () => {
  const kept = await fleet.hosts.keepAsking('c3', '10.1.0.104', 8080);
  await change('member', 'add', 'bulk', 's6', '10.1.0.26');
  await change('member', 'drain', 'bulk', 's5');
  for (const client of CLIENTS) {
    assert.equal(shares(await fleet.hosts.ask(client, '10.1.0.104:8080', 3)), { s6: 3 }, client);
  }
  const [answer] = await kept.nextAnswers(1);
  assert.is(answer!.server, 's5');
  const { members } = await groupAt('h1', 'bulk');
  const draining = members.find(({ member }) => member === 's5')!;
  assert.equal([draining.state, draining.flowsLeft, draining.flowsByHost], ['draining', 1, { h2: 1 }]);
  assert.equal(kept.errors, []);
  const impatient = ['member', 'drain', 'bulk', 's5', '--wait', '--give-up-after', '1s'] as const;
  const gaveUp = await fleet.host('h1').sluice(...impatient);
  assert.is(gaveUp.status, 1);
  assert.match(gaveUp.stdout, /not drained: gave up after 1s; s5: 1 flow left: 1 at h2; /);
  const atAnother = await fleet.host('h3').sluice(...impatient);
  assert.match(atAnother.stdout, /not drained: .*: 1 at h2; /, 'h3 itself has none');
  const patient = fleet.host('h1').sluice('member', 'drain', 'bulk', 's5', '--wait');
  await kept.stop();
  const drained = await patient;
  assert.is(drained.status, 0, drained.stdout);
  assert.match(drained.stdout, /s5 is drained: no flows left, confirmed by h1, h2, h3/);
});

test('flows to a member that fails go on to others, on every host', async () => {
  const asking = CLIENTS.map((client) => fleet.hosts.start(client, process.execPath, ...UDP_FLOW));
  const servers = (from: readonly number[]) =>
    asking.map(({ lines }, i) => new Set(lines.slice(from[i]).map((line) => line.split(' ')[0])));
  await until('answers on each flow', () => asking.every(({ lines }) => lines.length > 3));
  const [victim] = [...servers([0, 0, 0])[0]!];
  await change('member', 'fail', 'echo', victim!);
  const from = asking.map(({ lines }) => lines.length + 1); // an answer may have been on its way
  await until('more answers', () => asking.every(({ lines }, i) => lines.length > from[i]! + 5));
  for (const found of servers(from)) assert.not.ok(found.has(victim), `${[...found]} without ${victim}`);
  for (const client of asking) await client.stop();
  await change('member', 'add', 'echo', victim!, `${addressOf(victim!)}:5300`);
  for (const client of CLIENTS) {
    const answers = await fleet.hosts.askUdp(client, '10.1.0.101', 53, 6);
    assert.equal(shares(answers.map((text) => ({ server: text.split(' ')[0]! }))), { s1: 2, s3: 2, s5: 2 });
  }
});

const UDP_FLOW = [
  join(import.meta.dirname, '../support/clients/udp-keep-asking.js'),
  '10.1.0.101',
  '53',
  '20',
];

const addressOf = (server: string): string => `10.1.0.2${server.slice(1)}`;

/** Four connections to s1 from each host: all the others have nothing to do. */
async function loadOne(group: string, vip: string): Promise<Background[]> {
  const held = await Promise.all(CLIENTS.map((client) => fleet.hosts.hold(client, vip, 80, 4)));
  await change('member', 'weight', group, 's3', '1');
  await change('member', 'weight', group, 's5', '1');
  return held;
}

/** Of s3 and s5 there is nothing to measure when the policy comes. */
test('inverse-load: flows of all hosts go where few are, and evenly again when the load has gone', async () => {
  const held = await loadOne('calm', CALM);
  await change('policy', 'set', 'calm', 'inverse-load', 'interval=200ms', 'mode=distribute-rules');
  const weights = async () => {
    const { members } = await apiOf(fleet.host('h1')).get<PolicyDetail>('/v1/groups/calm/policy');
    return members.map(({ weight }) => weight);
  };
  await until('the loaded member to get least', async () => ratio(await weights()) === '1:3:3', 20_000);
  assert.equal(
    byMember(await groupAt('h2', 'calm'), ({ activeFlows }) => activeFlows),
    { s1: 4, s3: 0, s5: 0 },
  );
  for (const client of CLIENTS) {
    assert.equal(shares(await fleet.hosts.ask(client, CALM, 7)), { s1: 1, s3: 3, s5: 3 }, client);
  }
  await Promise.all(held.map((client) => client.stop()));
  await until('even weights', async () => ratio(await weights()) === '1:1:1', 20_000);
});

/** 1000, 3000, 3000: 1:3:3. */
function ratio(weights: readonly number[]): string {
  const least = Math.min(...weights);
  return weights.map((weight) => weight / least).join(':');
}

test('distribute-stats: each host computes the weights from what all hosts have measured', async () => {
  const held = await loadOne('local', LOCAL);
  await change('policy', 'set', 'local', 'inverse-load', 'interval=200ms', 'mode=distribute-stats');
  for (const client of CLIENTS) {
    await until(
      `${client}'s host to have moved its flows`,
      async () => shareText(await fleet.hosts.ask(client, LOCAL, 7)) === 's1 1, s3 3, s5 3',
      20_000,
    );
  }
  const inForce = byMember(await groupAt('h1', 'local'), ({ weight }) => weight);
  assert.equal(inForce, { s1: 1, s3: 3, s5: 3 }, 'the weights that hosts have computed');
  await Promise.all(held.map((client) => client.stop()));
});

const shareText = (answers: readonly { server: string }[]): string =>
  Object.entries(shares(answers))
    .map(([server, count]) => `${server} ${count}`)
    .join(', ');

/** Members of `web` on h1 are given no flows, so that the others can go on without it. */
test('h1 is killed: the other hosts go on, start anew from their last rules, and attach again when it is back', async () => {
  await change('member', 'weight', 'web', 's1', '0');
  await change('member', 'weight', 'web', 's2', '0');
  const withoutH1 = { s3: 1, s4: 2, s5: 1, s6: 3 };
  const h1 = fleet.host('h1');
  const kept = await fleet.hosts.keepAsking('c3', '10.1.0.104', 8080);
  killProcess((await h1.status()).pid);
  for (const client of ['c3', 'c5']) {
    assert.equal(shares(await fleet.hosts.ask(client, '10.1.0.100', 7)), withoutH1, client);
  }
  const h2 = fleet.host('h2');
  const { status, stderr } = await h2.sluice('member', 'weight', 'web', 's3', '9');
  assert.is(status, 1, 'nobody is there to decide');
  assert.match(stderr, /controller/);

  const h3 = fleet.host('h3');
  await kept.stop();
  await fleet.hosts.restart(h3);
  assert.equal(shares(await fleet.hosts.ask('c5', '10.1.0.100', 7)), withoutH1, 'from rules.json');

  await h1.up(h1.config); // the VMs and their servers are still there
  await fleet.attached();
  assert.equal(shares(await fleet.hosts.ask('c1', '10.1.0.100', 7)), withoutH1, 'from its store');
  await change('member', 'weight', 'web', 's1', '1');
  await change('member', 'weight', 'web', 's2', '2');
  for (const client of CLIENTS) {
    assert.equal(shares(await fleet.hosts.ask(client, '10.1.0.100', 10)), WEB_SHARES, client);
  }
});

/** Its changes of members are gone with it, and its epoch, but what it says now is news all the same. */
test('h1 is restarted without its state: the other hosts take what it says from then on', async () => {
  await change('member', 'weight', 'web', 's6', '9');
  await fleet.hosts.restart(fleet.host('h1'));
  await fleet.attached();
  for (const client of CLIENTS) {
    assert.equal(shares(await fleet.hosts.ask(client, '10.1.0.100', 10)), WEB_SHARES, client);
  }
});

test('a host that has lost its run directory gets its rules anew', async () => {
  const h2 = fleet.host('h2');
  await change('member', 'weight', 'web', 's6', '1');
  await fleet.hosts.restart(h2, () => rmSync(h2.runDir, { recursive: true, force: true }));
  await fleet.attached();
  assert.equal(shares(await fleet.hosts.ask('c3', '10.1.0.100', 8)), { ...WEB_SHARES, s6: 1 });
});

test.run();
