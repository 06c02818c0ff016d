// What each side of a balanced flow sees: members the client's own address, the client nothing but the VIP.
// timeout: 180s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Capture, during } from '../support/capture.ts';
import { Testbed } from '../support/testbed.ts';

const test = suite('e2e: transparency');

let bed: Testbed;
test.before(async () => {
  bed = await Testbed.create();
  await bed.holdQuietly('s4', '10.1.0.102');
  await bed.holdQuietly('s5', '10.1.0.102');
});
test.after(() => bed?.close());

const MEMBER = /10\.1\.0\.2[1-5]|fd00:1::2[1-5]|10\.2\.0\.21/;

/** What the server printed, and the port that the client's own socket had. */
async function askFrom(
  vm: string,
  url: string,
): Promise<{ server: string; peer: string; localPort: string }> {
  const text = await bed.exec(vm, 'curl', '-sSf', '--max-time', '5', '-w', '%{local_port}', url);
  const [answer, localPort] = text.split('\n') as [string, string];
  const [server, peer] = answer.split(' ') as [string, string];
  return { server, peer, localPort };
}

test("a member sees the client's own address and port", async () => {
  for (const url of ['http://10.1.0.100/', 'http://10.1.0.102:8080/', 'http://10.1.0.103/']) {
    const { peer, localPort } = await askFrom('c2', url);
    assert.is(peer, `10.1.0.12:${localPort}`, url);
  }
  const { peer, localPort } = await askFrom('c2', 'http://[fd00:1::100]/');
  assert.is(peer, `[fd00:1::12]:${localPort}`);
  assert.match((await bed.askUdp('c2', '10.1.0.101', 53, 1))[0]!, /^s\d 10\.1\.0\.12:\d+ datagram 0$/);
});

test('the client sees packets of the VIP and of no member, over TCP, UDP and IPv6', async () => {
  const addresses = [
    'eth.src',
    'ip.src',
    'ip.dst',
    'ipv6.src',
    'ipv6.dst',
    'arp.src.proto_ipv4',
    'arp.dst.proto_ipv4',
  ];
  const talk = async () => {
    await bed.ask('c3', '10.1.0.100', 20);
    await bed.ask('c3', '[fd00:1::100]', 20);
    await bed.ask('c3', '10.1.0.102:8080', 4);
    await bed.ask('c3', '10.1.0.103', 2);
    await bed.askUdp('c3', '10.1.0.101', 53, 8);
  };
  const seen = await during(bed, 'c3', '', talk, (capture) =>
    capture.fields([...addresses, 'icmpv6.nd.ns.target_address', 'icmpv6.nd.na.target_address']),
  );
  // Members resolve the client's address, as neighbours do: their ARP and neighbour solicitations are let be.
  const fromMembers = seen.filter(
    (fields) => MEMBER.test(fields.slice(1).join(' ')) && !isAddressResolution(fields),
  );
  assert.equal(fromMembers, []);
  assert.ok(seen.length > 200, `${seen.length} packets`);
});

const isAddressResolution = (fields: string[]) => fields.slice(5).some((field) => field !== '');

test('a port is translated on the way there and back', async () => {
  const ports = ['ip.src', 'tcp.srcport', 'ip.dst', 'tcp.dstport'];
  const clientSide = await during(
    bed,
    'c1',
    'tcp',
    () => bed.ask('c1', '10.1.0.100', 10),
    (capture) => capture.fields(ports),
  );
  for (const [source, sourcePort, destination, destinationPort] of clientSide) {
    const [vip, vipPort] = source === '10.1.0.11' ? [destination, destinationPort] : [source, sourcePort];
    assert.equal([vip, vipPort], ['10.1.0.100', '80']);
  }
  const memberSide = await during(
    bed,
    's2',
    'tcp',
    () => bed.ask('c1', '10.1.0.100', 10),
    (capture) => capture.fields(ports),
  );
  assert.ok(memberSide.length >= 3 * 8, `${memberSide.length} packets at a member with 3 of 10 flows`);
  for (const [source, sourcePort, destination, destinationPort] of memberSide) {
    const toMember = source === '10.1.0.11';
    assert.equal(toMember ? [destination, destinationPort] : [source, sourcePort], ['10.1.0.22', '8080']);
    assert.is(toMember ? source : destination, '10.1.0.11');
  }
});

test('MAC redirect changes the destination MAC and nothing else', async () => {
  const mac = (await bed.exec('s4', 'cat', '/sys/class/net/eth0/address')).trim();
  const seen = await during(
    bed,
    's4',
    'tcp and dst port 8080',
    () => bed.ask('c1', '10.1.0.102:8080', 4),
    (capture) => capture.fields(['eth.dst', 'ip.src', 'ip.dst', 'ip.ttl']),
  );
  assert.ok(seen.length > 0);
  for (const fields of seen) assert.equal(fields, [mac, '10.1.0.11', '10.1.0.102', '64']);
});

test('without offloads at the ends every checksum is complete and right', async () => {
  for (const vm of ['c1', 's1', 's2', 's3', 's4', 's5']) await bed.withoutOffloads(vm);
  const talk = async () => {
    await bed.ask('c1', '10.1.0.100', 10);
    await bed.ask('c1', '[fd00:1::100]', 10);
    await bed.askUdp('c1', '10.1.0.101', 53, 4);
    await bed.download('c1', '10.1.0.100', 500_001);
    await bed.upload('c1', '10.1.0.100', 500_001);
  };
  const checksums = ['ip.checksum.status', 'tcp.checksum.status', 'udp.checksum.status'];
  // 1 is tshark's "good"; an empty field is a layer that the packet does not have.
  const judge = async (capture: Capture, received: string) => {
    const seen = await capture.fields(checksums, received);
    assert.ok(seen.length > 50, `${seen.length} packets`);
    assert.equal(
      seen.filter((statuses) => statuses.some((status) => status !== '1' && status !== '')),
      [],
    );
    assert.ok(seen.every(([, tcp, udp]) => tcp === '1' || udp === '1'));
  };
  const atClient = () =>
    during(bed, 'c1', 'tcp or udp', talk, (capture) =>
      judge(capture, 'ip.dst == 10.1.0.11 or ipv6.dst == fd00:1::11'),
    );
  await during(bed, 's2', 'tcp or udp', atClient, (capture) =>
    judge(capture, 'ip.src == 10.1.0.11 or ipv6.src == fd00:1::11'),
  );
});

test('traffic to no VIP crosses byte for byte and creates no record', async () => {
  const before = (await bed.status()).connections;
  let atClient: string[] = [];
  const atServer = await during(
    bed,
    's1',
    'host 10.1.0.12 and (tcp or udp or icmp)',
    () =>
      during(
        bed,
        'c2',
        'host 10.1.0.21 and (tcp or udp or icmp)',
        async () => {
          await bed.ask('c2', '10.1.0.21:8080', 3);
          await bed.askUdp('c2', '10.1.0.21', 5300, 3);
          await bed.exec('c2', 'ping', '-c', '3', '-i', '0.05', '-s', '1000', '10.1.0.21');
        },
        async (capture) => {
          atClient = await capture.frames();
        },
      ),
    (capture) => capture.frames(),
  );
  assert.ok(atClient.length >= 3 * 8 + 6 + 6, `${atClient.length} frames`);
  // Each point sees a frame and its answer at its own time: compare them as sets.
  assert.equal(atServer.sort(), atClient.sort());
  const after = (await bed.status()).connections;
  assert.is(after.created, before.created);
  assert.is(after.inUse, before.inUse);
});

test.run();
