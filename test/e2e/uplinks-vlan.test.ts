// Two networks over one uplink, each in its VLAN, with the very same addresses: they never meet. One of the hosts runs
// the syscall engine, so that both engines tag and untag for each other.
// timeout: 180s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { closeDescriptor, writeBytes } from '../../src/native/libc.ts';
import { mapAnonymous } from '../../src/native/memory.ts';
import { namespacePath, withNamespace } from '../../src/native/network/netns.ts';
import { openPacketSocket } from '../../src/native/network/packet-socket.ts';
import { during } from '../support/capture.ts';
import { Hosts, type HostsConfig, WEB_SHARES } from '../support/hosts.ts';
import { countingDigest, shares } from '../support/testbed.ts';
import { tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: uplinks with VLANs');

const APP_VLAN = 100;
const BLUE_VLAN = 200;
const DATA_VLAN = 300;

let hosts: Hosts;
test.before(async () => {
  hosts = await Hosts.create((config, label) => {
    if (label === 'h3') config.datapath = { engine: 'syscall' };
    config.uplinks[0]!.networks = [
      { name: 'app', vlan: APP_VLAN },
      { name: 'blue', vlan: BLUE_VLAN },
      { name: 'data', vlan: DATA_VLAN },
    ];
    addBlue(config, label);
    addData(config, label);
    // For a frame of a local experiment (IEEE 802, EtherType 0x88b5), which the port's guards would stop.
    for (const port of config.ports) if (port.name === 'c1') port.allowedEtherTypes = [0x88b5];
  });
  await hosts.serve('b5');
  await hosts.serve('d3');
});
test.after(() => hosts?.close());

/** A network with the subnet and VIP of `app`: b1 has the address of c1, on the same host, b5 that of s5. */
function addBlue(config: HostsConfig, label: string): void {
  config.networks.push({ name: 'blue', vni: 5009, subnets: ['10.1.0.0/24'] });
  if (label === 'h1') addPort(config, 'b1', 'blue', ['10.1.0.11/24']);
  if (label === 'h3') addPort(config, 'b5', 'blue', ['10.1.0.25/24']);
  const group = tcpGroup('blue-web', 100, [{ name: 'b5', address: '10.1.0.25', port: 8080 }]);
  config.groups.push({ ...group, network: 'blue' });
}

/** A network that the logical router joins to `app`, with its one VM on the third host. */
function addData(config: HostsConfig, label: string): void {
  const subnets = ['10.2.0.0/24', 'fd00:2::/64'];
  config.networks.push({ name: 'data', vni: 5002, subnets, gateway: ['10.2.0.1', 'fd00:2::1'] });
  if (label === 'h3') addPort(config, 'd3', 'data', ['10.2.0.21/24', 'fd00:2::21/64']);
  config.groups.push(tcpGroup('remote', 103, [{ name: 'd3', address: '10.2.0.21', port: 8080 }]));
}

function addPort(config: HostsConfig, name: string, network: string, addresses: string[]): void {
  const netns = config.ports[0]!.netns.replace(/-[^-]*$/, `-${name}`);
  config.ports.push({ name, network, netns, addresses });
}

const macOf = async (vm: string): Promise<string> =>
  (await hosts.exec(vm, 'cat', '/sys/class/net/eth0/address')).trim();

test('the same VIP leads to the members of its own network', async () => {
  assert.equal(shares(await hosts.ask('c1', '10.1.0.100', 10)), WEB_SHARES);
  assert.equal(shares(await hosts.ask('b1', '10.1.0.100', 4)), { b5: 4 });
  assert.equal(shares(await hosts.ask('c5', '[fd00:1::100]', 10)), WEB_SHARES);
});

test('the logical router joins networks across hosts: each host routes for its own VMs', async () => {
  for (const address of ['10.2.0.21', 'fd00:2::21']) {
    const { stdout } = await hosts.try('c1', 'ping', '-n', '-c', '2', '-W', '3', address);
    assert.match(stdout, /ttl=63 .*\n.*ttl=63 /, stdout);
  }
  const answers = await hosts.ask('c1', '10.1.0.103', 3);
  assert.equal(shares(answers), { d3: 3 });
  for (const { peer } of answers) assert.match(peer, /^10\.1\.0\.11:/);
});

test('100 MB come byte for byte in a VLAN, in both directions', async () => {
  const bytes = 100_000_000;
  assert.is(await hosts.download('c1', '10.1.0.104:8080', bytes), countingDigest(bytes));
  assert.is(await hosts.upload('c1', '10.1.0.104:8080', bytes), countingDigest(bytes));
});

test('on the wire every frame bears the tag of its network', async () => {
  const [c1, b1] = await Promise.all(['c1', 'b1'].map(macOf));
  const talk = async () => {
    await hosts.ask('c1', '10.1.0.25:8080', 3);
    await hosts.ask('b1', '10.1.0.25:8080', 3);
  };
  const seen = await during(
    hosts.host('h1'),
    'host',
    '',
    talk,
    (capture) => capture.fields(['eth.src', 'vlan.id']),
    'up0',
  );
  const tagsOf = (mac: string | undefined) => [
    ...new Set(seen.filter(([source]) => source === mac).map(([, tag]) => tag)),
  ];
  assert.equal(tagsOf(c1), [`${APP_VLAN}`]);
  assert.equal(tagsOf(b1), [`${BLUE_VLAN}`]);
});

test('no frame of one network reaches another on any host, broadcasts and unknown addresses included', async () => {
  const mac = await macOf('b1');
  const noise = async () => {
    await hosts.ask('b1', '10.1.0.100', 2);
    await hosts.try('b1', 'ping', '-c', '1', '-W', '1', '10.1.0.99');
    const unknown = ['10.1.0.98', 'lladdr', '02:00:00:00:99:98', 'dev', 'eth0'];
    await hosts.exec('b1', 'ip', 'neighbour', 'replace', ...unknown);
    await hosts.try('b1', 'ping', '-c', '1', '-W', '1', '10.1.0.98');
  };
  const watch = (vm: string, body: () => Promise<unknown>) =>
    during(
      hosts.hostOf(vm),
      vm,
      `ether src ${mac}`,
      body,
      async (capture) => (await capture.frames()).length,
    );
  let atOwn = 0;
  let atSameHost = -1;
  const atOtherHost = await watch('s5', async () => {
    atSameHost = await watch('c2', async () => {
      atOwn = await watch('b5', noise);
    });
  });
  assert.ok(atOwn > 10, `${atOwn} frames at b5`);
  assert.is(atSameHost, 0, 'at c2, on the same host');
  assert.is(atOtherHost, 0, 'at s5, which has the address of b5');
});

test("a VM's own tag does not carry it into another network", async () => {
  const mac = await macOf('c1');
  const h1 = hosts.host('h1');
  const before = (await h1.status()).drops['vlan-not-allowed'] ?? 0;
  const frame = `ffffffffffff${mac.replaceAll(':', '')}8100${BLUE_VLAN.toString(16).padStart(4, '0')}88b5`;
  const arrived = await during(
    hosts.hostOf('b5'),
    'b5',
    `ether src ${mac}`,
    async () => sendFrom(h1.netns('c1'), Buffer.from(frame.padEnd(120, '5a'), 'hex')),
    async (capture) => (await capture.frames()).length,
  );
  assert.is(arrived, 0);
  assert.is((await h1.status()).drops['vlan-not-allowed'], before + 1);
});

/** Sends a frame as the VM of a namespace, as it is. */
function sendFrom(netns: string, frame: Buffer): void {
  const open = () => openPacketSocket('eth0', { vnetHeader: 0 });
  const { fd } = withNamespace(namespacePath(netns), open);
  const memory = mapAnonymous(4096);
  new Uint8Array(memory.bytes).set(frame);
  assert.is(writeBytes(fd, memory, 0, frame.length), frame.length);
  closeDescriptor(fd);
}

test('a reload takes a network off the uplink and puts it back, and disturbs no other', async () => {
  const h1 = hosts.host('h1');
  const kept = await hosts.keepAsking('c1', '10.1.0.104', 8080);
  const [uplink] = h1.config.uplinks;
  const all = uplink!.networks;
  uplink!.networks = [{ name: 'app', vlan: APP_VLAN }];
  await h1.reload();
  assert.is((await hosts.try('b1', 'ping', '-c', '1', '-W', '1', '10.1.0.25')).status, 1);
  uplink!.networks = all;
  await h1.reload();
  assert.is((await hosts.try('b1', 'ping', '-c', '1', '-W', '3', '10.1.0.25')).status, 0);
  await kept.nextAnswers(3);
  assert.equal(kept.errors, []);
  await kept.stop();
  const row = (await h1.json<{ port: string; network: string }[]>('port', 'list')).at(-1)!;
  assert.equal(
    [row.port, row.network],
    ['up0', `app vlan ${APP_VLAN}, blue vlan ${BLUE_VLAN}, data vlan ${DATA_VLAN}`],
  );
});

test('a reload moves the uplink to another interface; one that is not there is refused, and nothing changes', async () => {
  const h1 = hosts.host('h1');
  const kept = await hosts.keepAsking('c1', '10.1.0.104', 8080);
  const [uplink] = h1.config.uplinks;
  uplink!.interface = 'nope';
  h1.configure(h1.config);
  const refused = await h1.sluice('reload', '-c', h1.configFile);
  assert.is(refused.status, 1);
  assert.match(refused.stderr, /uplink up0: found no interface nope/);
  await kept.nextAnswers(3);
  await hosts.plugIn(h1, 'up1');
  uplink!.interface = 'up1';
  await h1.reload();
  await h1.ip('link', 'delete', 'up0');
  await kept.nextAnswers(3);
  assert.equal(kept.errors, []);
  await kept.stop();
  const [shown] = (await h1.status()).uplinks;
  assert.equal([shown!.interface, shown!.state], ['up1', 'up']);
});

test.run();
