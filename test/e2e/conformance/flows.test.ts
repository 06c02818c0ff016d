// What becomes of flows, with real stacks at both ends: reuse of ports, hairpin, failure, re-pick, floods.
// timeout: 240s
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Changed, FlowRow, GroupDetail } from '../../../src/api/shapes.ts';
import { type Background, until } from '../../support/command.ts';
import { tcpFrame } from '../../support/packets.ts';
import { sendFrames, wayFrom } from '../../support/raw-frames.ts';
import { Testbed } from '../../support/testbed.ts';
import { type GroupText, type MemberText, member, tcpGroup } from '../../support/testbed-config.ts';

const test = suite('conformance: flows');

const ASK_FROM = join(import.meta.dirname, '../../support/clients/ask-from.js');
const UDP_KEEP_ASKING = join(import.meta.dirname, '../../support/clients/udp-keep-asking.js');

const MAX_CONNECTIONS = 1_024;
const UDP_MEMBERS = [member('s1', { port: 5300 }), member('s2', { port: 5300 })];
const udpGroup = (name: string, vip: number, members: MemberText[], more: Partial<GroupText> = {}) => ({
  ...tcpGroup(name, vip, members),
  protocol: 'udp',
  port: 53,
  ...more,
});

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    const self = { name: 'c1', address: '10.1.0.11' };
    config.datapath = { maxConnections: MAX_CONNECTIONS, udpIdle: '3s', tcpTransitoryIdle: '8s' };
    config.groups.push(
      tcpGroup('self', 140, [{ ...self, port: 8080 }]),
      udpGroup('self-udp', 141, [{ ...self, port: 5300 }]),
      tcpGroup('failing', 142, [member('s1'), member('s2')]),
      udpGroup('udp-failing', 143, UDP_MEMBERS),
      udpGroup('udp-removed', 144, UDP_MEMBERS),
      udpGroup('repick', 145, UDP_MEMBERS, { udpRepick: '1s', udpIdle: '1m' }),
      tcpGroup('same', 146, [member('s1')]),
      tcpGroup('reuse', 147, [member('s1'), member('s2')]),
      udpGroup('stay', 148, UDP_MEMBERS),
      tcpGroup('hole', 149, [member('s3', { port: 9 })]),
    );
  });
  await bed.serve('c1');
});
test.after(() => bed?.close());

/** Answers per target, two each, of connections from one local port that are open at the same time. */
async function askFrom(localPort: number, ...targets: string[]): Promise<string[]> {
  return (await bed.exec('c1', process.execPath, ASK_FROM, '10.1.0.11', `${localPort}`, ...targets))
    .trim()
    .split('\n');
}

const change = (...args: string[]) => bed.json<Changed>('member', ...args);

test('a port is used again and again: each connection is a new flow, to the member whose turn it is', async () => {
  const servers: string[] = [];
  for (let i = 0; i < 6; i++) {
    const answers = await askFrom(40_000, '10.1.0.147@80');
    const [server, peer] = answers[0]!.split(' ');
    assert.equal(answers, [`${server} ${peer}`, `${server} ${peer}`]);
    assert.is(peer, '10.1.0.11:40000');
    servers.push(server!);
  }
  assert.equal(servers.filter((name) => name === 's1').length, 3, servers.join());
});

test('one local port to a VIP and to its member directly at a time: two flows, both served, in either order', async () => {
  for (const [localPort, targets] of [
    [41_000, ['10.1.0.146@80', '10.1.0.21@8080']],
    [41_001, ['10.1.0.21@8080', '10.1.0.146@80']],
  ] as const) {
    const answers = await askFrom(localPort, ...targets);
    assert.is(answers.length, 4, answers.join());
    for (const answer of answers) assert.match(answer, /^s1 10\.1\.0\.11:\d+$/);
    assert.is(new Set(answers).size, 2, `the member must see two different clients: ${answers.join()}`);
    assert.is(answers[0], `s1 10.1.0.11:${localPort}`, 'who comes first keeps the port');
  }
});

test('one local port to two VIPs that share a member: two flows, both served', async () => {
  const answers = await askFrom(41_500, '10.1.0.146@80', '10.1.0.147@80', '10.1.0.142@80');
  assert.is(answers.length, 6, answers.join());
  for (const answer of answers) assert.match(answer, /^s[12] 10\.1\.0\.11:\d+$/);
});

test('hairpin: a VM that is client and member of one VIP reaches itself, TCP and UDP, and sees the VIP', async () => {
  const [answer] = await bed.ask('c1', '10.1.0.140', 1);
  assert.is(answer!.server, 'c1');
  assert.match(answer!.peer, /^10\.1\.0\.140:\d+$/);
  const [datagram] = await bed.askUdp('c1', '10.1.0.141', 53, 1);
  assert.match(datagram!, /^c1 10\.1\.0\.141:\d+ datagram 0$/);
  assert.is((await bed.ask('c2', '10.1.0.140', 1))[0]!.server, 'c1', 'others as ever');
});

test('fail-fast: when a member fails its clients are reset at once, and reconnect to another', async () => {
  const connection = await bed.keepAsking('c1', '10.1.0.142', 80);
  const server = (await connection.nextAnswers(1))[0]!.server;
  await change('fail', 'failing', server);
  await until('the connection to break', () => !connection.isRunning);
  // Between two requests the client's HTTP agent takes the reset, and connects again.
  assert.match(connection.errors.join(), /^error (ECONNRESET|RECONNECTED)$/);
  const other = server === 's1' ? 's2' : 's1';
  assert.is((await bed.ask('c1', '10.1.0.142', 1))[0]!.server, other);
});

/** A client that sends from one socket without pause. */
function keepSending(address: string, intervalMs: number): Background {
  return bed.start('c1', process.execPath, UDP_KEEP_ASKING, address, '53', `${intervalMs}`);
}

const serversOf = (client: Background): string[] => client.lines.map((line) => line.split(' ')[0]!);

for (const [how, group, vip] of [
  ['fail', 'udp-failing', '10.1.0.143'],
  ['remove', 'udp-removed', '10.1.0.144'],
] as const) {
  test(`UDP: after ${how} of its member a flow that never pauses moves with its next packet`, async () => {
    const client = keepSending(vip, 20);
    await until('answers', () => client.lines.length > 10);
    const [first] = serversOf(client);
    await change(how, group, first!);
    const from = client.lines.length + 3;
    await until('answers of the other member', () => client.lines.length > from + 20);
    const moved = serversOf(client).slice(from);
    assert.equal([...new Set(moved)], [first === 's1' ? 's2' : 's1']);
    await client.stop();
  });
}

test('UDP re-pick: after the configured gap the next packet finds a member anew; without a gap it stays', async () => {
  const steady = keepSending('10.1.0.145', 100);
  await until('answers', () => steady.lines.length > 25);
  assert.is(new Set(serversOf(steady)).size, 1);
  await steady.stop();
  const slow = keepSending('10.1.0.145', 1_300);
  await until('answers', () => slow.lines.length >= 4, 15_000);
  assert.is(new Set(serversOf(slow)).size, 2, slow.lines.join());
  await slow.stop();
});

test('UDP flows end after their timer', async () => {
  const flows = () => bed.json<FlowRow[]>('flows', '--group', 'stay');
  const newFlows = async () => {
    const { members } = await bed.json<GroupDetail>('group', 'show', 'stay');
    return members.reduce((sum, member) => sum + member.newFlows, 0);
  };
  const before = await newFlows();
  await bed.askUdp('c1', '10.1.0.148', 53, 20);
  assert.ok((await flows()).length > 0);
  // Two of the sockets may have had the same port.
  const made = (await newFlows()) - before;
  assert.ok(made >= 18 && made <= 20, `${made} flows of 20 sockets`);
  await until('records to go', async () => (await flows()).length === 0, 30_000);
});

test("a SYN flood of one VM takes no other's rows, and ages within seconds", async () => {
  const block = 'add table ip t; add chain ip t in { type filter hook input priority 0; }';
  await bed.exec('s3', 'nft', `${block}; add rule ip t in tcp dport 9 drop`);
  const way = await wayFrom(bed, 'c2', '10.1.0.12', '10.1.0.149');
  const flood = Array.from({ length: 6_000 }, (_, i) =>
    tcpFrame(way, { sourcePort: 1_024 + i, destinationPort: 80, flags: 'S' }),
  );
  await sendFrames(bed, 'c2', flood);
  const { connections } = await bed.status();
  assert.ok(connections.inUse <= MAX_CONNECTIONS);
  assert.is((await bed.ask('c1', '10.1.0.100', 100)).length, 100);
  const { members } = await bed.json<GroupDetail>('group', 'show', 'hole');
  const arrived = members[0]!.newFlows + connections.refused;
  assert.ok(arrived > MAX_CONNECTIONS, `${arrived} flows of the flood, too few to fill the table`);
  await until(
    'half-open flows to go',
    async () => (await bed.json<FlowRow[]>('flows', '--group', 'hole')).length === 0,
    30_000,
  );
});

test.run();
