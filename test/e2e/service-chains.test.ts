// Service chains through Linux VMs with stateful firewalls, which drop whatever they see in one direction only.
// timeout: 300s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FlowRow, GroupDetail } from '../../src/api/shapes.ts';
import type { ChainView } from '../../src/cli/commands/group/chain-show.ts';
import { until } from '../support/command.ts';
import { countingDigest, shares, Testbed } from '../support/testbed.ts';
import { type ConfigText, type GroupText, member } from '../support/testbed-config.ts';

const test = suite('e2e: service chains');

/**
 *   c1 ── VIP ──► fw1 or fw2 ──► ids1 ──► s1 … s3, and back the same way
 *
 * fw1, fw2 and ids1 are routers with one interface. Their firewalls let through new connections to VIPs, and what belongs to one
 * that they have seen from its first packet on.
 */
const MIDDLEBOXES = { fw1: 31, fw2: 32, ids1: 41 } as const;
const VIP = '10.1.0.170';
const VIP6 = 'fd00:1::170';

const STATEFUL = `
table inet middlebox {
  counter asymmetric { }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    ip daddr ${VIP} tcp flags & (syn | ack) == syn ct state new accept
    ip6 daddr ${VIP6} tcp flags & (syn | ack) == syn ct state new accept
    ip daddr ${VIP} udp dport 53 ct state new accept
    counter name asymmetric
  }
}`;

const middleboxes = (...names: (keyof typeof MIDDLEBOXES)[]) =>
  names.map((name) => ({ name, address: `10.1.0.${MIDDLEBOXES[name]}` }));

function configure(config: ConfigText): void {
  for (const [name, host] of Object.entries(MIDDLEBOXES)) {
    const addresses = [`10.1.0.${host}/24`, `fd00:1::${host}/64`];
    config.ports.push({ name, network: 'app', netns: `${config.host}-${name}`, addresses });
  }
  const health = { kind: 'icmp', interval: '200ms', timeout: '1s', fall: 2, rise: 2 };
  const chain = { network: 'app', through: ['fw', 'ids'] };
  const servers = [member('s1'), member('s2'), member('s3')];
  const servers6 = servers.map((one, i) => ({ ...one, address: `fd00:1::2${i + 1}` }));
  const groups: GroupText[] = [
    {
      name: 'fw',
      network: 'app',
      kind: 'middlebox',
      deliver: 'mac',
      health,
      members: middleboxes('fw1', 'fw2'),
    },
    { name: 'ids', network: 'app', kind: 'middlebox', members: middleboxes('ids1') },
    { ...chain, name: 'api', vip: VIP, protocol: 'tcp', port: 80, onHopFailure: 'reset', members: servers },
    { ...chain, name: 'api6', vip: VIP6, protocol: 'tcp', port: 80, members: servers6 },
    {
      ...chain,
      name: 'dns',
      vip: VIP,
      protocol: 'udp',
      port: 53,
      members: servers.map((one) => ({ ...one, port: 5300 })),
    },
  ];
  config.groups.push(...groups);
}

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create(configure);
  for (const name of Object.keys(MIDDLEBOXES)) {
    const settings =
      'net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.netfilter.nf_conntrack_tcp_loose=0';
    await bed.exec(name, 'nft', STATEFUL);
    await bed.exec(name, 'sysctl', '-qw', ...settings.split(' '));
  }
});
test.after(() => bed?.close());

/** Packets that a middlebox has dropped, as it did not know their connection. */
async function asymmetric(name: string): Promise<number> {
  const text = await bed.exec(name, 'nft', '-j', 'list', 'counter', 'inet', 'middlebox', 'asymmetric');
  const { nftables } = JSON.parse(text) as { nftables: { counter?: { packets: number } }[] };
  return nftables.find(({ counter }) => counter !== undefined)!.counter!.packets;
}

const membersOf = async (group: string): Promise<Record<string, GroupDetail['members'][number]>> => {
  const { members } = await bed.json<GroupDetail>('group', 'show', group);
  return Object.fromEntries(members.map((one) => [one.member, one]));
};

test('each connection passes one firewall of each group in both directions', async () => {
  assert.equal(shares(await bed.ask('c1', VIP, 12)), { s1: 4, s2: 4, s3: 4 });
  assert.equal(shares(await bed.ask('c2', `[${VIP6}]`, 6)), { s1: 2, s2: 2, s3: 2 });
  assert.equal(
    (await bed.askUdp('c1', VIP, 53, 6)).filter((answer) => answer === 'timeout'),
    [],
  );
  for (const name of Object.keys(MIDDLEBOXES)) assert.is(await asymmetric(name), 0, name);

  const flows = await bed.json<FlowRow[]>('flows', '--group', 'fw');
  assert.is(flows.length, 24, 'flows --group shows what passes a middlebox');
  for (const { through } of flows) {
    assert.match(through!.map(({ member }) => member).join(), /^fw[12],ids1$/);
  }
  const { fw1, fw2 } = await membersOf('fw');
  assert.equal([fw1!.newFlows, fw2!.newFlows], [12, 12]);
  const { ids1 } = await membersOf('ids');
  assert.is(ids1!.newFlows, 24);
  assert.ok(ids1!.replyPackets > 0);
});

test('data goes through unharmed, in super-packets and without', async () => {
  const bytes = 30_000_000;
  const digest = countingDigest(bytes);
  assert.is(await bed.download('c1', VIP, bytes), digest);
  assert.is(await bed.download('c1', `[${VIP6}]`, bytes), digest);
  assert.is(await bed.upload('c1', VIP, bytes), digest);
  await bed.withoutOffloads('c3');
  assert.is(await bed.download('c3', VIP, bytes), digest);
  for (const name of Object.keys(MIDDLEBOXES)) assert.is(await asymmetric(name), 0, name);
});

test('chain show tells the way; the text names it', async () => {
  const view = await bed.json<ChainView>('chain', 'show', 'api');
  assert.equal(
    view.steps.map(({ group, members }) => [group, members.map((one) => one.member)]),
    [
      ['fw', ['fw1', 'fw2']],
      ['ids', ['ids1']],
      ['api', ['s1', 's2', 's3']],
    ],
  );
  const { stdout } = await bed.sluice('chain', 'show', 'api');
  assert.match(stdout, /client → fw → ids → api/);
});

test('a middlebox may not speak for clients whose flows it was not given', async () => {
  await bed.exec('fw1', 'ip', 'address', 'add', '10.1.0.13/32', 'dev', 'lo');
  const spoofed = await bed.try(
    'fw1',
    'curl',
    '-s',
    '--max-time',
    '2',
    '--interface',
    '10.1.0.13',
    `http://${VIP}/`,
  );
  assert.is(spoofed.status, 28);
  await bed.exec('fw1', 'ip', 'address', 'del', '10.1.0.13/32', 'dev', 'lo');
  assert.equal(
    shares(await bed.ask('fw1', VIP, 3)),
    { s1: 1, s2: 1, s3: 1 },
    'its own traffic is not chained',
  );
});

test('a draining firewall keeps its connections, and gets no new ones', async () => {
  const kept = await Promise.all(['c1', 'c2', 'c3'].map((vm) => bed.keepAsking(vm, VIP, 80)));
  const before = await bed.json<FlowRow[]>('flows', '--member', 'fw1', '--state', 'established');
  assert.ok(before.length > 0 || (await membersOf('fw')).fw2!.activeFlows > 0);
  assert.is((await bed.sluice('member', 'drain', 'fw', 'fw1')).status, 0);
  const newFlows = (await membersOf('fw')).fw1!.newFlows;
  assert.is((await bed.ask('c1', VIP, 6)).length, 6);
  assert.is((await membersOf('fw')).fw1!.newFlows, newFlows);
  for (const client of kept) await client.nextAnswers(5);
  for (const client of kept) assert.equal(client.errors, []);
  for (const client of kept) await client.stop();
  assert.is((await bed.sluice('member', 'reset', 'fw', 'fw1')).status, 0);
});

test('a firewall dies: its connections are reset, new ones pass the other; it comes back', async () => {
  const clients = await Promise.all(['c1', 'c1', 'c2', 'c2'].map((vm) => bed.keepAsking(vm, VIP, 80)));
  const ofFw1 = await bed.json<FlowRow[]>('flows', '--member', 'fw1', '--state', 'established');
  assert.is(ofFw1.length, 2, 'by turns');
  await bed.exec('fw1', 'ip', 'link', 'set', 'eth0', 'down');
  await until(
    'the health check finds fw1 failed',
    async () => (await membersOf('fw')).fw1!.state === 'failed',
  );
  await until('its clients have been told', () => clients.filter(({ isRunning }) => !isRunning).length === 2);
  for (const client of clients) {
    if (client.isRunning) await client.nextAnswers(5);
    assert.equal(client.errors, client.isRunning ? [] : ['error ECONNRESET']);
  }
  assert.is((await bed.ask('c1', VIP, 6)).length, 6);
  for (const client of clients) if (client.isRunning) await client.stop();
  await bed.exec('fw1', 'ip', 'link', 'set', 'eth0', 'up');
  await until('fw1 is back', async () => (await membersOf('fw')).fw1!.state === 'active');
  assert.is((await bed.ask('c1', VIP, 6)).length, 6);
});

test('up --replace: chained connections go on with the firewalls that they had', async () => {
  const clients = await Promise.all(['c1', 'c1', 'c2'].map((vm) => bed.keepAsking(vm, VIP, 80)));
  const ways = async (): Promise<string[]> => {
    const flows = await bed.json<FlowRow[]>('flows', '--group', 'api', '--state', 'established');
    return flows
      .map(({ client, through, member }) => `${client} ${JSON.stringify(through)} ${member}`)
      .sort();
  };
  const before = await ways();
  const replaced = await bed.sluice('up', '-c', bed.configFile, '--detach', '--replace');
  assert.is(replaced.status, 0, replaced.stderr);
  for (const client of clients) await client.nextAnswers(5);
  assert.equal(await ways(), before);
  for (const client of clients) await client.stop();
  for (const name of ['ids1']) assert.is(await asymmetric(name), 0, name);
});

test('with rehash, and a firewall that takes up running connections, none is lost when another dies', async () => {
  const changed: ConfigText = structuredClone(bed.config);
  for (const group of changed.groups) if (group.name === 'api') group.onHopFailure = 'rehash';
  bed.configure(changed);
  assert.is((await bed.sluice('reload', '-c', bed.configFile)).status, 0);
  for (const name of ['fw1', 'fw2']) {
    await bed.exec(name, 'sysctl', '-qw', 'net.netfilter.nf_conntrack_tcp_loose=1');
    const lenient = `add rule inet middlebox lenient ip daddr ${VIP} ct state new accept`;
    await bed.exec(
      name,
      'nft',
      'add chain inet middlebox lenient; insert rule inet middlebox forward jump lenient',
    );
    await bed.exec(name, 'nft', lenient);
  }
  const clients = await Promise.all(['c1', 'c1', 'c2', 'c2'].map((vm) => bed.keepAsking(vm, VIP, 80)));
  assert.is((await bed.sluice('member', 'fail', 'fw', 'fw1')).status, 0);
  for (const client of clients) await client.nextAnswers(5);
  for (const client of clients) assert.equal(client.errors, []);
  const left = await bed.json<FlowRow[]>('flows', '--member', 'fw1', '--state', 'established');
  assert.equal(left, []);
  for (const client of clients) await client.stop();
  assert.is((await bed.sluice('member', 'reset', 'fw', 'fw1')).status, 0);
});

test('without a middlebox nothing passes, unless the chain may be left out', async () => {
  assert.is((await bed.sluice('member', 'fail', 'ids', 'ids1')).status, 0);
  const { curl } = await bed.tryOnce('c1', VIP);
  assert.is(curl, 7, 'refused at once');
  const changed: ConfigText = structuredClone(bed.config);
  for (const group of changed.groups) if (group.name === 'api') group.onNoHop = 'bypass';
  bed.configure(changed);
  assert.is((await bed.sluice('reload', '-c', bed.configFile)).status, 0);
  assert.is((await bed.ask('c1', VIP, 3)).length, 3);
  assert.is((await bed.sluice('member', 'reset', 'ids', 'ids1')).status, 0);
});

test.run();
