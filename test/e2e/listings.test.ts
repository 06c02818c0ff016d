// What the command tells of a running host: keys and types of the JSON, filters, formats, counters that add up.
// timeout: 180s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import type { FlowRow, GroupDetail, GroupRow, PortRow, RuleRow, StatRow } from '../../src/api/shapes.ts';
import { output, until } from '../support/command.ts';
import { shares, Testbed, WEB_SHARES } from '../support/testbed.ts';

const test = suite('e2e: listings');

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create();
});
test.after(() => bed?.close());

/** Names the type of each value, so that a whole row can be compared with what the interface promises. */
function typesOf(row: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value,
    ]),
  );
}

const ISO_8601 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

test('status', async () => {
  const status = await bed.status();
  assert.equal(typesOf(status), {
    version: 'string',
    host: 'string',
    pid: 'number',
    startedAt: 'string',
    uptimeMs: 'number',
    engine: 'string',
    engineReason: 'string',
    ports: 'number',
    groups: 'number',
    revision: 'number',
    connections: 'object',
    drops: 'object',
    frames: 'number',
    residentBytes: 'number',
    uplinks: 'array',
    affinities: 'object',
    controllers: 'object',
    ioErrors: 'object',
    warnings: 'array',
    verdict: 'object',
  });
  assert.is(status.host, bed.name);
  assert.ok(['uring', 'syscall'].includes(status.engine), status.engine);
  assert.ok(status.engineReason.length > 0);
  assert.match(status.startedAt, ISO_8601);
  assert.ok(Math.abs(Date.parse(status.startedAt) + status.uptimeMs - Date.now()) < 5_000);
  assert.is(status.ports, 9);
  assert.is(status.groups, 6);
  assert.ok(status.revision >= 1);
  assert.is(status.connections.max, 262_144);
  assert.ok(status.residentBytes > 20e6 && status.residentBytes < 250e6, `${status.residentBytes} bytes`);
});

test('port list', async () => {
  const ports = await bed.json<PortRow[]>('port', 'list');
  assert.equal(ports.map((row) => row.port).sort(), bed.config.ports.map((port) => port.name).sort());
  const c1 = ports.find((row) => row.port === 'c1')!;
  assert.equal(typesOf(c1), {
    port: 'string',
    network: 'string',
    netns: 'string',
    interface: 'string',
    mac: 'string',
    addresses: 'array',
    state: 'string',
    rxPackets: 'number',
    rxBytes: 'number',
    txPackets: 'number',
    txBytes: 'number',
    drops: 'object',
    allowedAddresses: 'array',
    allowedMacs: 'array',
    guards: 'array',
  });
  assert.equal([c1.network, c1.netns, c1.interface, c1.state], ['app', bed.netns('c1'), 'eth0', 'up']);
  assert.is(c1.mac, (await bed.exec('c1', 'cat', '/sys/class/net/eth0/address')).trim());
  assert.ok(
    c1.addresses.some((address) => address.startsWith('10.1.0.11')),
    c1.addresses.join(),
  );
  assert.is(new Set(ports.map((row) => row.mac)).size, ports.length, 'MACs differ');
});

test('port counters count frames and bytes of both directions', async () => {
  const counters = async () => (await bed.json<PortRow[]>('port', 'list')).find((row) => row.port === 'c2')!;
  const before = await counters();
  const bytes = 5_000_000;
  await bed.download('c2', '10.1.0.100', bytes);
  const after = await until('the counters', async () => {
    const now = await counters();
    return now.txBytes - before.txBytes >= bytes && now;
  });
  assert.ok(after.txBytes - before.txBytes < bytes * 1.2, 'bytes to the VM');
  assert.ok(after.rxPackets > before.rxPackets && after.rxBytes > before.rxBytes, 'from the VM');
});

test('group list and group show', async () => {
  const groups = await bed.json<GroupRow[]>('group', 'list');
  assert.equal(groups.map((row) => row.group).sort(), ['bulk', 'direct', 'echo', 'remote', 'web', 'web6']);
  const web = groups.find((row) => row.group === 'web')!;
  assert.equal(
    { ...web, activeFlows: 0, newFlows: 0 },
    {
      group: 'web',
      origin: 'file',
      network: 'app',
      networks: ['app'],
      vip: ['10.1.0.100'],
      protocol: 'tcp',
      port: 80,
      ports: ['80'],
      rewrite: 'address',
      algorithm: 'weighted-round-robin',
      members: 5,
      activeMembers: 5,
      activeFlows: 0,
      newFlows: 0,
    },
  );
  const bulk = groups.find((row) => row.group === 'bulk')!;
  assert.equal([bulk.protocol, bulk.port, bulk.rewrite], ['any', null, 'address']);

  const detail = await bed.json<GroupDetail>('group', 'show', 'web');
  assert.equal(
    detail.members.map(({ member, address, port, state, weight }) => [member, address, port, state, weight]),
    Object.entries(WEB_SHARES).map(([name, weight], index) => [
      name,
      `10.1.0.2${index + 1}`,
      8080,
      'active',
      weight,
    ]),
  );
  assert.equal(typesOf({ ...detail.members[0]!, windowBytes: 0 }), {
    member: 'string',
    address: 'string',
    port: 'number',
    state: 'string',
    weight: 'number',
    activeFlows: 'number',
    newFlows: 'number',
    packets: 'number',
    bytes: 'number',
    replyPackets: 'number',
    replyBytes: 'number',
    retransmissions: 'number',
    windowBytes: 'number',
    newFlowsPerSecond: 'number',
    bytesPerSecond: 'number',
    drainDeadline: 'null',
    loadBalancers: 'array',
    flowsLeft: 'null',
    remaining: 'array',
    priority: 'null',
  });
});

test('rule list: each load balancer has its own rules, and only those', async () => {
  const groupsAt = async (port: string) =>
    [...new Set((await bed.json<RuleRow[]>('rule', 'list', '--port', port)).map((row) => row.group))].sort();
  assert.equal(await groupsAt('c1'), ['bulk', 'direct', 'echo', 'remote', 'web', 'web6']);
  assert.equal(await groupsAt('s1'), ['bulk', 'direct', 'echo', 'remote']); // web is for clients
  // The router joins the network of d1 with that of the groups.
  assert.equal(await groupsAt('d1'), ['bulk', 'direct', 'echo', 'remote']);

  const rules = await bed.json<RuleRow[]>('rule', 'list', '--port', 'c1');
  const web = rules.find((row) => row.group === 'web')!;
  assert.equal(typesOf(web), {
    loadBalancer: 'string',
    group: 'string',
    vip: 'string',
    protocol: 'string',
    port: 'number',
    ports: 'array',
    sources: 'array',
    sourcePort: 'null',
    sourcePorts: 'array',
    mac: 'array',
    rewrite: 'string',
    algorithm: 'string',
    hash: 'null',
    affinityMs: 'null',
    avoidSelf: 'boolean',
    udpScheduling: 'string',
    drainFallback: 'boolean',
    effectiveFrom: 'null',
    effectiveUntil: 'null',
    members: 'array',
    revision: 'number',
    priority: 'null',
    when: 'null',
  });
  assert.equal(web.members, ['s1=1', 's2=3', 's3=1', 's4=3', 's5=2']);
  assert.is(web.revision, (await bed.status()).revision);
  const everywhere = await bed.json<RuleRow[]>('rule', 'list');
  assert.is(
    new Set(everywhere.map((row) => row.loadBalancer)).size,
    9,
    'one load balancer per port that has rules',
  );
});

test('flows: who talks with whom through what, and why there', async () => {
  const connection = await bed.keepAsking('c3', '10.1.0.100', 80);
  const [answer] = await connection.nextAnswers(10);
  const [flow] = (await bed.json<FlowRow[]>('flows', '--port', 'c3')).filter(
    (row) => row.client === answer!.peer,
  );
  assert.equal(typesOf(flow!), {
    port: 'string',
    protocol: 'string',
    client: 'string',
    vip: 'string',
    member: 'string',
    destination: 'string',
    group: 'string',
    state: 'string',
    why: 'string',
    ageMs: 'number',
    idleMs: 'number',
    packets: 'number',
    bytes: 'number',
    replyPackets: 'number',
    replyBytes: 'number',
    priority: 'null',
  });
  const index = answer!.server.slice(1);
  assert.equal(
    [flow!.port, flow!.protocol, flow!.vip, flow!.member, flow!.destination, flow!.group],
    ['c3', 'tcp', '10.1.0.100:80', answer!.server, `10.1.0.2${index}:8080`, 'web'],
  );
  assert.ok(flow!.why.length > 0);
  assert.ok(flow!.ageMs >= flow!.idleMs && flow!.idleMs >= 0 && flow!.ageMs < 30_000, JSON.stringify(flow));
  assert.ok(flow!.packets >= 12 && flow!.replyPackets >= 11, JSON.stringify(flow));

  await connection.nextAnswers(10);
  const [later] = (await bed.json<FlowRow[]>('flows', '--port', 'c3')).filter(
    (row) => row.client === answer!.peer,
  );
  assert.ok(later!.packets > flow!.packets && later!.replyBytes > flow!.replyBytes);
  assert.is(later!.member, flow!.member);
  await connection.stop();
});

test('flows: filters by port, group and member; IPv6 in brackets', async () => {
  await bed.ask('c1', '10.1.0.100', 10);
  await bed.ask('c2', '[fd00:1::100]', 10);
  await bed.askUdp('c2', '10.1.0.101', 53, 4);
  const all = await bed.json<FlowRow[]>('flows');
  const same = async (args: string[], keep: (row: FlowRow) => boolean) => {
    const key = (rows: FlowRow[]) => rows.map((row) => `${row.protocol} ${row.client} ${row.vip}`).sort();
    const expected = key(all.filter(keep));
    assert.ok(expected.length > 0, args.join(' '));
    assert.equal(key(await bed.json<FlowRow[]>('flows', ...args)), expected, args.join(' '));
  };
  await same(['--port', 'c1'], (row) => row.port === 'c1');
  await same(['--group', 'echo'], (row) => row.group === 'echo');
  await same(['--member', 's2'], (row) => row.member === 's2');
  await same(
    ['--port', 'c2', '--group', 'web6', '--member', 's4'],
    (row) => row.group === 'web6' && row.member === 's4',
  );
  await same(['--state', 'replied'], (row) => row.state === 'replied');
  await same(['--client', '10.1.0.11'], (row) => row.client.startsWith('10.1.0.11:'));
  await same(['--client', '10.1.0.8/29'], (row) => /^10\.1\.0\.(8|9|1[0-5]):/.test(row.client));
  await same(['--client', all[0]!.client], (row) => row.client === all[0]!.client);
  await same(['--client', 'fd00:1::/64', '--group', 'web6'], (row) => row.client.startsWith('[fd00:1:'));
  const sorted = (await bed.json<FlowRow[]>('flows', '--sort', 'age', '--limit', '7')).map(
    (row) => row.ageMs,
  );
  assert.is(sorted.length, 7);
  assert.equal(
    sorted,
    sorted.toSorted((a, b) => b - a),
  );
  const { flows } = await bed.json<{ flows: number }>('flows', '--count');
  assert.ok(flows >= all.length);
  const few = await bed.sluice('flows', '--limit', '3');
  assert.is(few.stdout.trimEnd().split('\n').length, 4);
  assert.match(few.stderr, 'only 3 flows are shown');
  const wrong = await bed.sluice('flows', '--state', 'open');
  assert.is(wrong.status, 2);
  assert.match(wrong.stderr, 'established');
  const ipv6 = all.find((row) => row.group === 'web6')!;
  assert.match(ipv6.client, /^\[fd00:1::12\]:\d+$/);
  assert.match(ipv6.vip, /^\[fd00:1::100\]:80$/);
  assert.match(ipv6.destination, /^\[fd00:1::2[1-5]\]:8080$/);
});

test('stats by group and by member count the new flows and add up', async () => {
  const ofWeb = async () => {
    const groups = await bed.json<StatRow[]>('stats', '--by', 'group');
    const members = (await bed.json<StatRow[]>('stats', '--by', 'member')).filter(
      (row) => row.group === 'web',
    );
    return { group: groups.find((row) => row.group === 'web')!, members };
  };
  const before = await ofWeb();
  await bed.ask('c1', '10.1.0.100', 20);
  const after = await until('the new flows', async () => {
    const now = await ofWeb();
    return now.group.newFlows - before.group.newFlows === 20 && now;
  });
  const gained = (key: 'newFlows' | 'packets' | 'bytes' | 'replyPackets' | 'replyBytes') =>
    after.members.map((row, index) => row[key] - (before.members[index]?.[key] ?? 0));
  assert.equal(gained('newFlows'), [2, 6, 2, 6, 4]);
  for (const key of ['packets', 'bytes', 'replyPackets', 'replyBytes'] as const) {
    assert.ok(
      gained(key).every((count) => count > 0),
      `${key}: ${gained(key)}`,
    );
    const sum = after.members.reduce((total, row) => total + row[key], 0);
    assert.is(sum, after.group[key], key);
  }
  const balancers = await bed.json<StatRow[]>('stats', '--by', 'load-balancer');
  const groups = await bed.json<StatRow[]>('stats', '--by', 'group');
  assert.ok(balancers.find(({ loadBalancer }) => loadBalancer === 'c1')!.newFlows >= 20);
  const total = (rows: readonly StatRow[]) => rows.reduce((sum, row) => sum + row.newFlows, 0);
  assert.is(total(balancers), total(groups));
  const ports = await bed.json<PortRow[]>('stats', '--by', 'port');
  assert.equal(ports.map((row) => row.port).sort(), bed.config.ports.map((port) => port.name).sort());
});

test('active flows end with their connections', async () => {
  const active = async () => {
    const { members } = await bed.json<GroupDetail>('group', 'show', 'web6');
    return members.reduce((total, row) => total + row.activeFlows, 0);
  };
  const connections = [];
  for (let i = 0; i < 3; i++) connections.push(await bed.keepAsking('c1', 'fd00:1::100', 80));
  const open = await active();
  assert.ok(open >= 3, `${open} active flows`);
  for (const connection of connections) await connection.stop();
  await until('them to end', async () => (await active()) <= open - 3, 60_000);
});

test('frames that are malformed are dropped under a name, and the host goes on', async () => {
  const before = (await bed.status()).drops;
  // An IPv4 header of 8 bytes length, a truncated ARP, an IPv6 packet longer than its frame.
  const frames = ['0800420000140000000040060000', '08060001080006', '86dd60000000ffff0640'];
  const program = `
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
mac = open("/sys/class/net/eth0/address").read().strip().replace(":", "")
for tail in ${JSON.stringify(frames)}:
    s.send(bytes.fromhex("ffffffffffff" + mac + tail))`;
  await bed.exec('c1', '/usr/bin/python3', '-c', program);
  const total = (drops: Record<string, number>) =>
    Object.values(drops).reduce((sum, count) => sum + count, 0);
  const after = await until('the drops', async () => {
    const { drops } = await bed.status();
    return total(drops) >= total(before) + frames.length && drops;
  });
  for (const reason of Object.keys(after)) assert.match(reason, /^[A-Za-z][\w-]+$/);
  assert.equal(shares(await bed.ask('c1', '10.1.0.100', 10)), WEB_SHARES);
});

test('yaml says the same as json; a table has no colour when it goes to a pipe', async () => {
  for (const command of [
    ['status'],
    ['port', 'list'],
    ['group', 'list'],
    ['group', 'show', 'web'],
    ['rule', 'list'],
  ]) {
    const json = await bed.json<object>(...command);
    const yaml = parse(await output(process.execPath, ...bed.cli(...command, '-o', 'yaml')));
    assert.equal(shapeOf(yaml), shapeOf(json), command.join(' '));
    const table = await output(process.execPath, ...bed.cli(...command));
    assert.is(table.includes('\u001b'), false, `colour in ${table}`);
    assert.ok(table.split('\n').length > 2, table);
  }
});

/** Keys, and the values that do not change by themselves. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value === 'number') return 'number';
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]));
}

test('what does not exist is named on stderr; nothing goes to stdout', async () => {
  for (const args of [
    ['group', 'show', 'nowhere'],
    ['rule', 'list', '--port', 'nowhere'],
    ['flows', '--group', 'nowhere'],
  ]) {
    const result = await bed.sluice(...args);
    assert.is(result.status, 1, args.join(' '));
    assert.is(result.stdout, '');
    assert.match(result.stderr, 'nowhere');
  }
});

test.run();
