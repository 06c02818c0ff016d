/** Fragments at the load balancer, case by case; that all cases together hold is fragment-property.test.ts. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WAITING_TOTAL } from '../../../src/tables/forwarding/fragment-table.ts';
import { hexOf } from '../../support/addresses.ts';
import { DatapathBed, describe, only, type Sent } from '../../support/datapath-bed.ts';
import {
  arpFrame,
  countingBytes,
  echoFrame,
  rawFrame,
  TCP,
  tcpFrame,
  UDP,
  udpFrame,
  type Way,
  type WireFrame,
} from '../../support/packets.ts';
import { familyOf, members, PORTS, vm } from '../../support/topology.ts';

const test = suite('fragments');

const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::64';
const GROUPS = [
  { name: 'dns', vip: VIP, protocol: 'udp' as const, port: 53, members: members([1], { port: 5353 }) },
  {
    name: 'dns6',
    vip: VIP6,
    protocol: 'udp' as const,
    port: 53,
    members: members([1], { port: 5353, family: 6 }),
  },
];
const TO_VIP = { sourcePort: 40_000, destinationPort: 53 };
const TO_CLIENT = { sourcePort: 5353, destinationPort: 40_000 };

/** A whole packet's transport bytes. */
const transportOf = (way: Way, { bytes }: WireFrame): Uint8Array =>
  bytes.subarray((way.vlan === undefined ? 14 : 18) + (familyOf(way.from) === 4 ? 20 : 40));

/** A packet in fragments of `size` bytes of payload. */
function fragments(
  way: Way,
  protocol: number,
  whole: WireFrame,
  size = 400,
  identification = 7,
): WireFrame[] {
  const transport = transportOf(way, whole);
  const pieces: WireFrame[] = [];
  for (let offset = 0; offset < transport.length; offset += size) {
    const more = offset + size < transport.length;
    const part = { ...way, identification, fragment: { offset, more } };
    pieces.push(rawFrame(part, protocol, transport.subarray(offset, offset + size)));
  }
  return pieces;
}

const udpFragments = (way: Way, ports: typeof TO_VIP, length = 1_000, identification = 7): WireFrame[] =>
  fragments(way, UDP, udpFrame(way, { ...ports, payload: countingBytes(length) }), 400, identification);

const request = (bed: DatapathBed, vip = VIP, more: Partial<Way> = {}): WireFrame[] =>
  udpFragments(bed.way('web1', vip, more), TO_VIP);

/** Where each of what left has its place in the packet. */
const offsets = (sent: readonly Sent[]): number[] =>
  sent.map(({ frame }) => frame.packet?.fragment?.offset ?? -1);

const sendAll = (bed: DatapathBed, port: string, frames: readonly WireFrame[]): Sent[] =>
  frames.flatMap((frame) => bed.send(port, frame));

/** Everything is as if nothing had been. */
function expectRest(bed: DatapathBed): void {
  assert.is(bed.tables.fragments.inUse, 0);
  assert.is(bed.tables.fragments.waitingFrames, 0);
  assert.is(bed.arena.freeCount, bed.arena.slotCount);
}

/** The control side has noticed that app1 is down: its records go. */
function failMember(bed: DatapathBed): void {
  bed.datapath.purge([bed.maker.memberId('dns', 'app1')], 'all', bed.nowMs);
}

/** Nothing leaves; told in words if something does. */
const expectNone = (sent: readonly Sent[]): void => assert.is(describe(sent), '');

test('in order: each fragment leaves at once, and nothing is remembered after the last', () => {
  for (const vip of [VIP, VIP6]) {
    const bed = new DatapathBed({ groups: GROUPS });
    const pieces = request(bed, vip);
    assert.is(pieces.length, 3);
    for (const piece of pieces) assert.is(only(bed.send('web1', piece)).port, 'app1');
    expectRest(bed);
    const [flow] = bed.flows();
    assert.is(flow.packets, 3, 'every fragment is counted');
    assert.equal(bed.drops(), {});
  }
});

test('the first one last: the others wait, and leave behind it in the order in which they came', () => {
  for (const vip of [VIP, VIP6]) {
    const bed = new DatapathBed({ groups: GROUPS });
    const [first, second, third] = request(bed, vip);
    expectNone(bed.send('web1', third));
    expectNone(bed.send('web1', second));
    assert.is(bed.tables.fragments.waitingFrames, 2);
    assert.equal(offsets(bed.send('web1', first)), [0, 800, 400]);
    assert.is(bed.counters('web1').queuedSent, 2);
    expectRest(bed);
  }
});

test('the first one lost: the others are dropped after two seconds', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const [, second, third] = request(bed);
  sendAll(bed, 'web1', [second, third]);
  expectNone(bed.passSlowly(1_750, 250));
  assert.is(bed.tables.fragments.waitingFrames, 2);
  expectNone(bed.passSlowly(500, 250));
  assert.equal(bed.drops(), { 'fragment-timeout': 2 });
  expectRest(bed);
});

test('a datagram that stays incomplete is forgotten after half a minute', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  bed.send('web1', request(bed)[0]);
  bed.passSlowly(29_000);
  assert.is(bed.tables.fragments.inUse, 1);
  bed.passSlowly(1_500, 500);
  expectRest(bed);
  assert.equal(bed.drops(), {});
});

test('fragments to no VIP, and from no member, leave no trace, the smallest first fragment included', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const way = bed.way('web1', '10.1.0.12');
  const whole = tcpFrame(way, { sourcePort: 1, destinationPort: 2, flags: 'S', payload: countingBytes(90) });
  const pieces = [
    ...udpFragments(way, TO_VIP).reverse(),
    ...fragments(way, TCP, whole, 8, 8),
    ...udpFragments(bed.way('web1', 'fd00:1::c'), TO_VIP).reverse(),
  ];
  for (const piece of pieces) {
    assert.is(hexOf(only(bed.send('web1', piece)).wire.bytes), hexOf(piece.bytes));
    assert.is(bed.tables.fragments.inUse, 0);
  }
  assert.equal(bed.drops(), {});
});

test('an atomic fragment (RFC 6946) is a packet like any other', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const way = bed.way('web1', VIP6);
  const [atomic] = fragments(way, UDP, udpFrame(way, { ...TO_VIP, payload: countingBytes(64) }));
  bed.send('web1', request(bed, VIP6)[0]);
  const sent = only(bed.send('web1', atomic));
  assert.is(describe([sent]), 'app1: udp [fd00:1::b]:40000 > [fd00:1::15]:5353');
  assert.is(bed.tables.fragments.inUse, 1, 'the datagram with its identification is another one');
});

test('two that overlap are the end of the datagram, also of what waits and of what is yet to come', () => {
  for (const vip of [VIP, VIP6]) {
    const bed = new DatapathBed({ groups: GROUPS });
    const way = bed.way('web1', vip, { identification: 7 });
    const [first, second, third] = request(bed, vip);
    const bad = rawFrame({ ...way, fragment: { offset: 792, more: true } }, UDP, countingBytes(16));
    expectNone(sendAll(bed, 'web1', [third, second, bad, first]));
    assert.equal(bed.drops(), { 'fragment-overlap': 4 });
    bed.passSlowly(31_000);
    expectRest(bed);
  }
});

test('a repeated fragment is dropped, the rest goes on', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const [first, second, third] = request(bed);
  assert.equal(offsets(sendAll(bed, 'web1', [first, first, second, second, third])), [0, 400, 800]);
  assert.equal(bed.drops(), { 'fragment-duplicate': 2 });
});

test('a first fragment without the whole transport header is dropped, and what belongs to it', () => {
  const bed = new DatapathBed({ groups: [{ name: 'web', vip: VIP, members: members([1]) }] });
  const way = bed.way('web1', VIP);
  const whole = tcpFrame(way, { sourcePort: 1, destinationPort: 80, flags: 'S', payload: countingBytes(20) });
  const [first, ...others] = fragments(way, TCP, whole, 16);
  expectNone(sendAll(bed, 'web1', [others[0], first, others[1]]));
  assert.equal(bed.drops(), { 'fragment-too-small': 1, 'first-fragment-dropped': 2 });
  assert.equal(bed.flows(), []);
  expectRest(bed);
});

test('IPv6 headers that go on in the second fragment (RFC 7112): dropped to a VIP, else none of ours without guards', () => {
  const guards = { dhcp: false, routerAdvertisements: false };
  const bed = new DatapathBed({ groups: GROUPS, ports: PORTS.map((port) => ({ ...port, guards })) });
  const chain = Uint8Array.of(60, 3, 1, 4, 0, 0, 0, 0); // says 32 bytes, and there are 8
  const piece = (to: string) =>
    rawFrame({ ...bed.way('web1', to), fragment: { offset: 0, more: true } }, 60, chain);
  expectNone(bed.send('web1', piece(VIP6)));
  assert.equal(bed.drops(), { 'fragment-too-small': 1 });
  assert.is(only(bed.send('web1', piece('fd00:1::c'))).port, 'web2');
});

test('places and lengths that cannot be', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const piece = (offset: number, more: boolean, length: number) =>
    rawFrame({ ...bed.way('web1', VIP), fragment: { offset, more } }, UDP, countingBytes(length));
  const bad = [piece(0, true, 12), piece(8, true, 0), piece(8, false, 0), piece(65_528, false, 8)];
  expectNone(sendAll(bed, 'web1', bad));
  assert.equal(bed.drops(), { 'fragment-malformed': bad.length });
  assert.is(bed.tables.fragments.inUse, 0);
});

test('a member that fails gets no further fragment of a datagram that it had begun to get', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const [first, second, third] = request(bed);
  bed.send('web1', first);
  failMember(bed);
  expectNone(sendAll(bed, 'web1', [second, third]));
  assert.equal(bed.drops(), { 'no-connection': 2 });
});

test('a reply whose record has gone meanwhile does not reach the client untranslated', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  sendAll(bed, 'web1', request(bed));
  const [first, second] = udpFragments(bed.way('app1', '10.1.0.11'), TO_CLIENT);
  assert.is(describe(bed.send('app1', first)), `web1: udp ${VIP}:53 > 10.1.0.11:40000`);
  failMember(bed);
  expectNone(bed.send('app1', second));
  assert.equal(bed.drops(), { 'no-connection': 1 });
});

test('a reply that is flooded is turned back at the client’s port only, late first fragment or not', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  sendAll(bed, 'web1', request(bed));
  const way = { ...bed.way('app1', '10.1.0.11'), toMac: '02:00:00:00:99:99' };
  const [first, second, third] = udpFragments(way, TO_CLIENT);
  sendAll(bed, 'app1', [second]);
  const sent = sendAll(bed, 'app1', [first, third]);
  for (const { port, frame } of sent) {
    assert.is(frame.packet?.from, port === 'web1' ? VIP : '10.1.0.21', port);
  }
  const others = PORTS.filter(({ network }) => network === 'app').length - 1;
  assert.is(sent.length, 3 * others);
  expectRest(bed);
});

test('under VLAN tags, forth and back', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const [first, second, third] = request(bed, VIP, { vlan: 7 });
  const sent = sendAll(bed, 'web1', [second, first, third]);
  assert.equal(offsets(sent), [0, 400, 800]);
  const back = sendAll(bed, 'app1', udpFragments(bed.way('app1', '10.1.0.11', { vlan: 7 }), TO_CLIENT));
  assert.equal(
    back.map(({ frame }) => frame.packet?.from),
    [VIP, VIP, VIP],
  );
  for (const { frame } of [...sent, ...back]) assert.is(frame.vlan, 7);
});

test('a client that is its own member: forth and back through the VIP', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const forth = sendAll(bed, 'app1', udpFragments(bed.way('app1', VIP), TO_VIP).reverse());
  assert.equal(offsets(forth), [0, 800, 400]);
  for (const { port, frame } of forth) {
    assert.equal([port, frame.packet?.from, frame.packet?.to], ['app1', VIP, '10.1.0.21']);
  }
  const back = sendAll(bed, 'app1', udpFragments(bed.way('app1', VIP), TO_CLIENT, 900, 8).reverse());
  assert.equal(offsets(back), [0, 800, 400]);
  for (const { port, frame } of back) {
    assert.equal([port, frame.packet?.from, frame.packet?.to], ['app1', VIP, '10.1.0.21']);
  }
  expectRest(bed);
});

test('one port to the VIP and to the member at a time: both flows may be fragmented', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  sendAll(bed, 'web1', request(bed));
  const way = bed.way('web1', '10.1.0.21');
  const direct = sendAll(bed, 'web1', udpFragments(way, { sourcePort: 40_000, destinationPort: 5353 }));
  assert.equal(offsets(direct), [0, 400, 800]);
  const port = direct[0].frame.packet?.udp?.sourcePort ?? 0;
  assert.is.not(port, 40_000);
  const answer = { sourcePort: 5353, destinationPort: port };
  const back = sendAll(bed, 'app1', udpFragments(bed.way('app1', '10.1.0.11'), answer));
  assert.equal(offsets(back), [0, 400, 800]);
  assert.is(describe(back.slice(0, 1)), 'web1: udp 10.1.0.21:5353 > 10.1.0.11:40000');
  for (const { frame } of back) assert.is(frame.packet?.from, '10.1.0.21');
});

test('while the member’s MAC is asked for, first and later fragments wait and leave in order', () => {
  const far = [{ name: 'app9', address: '10.1.0.99', port: 5353 }];
  const bed = new DatapathBed({
    groups: [{ ...GROUPS[0], members: far }],
    ports: [...PORTS, { ...vm('app9', 'app', 99), mac: null, addresses: [] }],
  });
  const [first, second, third] = request(bed);
  const asked = sendAll(bed, 'web1', [second, first, third]);
  assert.ok(
    asked.every(({ frame }) => frame.arp?.targetIp === '10.1.0.99'),
    describe(asked),
  );
  const mac = '02:00:00:00:00:99';
  const way = { fromMac: mac, toMac: bed.maker.routerMac('app'), from: '10.1.0.99', to: '10.1.0.1' };
  const sent = bed.send('app9', arpFrame(way, 'reply', { targetMac: way.toMac }));
  assert.equal(offsets(sent), [0, 400, 800]);
  expectRest(bed);
});

test('a port that goes takes its datagrams with it', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  sendAll(bed, 'web1', request(bed).slice(1));
  bed.datapath.portGone(bed.maker.portId('web1'));
  expectRest(bed);
  assert.equal(bed.drops(), { 'port-down': 2 });
});

test('what waits is bounded per port, and nobody else suffers from it', () => {
  const bed = new DatapathBed({ groups: GROUPS, slots: 400 });
  for (let i = 0; i < WAITING_TOTAL / 2 + 10; i++) {
    const [, second] = udpFragments(bed.way('web1', VIP), TO_VIP, 500, i);
    bed.send('web1', second);
  }
  assert.is(bed.tables.fragments.waitingFrames, WAITING_TOTAL / 2);
  assert.equal(bed.drops(), { 'fragment-table-full': 10 });
  const [first, second, third] = udpFragments(bed.way('web2', VIP), TO_VIP);
  assert.equal(offsets(sendAll(bed, 'web2', [third, second, first])), [0, 800, 400]);
});

test('datagrams are bounded per port: a flood of first fragments costs a port its oldest ones', () => {
  const bed = new DatapathBed({ groups: GROUPS, limits: { maxDatagrams: 40 } });
  const [first, ...others] = udpFragments(bed.way('web2', VIP), TO_VIP);
  bed.send('web2', first);
  for (let i = 0; i < 1_000; i++) bed.send('web1', udpFragments(bed.way('web1', VIP), TO_VIP, 500, i)[0]);
  assert.is(bed.tables.fragments.inUse, 11);
  assert.equal(offsets(sendAll(bed, 'web2', others)), [400, 800], 'another port keeps its own');
  // The newest of the flood still has its row, the oldest has not.
  assert.is(sendAll(bed, 'web1', udpFragments(bed.way('web1', VIP), TO_VIP, 500, 999).slice(1)).length, 1);
  assert.is(sendAll(bed, 'web1', udpFragments(bed.way('web1', VIP), TO_VIP, 500, 0).slice(1)).length, 0);
});

test('a ping of 8 KB to a VIP and to a gateway is answered in fragments', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  for (const target of [VIP, VIP6, '10.1.0.1', 'fd00:1::1']) {
    const way = bed.way('web1', target);
    const isIpv4 = familyOf(target) === 4;
    const pieces = fragments(way, isIpv4 ? 1 : 58, echoFrame(way, 1, 2, countingBytes(8_000)), 1_448);
    const sent = sendAll(bed, 'web1', [...pieces.slice(1), pieces[0]]);
    assert.is(sent.length, pieces.length);
    assert.is(sent[0].frame.packet?.icmp?.type, isIpv4 ? 0 : 129);
    for (const { port, frame } of sent) assert.equal([port, frame.packet?.from], ['web1', target]);
  }
  assert.is(bed.counters('web1').answered, 4 * 6);
});

test('SCTP in fragments: addresses are translated, ports cannot be', () => {
  const group = { name: 'any', vip: VIP, members: members([1]) };
  const translating = { ...group, members: members([1], { port: 99 }) };
  for (const [groups, left] of [
    [[group], 3],
    [[translating], 0],
  ] as const) {
    const bed = new DatapathBed({ groups });
    const way = bed.way('web1', VIP);
    const sent = sendAll(bed, 'web1', fragments(way, 132, rawFrame(way, 132, countingBytes(1_000, 1))));
    assert.is(sent.length, left);
    assert.equal(
      bed.drops(),
      left > 0 ? {} : { 'unsupported-protocol-to-vip': 1, 'first-fragment-dropped': 2 },
    );
  }
});

test.run();
