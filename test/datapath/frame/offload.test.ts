/**
 * Ports whose device takes whole packets only: checksums are completed and super-segments cut by the datapath. The
 * parser judges every packet that comes out; put together again they must be what went in.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hexOf } from '../../support/addresses.ts';
import { DatapathBed, only, type Sent } from '../../support/datapath-bed.ts';
import {
  BROADCAST,
  concat,
  countingBytes,
  type TcpFields,
  tcpFrame,
  type UdpFields,
  udpFrame,
  type Way,
} from '../../support/packets.ts';
import type { ParsedPacket } from '../../support/parse-frame.ts';
import { check } from '../../support/seed.ts';
import { familyOf, members, PORTS } from '../../support/topology.ts';

const completion = suite('offload: checksums');
const segmentation = suite('offload: segmentation');

/** app1 is a capture or an old peer: no offloads. */
const PLAIN_APP1 = PORTS.map((port) => (port.name === 'app1' ? { ...port, offloads: false } : port));
const bedOf = (more: object = {}): DatapathBed => new DatapathBed({ ports: PLAIN_APP1, slots: 256, ...more });
const ENDS = { sourcePort: 40_000, destinationPort: 80 };
const TARGETS = ['10.1.0.21', 'fd00:1::15'];

const packetsOf = (sent: readonly Sent[]): ParsedPacket[] =>
  sent.map(({ port, frame }) => {
    assert.is(port, 'app1');
    assert.is(frame.isPartial, false);
    assert.is(frame.gsoSize, 0);
    assert.ok(frame.packet);
    return frame.packet;
  });

const noHeader = new Uint8Array(12);

completion('a partial checksum is completed, byte for byte the packet with a whole one', () => {
  const bed = bedOf();
  for (const to of TARGETS) {
    for (const length of [0, 1, 2, 999, 1_400]) {
      for (const more of [{}, { vlan: 9 }, { padTo: 100 }]) {
        const way = bed.way('web1', to, more);
        const tcp = { ...ENDS, flags: 'AP', payload: countingBytes(length) };
        const pairs = [
          [tcpFrame(way, { ...tcp, partial: true }), tcpFrame(way, tcp)],
          [udpFrame(way, { ...tcp, partial: true }), udpFrame(way, tcp)],
        ];
        for (const [partial, whole] of pairs) {
          const { port, wire } = only(bed.send('web1', partial));
          assert.is(port, 'app1');
          assert.is(hexOf(wire.bytes), hexOf(whole.bytes));
          assert.equal(wire.vnet, noHeader);
        }
      }
    }
  }
});

completion('UDP whose checksum comes to 0 goes out as 0xffff', () => {
  const bed = bedOf();
  const way = bed.way('web1', '10.1.0.21');
  let seen = 0;
  for (let word = 0; word < 0x10000 && seen === 0; word += 1) {
    const payload = Uint8Array.of(word >>> 8, word & 0xff);
    const whole = udpFrame(way, { ...ENDS, payload });
    if (whole.bytes[40] !== 0xff || whole.bytes[41] !== 0xff) continue;
    seen++;
    const { wire } = only(bed.send('web1', udpFrame(way, { ...ENDS, payload, partial: true })));
    assert.is(hexOf(wire.bytes), hexOf(whole.bytes));
  }
  assert.is(seen, 1, 'one of the 65536 payloads makes the sum come to zero');
});

completion('after a translation too, in both directions', () => {
  const groups = [
    { name: 'api', vip: '10.1.0.100', members: members([1], { port: 8080 }) },
    { name: 'api6', vip: 'fd00:1::64', members: members([1], { port: 8080, family: 6 }) },
  ];
  const bed = bedOf({ groups });
  for (const { vip } of groups) {
    const syn = tcpFrame(bed.way('web1', vip), { ...ENDS, flags: 'S', partial: true });
    const [packet] = packetsOf(bed.send('web1', syn));
    assert.is(packet.tcp?.destinationPort, 8080);
    const answer = { sourcePort: 8080, destinationPort: 40_000, flags: 'SA', partial: true };
    const back = only(bed.send('app1', tcpFrame(bed.way('app1', packet.from, { from: packet.to }), answer)));
    assert.is(back.port, 'web1');
    assert.is(back.frame.isPartial, true, 'web1 completes it itself');
    assert.is(back.frame.packet?.from, vip);
  }
});

completion('of a flooded frame, each port gets what it can take', () => {
  const bed = bedOf();
  const way = { ...bed.way('web1', '10.1.0.12'), to: '10.1.0.255', toMac: BROADCAST };
  const sent = bed.send('web1', udpFrame(way, { ...ENDS, payload: countingBytes(64), partial: true }));
  assert.is(sent.length, 7);
  for (const { port, frame } of sent) assert.is(frame.isPartial, port !== 'app1', port);
});

completion('what the datapath makes itself needs no finishing', () => {
  const ports = PORTS.map((port) => ({ ...port, offloads: false }));
  const bed = bedOf({ ports, groups: [{ name: 'none', vip: '10.1.0.100', members: [] }] });
  const { frame } = only(bed.send('web1', tcpFrame(bed.way('web1', '10.1.0.100'), { ...ENDS, flags: 'S' })));
  assert.is(frame.packet?.tcp?.flags, 'RA');
});

/** Checks the segments of a TCP super-segment against RFC 9293 and what the kernel's own segmentation does. */
function assertTcpSegments(
  packets: readonly ParsedPacket[],
  way: Way,
  whole: TcpFields,
  gsoSize: number,
): void {
  const { payload = new Uint8Array(0), options = new Uint8Array(0), sequence = 0 } = whole;
  assert.is(packets.length, Math.max(1, Math.ceil(payload.length / gsoSize)));
  assert.is(hexOf(concat(...packets.map(({ tcp }) => tcp?.payload ?? payload))), hexOf(payload));
  packets.forEach((packet, i) => {
    const isLast = i === packets.length - 1;
    const { tcp } = packet;
    assert.ok(tcp);
    assert.is(tcp.payload.length, isLast ? payload.length - i * gsoSize : gsoSize);
    assert.is(tcp.sequence, (sequence + i * gsoSize) % 2 ** 32);
    assert.is(tcp.acknowledgment, whole.acknowledgment);
    assert.is(tcp.window, whole.window);
    assert.is(hexOf(tcp.options), hexOf(options));
    for (const flag of 'FP')
      assert.is(tcp.flags.includes(flag), whole.flags.includes(flag) && isLast, `flag ${flag}`);
    assert.is(tcp.flags.includes('C'), whole.flags.includes('C') && i === 0, 'CWR on the first only');
    for (const flag of 'AUE') assert.is(tcp.flags.includes(flag), whole.flags.includes(flag), `flag ${flag}`);
    assert.equal([packet.from, packet.to, packet.ttl], [way.from, way.to, way.ttl]);
    if (packet.version === 4) assert.is(packet.identification, ((way.identification ?? 0) + i) % 0x10000);
  });
}

const wayOptions = fc.record({
  ttl: fc.integer({ min: 2, max: 255 }),
  identification: fc.constantFrom(0, 7, 0xfffe),
  vlan: fc.option(fc.integer({ min: 1, max: 4_094 }), { nil: undefined }),
  ipOptions: fc.nat(10).map((words) => new Uint8Array(words * 4).fill(1)),
  extensions: fc.constantFrom([], [{ type: 60, bytes: Uint8Array.of(0, 1, ...new Uint8Array(14)) }]),
});

/** What the family of the target allows. */
function wayTo(bed: DatapathBed, to: string, options: Partial<Way>): Way {
  const isIpv4 = familyOf(to) === 4;
  return bed.way('web1', to, {
    ...options,
    ipOptions: isIpv4 ? options.ipOptions : undefined,
    extensions: isIpv4 ? undefined : options.extensions,
  });
}

segmentation('TCP: any size, options and flags, IPv4 and IPv6', () => {
  const bed = bedOf();
  check(
    fc.property(
      fc.constantFrom(...TARGETS),
      wayOptions,
      fc.record({
        sequence: fc.constantFrom(0, 1_000, 0xffff_fff0),
        acknowledgment: fc.nat(),
        window: fc.nat(0xffff),
        flags: fc.constantFrom('A', 'PA', 'FPA', 'PAC', 'FPAUEC'),
        options: fc.nat(10).map((words) => new Uint8Array(words * 4).fill(1)),
        length: fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 65_000 })),
        gsoSize: fc.integer({ min: 536, max: 1_460 }),
      }),
      (to, options, { length, gsoSize, ...rest }) => {
        const way = wayTo(bed, to, options);
        const fields = { ...ENDS, ...rest, payload: countingBytes(length) };
        const sent = bed.send('web1', tcpFrame(way, { ...fields, gsoSize }));
        assertTcpSegments(packetsOf(sent), way, fields, gsoSize);
        assert.ok(sent.every(({ frame }) => frame.vlan === way.vlan));
      },
    ),
    150,
  );
});

segmentation('UDP: datagrams of the given size, the last one shorter', () => {
  const bed = bedOf();
  check(
    fc.property(
      fc.constantFrom(...TARGETS),
      wayOptions,
      fc.integer({ min: 1, max: 40_000 }),
      fc.integer({ min: 500, max: 1_472 }),
      (to, options, length, gsoSize) => {
        const way = wayTo(bed, to, options);
        const fields: UdpFields = { ...ENDS, payload: countingBytes(length) };
        const packets = packetsOf(bed.send('web1', udpFrame(way, { ...fields, gsoSize })));
        assert.is(packets.length, Math.ceil(length / gsoSize));
        packets.forEach(({ udp }, i) => {
          assert.is(udp?.noChecksum, false);
          assert.is(udp?.payload.length, Math.min(gsoSize, length - i * gsoSize));
        });
        const together = concat(...packets.map(({ udp }) => udp?.payload ?? new Uint8Array(0)));
        assert.is(hexOf(together), hexOf(countingBytes(length)));
      },
    ),
    150,
  );
});

segmentation('segments are counted as packets of the flow, as the wire would see them', () => {
  const bed = bedOf({ groups: [{ name: 'api', vip: '10.1.0.100', members: members([1]) }] });
  const way = bed.way('web1', '10.1.0.100');
  bed.send('web1', tcpFrame(way, { ...ENDS, flags: 'S' }));
  const sent = bed.send(
    'web1',
    tcpFrame(way, { ...ENDS, flags: 'A', payload: countingBytes(10_000), gsoSize: 1_000 }),
  );
  assert.is(packetsOf(sent).length, 10);
  assert.is(bed.stats('web1', 'api', 'app1').packets, 11);
  assert.is(bed.counters('app1').txPackets, 11);
});

segmentation(
  'buffers that run out half-way: what was cut goes out, the rest is counted, all come home',
  () => {
    const bed = bedOf({ slots: 1 });
    const way = bed.way('web1', '10.1.0.21');
    const frame = tcpFrame(way, { ...ENDS, flags: 'A', payload: countingBytes(20_000), gsoSize: 1_000 });
    assert.equal(bed.send('web1', frame), []);
    assert.equal(bed.drops(), { 'out-of-buffers': 1 });
  },
);

segmentation('headers that contradict the packet are dropped under their name', () => {
  const bed = bedOf();
  const way = bed.way('web1', '10.1.0.21');
  const good = tcpFrame(way, { ...ENDS, flags: 'A', payload: countingBytes(3_000), gsoSize: 1_000 });
  const changed = (at: number, value: number): { bytes: Uint8Array; vnet: Uint8Array } => {
    const vnet = Uint8Array.from(good.vnet);
    vnet[at] = value;
    return { bytes: good.bytes, vnet };
  };
  const contradictions = [
    changed(0, 0), // GSO without a checksum to fill in
    changed(1, 4), // TCPv6
    changed(1, 5), // UDP
    changed(1, 3), // UDP fragmentation offload
    changed(1, 0x80), // ECN alone
    changed(6, 13), // csum_start inside the Ethernet header
    changed(6, 33), // before the TCP header
    changed(8, 6), // csum_offset of UDP
    changed(9, 0xff), // far behind the frame
    { bytes: good.bytes, vnet: Uint8Array.from(good.vnet, (byte, i) => (i === 4 || i === 5 ? 0 : byte)) }, // size 0
  ];
  for (const [i, frame] of contradictions.entries()) assert.equal(bed.send('web1', frame), [], `header ${i}`);
  assert.equal(bed.drops(), { 'bad-vnet-header': contradictions.length });
});

completion.run();
segmentation.run();
