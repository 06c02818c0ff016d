// What becomes of single packets, with real stacks at both ends: sizes, fragments, ARP, spoofing, echo.
// timeout: 240s
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { during } from '../../support/capture.ts';
import { sleep, until } from '../../support/command.ts';
import { advertisementFrame, arpFrame, BROADCAST, countingBytes } from '../../support/packets.ts';
import { macOf, sendFrames, udpFragments, wayFrom } from '../../support/raw-frames.ts';
import { countingDigest, Testbed } from '../../support/testbed.ts';
import { tcpGroup } from '../../support/testbed-config.ts';

const test = suite('conformance: packets');

const UDP_KEEP_ASKING = join(import.meta.dirname, '../../support/clients/udp-keep-asking.js');

const SMALL_MTU = 1_400;
const TRANSFER_BYTES = 400_000;

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create((config) => {
    config.networks[1]!.mtu = SMALL_MTU;
    // Not in the configuration: the datapath has to ask for it.
    config.ports.push({ name: 'late', network: 'app', netns: `${config.host}-late`, antiSpoofing: false });
    const udp6 = [{ name: 's1', address: 'fd00:1::21', port: 5300 }];
    const remote6 = [{ name: 'd1', address: 'fd00:2::21', port: 8080 }];
    config.groups.push(
      { ...tcpGroup('remote6', 0, remote6), vip: 'fd00:1::103' },
      { ...tcpGroup('echo6', 0, udp6), vip: 'fd00:1::101', protocol: 'udp', port: 53 },
      tcpGroup('late', 150, [{ name: 'late', address: '10.1.0.90', port: 8080 }]),
    );
  });
  await bed.exec('late', 'ip', 'address', 'add', '10.1.0.90/24', 'dev', 'eth0');
  await bed.serve('late');
});
test.after(() => bed?.close());

for (const [family, vip, host] of [
  ['IPv4', '10.1.0.103', '10.1.0.103'],
  ['IPv6', 'fd00:1::103', '[fd00:1::103]'],
] as const) {
  test(`path MTU discovery through a VIP, ${family}: the client learns the MTU behind its member`, async () => {
    // The member's VM does not know how small its network's packets are, or TCP would not try larger ones. The
    // router's advertisements would tell it, at any time.
    await bed.exec('d1', 'sysctl', '-qw', 'net.ipv6.conf.eth0.accept_ra_mtu=0');
    await bed.exec('d1', 'ip', 'link', 'set', 'eth0', 'mtu', '1500');
    await bed.withoutOffloads('c1');
    const largest = await during(
      bed,
      'd1',
      'tcp',
      async () => {
        assert.is(await bed.upload('c1', host, TRANSFER_BYTES), countingDigest(TRANSFER_BYTES));
        assert.is(await bed.download('c1', host, TRANSFER_BYTES), countingDigest(TRANSFER_BYTES));
      },
      async (capture) => Math.max(...(await capture.fields(['frame.len'])).map(([length]) => Number(length))),
    );
    assert.ok(largest >= SMALL_MTU, `${largest} bytes at most`);
    assert.match(await bed.exec('c1', 'ip', 'route', 'get', vip), new RegExp(`mtu ${SMALL_MTU}`));
  });
}

test('datagrams over the MTU go through a VIP in fragments, there and back, IPv4 and IPv6', async () => {
  for (const vip of ['10.1.0.101', 'fd00:1::101']) {
    for (const bytes of [1_473, 4_000, 20_000, 60_000]) {
      const client = bed.start('c1', process.execPath, UDP_KEEP_ASKING, vip, '53', '50', `${bytes}`);
      await until(`answers of ${bytes} bytes from ${vip}`, () => client.lines.length >= 5);
      for (const line of client.lines) {
        const length = Number(line.split(' ')[1]);
        assert.ok(length > bytes && length < bytes + 60, line);
      }
      await client.stop();
    }
  }
});

test('fragments in the wrong order arrive; a datagram whose fragments overlap does not', async () => {
  const dropsOf = async (reason: string) => (await bed.status()).drops[reason] ?? 0;
  const before = await dropsOf('fragment-overlap');
  const seen = await during(
    bed,
    'c1',
    'udp or ip[6:2] & 0x1fff != 0',
    async () => {
      const way = await wayFrom(bed, 'c1', '10.1.0.11', '10.1.0.101');
      const datagram = { sourcePort: 5_999, destinationPort: 53, payload: countingBytes(2_500) };
      await sendFrames(bed, 'c1', udpFragments(way, datagram, 1_000, 77).reverse());
      const [first, second, third] = udpFragments(way, datagram, 1_000, 78);
      const [, overlapping] = udpFragments(way, datagram, 992, 78);
      await sendFrames(bed, 'c1', [first!, overlapping!, second!, third!]);
      await sleep(500);
    },
    (capture) => capture.fields(['udp.length'], 'udp.srcport == 53'),
  );
  assert.is(seen.length, 1, JSON.stringify(seen));
  assert.ok(Number(seen[0]![0]) > 2_500, JSON.stringify(seen));
  assert.ok((await dropsOf('fragment-overlap')) > before, JSON.stringify((await bed.status()).drops));
});

test('the first packet while the member is being resolved is delivered, translated, within a round trip', async () => {
  const [seconds] = (
    await bed.exec('c1', 'curl', '-sSf', '--max-time', '5', '-w', ' %{time_connect}', 'http://10.1.0.150/')
  )
    .split(' ')
    .slice(-1);
  assert.ok(Number(seconds) < 0.5, `${seconds} s: before the first retransmission of a SYN`);
  assert.is((await bed.ask('c2', '10.1.0.150', 1))[0]!.server, 'late');
});

test('a VM that claims a VIP, a gateway or another VM is not heard, IPv4 and IPv6', async () => {
  const targets = ['10.1.0.100', '10.1.0.1', '10.1.0.21', 'fd00:1::100', 'fd00:1::1'];
  for (const target of targets) await bed.exec('c1', 'ping', '-n', '-c', '1', '-W', '2', target);
  const entries = async () => {
    const all = JSON.parse(await bed.exec('c1', 'ip', '-json', 'neighbour', 'show'));
    return targets.map((dst) => all.find((entry: { dst: string }) => entry.dst === dst)?.lladdr);
  };
  const before = await entries();
  const fromMac = await macOf(bed, 'c2');
  const claim = (from: string) =>
    from.includes(':')
      ? advertisementFrame(
          { fromMac, toMac: '33:33:00:00:00:01', from, to: 'ff02::1', ttl: 255 },
          from,
          fromMac,
          'O',
        )
      : arpFrame({ fromMac, toMac: BROADCAST, from, to: from }, 'request');
  const claims = 'arp or icmp6 and ip6[40] == 136';
  const heard = await during(
    bed,
    'c1',
    `(${claims}) and ether src ${fromMac}`,
    () => sendFrames(bed, 'c2', targets.map(claim)),
    (capture) => capture.frames(),
  );
  assert.equal(heard, []);
  assert.equal(await entries(), before);
  const { drops } = await bed.status();
  assert.ok((drops['spoofed-arp'] ?? 0) >= 3, JSON.stringify(drops));
});

test('a ping of the VIP is answered, large ones too', async () => {
  for (const target of ['10.1.0.100', 'fd00:1::100']) {
    for (const bytes of [56, 1_400, 4_000, 30_000]) {
      const { stdout } = await bed.try(
        'c1',
        'ping',
        '-n',
        '-c',
        '2',
        '-i',
        '0.2',
        '-W',
        '2',
        '-s',
        `${bytes}`,
        target,
      );
      assert.match(stdout, /2 received/, `${bytes} bytes to ${target}`);
    }
  }
});

test.run();
