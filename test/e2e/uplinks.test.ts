// Three hosts joined by uplinks, one untagged network: balanced flows reach members of other hosts, and nothing of
// what every host has in common (VIPs, gateways, the router's MAC) is to be seen between them.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { routerMac } from '../../src/host/publishing/snapshot-builder.ts';
import { type Capture, during } from '../support/capture.ts';
import { sleep, until } from '../support/command.ts';
import { Hosts, type RemoteHost, WEB_SHARES } from '../support/hosts.ts';
import { countingDigest, holdQuietly, shares } from '../support/testbed.ts';
import { tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: uplinks');

let hosts: Hosts;
test.before(async () => {
  hosts = await Hosts.create((config) => {
    const redirect = tcpGroup('direct', 102, [
      { name: 's4', address: '10.1.0.24' },
      { name: 's6', address: '10.1.0.26' },
    ]);
    config.groups.push({ ...redirect, port: undefined, rewrite: 'mac' });
  });
  for (const vm of ['s4', 's6']) await holdQuietly(hosts, vm, '10.1.0.102');
});
test.after(() => hosts?.close());

const ADDRESS_OF = { c1: '10.1.0.11', c3: '10.1.0.13', c5: '10.1.0.15' };

/** Judges what crosses a host's uplink while `body` runs. */
const onWire = <T>(
  host: RemoteHost,
  filter: string,
  body: () => Promise<unknown>,
  judge: (c: Capture) => Promise<T>,
) => during(host, 'host', filter, body, judge, 'up0');

const countOf = async (capture: Capture): Promise<number> => (await capture.frames()).length;

test('each client spreads its flows over the members of all hosts exactly, and they see its own address', async () => {
  for (const [client, address] of Object.entries(ADDRESS_OF)) {
    const answers = await hosts.ask(client, '10.1.0.100', 20);
    const twice = Object.fromEntries(
      Object.entries(WEB_SHARES).map(([server, share]) => [server, 2 * share]),
    );
    assert.equal(shares(answers), twice, client);
    for (const { peer } of answers) assert.is(peer.split(':')[0], address, `whom a member sees of ${client}`);
  }
});

test('the same over IPv6', async () => {
  const answers = await hosts.ask('c4', '[fd00:1::100]', 10);
  assert.equal(shares(answers), WEB_SHARES);
  for (const { peer } of answers) assert.match(peer, /^\[fd00:1::14\]:/);
});

test('UDP is balanced across hosts, large datagrams in fragments too', async () => {
  const answers = await hosts.askUdp('c2', '10.1.0.101', 53, 6);
  assert.equal(shares(answers.map((text) => ({ server: text.split(' ')[0]! }))), { s1: 2, s3: 2, s5: 2 });
  for (const text of answers) assert.match(text, / 10\.1\.0\.12:/);
  const ask = `
    const socket = require('dgram').createSocket('udp4');
    socket.on('message', (answer) => { console.log(answer.length, answer.subarray(0, 2).toString()); socket.close(); });
    socket.send(Buffer.alloc(4000), 5300, '10.1.0.104');
    setTimeout(() => process.exit(1), 5000).unref();`;
  const text = await hosts.exec('c1', process.execPath, '-e', ask);
  assert.match(text, /^40\d\d s5$/m, 'a datagram of 4000 bytes, and as much back with the name in front');
});

test('a MAC redirect reaches members of other hosts, which answer as the VIP', async () => {
  const answers = await hosts.ask('c1', '10.1.0.102:8080', 4);
  assert.equal(shares(answers), { s4: 2, s6: 2 });
  for (const { peer } of answers) assert.match(peer, /^10\.1\.0\.11:/);
});

test('multicast reaches every VM of every host', async () => {
  const answered = async (): Promise<number> => {
    const { stdout } = await hosts.try('c1', 'ping', '-6', '-n', '-c', '2', 'ff02::1%eth0');
    return new Set([...stdout.matchAll(/from (fe80::[0-9a-f:]+)/g)].map((match) => match[1])).size;
  };
  // VMs that have just come up do not use their link-local addresses yet (RFC 4862, 5.4).
  await until('answers of all VMs', async () => (await answered()) === 11);
});

test('what a member says about a packet (ICMP) comes to the client in terms of the VIP', async () => {
  assert.equal(await hosts.askUdp('c1', '10.1.0.104', 9, 1), ['error ECONNREFUSED']);
});

test('neither VIP nor gateway nor the MAC that all hosts share is seen between hosts', async () => {
  const h1 = hosts.host('h1');
  const shared = ['10.1.0.100', '10.1.0.1', 'fd00:1::100', 'fd00:1::1'].map((address) => `host ${address}`);
  const talk = async () => {
    for (const client of ['c1', 'c3']) {
      // Everybody asks for everything anew.
      await hosts.exec(client, 'ip', 'neighbour', 'flush', 'dev', 'eth0');
      await hosts.ask(client, '10.1.0.100', 10);
      await hosts.ask(client, '[fd00:1::100]', 10);
      for (const gateway of ['10.1.0.1', 'fd00:1::1'])
        await hosts.exec(client, 'ping', '-c', '1', '-W', '3', gateway);
    }
  };
  const seen = await onWire(
    h1,
    '',
    () => onWire(h1, [...shared, `ether host ${routerMac(5001)}`].join(' or '), talk, shouldBeEmpty),
    countOf,
  );
  assert.ok(seen > 100, `${seen} frames in all`);
});

async function shouldBeEmpty(capture: Capture): Promise<void> {
  const found = await capture.fields(['_ws.col.Info', 'eth.src', 'eth.dst']);
  assert.equal(found, [], 'frames that name what all hosts share');
}

test('a VM of one host knows those of the others by their own MACs', async () => {
  await hosts.exec('c1', 'ip', 'neighbour', 'flush', 'dev', 'eth0');
  await hosts.exec('c1', 'ping', '-c', '1', '-W', '3', '10.1.0.25');
  const [entry] = JSON.parse(await hosts.exec('c1', 'ip', '-json', 'neighbour', 'show', '10.1.0.25')) as {
    lladdr: string;
  }[];
  const mac = (await hosts.exec('s5', 'cat', '/sys/class/net/eth0/address')).trim();
  assert.is(entry!.lladdr, mac);
});

test('100 MB come byte for byte across hosts, in both directions', async () => {
  const bytes = 100_000_000;
  assert.is(await hosts.download('c1', '10.1.0.104:8080', bytes), countingDigest(bytes));
  assert.is(await hosts.upload('c1', '10.1.0.104:8080', bytes), countingDigest(bytes));
});

test('so do 10 MB where the interfaces leave nothing to hardware', async () => {
  const bytes = 10_000_000;
  for (const host of hosts.all) {
    const off = ['tx', 'off', 'rx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off'];
    await host.exec('host', 'ethtool', '-K', 'up0', ...off);
  }
  assert.is(await hosts.download('c1', '10.1.0.104:8080', bytes), countingDigest(bytes));
  assert.is(await hosts.upload('c1', '10.1.0.104:8080', bytes), countingDigest(bytes));
});

test('listings show the uplink with its network and what crossed it', async () => {
  const h1 = hosts.host('h1');
  const row = (await h1.json<Record<string, unknown>[]>('port', 'list')).find(({ port }) => port === 'up0')!;
  const mac = (await h1.exec('host', 'cat', '/sys/class/net/up0/address')).trim();
  assert.equal([row.network, row.interface, row.mac, row.state, row.netns], ['app', 'up0', mac, 'up', '']);
  assert.ok((row.rxBytes as number) > 100_000_000, `received ${row.rxBytes}`);
  assert.ok((row.txBytes as number) > 100_000_000, `sent ${row.txBytes}`);
});

const uplinkOf = async (host: RemoteHost) => (await host.status()).uplinks[0]!;

const stateBecomes = (host: RemoteHost, state: string) =>
  until(`the uplink to be ${state}`, async () => (await uplinkOf(host)).state === state);

test('an interface that goes down and comes back is counted, and connections go on', async () => {
  const h1 = hosts.host('h1');
  const before = (await uplinkOf(h1)).outages;
  assert.equal((await h1.status()).ioErrors.failedWritesBy, {}, 'none at the start, and none since');
  const kept = await hosts.keepAsking('c1', '10.1.0.104', 8080);
  await h1.ip('link', 'set', 'up0', 'down');
  await stateBecomes(h1, 'down');
  assert.is((await hosts.try('c1', 'ping', '-c', '1', '-W', '1', '10.1.0.25')).status, 1);
  assert.is((await hosts.try('c1', 'ping', '-c', '1', '-W', '1', '10.1.0.21')).status, 0, 'on the same host');
  const { failedWrites, failedWritesBy } = (await h1.status()).ioErrors;
  assert.equal(
    failedWritesBy,
    { ENETDOWN: failedWrites },
    'what could not be sent is counted, with the reason',
  );
  assert.ok(failedWrites > 0);
  await h1.ip('link', 'set', 'up0', 'up');
  await stateBecomes(h1, 'up');
  await kept.nextAnswers(3);
  assert.equal(kept.errors, []);
  await kept.stop();
  assert.is((await uplinkOf(h1)).outages, before + 1);
});

test('so is one that disappears and is made anew', async () => {
  const h1 = hosts.host('h1');
  const before = (await uplinkOf(h1)).outages;
  const kept = await hosts.keepAsking('c1', '10.1.0.104', 8080);
  await h1.ip('link', 'delete', 'up0');
  await stateBecomes(h1, 'gone');
  await sleep(300);
  await hosts.plugIn(h1);
  await stateBecomes(h1, 'up');
  await kept.nextAnswers(3);
  assert.equal(kept.errors, []);
  await kept.stop();
  assert.is((await uplinkOf(h1)).outages, before + 1);
  assert.equal(shares(await hosts.ask('c3', '10.1.0.100', 10)), WEB_SHARES);
});

test('the interface is promiscuous while the host is up, and keeps what it was before', async () => {
  const h3 = hosts.host('h3');
  const link = async () => {
    const [found] = JSON.parse(await h3.ip('-json', '-details', 'address', 'show', 'up0')) as {
      promiscuity: number;
      addr_info: unknown[];
    }[];
    return [found!.promiscuity, found!.addr_info];
  };
  await h3.ip('address', 'add', '192.0.2.3/24', 'dev', 'up0');
  const [, addresses] = await link();
  assert.equal(await link(), [1, addresses]);
  assert.is((await h3.sluice('down')).status, 0);
  assert.equal(await link(), [0, addresses]);
});

test('up says what is wrong with an interface that is not there, or down, and leaves nothing behind', async () => {
  const h3 = hosts.host('h3'); // it is down by now
  await h3.ip('link', 'set', 'up0', 'down');
  const failure = async (): Promise<string> => {
    const { status, stderr } = await h3.sluice('up', '-c', h3.configFile, '--detach');
    assert.is(status, 2, stderr);
    return stderr;
  };
  assert.match(await failure(), /uplinks\[0\]\.interface: found interface up0 down, expected it to be up/);
  await h3.ip('link', 'set', 'up0', 'mtu', '1400', 'up');
  assert.match(
    await failure(),
    /uplinks\[0\]\.interface: found MTU 1400 on interface up0, expected at least 1500, that of network app/,
  );
  await h3.ip('link', 'delete', 'up0');
  assert.match(await failure(), /uplinks\[0\]\.interface: found no interface up0, expected one that exists/);
  assert.equal(h3.namespaces(), [h3.namespace]);
});

test.run();
