// VMs that tag their frames themselves, through a running host and real TAPs, with both engines. A tag is the VM's own
// business: what is inside is balanced as without it, and leaves under the same tags with the same priority. The kernels
// at the ends need no VLAN interfaces for it: frames are sent past them, and what comes is judged by tshark.
// timeout: 300s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FlowRow } from '../../../src/api/shapes.ts';
import { during } from '../../support/capture.ts';
import { until } from '../../support/command.ts';
import { Host } from '../../support/host.ts';
import { pseudoHeaderSum } from '../../support/internet-checksum.ts';
import {
  arpFrame,
  BROADCAST,
  concat,
  countingBytes,
  TCP,
  tcpFrame,
  udpFrame,
  type Way,
  type WireFrame,
} from '../../support/packets.ts';
import { macOf, sendFrames, udpFragments, wayFrom } from '../../support/raw-frames.ts';
import { member, tcpGroup, testbedConfig } from '../../support/testbed-config.ts';

const test = suite('conformance: VLAN');

const CLIENT = { 4: '10.1.0.11', 6: 'fd00:1::11' } as const;
const SERVER = { 4: '10.1.0.21', 6: 'fd00:1::21' } as const;
const VIP = { 4: '10.1.0.100', 6: 'fd00:1::100' } as const;
const EMPTY_VIP = '10.1.0.130';
/** Members behind the logical router: a VM, an address that it has besides its configured one, and nobody. */
const REMOTE_VIP = '10.1.0.103';
const KNOWN_REMOTE = '10.2.0.21';
const LATE_VIP = '10.1.0.104';
const LATE_REMOTE = '10.2.0.99';
const DEAD_VIP = '10.1.0.105';

interface Tags {
  /** TPID and TCI of each, outermost first. */
  readonly hex: string;
  /** Priority and VID of the outer and of the inner tag, as tshark has them. */
  readonly shown: string;
}

const SINGLE: Tags = { hex: '8100e007', shown: '7 7' };
const DOUBLE: Tags = { hex: '88a8606481004009', shown: '3 100 2 9' };

/** Tags move what a vnet header counts from the beginning of the frame: header length and start of the checksum. */
function tagged({ hex }: Tags, { bytes, vnet }: WireFrame): WireFrame {
  const tags = Buffer.from(hex, 'hex');
  const moved = vnet.slice();
  const view = new DataView(moved.buffer);
  for (const at of [2, 6]) {
    if (view.getUint16(at, true) > 0) view.setUint16(at, view.getUint16(at, true) + tags.length, true);
  }
  return { bytes: concat(bytes.subarray(0, 12), tags, bytes.subarray(12)), vnet: moved };
}

const TAG_FIELDS = ['ieee8021ad.priority', 'ieee8021ad.id', 'vlan.priority', 'vlan.id'];
const PACKET_FIELDS = [
  ...['ip.src', 'ipv6.src', 'ip.dst', 'ipv6.dst', 'tcp.srcport', 'udp.srcport', 'tcp.dstport', 'udp.dstport'],
  // 1 is tshark's "good"; IPv6 has none of its own.
  ...['tcp.flags.str', 'udp.length', 'ip.checksum.status', 'tcp.checksum.status', 'udp.checksum.status'],
];
const FLAGS = {
  S: '··········S·',
  SA: '·······A··S·',
  A: '·······A····',
  PA: '·······AP···',
  RA: '·······A·R··',
};

async function hostOf(engine: string): Promise<Host> {
  const host = new Host();
  const config = testbedConfig(host.name);
  config.datapath = { engine };
  config.ports = config.ports.filter(({ name }) => ['c1', 's1', 'd1'].includes(name));
  const server6 = { name: 's1', address: SERVER[6], port: 8080 };
  const web = tcpGroup('web', 100, [member('s1')]);
  const udp = { protocol: 'udp', port: 53, members: [member('s1', { port: 5300 })] };
  config.groups = [
    web,
    { ...web, name: 'web6', vip: VIP[6], members: [server6] },
    { ...web, ...udp, name: 'dns' },
    tcpGroup('empty', 130, []),
    tcpGroup('remote', 103, [{ name: KNOWN_REMOTE, address: KNOWN_REMOTE, port: 8080 }]),
    tcpGroup('late', 104, [{ name: LATE_REMOTE, address: LATE_REMOTE, port: 8080 }]),
    tcpGroup('dead', 105, [{ name: 'nobody', address: '10.2.0.98', port: 8080 }]),
  ];
  config.ports = config.ports.map((port) => (port.name === 'd1' ? { ...port, antiSpoofing: false } : port));
  await host.up(config);
  await host.exec('d1', 'ip', 'addr', 'add', `${LATE_REMOTE}/24`, 'dev', 'eth0');
  return host;
}

for (const engine of ['uring', 'syscall']) {
  let host: Host;

  test(`${engine}: the host comes up`, async () => {
    host = await hostOf(engine);
    assert.is((await host.status()).engine, engine);
  });

  /** What tshark sees arrive at a VM under tags while it is sent to: one line of fields per frame. */
  async function arrivals(vm: string, fields: string[], body: () => Promise<unknown>): Promise<string[]> {
    const filter = `(vlan or ieee8021ad) and eth.dst == ${await macOf(host, vm)}`;
    const rows = await during(host, vm, '', body, (capture) => capture.fields(fields, filter));
    return rows.map((row) => row.filter((value) => value !== '').join(' '));
  }

  for (const family of [4, 6] as const) {
    for (const [name, tags] of Object.entries({ 'one tag': SINGLE, 'two tags': DOUBLE })) {
      test(`${engine}, IPv${family}, ${name}: a TCP conversation through a VIP keeps its tags, there and back`, async () => {
        const port = tags === SINGLE ? 30_000 : 30_001;
        const good = family === 4 ? '1 1' : '1';
        const there = await wayFrom(host, 'c1', CLIENT[family], VIP[family]);
        const back = await wayFrom(host, 's1', SERVER[family], CLIENT[family]);
        const request = { sourcePort: port, destinationPort: 80 };
        const reply = { sourcePort: 8080, destinationPort: port };
        const toServer = (flags: keyof typeof FLAGS): string =>
          `${tags.shown} ${CLIENT[family]} ${SERVER[family]} ${port} 8080 ${FLAGS[flags]} ${good}`;
        const toClient = (flags: keyof typeof FLAGS): string =>
          `${tags.shown} ${VIP[family]} ${CLIENT[family]} 80 ${port} ${FLAGS[flags]} ${good}`;
        const payload = countingBytes(501);
        const fields = [...TAG_FIELDS, ...PACKET_FIELDS];

        const opening = tcpFrame(there, { ...request, flags: 'S', sequence: 100 });
        const atServer = await arrivals('s1', fields, () => sendFrames(host, 'c1', [tagged(tags, opening)]));
        assert.equal(atServer, [toServer('S')]);

        const answers = [
          tcpFrame(back, { ...reply, flags: 'SA', sequence: 300, acknowledgment: 101 }),
          tcpFrame(back, { ...reply, flags: 'PA', sequence: 301, acknowledgment: 101, payload }),
        ];
        const atClient = await arrivals('c1', fields, () =>
          sendFrames(
            host,
            's1',
            answers.map((frame) => tagged(tags, frame)),
          ),
        );
        assert.equal(atClient, [toClient('SA'), toClient('PA')]);

        const more = [
          tcpFrame(there, { ...request, flags: 'A', sequence: 101, acknowledgment: 802 }),
          tcpFrame(there, { ...request, flags: 'PA', sequence: 101, acknowledgment: 802, payload }),
        ];
        const later = await arrivals('s1', fields, () =>
          sendFrames(
            host,
            'c1',
            more.map((frame) => tagged(tags, frame)),
          ),
        );
        assert.equal(later, [toServer('A'), toServer('PA')]);

        const flows = await host.json<FlowRow[]>('flows', '--group', family === 4 ? 'web' : 'web6');
        const flow = flows.find(({ client }) => client.endsWith(`:${port}`));
        assert.is(flow?.state, 'established', JSON.stringify(flows));
        assert.equal([flow?.packets, flow?.replyPackets], [3, 2]);
      });
    }
  }

  test(`${engine}: tagged datagrams through a VIP, whole and in fragments, there and back`, async () => {
    const there = await wayFrom(host, 'c1', CLIENT[4], VIP[4]);
    const back = await wayFrom(host, 's1', SERVER[4], CLIENT[4]);
    const ask = { sourcePort: 31_000, destinationPort: 53, payload: countingBytes(33) };
    const answer = { sourcePort: 5300, destinationPort: 31_000, payload: countingBytes(44) };
    const large = { ...ask, payload: countingBytes(2_500) };
    const fields = [...TAG_FIELDS, ...PACKET_FIELDS];
    const requests = [udpFrame(there, ask), ...udpFragments(there, large, 1_000, 78)];
    const atServer = await arrivals('s1', fields, () =>
      sendFrames(
        host,
        'c1',
        requests.map((frame) => tagged(SINGLE, frame)),
      ),
    );
    // tshark puts the fragments together, and has ports and the checksum of the whole at the last one.
    const [whole, first, second, last] = atServer;
    const ends = `${SINGLE.shown} ${CLIENT[4]} ${SERVER[4]}`;
    assert.equal(
      [whole, first, second, last],
      [`${ends} 31000 5300 41 1 1`, `${ends} 1`, `${ends} 1`, `${ends} 31000 5300 2508 1 1`],
    );
    const atClient = await arrivals('c1', fields, () =>
      sendFrames(host, 's1', [tagged(SINGLE, udpFrame(back, answer))]),
    );
    assert.equal(atClient, [`${SINGLE.shown} ${VIP[4]} ${CLIENT[4]} 53 31000 52 1 1`]);
  });

  for (const family of [4, 6] as const) {
    test(`${engine}, IPv${family}: a tagged super-segment with a partial checksum stays one, translated`, async () => {
      const there = await wayFrom(host, 'c1', CLIENT[family], VIP[family]);
      const ends = { sourcePort: 34_000, destinationPort: 80 };
      const opening = tcpFrame(there, { ...ends, flags: 'S', sequence: 100, partial: true });
      const payload = countingBytes(10_000);
      const rest = { ...ends, flags: 'A', sequence: 101, acknowledgment: 1, payload, gsoSize: 1_400 };
      const fields = [...TAG_FIELDS, 'ip.dst', 'ipv6.dst', 'tcp.dstport', 'tcp.len', 'tcp.checksum'];
      const seen = await arrivals('s1', fields, () =>
        sendFrames(
          host,
          'c1',
          [opening, tcpFrame(there, rest)].map((frame) => tagged(SINGLE, frame)),
        ),
      );
      // What is left to the receiver begins with the sum of the pseudo header (RFC 9293), of the new addresses.
      const partialSum = (bytes: number): string =>
        `0x${pseudoHeaderSum(CLIENT[family], SERVER[family], TCP, bytes).toString(16).padStart(4, '0')}`;
      const start = `${SINGLE.shown} ${SERVER[family]} 8080`;
      assert.equal(seen, [`${start} 0 ${partialSum(20)}`, `${start} 10000 ${partialSum(10_020)}`]);
    });
  }

  test(`${engine}: a tagged question is answered under its tag: ARP for a VIP, a connection to an empty group`, async () => {
    const fromMac = await macOf(host, 'c1');
    const who: Way = { fromMac, toMac: BROADCAST, from: CLIENT[4], to: VIP[4] };
    const there = await wayFrom(host, 'c1', CLIENT[4], EMPTY_VIP);
    const question = tcpFrame(there, { sourcePort: 32_000, destinationPort: 80, flags: 'S', sequence: 7 });
    const fields = [...TAG_FIELDS, 'arp.opcode', 'arp.src.proto_ipv4', ...PACKET_FIELDS];
    const seen = await arrivals('c1', fields, () =>
      sendFrames(
        host,
        'c1',
        [arpFrame(who, 'request'), question].map((frame) => tagged(DOUBLE, frame)),
      ),
    );
    assert.equal(seen, [
      `${DOUBLE.shown} 2 ${VIP[4]}`,
      `${DOUBLE.shown} ${EMPTY_VIP} ${CLIENT[4]} 80 32000 ${FLAGS.RA} 1 1`,
    ]);
  });

  for (const [what, vip, server] of [
    ['a member behind the router', REMOTE_VIP, KNOWN_REMOTE],
    ['one there that is to be resolved first', LATE_VIP, LATE_REMOTE],
  ] as const) {
    test(`${engine}: ${what} gets a tagged flow untagged, from the first packet on; its answer bears the tag`, async () => {
      const there = await wayFrom(host, 'c1', CLIENT[4], vip);
      const syn = tcpFrame(there, { sourcePort: 33_000, destinationPort: 80, flags: 'S' });
      let atMember: string[] = [];
      // The member's kernel, where nobody listens, answers with a reset.
      const atClient = await arrivals('c1', [...TAG_FIELDS, ...PACKET_FIELDS], async () => {
        const rows = await during(
          host,
          'd1',
          'tcp or vlan',
          () => sendFrames(host, 'c1', [tagged(SINGLE, syn)]),
          (capture) => capture.fields([...TAG_FIELDS, 'ip.ttl', ...PACKET_FIELDS], `ip.dst == ${server}`),
        );
        atMember = rows.map((row) => row.filter((value) => value !== '').join(' '));
      });
      assert.equal(atMember, [`63 ${CLIENT[4]} ${server} 33000 8080 ${FLAGS.S} 1 1`]);
      assert.equal(atClient, [`${SINGLE.shown} ${vip} ${CLIENT[4]} 80 33000 ${FLAGS.RA} 1 1`]);
      const flows = await host.json<FlowRow[]>('flows', '--member', server);
      assert.equal(
        flows.map(({ state, packets, replyPackets }) => [state, packets, replyPackets]),
        [['reset-by-member', 1, 1]],
      );
    });
  }

  test(`${engine}: to a member behind the router that does not exist: the client is told under its tag, no record is left`, async () => {
    const there = await wayFrom(host, 'c1', CLIENT[4], DEAD_VIP);
    const syn = tcpFrame(there, { sourcePort: 33_000, destinationPort: 80, flags: 'S' });
    const fields = [...TAG_FIELDS, 'icmp.type', 'icmp.code', 'ip.dst'];
    const told = await arrivals('c1', fields, async () => {
      await sendFrames(host, 'c1', [tagged(SINGLE, syn)]);
      await until('the router to give up', async () => (await unresolved()) > 0);
    });
    assert.equal(told, [`${SINGLE.shown} 3 1 ${CLIENT[4]},${DEAD_VIP}`]);
    assert.equal(await host.json('flows', '--member', 'nobody'), []);
  });

  const dropsOf = async (reason: string): Promise<number> => (await host.status()).drops[reason] ?? 0;
  const unresolved = (): Promise<number> => dropsOf('neighbour-unresolved');

  test(`${engine}: the logical router takes no other tagged frames: they are dropped and counted`, async () => {
    const before = await dropsOf('vlan-not-allowed');
    const there = await wayFrom(host, 'c1', CLIENT[4], '10.1.0.1');
    const question = tcpFrame(
      { ...there, to: KNOWN_REMOTE },
      { sourcePort: 33_001, destinationPort: 80, flags: 'S' },
    );
    const seen = await during(
      host,
      'd1',
      'tcp or vlan',
      () => sendFrames(host, 'c1', [tagged(SINGLE, question)]),
      (capture) => capture.frames(),
    );
    assert.equal(seen, []);
    assert.is(await dropsOf('vlan-not-allowed'), before + 1);
  });

  test(`${engine}: the host goes down`, () => host.close());
}

test.run();
