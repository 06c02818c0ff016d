/** Frames that are broken, layer by layer: each is counted under the name of what is wrong, and goes no further. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, only } from '../../support/datapath-bed.ts';
import {
  arpFrame,
  concat,
  countingBytes,
  echoFrame,
  ethernetFrame,
  plain,
  rawFrame,
  tcpFrame,
  udpFrame,
  type Way,
  type WireFrame,
} from '../../support/packets.ts';
import { assertCovered, isTurn, Random, runs, seed } from '../../support/seed.ts';
import { members } from '../../support/topology.ts';

const malformed = suite('malformed frames');
const accounting = suite('every frame is accounted for');

const GROUPS = [
  { name: 'api', vip: '10.1.0.100', members: members([1, 2], { port: 8080 }) },
  { name: 'api6', vip: 'fd00:1::64', members: members([1, 2], { family: 6 }) },
];
const bedOf = (more: object = {}): DatapathBed => new DatapathBed({ groups: GROUPS, ...more });
const ENDS = { sourcePort: 40_000, destinationPort: 80 };
const L3 = 14;

const changed = ({ bytes, vnet }: WireFrame, at: number, ...values: number[]): WireFrame => {
  const other = Uint8Array.from(bytes);
  other.set(values, at);
  return { bytes: other, vnet };
};
const cut = ({ bytes, vnet }: WireFrame, length: number): WireFrame => ({
  bytes: bytes.slice(0, length),
  vnet,
});

/** Sends frames that must not come out, and tells the reasons of their drops. */
function reasonsOf(frames: readonly WireFrame[]): string[] {
  return frames.map((frame) => {
    const bed = bedOf();
    assert.equal(bed.send('web1', frame), []);
    return Object.keys(bed.drops()).join();
  });
}

const bed = bedOf();
const tcp4 = tcpFrame(bed.way('web1', '10.1.0.100'), { ...ENDS, flags: 'S' });
const udp4 = udpFrame(bed.way('web1', '10.1.0.100'), { ...ENDS, payload: countingBytes(20) });
const tcp6 = tcpFrame(bed.way('web1', 'fd00:1::64'), { ...ENDS, flags: 'S' });
const echo4 = echoFrame(bed.way('web1', '10.1.0.100'), 1, 1);

/** The header's checksum made right after a change, so that only the change is wrong. */
function withRightCheck(frame: WireFrame): WireFrame {
  const { bytes } = changed(frame, L3 + 10, 0, 0);
  let sum = 0;
  for (let i = 0; i < (bytes[L3] & 15) * 4; i += 2) sum += bytes[L3 + i] * 256 + bytes[L3 + i + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const check = 0xffff - sum;
  return changed({ bytes, vnet: frame.vnet }, L3 + 10, check >>> 8, check & 0xff);
}

malformed('Ethernet: shorter than its header, or than its tags', () => {
  assert.equal(reasonsOf([cut(tcp4, 0), cut(tcp4, 1), cut(tcp4, 13)]), Array(3).fill('truncated-ethernet'));
  const tagged = tcpFrame(bed.way('web1', '10.1.0.100', { vlan: 5 }), { ...ENDS, flags: 'S' });
  assert.equal(reasonsOf([14, 15, 17].map((length) => cut(tagged, length))), Array(3).fill('truncated-vlan'));
});

malformed('IPv4: every field that can contradict', () => {
  assert.equal(reasonsOf([14, 20, 33].map((length) => cut(tcp4, length))), Array(3).fill('truncated-ipv4'));
  assert.equal(reasonsOf([cut(tcp4, 53)]), ['truncated-ipv4'], 'the last byte is missing');
  assert.equal(reasonsOf([withRightCheck(changed(tcp4, L3, 0x65))]), ['bad-ip-version']);
  assert.equal(reasonsOf([changed(tcp4, L3, 0x44)]), ['bad-ip-header-length']);
  assert.equal(reasonsOf([withRightCheck(changed(tcp4, L3 + 2, 0, 19))]), ['bad-ip-total-length']);
  assert.equal(reasonsOf([changed(tcp4, L3 + 10, 0, 0)]), ['bad-ip-checksum']);
  const sources = [
    [127, 0, 0, 1],
    [224, 0, 0, 1],
    [255, 255, 255, 255],
    [240, 1, 1, 1],
    [0, 1, 2, 3],
  ];
  const spoofed = sources.map((source) => withRightCheck(changed(tcp4, L3 + 12, ...source)));
  assert.equal(reasonsOf(spoofed), Array(sources.length).fill('bad-ip-address'));
});

malformed('IPv4: any single changed bit of a header is noticed', () => {
  const whole = tcpFrame(bed.way('web1', '10.1.0.100', { ipOptions: new Uint8Array(12).fill(1) }), {
    ...ENDS,
    flags: 'S',
  });
  for (let bit = 0; bit < 32 * 8; bit++) {
    if (!isTurn(bit)) continue;
    const at = L3 + (bit >> 3);
    const [reason] = reasonsOf([changed(whole, at, whole.bytes[at] ^ (1 << (bit & 7)))]);
    assert.match(reason, /^(bad-ip-|truncated-)/, `bit ${bit}`);
  }
});

malformed('IPv6: lengths, version, addresses, and chains of extension headers', () => {
  assert.equal(reasonsOf([14, 53].map((length) => cut(tcp6, length))), Array(2).fill('truncated-ipv6'));
  assert.equal(reasonsOf([cut(tcp6, tcp6.bytes.length - 1)]), ['truncated-ipv6']);
  assert.equal(reasonsOf([changed(tcp6, L3, 0x45)]), ['bad-ip-version']);
  const loopback = changed(tcp6, L3 + 8, ...new Array(15).fill(0), 1);
  const multicast = changed(tcp6, L3 + 8, 0xff, 2);
  const mapped = changed(tcp6, L3 + 8, ...new Array(10).fill(0), 255, 255, 10, 1, 0, 11);
  assert.equal(reasonsOf([loopback, multicast, mapped]), Array(3).fill('bad-ip-address'));
  const withExtensions = (...types: number[]): WireFrame => {
    const extensions = types.map((type) => ({ type, bytes: new Uint8Array(8) }));
    return tcpFrame(bed.way('web1', 'fd00:1::64', { extensions }), { ...ENDS, flags: 'S' });
  };
  assert.equal(reasonsOf([withExtensions(60, 0)]), ['bad-extension-header'], 'hop-by-hop comes first');
  assert.equal(
    reasonsOf([withExtensions(...new Array(9).fill(60))]),
    ['bad-extension-header'],
    'nine of them',
  );
  assert.equal(
    reasonsOf([changed(withExtensions(60), L3 + 41, 200)]),
    ['bad-extension-header'],
    'past the end',
  );
  assert.is(only(bedOf().send('web1', withExtensions(0, 60, 43, 60))).frame.packet?.tcp?.flags, 'S');
});

malformed('transport headers', () => {
  const ip = (protocol: number, payload: Uint8Array): WireFrame =>
    rawFrame(bed.way('web1', '10.1.0.100'), protocol, payload);
  const segment = tcp4.bytes.slice(34);
  assert.equal(
    reasonsOf([ip(6, segment.slice(0, 19)), ip(6, segment.slice(0, 0))]),
    Array(2).fill('truncated-transport'),
  );
  assert.equal(reasonsOf([changed(tcp4, 34 + 12, 0x40)]), ['bad-transport-header'], 'TCP header of 16 bytes');
  assert.equal(reasonsOf([changed(tcp4, 34 + 12, 0x60)]), ['truncated-transport'], 'of 24, but 20 are there');
  assert.equal(reasonsOf([ip(17, new Uint8Array(7))]), ['truncated-transport']);
  assert.equal(reasonsOf([changed(udp4, 34 + 4, 0, 7)]), ['bad-transport-header'], 'UDP length 7');
  assert.equal(reasonsOf([changed(udp4, 34 + 4, 0, 29)]), ['truncated-transport'], 'longer than the packet');
  assert.equal(reasonsOf([ip(1, new Uint8Array(7))]), ['truncated-transport']);
});

malformed('ARP', () => {
  const arp = arpFrame({ ...bed.way('web1', '10.1.0.1'), toMac: 'ff:ff:ff:ff:ff:ff' }, 'request');
  assert.equal(reasonsOf([cut(arp, 41), cut(arp, 14)]), Array(2).fill('truncated-arp'));
  assert.equal(reasonsOf([changed(arp, L3 + 7, 3), changed(arp, L3 + 4, 8)]), Array(2).fill('bad-arp'));
  const fromGroup = arpFrame(bed.way('web1', '10.1.0.1'), 'request', { senderMac: '01:00:5e:00:00:01' });
  assert.equal(reasonsOf([fromGroup]), ['bad-neighbour-mac']);
});

malformed('padding behind a packet is no part of it', () => {
  const padded = tcpFrame(bed.way('web1', '10.1.0.100', { padTo: 200 }), { ...ENDS, flags: 'S' });
  const { frame } = only(bedOf().send('web1', padded));
  assert.is(frame.bytes.length, 200);
  assert.is(frame.packet?.tcp?.payload.length, 0);
});

/** A whole frame of some kind, to be broken at random. */
function wholeFrame(random: Random): WireFrame {
  const way4 = bed.way('web1', '10.1.0.100');
  const way6 = bed.way('web1', 'fd00:1::64');
  const payload = countingBytes(random.below(100));
  const routed = (): Way =>
    bed.way('web1', random.pick(['10.2.0.31', '10.2.0.99', '192.0.2.1']), { ttl: random.between(1, 3) });
  const kinds: (() => WireFrame)[] = [
    () => tcp4,
    () => udp4,
    () => tcp6,
    () => echo4,
    () => tcpFrame(way4, { ...ENDS, flags: random.pick(['A', 'R', 'FA', 'SA', '']), payload }),
    () => udpFrame(way6, { ...ENDS, payload, partial: true }),
    () => tcpFrame(way6, { ...ENDS, flags: 'A', payload: countingBytes(3_000), gsoSize: 1_000 }),
    () => udpFrame(routed(), { ...ENDS, payload }),
    () => echoFrame(routed(), 7, 7, payload),
    () => arpFrame(bed.way('web1', random.pick(['10.1.0.1', '10.1.0.100', '10.1.0.12'])), 'request'),
    () =>
      rawFrame({ ...way6, fragment: { offset: 8 * random.below(3), more: random.chance(50) } }, 17, payload),
    () => plain(ethernetFrame(way4, payload, 0x88b5)),
  ];
  return random.pick(kinds)();
}

function mutated(random: Random, { bytes, vnet }: WireFrame): WireFrame {
  const other = Uint8Array.from(bytes);
  const header = Uint8Array.from(vnet);
  for (let i = random.below(4); i > 0; i--) {
    other[random.below(other.length)] = random.chance(50)
      ? random.below(256)
      : other[random.below(other.length)] ^ 1;
  }
  if (random.chance(20)) header[random.below(12)] = random.pick([0, 1, 2, 3, 4, 5, 16, 34, 255]);
  const whole = random.chance(15) ? other.slice(0, random.below(other.length + 1)) : other;
  const longer = random.chance(5) ? concat(whole, random.bytes(random.below(60))) : whole;
  const frame = { bytes: longer, vnet: header };
  return random.chance(30) && longer.length > 34 && longer[14] >>> 4 === 4 ? rightened(frame) : frame;
}

/** With a right IPv4 header checksum a mutation gets further. */
function rightened(frame: WireFrame): WireFrame {
  return (frame.bytes[L3] & 15) * 4 + L3 <= frame.bytes.length ? withRightCheck(frame) : frame;
}

accounting('random and mutated frames: no throw, no lost buffer, one outcome each, right counters', () => {
  const random = new Random(seed, 1);
  let whole: DatapathBed | undefined;
  let dropped = 0;
  let passed = 0;
  for (let i = 0; i < runs(30_000); i++) {
    if (i % 3_000 === 0)
      whole = bedOf({
        slots: 300,
        ports: bed.topology.ports.map((port) => ({ ...port, offloads: i % 2_000 === 0 })),
      });
    const target = whole as DatapathBed;
    const frame = random.chance(3)
      ? { bytes: random.bytes(random.below(200)), vnet: random.bytes(12) }
      : mutated(random, wholeFrame(random));
    const from = random.pick(['web1', 'web1', 'web2', 'app1', 'db1']);
    target.judges = false;
    if (target.send(from, frame).length > 0) passed++;
    else dropped++;
    if (i % 100 === 0) target.pass(random.below(3_000));
  }
  assertCovered(dropped > 1_000 && passed > 1_000, `${dropped} dropped, ${passed} passed`);
});

malformed.run();
accounting.run();
