// Real kernels and the logical router as their IPv6 router: they find it by its advertisements (RFC 4861 §6), and
// reach it at its link-local, anycast and all-routers addresses.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Capture } from '../support/capture.ts';
import { sleep, until } from '../support/command.ts';
import { Host } from '../support/host.ts';
import type { ConfigText } from '../support/testbed-config.ts';

const test = suite('e2e: IPv6 router');

const ASKER_MAC = '02:00:00:00:01:0a';
const LINK_LOCAL = 'fe80::53:4cff:fe00:1389'; // of the router's MAC, 02:53:4c and VNI 5001

/**
 *   VM a: only an IPv4 address is configured; it makes itself an IPv6 one, and finds the router
 *   VM b: on the other network, whose gateway is a link-local address
 */
const twoNetworks = (name: string): ConfigText => ({
  host: name,
  networks: [
    {
      name: 'app',
      vni: 5001,
      mtu: 1400,
      subnets: ['10.1.0.0/24', 'fd00:1::/64'],
      gateway: ['10.1.0.1', 'fd00:1::1'],
      routerAdvertisements: { autonomous: true, lifetime: '1h', interval: '30s' },
    },
    { name: 'db', vni: 5002, mtu: 1400, subnets: ['fd00:2::/64'], gateway: ['fe80::1'] },
  ],
  ports: [
    { name: 'a', network: 'app', netns: `${name}-a`, mac: ASKER_MAC, addresses: ['10.1.0.11/24'] },
    { name: 'c', network: 'app', netns: `${name}-c`, addresses: ['10.1.0.12/24', 'fd00:1::c/64'] },
    { name: 'b', network: 'db', netns: `${name}-b`, addresses: ['fd00:2::b/64'] },
  ],
  groups: [],
});
/** Prefix, modified EUI-64 of a's MAC. */
const OWN = 'fd00:1::ff:fe00:10a';

let host: Host;
test.before(async () => {
  host = new Host();
  await host.up(twoNetworks(host.name));
});
test.after(() => host?.close());

const ping = async (vm: string, target: string, ...options: string[]): Promise<string> =>
  (await host.try(vm, 'ping', '-n', '-c', '1', '-W', '2', ...options, target)).stdout;

test('a kernel with accept_ra has its default route, an address, and reaches the other network', async () => {
  await until('a default route', async () => {
    const routes = await host.exec('a', 'ip', '-6', 'route', 'show', 'default');
    return routes.includes(`via ${LINK_LOCAL} dev eth0 proto ra`);
  });
  await until('an address of its own', async () => {
    const text = await host.exec('a', 'ip', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'global');
    return text.includes(`${OWN}/64`) && !text.includes('tentative');
  });
  await until('an answer from the other network', async () =>
    / 1 received/.test(await ping('a', 'fd00:2::b')),
  );
  const { drops } = await host.status();
  assert.is(drops['spoofed-source'], undefined, 'the address that it made itself is its own');
});

test('link-local, anycast and all routers answer', async () => {
  for (const target of [`${LINK_LOCAL}%eth0`, 'fd00:1::', 'ff02::2%eth0']) {
    await until(`${target}`, async () => /[1-9] received/.test(await ping('a', target)));
  }
  await until('the gateway fe80::1', async () => / 1 received/.test(await ping('b', 'fe80::1%eth0')));
  const route = await host.exec('b', 'ip', '-6', 'route', 'show', 'default');
  assert.match(route, /via fe80::1 dev eth0/);
});

test('a solicitation is answered to the asker alone, right to the last bit, and is heard by nobody else', async () => {
  const asker = await Capture.start(host, 'a', 'icmp6 and (ip6[40] == 133 or ip6[40] == 134)');
  // VM c's kernel searches for routers too, at any time: only what came from a counts.
  const other = await Capture.start(host, 'c', `icmp6 and ip6[40] == 133 and ether src ${ASKER_MAC}`);
  // A new link-local address begins a new search for routers.
  await host.exec('a', 'sh', '-c', 'ip link set eth0 down && ip link set eth0 up');
  await until('a default route', async () =>
    (await host.exec('a', 'ip', '-6', 'route', 'show', 'default')).includes(LINK_LOCAL),
  );
  await sleep(500);
  await Promise.all([asker.stop(), other.stop()]);
  assert.is.not((await asker.fields(['icmpv6.type'], 'icmpv6.type == 133')).length, 0);
  assert.equal(await other.fields(['icmpv6.type'], 'icmpv6.type == 133'), []);
  const answers = await asker.fields(
    [
      ...['ipv6.src', 'ipv6.hlim', 'icmpv6.checksum.status', 'icmpv6.nd.ra.router_lifetime'],
      ...['icmpv6.opt.mtu', 'icmpv6.opt.prefix', 'icmpv6.opt.prefix.length'],
    ],
    'icmpv6.type == 134',
  );
  for (const answer of answers) {
    assert.equal(answer, [LINK_LOCAL, '255', '1', '3600', '1400', 'fd00:1::', '64']);
  }
});

test.run();
