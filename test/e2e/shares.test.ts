// How new flows are spread: exact weighted round robin, one cycle per load balancer.
// timeout: 180s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shares, Testbed, WEB_SHARES } from '../support/testbed.ts';

const test = suite('e2e: shares');

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create();
  await bed.holdQuietly('s4', '10.1.0.102');
  await bed.holdQuietly('s5', '10.1.0.102');
});
test.after(() => bed?.close());

const times = (counts: Record<string, number>, factor: number) =>
  Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count * factor]));

test('of each ten consecutive new TCP flows from one port: 1, 3, 1, 3, 2', async () => {
  const answers = await bed.ask('c1', '10.1.0.100', 50);
  for (let cycle = 0; cycle < 5; cycle++) {
    assert.equal(shares(answers.slice(cycle * 10, cycle * 10 + 10)), WEB_SHARES, `cycle ${cycle}`);
  }
});

test('within a cycle the heavy members are spread out, not in runs', async () => {
  const servers = (await bed.ask('c1', '10.1.0.100', 30)).map((answer) => answer.server);
  for (let i = 2; i < servers.length; i++) {
    const three = servers.slice(i - 2, i + 1);
    assert.is.not(new Set(three).size, 1, `${three} at ${i} of ${servers}`);
  }
});

test('each port has a cycle of its own', async () => {
  const [fromC2, fromC3] = await Promise.all([
    bed.ask('c2', '10.1.0.100', 20),
    bed.ask('c3', '10.1.0.100', 30),
  ]);
  assert.equal(shares(fromC2), times(WEB_SHARES, 2));
  assert.equal(shares(fromC3), times(WEB_SHARES, 3));
});

test('flows that open at the same time count the same', async () => {
  const url = 'http://10.1.0.100/?[1-60]';
  const options = [
    '-sSf',
    '--max-time',
    '20',
    '-H',
    'Connection: close',
    '--parallel',
    '--parallel-max',
    '20',
  ];
  const text = await bed.exec('c1', 'curl', ...options, '--parallel-immediate', url);
  const servers = text
    .trim()
    .split('\n')
    .map((line) => ({ server: line.split(' ')[0]! }));
  assert.equal(shares(servers), times(WEB_SHARES, 6));
});

test('IPv6: the same shares', async () => {
  const answers = await bed.ask('c1', '[fd00:1::100]', 30);
  for (let cycle = 0; cycle < 3; cycle++) {
    assert.equal(shares(answers.slice(cycle * 10, cycle * 10 + 10)), WEB_SHARES, `cycle ${cycle}`);
  }
});

test('UDP: 1, 2, 1 of each four new flows', async () => {
  const answers = await bed.askUdp('c1', '10.1.0.101', 53, 12);
  const servers = answers.map((answer) => ({ server: answer.split(' ')[0]! }));
  for (let cycle = 0; cycle < 3; cycle++) {
    assert.equal(
      shares(servers.slice(cycle * 4, cycle * 4 + 4)),
      { s1: 1, s2: 2, s3: 1 },
      answers.join('\n'),
    );
  }
});

test('MAC redirect: 1, 1', async () => {
  assert.equal(shares(await bed.ask('c1', '10.1.0.102:8080', 10)), { s4: 5, s5: 5 });
});

test('all packets of a TCP connection meet one member', async () => {
  const connection = await bed.keepAsking('c1', '10.1.0.100', 80);
  const answers = await connection.nextAnswers(30);
  await connection.stop();
  assert.is(new Set(answers.map((answer) => `${answer.server} ${answer.peer}`)).size, 1);
  assert.equal(connection.errors, []);
});

test('all datagrams of a UDP flow meet one member', async () => {
  const answers = await bed.askUdp('c1', '10.1.0.101', 53, 20, true);
  assert.is(
    new Set(answers.map((answer) => answer.split(' ').slice(0, 2).join(' '))).size,
    1,
    answers.join('\n'),
  );
  assert.match(answers[19]!, /datagram 19$/);
});

test.run();
