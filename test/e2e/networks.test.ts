// Logical switches keep apart, the logical router joins: what ping, traceroute and captures say.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Capture, during } from '../support/capture.ts';
import { shares, Testbed } from '../support/testbed.ts';
import { type ConfigText, tcpGroup } from '../support/testbed-config.ts';

const test = suite('e2e: networks');

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    config.networks[0]!.routes = [{ to: '10.77.0.0/24', via: '10.1.0.25' }];
    config.ports.push({ name: 'own', network: 'data', netns: `${config.host}-own` });
    addTwins(config);
    const shop = tcpGroup('shop', 160, [
      { name: 's1', address: '10.1.0.21', port: 8080 },
      { name: 's2', address: '10.1.0.22', port: 8080, weight: 3 },
    ]);
    const members = shop.members!.map((member, i) => ({ ...member, address: `fd00:1::${21 + i}` }));
    config.groups.push(shop, { ...shop, name: 'shop6', vip: 'fd00:1::a0', members });
    // d1 gets an address by hand that the configuration does not know.
    for (const port of config.ports) if (port.name === 'd1') port.antiSpoofing = false;
  });
  await bed.serve('red2');
  await bed.serve('blue2');
});
test.after(() => bed?.close());

/** Two networks with the very same addresses and VIP. */
function addTwins(config: ConfigText): void {
  for (const [vni, name] of [
    [5101, 'red'],
    [5102, 'blue'],
  ] as const) {
    config.networks.push({ name, vni, subnets: ['10.9.0.0/24'] });
    for (const index of [1, 2]) {
      const vm = `${name}${index}`;
      config.ports.push({
        name: vm,
        network: name,
        netns: `${config.host}-${vm}`,
        addresses: [`10.9.0.${index}/24`],
      });
    }
    const group = tcpGroup(`${name}-web`, 0, [{ name: `${name}2`, address: '10.9.0.2', port: 8080 }]);
    config.groups.push({ ...group, network: name, vip: '10.9.0.100' });
  }
}

const ping = (vm: string, ...args: string[]) => bed.try(vm, 'ping', '-n', '-c', '1', '-W', '6', ...args);

const ARRIVED = /1 received/;

// Isolation

test('the same addresses in two networks are different VMs, directly and through the same VIP', async () => {
  assert.equal(shares(await bed.ask('red1', '10.9.0.100', 4)), { red2: 4 });
  assert.equal(shares(await bed.ask('blue1', '10.9.0.100', 4)), { blue2: 4 });
  assert.equal(shares(await bed.ask('red1', '10.9.0.2:8080', 2)), { red2: 2 });
  assert.equal(shares(await bed.ask('blue1', '10.9.0.2:8080', 2)), { blue2: 2 });
});

test('no frame of one network reaches another, broadcasts and unknown addresses included', async () => {
  const noise = async () => {
    await bed.ask('red1', '10.9.0.100', 2);
    await ping('red1', '10.9.0.99'); // ARP broadcasts
    await bed.exec(
      'red1',
      'ip',
      'neighbour',
      'replace',
      '10.9.0.98',
      'lladdr',
      '02:00:00:00:99:98',
      'dev',
      'eth0',
    );
    await ping('red1', '-W', '1', '10.9.0.98'); // unknown unicast
  };
  const macs = await Promise.all(
    ['red1', 'red2'].map((vm) => bed.exec(vm, 'cat', '/sys/class/net/eth0/address')),
  );
  const filter = macs.map((mac) => `ether src ${mac.trim()}`).join(' or ');
  const count = (capture: Capture) => capture.frames().then((frames) => frames.length);
  let atOwn = 0;
  const atOthers = await during(
    bed,
    'blue2',
    filter,
    () =>
      during(
        bed,
        'c1',
        filter,
        async () => {
          atOwn = await during(bed, 'red2', filter, noise, count);
        },
        async (capture) => assert.is(await count(capture), 0, 'frames of red at c1'),
      ),
    count,
  );
  assert.is(atOthers, 0, 'frames of red at blue2');
  assert.ok(atOwn > 0, 'frames of red at red2');
});

test('a network without gateway reaches no other', async () => {
  await bed.exec('red1', 'ip', 'route', 'add', 'default', 'via', '10.9.0.2');
  await bed.exec(
    'red1',
    'ip',
    'neighbour',
    'replace',
    '10.9.0.2',
    'lladdr',
    await macOfGateway(),
    'dev',
    'eth0',
  );
  assert.is.not((await ping('red1', '-W', '1', '10.1.0.21')).status, 0);
  await bed.exec('red1', 'ip', 'neighbour', 'delete', '10.9.0.2', 'dev', 'eth0');
});

async function macOfGateway(): Promise<string> {
  await ping('c1', '10.1.0.1');
  const [entry] = JSON.parse(await bed.exec('c1', 'ip', '-json', 'neighbour', 'show', '10.1.0.1'));
  return entry.lladdr;
}

test('multicast reaches every VM of the network', async () => {
  const text = (await bed.try('c1', 'ping', '-6', '-n', '-c', '2', 'ff02::1%eth0')).stdout;
  const answered = new Set([...text.matchAll(/from (fe80::[0-9a-f:]+)/g)].map((match) => match[1]));
  assert.is(answered.size, 8, text); // c1 itself, c2, c3, s1 … s5
});

// The logical router

test('gateways answer, near and far, IPv4 and IPv6', async () => {
  for (const address of ['10.1.0.1', 'fd00:1::1', '10.2.0.1', 'fd00:2::1']) {
    const { stdout } = await ping('c1', address);
    assert.match(stdout, ARRIVED, address);
  }
});

test('VIPs answer echo requests', async () => {
  for (const address of ['10.1.0.100', 'fd00:1::100', '10.1.0.101', '10.1.0.103', '10.1.0.104']) {
    const { stdout } = await ping('c1', address);
    assert.match(stdout, ARRIVED, address);
  }
});

test('a packet from network to network has one hop less to live', async () => {
  const talk = async () => {
    await bed.ask('c1', '10.2.0.21:8080', 1);
    await bed.ask('c1', '[fd00:2::21]:8080', 1);
    await bed.ask('c1', '10.1.0.103', 1);
  };
  const judge = (capture: Capture) => capture.fields(['ip.ttl', 'ipv6.hlim'], 'tcp.flags.syn == 1');
  const arrived = await during(bed, 'd1', 'ip or ip6', talk, (capture) => judge(capture));
  const hops = arrived.map((fields) => fields.join(''));
  // Per connection the SYN that came, and the SYN/ACK that leaves.
  assert.equal(hops, ['63', '64', '63', '64', '63', '64']);
});

test('a packet whose hops are used up is answered by the gateway', async () => {
  const ipv4 = await ping('c1', '-t', '1', '10.2.0.21');
  assert.match(ipv4.stdout, /From 10\.1\.0\.1 .*Time to live exceeded/);
  const ipv6 = await ping('c1', '-t', '1', 'fd00:2::21');
  assert.match(ipv6.stdout, /From fd00:1::1 .*Time exceeded/);
});

test('traceroute names the gateway and the destination', async () => {
  for (const [family, gateway, destination] of [
    ['-4', '10.1.0.1', '10.2.0.21'],
    ['-6', 'fd00:1::1', 'fd00:2::21'],
  ] as const) {
    const text = await bed.exec(
      'c1',
      'traceroute',
      family,
      '-n',
      '-q',
      '1',
      '-w',
      '2',
      '-m',
      '5',
      destination,
    );
    const hops = [...text.matchAll(/^ *\d+ +(\S+)/gm)].map((match) => match[1]);
    assert.equal(hops, [gateway, destination], text);
  }
});

test('a VIP is reached from another network through the router, at once: TCP, IPv4 and IPv6, ping, errors', async () => {
  for (const vip of ['10.1.0.160', '[fd00:1::a0]']) {
    assert.equal(shares(await bed.ask('d1', vip, 4)), { s1: 1, s2: 3 }, vip);
  }
  assert.match((await ping('d1', '10.1.0.160')).stdout, ARRIVED);
  // A port without service is refused, and does not wait for an ARP reply that nobody sends.
  assert.equal((await bed.tryOnce('d1', '10.1.0.160:81')).curl, 7);
  const text = await bed.exec(
    'd1',
    'traceroute',
    '-n',
    '-T',
    '-p',
    '80',
    '-q',
    '1',
    '-w',
    '2',
    '-m',
    '3',
    '10.1.0.160',
  );
  const hops = [...text.matchAll(/^ *\d+ +(\S+)/gm)].map((match) => match[1]);
  assert.equal(hops, ['10.2.0.1', '10.1.0.160'], text);
});

test('a destination without route is unreachable, at once', async () => {
  const ipv4 = await ping('c1', '192.0.2.1');
  assert.match(ipv4.stdout, /From 10\.1\.0\.1 .*Destination (Net|Host) Unreachable/);
  const ipv6 = await ping('c1', '2001:db8::1');
  assert.match(ipv6.stdout, /From fd00:1::1 .*Destination unreachable: (No route|Address unreachable)/);
});

test('a VM that is not there is unreachable, once nobody has answered for it', async () => {
  const ipv4 = await ping('c1', '10.2.0.99');
  assert.match(ipv4.stdout, /From 10\.1\.0\.1 .*Destination Host Unreachable/);
  const ipv6 = await ping('c1', 'fd00:2::99');
  assert.match(ipv6.stdout, /From fd00:1::1 .*Destination unreachable: Address unreachable/);
});

test('the first packet to a VM that the router has not met arrives', async () => {
  // A port without configured addresses: its VM has its own, which must be resolved while the packet waits.
  await bed.exec('own', 'ip', 'address', 'add', '10.2.0.77/24', 'dev', 'eth0');
  await bed.exec('own', 'ip', 'link', 'set', 'eth0', 'up');
  await bed.exec('own', 'ip', 'route', 'add', 'default', 'via', '10.2.0.1');
  const { stdout } = await ping('c1', '10.2.0.77');
  assert.match(stdout, ARRIVED);
});

test("a VM cannot take another's address: its claim is dropped, and counted under a name", async () => {
  await bed.exec('c3', 'ip', 'address', 'add', '10.1.0.99/24', 'dev', 'eth0');
  assert.is.not((await ping('c3', '-W', '1', '-I', '10.1.0.99', '10.1.0.21')).status, 0);
  await bed.exec('c3', 'ip', 'address', 'delete', '10.1.0.99/24', 'dev', 'eth0');
  const { drops } = await bed.status();
  assert.ok(
    Object.keys(drops).some((reason) => reason.startsWith('spoofed-')),
    JSON.stringify(drops),
  );
});

test('a configured route leads to its next hop', async () => {
  await bed.exec('s5', 'ip', 'address', 'add', '10.77.0.1/32', 'dev', 'lo');
  const { stdout } = await ping('d1', '10.77.0.1');
  assert.match(stdout, ARRIVED);
});

test('a VIP balances across the router, and the member answers the client itself', async () => {
  const answers = await bed.ask('c2', '10.1.0.103', 3);
  assert.equal(shares(answers), { d1: 3 });
  for (const { peer } of answers) assert.match(peer, /^10\.1\.0\.12:/);
});

test.run();
