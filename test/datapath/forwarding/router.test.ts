/** The logical router: hops, routes, and the errors that RFC 1812 and RFC 4443 want told. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hexOf } from '../../support/addresses.ts';
import { DatapathBed, describe, only, type Sent } from '../../support/datapath-bed.ts';
import {
  BROADCAST,
  countingBytes,
  echoFrame,
  icmpFrame,
  ipPacket,
  rawFrame,
  tcpFrame,
  udpFrame,
  type WireFrame,
} from '../../support/packets.ts';
import { parseFrame } from '../../support/parse-frame.ts';
import { APP, DB, PORTS, vm } from '../../support/topology.ts';

const hops = suite('router: hops');
const routes = suite('router: routes');
const errors = suite('router: errors');

const PAIRS = [
  ['10.1.0.11', '10.2.0.31', '10.1.0.1'],
  ['fd00:1::b', 'fd00:2::1f', 'fd00:1::1'],
] as const;
const UDP = { sourcePort: 1_000, destinationPort: 2_000 };

hops("from one network into the other: TTL one less, the router's MAC, all else as it was", () => {
  const bed = new DatapathBed();
  for (const [from, to] of PAIRS) {
    const way = bed.way('web1', to, { ttl: 17, identification: 5 });
    const { port, wire } = only(bed.send('web1', udpFrame(way, { ...UDP, payload: countingBytes(77) })));
    const onward = { ...way, from, fromMac: bed.maker.routerMac('db'), toMac: bed.mac('db1'), ttl: 16 };
    assert.is(port, 'db1');
    assert.is(hexOf(wire.bytes), hexOf(udpFrame(onward, { ...UDP, payload: countingBytes(77) }).bytes));
  }
});

hops('a super-segment is routed whole, and fits if its segments do', () => {
  const bed = new DatapathBed({ networks: [APP, { ...DB, mtu: 1_400 }] });
  const fields = { ...UDP, flags: 'A', payload: countingBytes(20_000) };
  for (const [, to] of PAIRS) {
    const headers = to.includes(':') ? 60 : 40;
    const fits = bed.send('web1', tcpFrame(bed.way('web1', to), { ...fields, gsoSize: 1_400 - headers }));
    assert.is(only(fits).port, 'db1');
    assert.is(only(fits).frame.gsoSize, 1_400 - headers);
    const tooBig = bed.send('web1', tcpFrame(bed.way('web1', to), { ...fields, gsoSize: 1_401 - headers }));
    assert.is(only(tooBig).port, 'web1');
  }
});

hops('to the router, for the same network: sent on to its port', () => {
  const bed = new DatapathBed();
  const way = bed.way('web1', '10.1.0.12', { toMac: bed.maker.routerMac('app') });
  const { port, frame } = only(bed.send('web1', udpFrame(way, UDP)));
  assert.is(port, 'web2');
  assert.is(frame.packet?.ttl, 63);
  assert.is(frame.fromMac, bed.maker.routerMac('app'));
});

hops('a network without gateway is not routed, neither from nor to', () => {
  const bed = new DatapathBed({ networks: [APP, { ...DB, gateways: [] }] });
  assert.is(only(bed.send('web1', udpFrame(bed.way('web1', '10.2.0.31'), UDP))).frame.packet?.icmp?.code, 0);
  assert.equal(bed.send('db1', udpFrame(bed.way('db1', '10.1.0.11'), UDP)), []);
  assert.equal(bed.counters('db1').drops, { 'not-for-us': 1 });
});

/** Networks with next hops: a VM `box` is the way to further prefixes. */
const WITH_ROUTES = {
  networks: [
    {
      ...APP,
      routes: [
        { to: '10.77.0.0/16', via: '10.1.0.21' },
        { to: '10.77.8.0/24', via: '10.1.0.22' },
        { to: 'fd00:77::/32', via: 'fd00:1::15' },
      ],
    },
    {
      ...DB,
      routes: [
        { to: '0.0.0.0/0', via: '10.2.0.31' },
        { to: '::/0', via: 'fd00:2::20' },
      ],
    },
  ],
};

const routedTo = (bed: DatapathBed, to: string): string =>
  describe(bed.send('web1', udpFrame(bed.way('web1', to), UDP)));

routes('next hops: the longest prefix decides, the destination address stays', () => {
  const bed = new DatapathBed(WITH_ROUTES);
  assert.is(routedTo(bed, '10.77.1.1'), 'app1: udp 10.1.0.11:1000 > 10.77.1.1:2000');
  assert.is(routedTo(bed, '10.77.8.9'), 'app2: udp 10.1.0.11:1000 > 10.77.8.9:2000');
  assert.is(routedTo(bed, '10.77.9.9'), 'app1: udp 10.1.0.11:1000 > 10.77.9.9:2000');
  assert.is(routedTo(bed, '10.2.0.32'), 'db2: udp 10.1.0.11:1000 > 10.2.0.32:2000');
  assert.is(routedTo(bed, '192.0.2.1'), 'db1: udp 10.1.0.11:1000 > 192.0.2.1:2000');
  assert.is(routedTo(bed, 'fd00:77::5'), 'app1: udp [fd00:1::b]:1000 > [fd00:77::5]:2000');
  assert.is(routedTo(bed, '2001:db8::1'), 'db2: udp [fd00:1::b]:1000 > [2001:db8::1]:2000');
});

routes('an IPv6 default route carries no IPv4', () => {
  const bed = new DatapathBed({ networks: [APP, { ...DB, routes: [{ to: '::/0', via: 'fd00:2::20' }] }] });
  const sent = bed.send('web1', udpFrame(bed.way('web1', '192.0.2.1'), UDP));
  assert.is(describe(sent), 'web1: icmp 10.1.0.1 > 10.1.0.11 3/0');
});

routes('changed routes hold at once', () => {
  const bed = new DatapathBed(WITH_ROUTES);
  bed.configure({ networks: [{ ...APP, routes: [{ to: '10.77.0.0/16', via: '10.1.0.23' }] }, DB] });
  assert.is(routedTo(bed, '10.77.8.9'), 'app3: udp 10.1.0.11:1000 > 10.77.8.9:2000');
});

/** An error came back to web1: from its gateway, of this kind, quoting the packet as it was sent. */
function assertError(
  bed: DatapathBed,
  sent: readonly Sent[],
  wire: WireFrame,
  expected: number[],
  gateway: string,
): void {
  const { port, frame } = only(sent);
  const { packet } = frame;
  const original = parseFrame(wire.bytes, wire.vnet).packet;
  assert.is(port, 'web1');
  assert.is(frame.toMac, bed.mac('web1'));
  assert.is(frame.fromMac, bed.maker.routerMac('app'));
  assert.is(packet?.from, gateway);
  assert.is(packet?.to, original?.from);
  assert.equal([packet?.icmp?.type, packet?.icmp?.code, packet?.icmp?.rest], expected);
  const quoted = packet?.icmp?.quoted?.bytes ?? new Uint8Array();
  assert.ok(quoted.length >= 28);
  assert.is(hexOf(quoted), hexOf(original?.bytes.subarray(0, quoted.length) ?? quoted));
}

errors('time exceeded: TTL 1 and TTL 0 go no further', () => {
  const bed = new DatapathBed();
  for (const ttl of [1, 0]) {
    for (const [, to, gateway] of PAIRS) {
      const frame = udpFrame(bed.way('web1', to, { ttl }), { ...UDP, payload: countingBytes(20) });
      assertError(bed, bed.send('web1', frame), frame, [to.includes(':') ? 3 : 11, 0, 0], gateway);
    }
  }
  assert.equal(bed.drops(), { 'ttl-exceeded': 4 });
});

errors('no route: net unreachable, or no route to destination', () => {
  const bed = new DatapathBed();
  for (const [to, type, gateway] of [
    ['192.0.2.1', 3, '10.1.0.1'],
    ['2001:db8::1', 1, 'fd00:1::1'],
  ] as const) {
    const frame = tcpFrame(bed.way('web1', to), { ...UDP, flags: 'S' });
    assertError(bed, bed.send('web1', frame), frame, [type, 0, 0], gateway);
  }
  assert.equal(bed.drops(), { 'no-route': 2 });
});

errors("too big: the next network's MTU is told, one byte less fits", () => {
  const bed = new DatapathBed({ networks: [APP, { ...DB, mtu: 1_300 }] });
  for (const [, to, gateway] of PAIRS) {
    const headers = to.includes(':') ? 48 : 28;
    const of = (length: number): WireFrame =>
      udpFrame(bed.way('web1', to), { ...UDP, payload: countingBytes(length - headers) });
    assert.is(only(bed.send('web1', of(1_300))).port, 'db1');
    const kind = to.includes(':') ? [2, 0, 1_300] : [3, 4, 1_300];
    assertError(bed, bed.send('web1', of(1_301)), of(1_301), kind, gateway);
  }
  assert.equal(bed.drops(), { 'mtu-exceeded': 2 });
});

errors('nothing is said about errors, groups, later fragments, or packets without a real source', () => {
  const bed = new DatapathBed();
  const nowhere = bed.way('web1', '192.0.2.1');
  const nowhere6 = bed.way('web1', '2001:db8::1');
  const quoted = ipPacket({ ...nowhere, from: '192.0.2.1', to: '10.1.0.11' }, 17, new Uint8Array(8));
  const quoted6 = ipPacket({ ...nowhere6, from: '2001:db8::1', to: 'fd00:1::b' }, 17, new Uint8Array(8));
  const silent: WireFrame[] = [
    icmpFrame(nowhere, 3, 1, 0, quoted),
    icmpFrame(nowhere, 11, 0, 0, quoted),
    icmpFrame(nowhere6, 1, 0, 0, quoted6),
    icmpFrame(nowhere6, 2, 0, 1_280, quoted6),
    rawFrame({ ...nowhere, fragment: { offset: 1_480, more: false } }, 17, new Uint8Array(30)),
    rawFrame({ ...nowhere6, fragment: { offset: 1_480, more: false } }, 17, new Uint8Array(30)),
    udpFrame({ ...nowhere, from: '0.0.0.0' }, UDP),
    udpFrame({ ...nowhere6, from: '::' }, UDP),
    udpFrame({ ...nowhere6, from: 'fe80::1' }, UDP),
    udpFrame({ ...nowhere, to: '224.1.2.3' }, UDP),
    udpFrame({ ...nowhere6, to: 'ff05::1' }, UDP),
  ];
  for (const [i, frame] of silent.entries()) assert.equal(bed.send('web1', frame), [], `frame ${i}`);
  assert.equal(bed.drops(), { 'no-route': silent.length });
  const echo = echoFrame(nowhere, 1, 1);
  assertError(bed, bed.send('web1', echo), echo, [3, 0, 0], '10.1.0.1');
});

errors('link-local packets stay on their link', () => {
  const bed = new DatapathBed();
  const way = { ...bed.way('web1', 'fd00:2::1f'), from: 'fe80::b' };
  assert.equal(bed.send('web1', udpFrame(way, UDP)), []);
  assert.equal(bed.send('web1', udpFrame({ ...way, from: 'fd00:1::b', to: 'fe80::1' }, UDP)), []);
  assert.equal(bed.drops(), { 'no-route': 2 });
});

errors('what is sent to a gateway itself is told that nobody listens there', () => {
  const bed = new DatapathBed();
  for (const to of ['10.1.0.1', 'fd00:1::1', '10.2.0.1']) {
    const reset = only(bed.send('web1', tcpFrame(bed.way('web1', to), { ...UDP, flags: 'S' })));
    assert.is(reset.frame.packet?.tcp?.flags, 'RA');
    assert.is(reset.frame.packet?.from, to);
    const unreachable = only(bed.send('web1', udpFrame(bed.way('web1', to), UDP)));
    assert.is(unreachable.frame.packet?.icmp?.code, to.includes(':') ? 4 : 3);
    assert.is(unreachable.frame.packet?.from, to);
  }
  assert.equal(bed.drops(), { 'gateway-local': 6 });
});

errors('tagged frames are not routed', () => {
  const bed = new DatapathBed();
  assert.equal(bed.send('web1', udpFrame(bed.way('web1', '10.2.0.31', { vlan: 5 }), UDP)), []);
  assert.equal(bed.drops(), { 'vlan-not-allowed': 1 });
});

errors("other frames to the router's MAC end there", () => {
  const bed = new DatapathBed();
  const { bytes, vnet } = udpFrame(bed.way('web1', '10.2.0.31'), UDP);
  const other = Uint8Array.from(bytes);
  other.set([0x88, 0xcc], 12);
  assert.equal(bed.send('web1', { bytes: other, vnet }), []);
  assert.equal(bed.drops(), { 'not-for-us': 1 });
});

hops('the router reaches a lone VM of a network, whose MAC it has to ask for', () => {
  const lone = { ...vm('db1', 'db', 31), mac: null, addresses: [] };
  const bed = new DatapathBed({ ports: [...PORTS.filter(({ network }) => network === 'app'), lone] });
  const way = { ...bed.way('web1', '10.1.0.12'), to: '10.2.0.31', toMac: bed.maker.routerMac('app') };
  const question = only(bed.send('web1', udpFrame(way, UDP)));
  assert.is(describe([question]), 'db1: arp request 10.2.0.1 > 10.2.0.31');
  assert.is(question.frame.toMac, BROADCAST);
});

hops.run();
routes.run();
errors.run();
