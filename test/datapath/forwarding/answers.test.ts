/** What the datapath says itself in the name of gateways and VIPs: ARP, Neighbour Discovery, echo. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hexOf } from '../../support/addresses.ts';
import { DatapathBed, describe, only } from '../../support/datapath-bed.ts';
import {
  advertisementFrame,
  arpFrame,
  BROADCAST,
  countingBytes,
  echoFrame,
  solicitationFrame,
  solicitedNode,
  type Way,
  type WireFrame,
} from '../../support/packets.ts';
import { APP, members, PORTS, SETTINGS } from '../../support/topology.ts';

const arp = suite('answers: ARP');
const nd = suite('answers: ND');
const echo = suite('answers: echo');

const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::64';
const GROUPS = [
  { name: 'api', vip: VIP, members: members([1]) },
  { name: 'api6', vip: VIP6, members: members([1], { family: 6 }) },
];
const bedOf = (more: object = {}): DatapathBed => new DatapathBed({ groups: GROUPS, ...more });

const ask = (bed: DatapathBed, port: string, target: string, more: Partial<Way> = {}): WireFrame =>
  arpFrame({ ...bed.way(port, target), toMac: BROADCAST, ...more }, 'request');

arp('gateway and VIP are at the router; the answer comes back to the asker only', () => {
  const bed = bedOf();
  for (const target of ['10.1.0.1', VIP]) {
    const { port, frame } = only(bed.send('web1', ask(bed, 'web1', target)));
    assert.is(port, 'web1');
    assert.is(frame.toMac, bed.mac('web1'));
    assert.is(frame.fromMac, bed.maker.routerMac('app'));
    assert.equal(frame.arp, {
      operation: 'reply',
      senderMac: bed.maker.routerMac('app'),
      senderIp: target,
      targetMac: bed.mac('web1'),
      targetIp: '10.1.0.11',
    });
  }
  assert.is(bed.counters('web1').answered, 2);
  assert.equal(bed.drops(), {});
});

arp('a probe without sender address is answered too, so that nobody takes the VIP (RFC 5227)', () => {
  const bed = bedOf();
  const { frame } = only(bed.send('web1', ask(bed, 'web1', VIP, { from: '0.0.0.0' })));
  assert.is(frame.arp?.senderIp, VIP);
  assert.is(frame.arp?.targetIp, '0.0.0.0');
});

arp("questions about VMs are the switch's business", () => {
  const bed = bedOf();
  const heard = bed.send('web1', ask(bed, 'web1', '10.1.0.21'));
  assert.is(heard.length, 7, 'all other ports of the network');
  const { wire } = heard[0];
  assert.equal(wire, ask(bed, 'web1', '10.1.0.21'));
  const answer = arpFrame(bed.way('app1', '10.1.0.11'), 'reply', { targetMac: bed.mac('web1') });
  assert.is(describe(bed.send('app1', answer)), 'web1: arp reply 10.1.0.21 > 10.1.0.11');
});

arp('a VIP of the other network is not answered for here', () => {
  const bed = bedOf({
    ports: PORTS.map((port) => (port.network === 'db' ? { ...port, balanced: false } : port)),
  });
  const way = { ...bed.way('db1', '10.2.0.1'), to: VIP, toMac: BROADCAST };
  assert.is(describe(bed.send('db1', arpFrame(way, 'request'))), `db2: arp request 10.2.0.31 > ${VIP}`);
});

arp("a VIP that is a VM's own address is that VM's to answer for", () => {
  const bed = bedOf({
    groups: [
      {
        name: 'alt',
        vip: '10.1.0.21',
        rewrite: 'port',
        members: [{ name: 'app1', address: '10.1.0.21', port: 81 }],
      },
    ],
  });
  const heard = bed.send('web1', ask(bed, 'web1', '10.1.0.21'));
  assert.ok(heard.some(({ port }) => port === 'app1'));
  assert.ok(heard.every(({ frame }) => frame.arp?.operation === 'request'));
});

arp('an announcement of a VIP by a VM is no question', () => {
  const bed = bedOf();
  const way = { ...bed.way('web2', VIP), from: VIP, to: VIP, toMac: BROADCAST };
  assert.ok(
    bed.send('web2', arpFrame(way, 'request')).every(({ frame }) => frame.arp?.operation === 'request'),
  );
});

arp('tagged questions get tagged answers', () => {
  const bed = bedOf();
  assert.is(only(bed.send('web1', ask(bed, 'web1', VIP, { vlan: 9 }))).frame.vlan, 9);
});

const solicit = (bed: DatapathBed, target: string, more: Partial<Way> = {}, withMac = true): WireFrame => {
  const { address, mac } = solicitedNode(target);
  const way = { ...bed.way('web1', target), to: address, toMac: mac, ...more };
  return solicitationFrame(way, target, withMac ? bed.mac('web1') : undefined);
};

nd(
  "gateway and VIP: a solicited advertisement with the router's MAC; the R flag for the gateway only",
  () => {
    const bed = bedOf();
    for (const [target, flags] of [
      ['fd00:1::1', 'RSO'],
      [VIP6, 'SO'],
    ]) {
      for (const withMac of [true, false]) {
        const { port, wire } = only(bed.send('web1', solicit(bed, target, {}, withMac)));
        const routerMac = bed.maker.routerMac('app');
        const back = { fromMac: routerMac, toMac: bed.mac('web1'), from: target, to: 'fd00:1::b' };
        assert.is(port, 'web1');
        assert.is(hexOf(wire.bytes), hexOf(advertisementFrame(back, target, routerMac, flags).bytes));
      }
    }
  },
);

nd('asked by unicast, as when a host checks that the router is still there', () => {
  const bed = bedOf();
  const way = { to: VIP6, toMac: bed.maker.routerMac('app') };
  assert.is(only(bed.send('web1', solicit(bed, VIP6, way))).frame.packet?.icmp?.type, 136);
});

nd('a duplicate address probe for a VIP is answered to all nodes, unsolicited (RFC 4862 §5.4.3)', () => {
  const bed = bedOf();
  const { frame } = only(bed.send('web1', solicit(bed, VIP6, { from: '::' }, false)));
  assert.is(frame.packet?.to, 'ff02::1');
  assert.is(frame.toMac, '33:33:00:00:00:01');
  assert.is(frame.packet?.icmp?.rest, 0x2000_0000);
});

nd('an answer does not carry extension headers of the question', () => {
  const bed = bedOf();
  const extensions = [{ type: 60, bytes: Uint8Array.of(0, 1, ...new Uint8Array(14)) }];
  const { frame } = only(bed.send('web1', solicit(bed, VIP6, { extensions })));
  assert.is(frame.packet?.headerBytes, 40);
  assert.is(frame.packet?.icmp?.type, 136);
  assert.is(frame.bytes.length, 14 + 40 + 32);
});

nd('what RFC 4861 §7.1 calls invalid is dropped as such', () => {
  const bed = bedOf();
  const good = solicit(bed, VIP6);
  const broken: WireFrame[] = [
    solicit(bed, VIP6, { ttl: 254 }),
    changed(good, 55, 1), // code
    changed(good, 14 + 40 + 25, 0), // option length 0
    changed(good, 14 + 40 + 25, 2), // option past the end
    changed(good, 14 + 40 + 30, 0x99), // checksum
  ];
  for (const [i, frame] of broken.entries()) assert.equal(bed.send('web1', frame), [], `frame ${i}`);
  assert.equal(bed.drops(), { 'bad-nd': broken.length });
});

/** The frame with one byte changed. */
function changed({ bytes, vnet }: WireFrame, at: number, value: number): WireFrame {
  const other = Uint8Array.from(bytes);
  other[at] = value;
  return { bytes: other, vnet };
}

nd('a partial checksum in the question: the answer is complete', () => {
  const bed = bedOf();
  const { bytes } = solicit(bed, VIP6);
  const vnet = new Uint8Array(12);
  new DataView(vnet.buffer).setUint8(0, 1);
  new DataView(vnet.buffer).setUint16(6, 54, true);
  new DataView(vnet.buffer).setUint16(8, 2, true);
  const { frame } = only(bed.send('web1', { bytes, vnet }));
  assert.is(frame.isPartial, false);
  assert.is(frame.packet?.icmp?.type, 136);
});

echo('VIP and gateway answer, with everything that was sent', () => {
  const bed = bedOf();
  for (const to of [VIP, VIP6, '10.1.0.1', 'fd00:1::1']) {
    for (const length of [0, 1, 56, 1_400]) {
      const way = bed.way('web1', to, { ttl: 5, identification: 99 });
      const { port, frame } = only(bed.send('web1', echoFrame(way, 0xffff, 7, countingBytes(length))));
      assert.is(port, 'web1');
      assert.equal([frame.fromMac, frame.toMac], [way.toMac, way.fromMac]);
      const { packet } = frame;
      assert.equal([packet?.from, packet?.to, packet?.ttl], [to, way.from, 64]);
      assert.equal([packet?.icmp?.type, packet?.icmp?.code], [to.includes(':') ? 129 : 0, 0]);
      assert.is(packet?.icmp?.rest, 0xffff_0007);
      assert.is(hexOf(packet?.icmp?.body ?? new Uint8Array()), hexOf(countingBytes(length)));
    }
  }
});

echo('the gateway of the other network answers from there', () => {
  const bed = bedOf();
  assert.is(
    describe(bed.send('web1', echoFrame(bed.way('web1', '10.2.0.1'), 1, 1))),
    'web1: icmp 10.2.0.1 > 10.1.0.11 0/0',
  );
});

echo('with options and odd lengths', () => {
  const bed = bedOf();
  const way = bed.way('web1', VIP, { ipOptions: new Uint8Array(8).fill(1), vlan: 3 });
  const { frame } = only(bed.send('web1', echoFrame(way, 2, 3, countingBytes(13))));
  assert.is(frame.vlan, 3);
  assert.is(frame.packet?.icmp?.type, 0);
});

echo('a request with a wrong checksum is not answered, by VIPs and gateways', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  for (const to of [VIP, VIP6, '10.1.0.1', 'fd00:1::1']) {
    for (const length of [0, 13, 56]) {
      const { bytes, vnet } = echoFrame(bed.way('web1', to), 2, 3, countingBytes(length));
      const wrong = Uint8Array.from(bytes);
      wrong[wrong.length - 1]! ^= 1;
      assert.equal(bed.send('web1', { bytes: wrong, vnet }), [], `${to}, ${length} bytes`);
    }
  }
  assert.equal(bed.drops(), { 'bad-transport-checksum': 12 });
  assert.is(bed.counters('web1').answered, 0);
});

echo('a setting makes VIPs silent, not gateways', () => {
  const bed = bedOf({ settings: { ...SETTINGS, answerEchoToVip: false } });
  assert.equal(bed.send('web1', echoFrame(bed.way('web1', VIP), 1, 1)), []);
  assert.equal(bed.send('web1', echoFrame(bed.way('web1', VIP6), 1, 1)), []);
  assert.equal(bed.drops(), { 'no-connection': 2 });
  assert.is(bed.send('web1', echoFrame(bed.way('web1', '10.1.0.1'), 1, 1)).length, 1);
});

echo('a VIP answers in a network without a router as well', () => {
  const bed = bedOf({
    networks: [{ ...APP, gateways: [] }],
    ports: PORTS.filter(({ network }) => network === 'app'),
  });
  assert.is(bed.send('web1', echoFrame(bed.way('web1', VIP), 1, 1)).length, 1);
  assert.is(bed.send('web1', ask(bed, 'web1', VIP)).length, 1);
});

arp.run();
nd.run();
echo.run();
