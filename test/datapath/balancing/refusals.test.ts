/** What clients hear when nobody serves them: resets and unreachables, checked field by field. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hexOf } from '../../support/addresses.ts';
import { DatapathBed, describe, only } from '../../support/datapath-bed.ts';
import {
  countingBytes,
  icmpFrame,
  rawFrame,
  type TcpFields,
  tcpFrame,
  udpFrame,
  type Way,
} from '../../support/packets.ts';
import { parseFrame } from '../../support/parse-frame.ts';
import { members } from '../../support/topology.ts';

const refusals = suite('refusals');

const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::64';
const empty = [
  { name: 'none', vip: VIP, members: [] },
  { name: 'none6', vip: VIP6, members: [] },
];
const served = [
  { name: 'api', vip: VIP, members: members([1]) },
  { name: 'api6', vip: VIP6, members: members([1], { family: 6 }) },
];
const PORTS = { sourcePort: 40_000, destinationPort: 80 };

const send = (bed: DatapathBed, vip: string, fields: Partial<TcpFields>, way: Partial<Way> = {}) =>
  bed.send('web1', tcpFrame(bed.way('web1', vip, way), { ...PORTS, flags: 'S', ...fields }));

refusals('an empty group answers a SYN with the RST that a host would send, byte for byte', () => {
  const bed = new DatapathBed({ groups: empty });
  for (const vip of [VIP, VIP6]) {
    const sent = only(send(bed, vip, { sequence: 0xffff_ffff, payload: countingBytes(9) }));
    const way = bed.way('web1', vip);
    const back = { fromMac: way.toMac, toMac: way.fromMac, from: way.to, to: way.from };
    const expected = tcpFrame(back, {
      sourcePort: 80,
      destinationPort: 40_000,
      flags: 'RA',
      sequence: 0,
      acknowledgment: 9, // 2^32 - 1, plus nine bytes, plus the SYN
      window: 0,
    });
    assert.is(sent.port, 'web1');
    assert.is(hexOf(sent.wire.bytes), hexOf(expected.bytes));
    assert.is(hexOf(sent.wire.vnet), hexOf(expected.vnet));
  }
  assert.equal(bed.drops(), { 'no-member': 2 });
  assert.equal(bed.flows(), []);
  assert.is(bed.counters('web1').answered, 2);
});

refusals('all members drained, failed or of weight 0: the same as none', () => {
  for (const more of [{ state: 'draining' as const }, { state: 'failed' as const }, { weight: 0 }]) {
    const bed = new DatapathBed({ groups: [{ name: 'api', vip: VIP, members: members([1, 1], more) }] });
    assert.is(describe(send(bed, VIP, {})), `web1: tcp ${VIP}:80 > 10.1.0.11:40000 RA`);
  }
});

refusals('UDP hears "port unreachable" from the VIP itself, with its own packet quoted', () => {
  const bed = new DatapathBed({ groups: empty });
  for (const [vip, type, code] of [
    [VIP, 3, 3],
    [VIP6, 1, 4],
  ] as const) {
    const datagram = udpFrame(bed.way('web1', vip), { ...PORTS, payload: countingBytes(40) });
    const sent = only(bed.send('web1', datagram));
    const { packet } = sent.frame;
    assert.is(sent.port, 'web1');
    assert.is(packet?.from, vip);
    assert.is(sent.frame.fromMac, bed.maker.routerMac('app'));
    assert.equal([packet?.icmp?.type, packet?.icmp?.code, packet?.icmp?.rest], [type, code, 0]);
    const original = parseFrame(datagram.bytes, datagram.vnet).packet;
    assert.is(
      hexOf(packet?.icmp?.quoted?.bytes ?? new Uint8Array()),
      hexOf(original?.bytes ?? new Uint8Array()),
    );
  }
  assert.equal(bed.drops(), { 'no-member': 2 });
});

/** GRE, ESP, and a number that nobody has. */
const PORTLESS = [47, 50, 200];

refusals(
  'protocols without ports hear that there is no such protocol (RFC 1122 §3.2.2.1, RFC 4443 §3.4)',
  () => {
    const other = [
      { name: 'tcp', vip: VIP, protocol: 'tcp' as const, members: members([1]) },
      { name: 'tcp6', vip: VIP6, protocol: 'tcp' as const, members: members([1], { family: 6 }) },
    ];
    for (const groups of [empty, other]) {
      const bed = new DatapathBed({ groups });
      for (const protocol of PORTLESS) {
        const four = only(bed.send('web1', rawFrame(bed.way('web1', VIP), protocol, countingBytes(24))));
        assert.is(describe([four]), `web1: icmp ${VIP} > 10.1.0.11 3/2`);
        // The number stands in the IPv6 header, or in the last extension header.
        const extensions = [60, 60].map((type) => ({ type, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) }));
        for (const [more, pointer] of [
          [[], 6],
          [extensions.slice(1), 40],
          [extensions, 48],
        ] as const) {
          const way = bed.way('web1', VIP6, { extensions: more });
          const six = only(bed.send('web1', rawFrame(way, protocol, countingBytes(24))));
          assert.is(describe([six]), `web1: icmp ${VIP6} > fd00:1::b 4/1`);
          assert.is(six.frame.packet?.icmp?.rest, pointer);
        }
        assert.ok(four.frame.packet?.icmp?.quoted);
      }
    }
  },
);

refusals('two VIPs of one member: of protocols without ports one client has one flow to it at a time', () => {
  const second = { name: 'second', vip: '10.1.0.101', members: members([1]) };
  const bed = new DatapathBed({ groups: [...served, second] });
  const gre = (vip: string) => bed.send('web1', rawFrame(bed.way('web1', vip), 47, countingBytes(24)));
  assert.is(only(gre(VIP)).port, 'app1');
  assert.equal(gre(second.vip), []);
  assert.equal(bed.drops(), { 'flow-collision': 1 });
});

refusals('a long packet is quoted up to 576 bytes over IPv4 and 1280 over IPv6', () => {
  const bed = new DatapathBed({ groups: empty });
  const payload = countingBytes(1_400);
  const four = only(bed.send('web1', udpFrame(bed.way('web1', VIP), { ...PORTS, payload })));
  assert.is(four.frame.packet?.bytes.length, 576);
  const six = only(bed.send('web1', udpFrame(bed.way('web1', VIP6), { ...PORTS, payload })));
  assert.is(six.frame.packet?.bytes.length, 1_280);
});

refusals('a group may be told to stay silent', () => {
  const bed = new DatapathBed({ groups: [{ name: 'quiet', vip: VIP, members: [], onEmpty: 'drop' }] });
  assert.equal(send(bed, VIP, {}), []);
  assert.equal(bed.send('web1', udpFrame(bed.way('web1', VIP), PORTS)), []);
  assert.equal(bed.drops(), { 'no-member': 2 });
});

refusals('a segment without record gets a RST that its sender accepts (RFC 9293 §3.10.7.1)', () => {
  const bed = new DatapathBed({ groups: served });
  for (const vip of [VIP, VIP6]) {
    const seen = (fields: Partial<TcpFields>) => {
      const { tcp } = only(send(bed, vip, fields)).frame.packet ?? {};
      return [tcp?.flags, tcp?.sequence, tcp?.acknowledgment, tcp?.window];
    };
    // With ACK: the reset takes its sequence number from it, and acknowledges nothing.
    assert.equal(seen({ flags: 'A', sequence: 5, acknowledgment: 0x80000000 }), ['R', 0x80000000, 0, 0]);
    assert.equal(seen({ flags: 'SA', sequence: 5, acknowledgment: 7 }), ['R', 7, 0, 0]);
    assert.equal(seen({ flags: 'FPA', sequence: 5, acknowledgment: 8, payload: countingBytes(3) }), [
      'R',
      8,
      0,
      0,
    ]);
    // Without: it acknowledges all that came, the FIN counts one.
    assert.equal(seen({ flags: 'F', sequence: 10, payload: countingBytes(3) }), ['RA', 0, 14, 0]);
    assert.equal(seen({ flags: '', sequence: 10 }), ['RA', 0, 10, 0]);
    assert.equal(send(bed, vip, { flags: 'R', sequence: 5 }), [], 'never a reset for a reset');
    assert.equal(send(bed, vip, { flags: 'RA', sequence: 5 }), []);
    assert.equal(send(bed, vip, { flags: 'SR', sequence: 5 }), []);
  }
  assert.equal(bed.drops(), { 'no-connection': 16 });
  assert.equal(bed.flows(), []);
});

refusals('a tagged question gets a tagged answer', () => {
  const bed = new DatapathBed({ groups: empty });
  assert.is(only(send(bed, VIP, {}, { vlan: 42 })).frame.vlan, 42);
  const datagram = udpFrame(bed.way('web1', VIP, { vlan: 42 }), PORTS);
  const { frame } = only(bed.send('web1', datagram));
  assert.is(frame.vlan, 42);
  assert.is(frame.packet?.icmp?.code, 3);
});

refusals('an offloaded SYN gets a complete RST', () => {
  const bed = new DatapathBed({ groups: empty });
  const { frame } = only(send(bed, VIP, { partial: true, sequence: 1 }));
  assert.is(frame.isPartial, false);
  assert.is(frame.packet?.tcp?.acknowledgment, 2);
});

refusals('protocols whose checksums are not known here are not balanced: counted, not passed on', () => {
  const bed = new DatapathBed({ groups: served });
  for (const protocol of [136, 33, 59]) {
    assert.equal(bed.send('web1', rawFrame(bed.way('web1', VIP), protocol, countingBytes(12))), []);
  }
  assert.equal(bed.drops(), { 'unsupported-protocol-to-vip': 3 });
  assert.equal(bed.flows(), []);
});

refusals('ICMP to a VIP that is no echo request has no connection', () => {
  const bed = new DatapathBed({ groups: served });
  assert.equal(bed.send('web1', icmpFrame(bed.way('web1', VIP), 13, 0, 0)), []);
  assert.equal(bed.send('web1', icmpFrame(bed.way('web1', VIP6), 129, 0, 0)), []);
  assert.equal(bed.drops(), { 'no-connection': 2 });
});

refusals(
  'errors are limited: a flood of refused datagrams costs a burst of answers, then a thousand a second',
  () => {
    const bed = new DatapathBed({ groups: empty });
    let answered = 0;
    for (let i = 0; i < 1_000; i++) {
      answered += bed.send('web1', udpFrame(bed.way('web1', VIP), { ...PORTS, sourcePort: 1 + i })).length;
    }
    assert.ok(answered >= 100 && answered <= 300, `${answered} answers to 1000 datagrams at once`);
    let later = 0;
    for (let ms = 0; ms < 1_000; ms += 10) {
      bed.pass(10);
      for (let i = 0; i < 20; i++) {
        later += bed.send('web1', udpFrame(bed.way('web1', VIP), { ...PORTS, sourcePort: 1 + i })).length;
      }
    }
    assert.ok(later >= 900 && later <= 1_100, `${later} answers in the next second`);
  },
);

refusals.run();
