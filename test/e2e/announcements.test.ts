// A VM that comes back with another MAC, or on another host, is reached at once by those who remember the old one: its
// addresses are announced (RFC 5227, RFC 4861 7.2.6). Real kernels are told, and tshark judges what they are told.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PortRow } from '../../src/api/shapes.ts';
import { Capture } from '../support/capture.ts';
import { sleep, until } from '../support/command.ts';
import { Host } from '../support/host.ts';
import { Hosts } from '../support/hosts.ts';
import { macOf } from '../support/raw-frames.ts';
import type { ConfigText } from '../support/testbed-config.ts';

const test = suite('e2e: announcements');

const OLD_MAC = '02:00:00:00:00:b1';
const NEW_MAC = '02:00:00:00:00:b2';
/** A kernel that is not told asks for a neighbour's MAC after DELAY_FIRST_PROBE_TIME (RFC 4861 §10) at the soonest. */
const UNTOLD_MS = 5_000;
const ADDRESSES = ['10.1.0.12', 'fd00:1::12'] as const;

/** Two VMs on one switch, with a VIP and a gateway besides. */
const twoVms = (name: string, mac: string): ConfigText => ({
  host: name,
  networks: [
    {
      name: 'app',
      vni: 5001,
      subnets: ['10.1.0.0/24', 'fd00:1::/64'],
      gateway: ['10.1.0.1', 'fd00:1::1'],
    },
  ],
  ports: [
    { name: 'a', network: 'app', netns: `${name}-a`, addresses: ['10.1.0.11/24', 'fd00:1::11/64'] },
    { name: 'b', network: 'app', netns: `${name}-b`, mac, addresses: ['10.1.0.12/24', 'fd00:1::12/64'] },
  ],
  groups: [
    { name: 'web', network: 'app', vip: '10.1.0.100', members: [{ name: 'b', address: '10.1.0.12' }] },
  ],
});

/** Where commands run in VMs by their names: a host, or several. */
type Vms = Pick<Host, 'exec' | 'try'>;

/** The MAC under which a VM knows a neighbour. */
async function macKnownTo(vms: Vms, vm: string, address: string): Promise<string | undefined> {
  const [entry] = JSON.parse(await vms.exec(vm, 'ip', '-json', 'neighbour', 'show', address));
  return entry?.lladdr;
}

/** Whether one ping is answered. */
const reaches = async (vms: Vms, vm: string, address: string): Promise<boolean> =>
  (await vms.try(vm, 'ping', '-n', '-c', '1', '-W', '1', address)).status === 0;

for (const how of ['its port is made anew', 'its device had disappeared']) {
  test(`a VM with another MAC, ${how}: its neighbour has the new one and reaches it at once`, async () => {
    const host = new Host();
    try {
      await host.up(twoVms(host.name, OLD_MAC));
      for (const address of ADDRESSES) {
        await until('an answer', () => reaches(host, 'a', address));
        assert.is(await macKnownTo(host, 'a', address), OLD_MAC);
      }
      // Younger ports remember nothing, and are not told.
      await sleep(1_100);
      const capture = await Capture.start(host, 'a', `ether src ${NEW_MAC} and (arp or icmp6)`);
      if (how !== 'its port is made anew') {
        await host.exec('b', 'ip', 'link', 'del', 'eth0');
        await until('the host to notice', async () => {
          const ports = await host.json<PortRow[]>('port', 'list');
          return ports.some(({ port, state }) => port === 'b' && state === 'gone');
        });
      }
      host.configure(twoVms(host.name, NEW_MAC));
      const reload = await host.sluice('reload', '-c', host.configFile);
      assert.is(reload.status, 0, reload.stderr);
      const since = Date.now();
      for (const address of ADDRESSES) assert.ok(await reaches(host, 'a', address), address);
      assert.ok(Date.now() - since < UNTOLD_MS, `${Date.now() - since} ms`);
      for (const address of ADDRESSES) assert.is(await macKnownTo(host, 'a', address), NEW_MAC);

      await sleep(4_000);
      await capture.stop();
      const announced = await capture.fields(
        ['eth.dst', 'arp.src.proto_ipv4', 'arp.src.hw_mac', 'arp.dst.hw_mac'],
        'arp.isannouncement == 1',
      );
      const arp = ['ff:ff:ff:ff:ff:ff', '10.1.0.12', NEW_MAC, '00:00:00:00:00:00'];
      assert.equal(announced, [arp, arp]);
      const advertised = await capture.fields(
        [
          ...['eth.dst', 'ipv6.src', 'ipv6.dst', 'ipv6.hlim', 'icmpv6.nd.na.target_address'],
          ...['icmpv6.opt.linkaddr', 'icmpv6.checksum.status'],
        ],
        'icmpv6.nd.na.flag.r == 0 and icmpv6.nd.na.flag.s == 0 and icmpv6.nd.na.flag.o == 1',
      );
      const group = ['33:33:00:00:00:01', 'fd00:1::12', 'ff02::1', '255', 'fd00:1::12'];
      const na = [...group, NEW_MAC, '1'];
      assert.equal(advertised, [na, na, na]);
    } finally {
      host.close();
    }
  });
}

test('what is never announced: VIPs and gateways; nor anything as long as nothing changes', async () => {
  const host = new Host();
  try {
    const config = twoVms(host.name, OLD_MAC);
    await host.up(config);
    await sleep(3_000);
    const unasked = 'arp and arp[6:2] = 1 and arp[14:4] = arp[24:4] or icmp6 and ip6[40] == 136';
    const capture = await Capture.start(host, 'a', unasked);
    config.groups[0]!.members = [{ name: 'b', address: '10.1.0.12', weight: 3 }];
    host.configure(config);
    await host.sluice('reload', '-c', host.configFile);
    await sleep(3_000);
    await capture.stop();
    assert.equal(await capture.frames(), []);
  } finally {
    host.close();
  }
});

test('a VM that moves to another host, and has another MAC there: all hosts’ VMs reach it at once', async () => {
  const hosts = await Hosts.create();
  try {
    // c2 is on h1, as c1 is; c3 is on h2, c5 on h3.
    const [h1, h2] = [hosts.host('h1'), hosts.host('h2')];
    const address = '10.1.0.12';
    const asking = ['c1', 'c3', 'c5'];
    for (const vm of asking) {
      await until('an answer', () => reaches(hosts, vm, address));
      assert.is(await macKnownTo(hosts, vm, address), await macOf(h1, 'c2'));
    }
    const moving = h1.config.ports.find(({ name }) => name === 'c2')!;
    h1.config.ports = h1.config.ports.filter(({ name }) => name !== 'c2');
    h2.config.ports.push({ ...moving, netns: h2.netns('c2') });
    await h1.reload();
    await h2.reload();
    const since = Date.now();
    for (const vm of asking) assert.ok(await reaches(hosts, vm, address), vm);
    assert.ok(Date.now() - since < UNTOLD_MS, `${Date.now() - since} ms`);
    const mac = await macOf(h2, 'c2');
    for (const vm of asking) assert.is(await macKnownTo(hosts, vm, address), mac, vm);
  } finally {
    hosts.close();
  }
});

test.run();
