// What changes of membership do to new flows and to running ones.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Changed, FlowRow, GroupDetail } from '../../src/api/shapes.ts';
import type { Drained } from '../../src/cli/commands/member/drained.ts';
import { during } from '../support/capture.ts';
import { sleep, until } from '../support/command.ts';
import { type KeptConnection, shares, Testbed } from '../support/testbed.ts';
import { member, tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: members');

/** A group of its own for each test: name → last byte of the VIP. */
const GROUPS = {
  weight: 111,
  zero: 112,
  drain: 113,
  deadline: 114,
  fail: 115,
  add: 116,
  remove: 117,
  both: 118,
  hand: 119,
};

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    for (const [name, vip] of Object.entries(GROUPS)) {
      config.groups.push(tcpGroup(name, vip, [member('s1'), member('s2')]));
    }
  });
});
test.after(() => bed?.close());

const vipOf = (group: keyof typeof GROUPS) => `10.1.0.${GROUPS[group]}`;

const change = (...args: string[]) => bed.json<Changed>('member', ...args);

const detailOf = async (group: string, name: string) => {
  const { members } = await bed.json<GroupDetail>('group', 'show', group);
  return members.find((row) => row.member === name);
};

const flowsOf = (group: string, name: string) =>
  bed.json<FlowRow[]>('flows', '--group', group, '--member', name);

interface Connected {
  connection: KeptConnection;
  /** The member that it is on, and the other one of the group. */
  server: string;
  other: string;
  clientPort: string;
}

/** A running connection through the group. */
async function connect(group: keyof typeof GROUPS): Promise<Connected> {
  const connection = await bed.keepAsking('c1', vipOf(group), 80);
  const [answer] = await connection.nextAnswers(1);
  const { server, peer } = answer!;
  return { connection, server, other: server === 's1' ? 's2' : 's1', clientPort: peer.split(':')[1]! };
}

test('a new weight counts for new flows; running ones stay where they are', async () => {
  const { connection, server, other } = await connect('weight');
  const { revision } = await change('weight', 'weight', other, '4');
  assert.ok(revision > 1);
  assert.equal(
    shares(await bed.ask('c1', vipOf('weight'), 20)),
    Object.fromEntries(
      [
        [server, 4],
        [other, 16],
      ].sort(),
    ),
  );
  assert.equal(shares(await connection.nextAnswers(20)), { [server]: 20 });
  assert.equal(connection.errors, []);
  assert.is((await detailOf('weight', other))!.weight, 4);
  await connection.stop();
});

test('a weight by hand for one load balancer: its port has other shares than the rest, until it is reset', async () => {
  const fresh = async (client: string, count: number) => shares(await bed.ask(client, vipOf('hand'), count));
  await change('weight', 'hand', 's1', '3', '--port', 'c1');
  assert.equal(await fresh('c1', 8), { s1: 6, s2: 2 });
  assert.equal(await fresh('c2', 8), { s1: 4, s2: 4 });
  const row = (await detailOf('hand', 's1'))!;
  assert.is(row.weight, 1);
  assert.equal(
    row.loadBalancers
      .filter(({ weight }) => weight !== row.weight)
      .map(({ loadBalancer, weight }) => [loadBalancer, weight]),
    [['c1', 3]],
  );
  await change('weight', 'hand', 's2', '2');
  assert.equal(await fresh('c1', 10), { s1: 6, s2: 4 }, 'the other weight holds there as well');
  assert.equal(await fresh('c2', 9), { s1: 3, s2: 6 });
  await change('reset', 'hand', 's1', '--port', 'c1');
  assert.equal(await fresh('c1', 9), { s1: 3, s2: 6 });
  const unknown = await bed.sluice('member', 'weight', 'hand', 's1', '3', '--port', 'c99');
  assert.is(unknown.status, 1);
  assert.match(unknown.stderr, /port: found c99, expected /);
  const timed = await bed.sluice('member', 'weight', 'hand', 's1', '3', '--port', 'c1', '--at', '+5m');
  assert.is(timed.status, 2, timed.stderr);
});

test('weight 0: no new flows, running ones go on', async () => {
  const { connection, server, other } = await connect('zero');
  await change('weight', 'zero', server, '0');
  assert.equal(shares(await bed.ask('c1', vipOf('zero'), 10)), { [other]: 10 });
  assert.equal(shares(await connection.nextAnswers(20)), { [server]: 20 });
  await change('weight', 'zero', server, '1');
  assert.equal(shares(await bed.ask('c1', vipOf('zero'), 10)), { s1: 5, s2: 5 });
  assert.equal(connection.errors, []);
  await connection.stop();
});

test('drain: no new flows, running ones go on, the listing says so', async () => {
  const { connection, server, other } = await connect('drain');
  await change('drain', 'drain', server);
  assert.equal(shares(await bed.ask('c1', vipOf('drain'), 10)), { [other]: 10 });
  assert.equal(shares(await connection.nextAnswers(20)), { [server]: 20 });
  assert.equal(connection.errors, []);
  const row = await detailOf('drain', server);
  assert.is(row!.state, 'draining');
  assert.ok(row!.activeFlows >= 1, `${row!.activeFlows} active flows`);
  assert.equal([row!.flowsLeft, row!.drainDeadline], [1, null]);
  const text = (await bed.sluice('group', 'show', 'drain')).stdout;
  assert.match(text, new RegExp(`^${server} drains: 1 flow left$`, 'm'));
  const impatient = ['member', 'drain', 'drain', server, '--wait', '--give-up-after', '1s'] as const;
  const gaveUp = await bed.sluice(...impatient);
  assert.is(gaveUp.status, 1, gaveUp.stdout);
  assert.match(
    gaveUp.stdout,
    /is not drained: gave up after 1s; .*: 1 flow left: 1 at \S+; no deadline; .* within /,
  );
  assert.match(gaveUp.stderr, /: 1 flow left/);
  const patient = bed.sluice('member', 'drain', 'drain', server, '--wait', '-o', 'json');
  assert.equal(shares(await connection.nextAnswers(5)), { [server]: 5 });
  await connection.stop();
  const { status, stdout } = await patient;
  assert.is(status, 0, stdout);
  const result = JSON.parse(stdout) as Drained;
  assert.equal([result.drained, result.flowsLeft, result.remaining], [true, 0, []]);
  assert.is((await detailOf('drain', server))!.flowsLeft, 0);
  assert.is((await detailOf('drain', other))!.flowsLeft, null);
});

test('drain with a deadline: running flows go on until it, and not longer', async () => {
  const connected = await connect('deadline');
  const { connection, server, other } = connected;
  await change('drain', 'deadline', server, '--deadline', '8s');
  const { flowsLeft, drainDeadline } = (await detailOf('deadline', server))!;
  assert.is(flowsLeft, 1);
  const leftMs = Date.parse(drainDeadline!) - Date.now();
  assert.ok(leftMs > 0 && leftMs <= 8_000, drainDeadline!);
  assert.equal(shares(await connection.nextAnswers(20)), { [server]: 20 });
  assert.is((await flowsOf('deadline', server)).length > 0, true);
  await until('the records to go', async () => (await flowsOf('deadline', server)).length === 0, 20_000);
  await noMoreReaches(connected);
  assert.equal(shares(await bed.ask('c1', vipOf('deadline'), 4)), { [other]: 4 });
});

test('fail: its records are purged, it gets no packet more, new flows avoid it', async () => {
  const connected = await connect('fail');
  const { server, other } = connected;
  assert.is((await flowsOf('fail', server)).length > 0, true);
  await change('fail', 'fail', server);
  assert.equal(await flowsOf('fail', server), []);
  await noMoreReaches(connected);
  assert.equal(shares(await bed.ask('c1', vipOf('fail'), 10)), { [other]: 10 });
  const row = await detailOf('fail', server);
  assert.is(row!.state, 'failed');
  assert.is(row!.activeFlows, 0);
  assert.match(row!.health!, /^member fail( by .+)? on \d{4}-/);
});

/** No packet of the client reaches the member any more, though the client still tries. */
async function noMoreReaches({ connection, server, clientPort }: Connected): Promise<void> {
  const answers = connection.answers;
  const seen = await during(
    bed,
    server,
    `src host 10.1.0.11 and tcp src port ${clientPort}`,
    () => sleep(1_000),
    (capture) =>
      capture.fields(['ip.src', 'ip.dst', 'tcp.srcport', 'tcp.dstport', 'tcp.flags.str', 'tcp.len']),
  );
  assert.equal(seen, [], `packets that reached ${server}`);
  assert.ok(connection.answers <= answers + 1, 'the connection still gets answers');
  if (connection.isRunning) await connection.stop();
}

test('add: the new member takes its share', async () => {
  const before = (await bed.status()).revision;
  const { revision } = await change('add', 'add', 's3', '10.1.0.23:8080', '--weight', '2');
  assert.ok(revision > before, `revision ${revision} after ${before}`);
  assert.is((await bed.status()).revision, revision);
  assert.equal(shares(await bed.ask('c1', vipOf('add'), 12)), { s1: 3, s2: 3, s3: 6 });
  const row = await detailOf('add', 's3');
  assert.equal([row!.address, row!.port, row!.weight, row!.state], ['10.1.0.23', 8080, 2, 'active']);
});

test('remove: no new flows, running ones go on, the member is no longer listed', async () => {
  const { connection, server, other } = await connect('remove');
  await change('remove', 'remove', server);
  assert.equal(shares(await bed.ask('c1', vipOf('remove'), 6)), { [other]: 6 });
  assert.equal(shares(await connection.nextAnswers(20)), { [server]: 20 });
  assert.equal(connection.errors, []);
  assert.is(await detailOf('remove', server), undefined);
  await connection.stop();
});

test('changes of one group leave the others alone', async () => {
  const web = await bed.json<GroupDetail>('group', 'show', 'web');
  await change('fail', 'both', 's1');
  const after = await bed.json<GroupDetail>('group', 'show', 'web');
  assert.equal(
    after.members.map(({ member: name, state, weight }) => [name, state, weight]),
    web.members.map(({ member: name, state, weight }) => [name, state, weight]),
  );
  assert.equal(shares(await bed.ask('c2', '10.1.0.100', 10)), { s1: 1, s2: 3, s3: 1, s4: 3, s5: 2 });
});

test('what cannot be done says so and changes nothing', async () => {
  const { revision } = await bed.status();
  const refused: [status: number, words: string, args: string[]][] = [
    [1, 'nowhere', ['weight', 'nowhere', 's1', '1']],
    [1, 'nobody', ['weight', 'web', 'nobody', '1']],
    [1, 'nobody', ['drain', 'web', 'nobody']],
    [1, 'nobody', ['fail', 'web', 'nobody']],
    [1, 'nobody', ['remove', 'web', 'nobody']],
    [1, 's1', ['add', 'web', 's1', '10.1.0.29:8080']],
    [2, '-1', ['weight', 'web', 's1', '-1']],
    [2, '65536', ['weight', 'web', 's1', '65536']],
    [2, 'heavy', ['weight', 'web', 's1', 'heavy']],
    [2, '10.1.0.300', ['add', 'web', 's9', '10.1.0.300']],
    [2, 'soon', ['drain', 'web', 's1', '--deadline', 'soon']],
    [2, '', ['weight', 'web', 's1']],
    [2, '', ['explode', 'web', 's1']],
  ];
  for (const [status, words, args] of refused) {
    const result = await bed.sluice('member', ...args);
    assert.is(result.status, status, `member ${args.join(' ')}: ${result.stderr}`);
    assert.is(result.stdout, '');
    assert.ok(result.stderr.includes(words), `member ${args.join(' ')}: ${result.stderr}`);
  }
  assert.is((await bed.status()).revision, revision);
});

test.run();
