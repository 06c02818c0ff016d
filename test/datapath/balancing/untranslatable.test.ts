/**
 * Packets whose addresses must stay as they are: behind an IPv6 routing header with segments left, or with an IPv4 source
 * route, whose checksums cover the final destination (RFC 8200 §8.1), with a home address (RFC 6275 §6.3), and under an authentication header, which signs addresses and ports (RFC 4302 §3.3.3).
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { addressBytes, hexOf } from '../../support/addresses.ts';
import { TcpConversation } from '../../support/conversation.ts';
import { DatapathBed, describe, only, type Sent } from '../../support/datapath-bed.ts';
import {
  concat,
  countingBytes,
  echoFrame,
  icmpFrame,
  rawFrame,
  tcpFrame,
  udpFrame,
} from '../../support/packets.ts';
import { members, PORTS as PORTS_OF_BED } from '../../support/topology.ts';

const routed = suite('untranslatable: routing headers');
const hops = suite('untranslatable: source routes and home addresses');
const signed = suite('untranslatable: authentication headers');

const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::64';
const MEMBER6 = 'fd00:1::15';
const GROUPS = [
  { name: 'api', vip: VIP, members: members([1]) },
  { name: 'api6', vip: VIP6, members: members([1], { family: 6 }) },
];
const REDIRECTED = GROUPS.map((group) => ({ ...group, rewrite: 'mac' as const }));
const PORTS = { sourcePort: 40_000, destinationPort: 80 };
const ROUTING = 43;
const AUTHENTICATION = 51;

/** A routing header by way of one more hop; its type is one for experiments (RFC 4727 §3.4). */
const routing = (segmentsLeft: number) => [
  {
    type: ROUTING,
    bytes: concat(Uint8Array.of(0, 2, 253, segmentsLeft, 0, 0, 0, 0), addressBytes('fd00:2::99')),
  },
];
/** SPI 1, sequence number 1, 12 bytes of integrity check. */
const SIGNATURE = concat(Uint8Array.of(0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1), countingBytes(12));
const authentication = [{ type: AUTHENTICATION, bytes: SIGNATURE }];

/** Where a packet with a routing header in front of everything else is wrong, as ICMPv6 says it (RFC 5095 §3). */
const PROBLEM = `web1: parameter problem 0 at 42, from ${VIP6}`;

function parameterProblem({ port, wire, frame }: Sent): string {
  const icmp = wire.bytes.subarray(54);
  assert.is(icmp[0], 4, describe([{ port, wire, frame } as Sent]));
  return `${port}: parameter problem ${icmp[1]} at ${new DataView(icmp.buffer, icmp.byteOffset).getUint32(4)}, from ${frame.packet!.from}`;
}

routed('an error budget bounds the answers', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const way = bed.way('web1', VIP6, { extensions: routing(1) });
  let answered = 0;
  for (let i = 0; i < 1_000; i++) answered += bed.send('web1', udpFrame(way, PORTS)).length;
  assert.ok(answered >= 100 && answered <= 300, `${answered} answers to 1000 datagrams at once`);
});

/** Loose (131) or strict (137) source route by way of 10.1.0.100 and one more hop, with `pointer` as its place. */
const sourceRoute = (type: number, pointer: number): Uint8Array =>
  Uint8Array.of(1, type, 7, pointer, 10, 2, 0, 99);

for (const type of [131, 137]) {
  hops(`option ${type} with hops left: neither balanced nor routed, switched as it is`, () => {
    const bed = new DatapathBed({ groups: GROUPS });
    const ipOptions = sourceRoute(type, 4);
    for (const to of [VIP, '10.2.0.31', '10.1.0.1'])
      assert.equal(bed.send('web1', udpFrame(bed.way('web1', to, { ipOptions }), PORTS)), [], to);
    assert.equal(bed.drops(), { 'source-route': 3 });
    assert.equal(bed.flows(), []);
    const inside = udpFrame(bed.way('web1', '10.1.0.12', { ipOptions }), PORTS);
    assert.is(hexOf(only(bed.send('web1', inside)).wire.bytes), hexOf(inside.bytes));
  });

  hops(`option ${type} at its end, or malformed, is an option like any other`, () => {
    const bed = new DatapathBed({ groups: GROUPS });
    for (const ipOptions of [
      sourceRoute(type, 8),
      Uint8Array.of(type, 1, 4, 0),
      Uint8Array.of(0, type, 4, 4),
    ])
      assert.is(bed.send('web1', udpFrame(bed.way('web1', VIP, { ipOptions }), PORTS)).length, 1);
    assert.equal(bed.drops(), {});
  });
}

/** Destination options: padding, then the home address option, which names another source. */
const homeAddress = [
  { type: 60, bytes: concat(Uint8Array.of(0, 2, 1, 2, 0, 0, 0xc9, 16), addressBytes('fd00:2::77')) },
];

hops('a home address is balanced in no direction, and passes the router', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const frame = (to: string) => udpFrame(bed.way('web1', to, { extensions: homeAddress }), PORTS);
  assert.equal(bed.send('web1', frame(VIP6)), []);
  assert.equal(bed.drops(), { 'home-address': 1 });
  assert.is(only(bed.send('web1', frame('fd00:1::c'))).port, 'web2');
});

hops('under anti-spoofing a VM names no other source', () => {
  const bed = new DatapathBed({
    ports: PORTS_OF_BED.map((port) =>
      port.name === 'web1' ? { ...port, allowedSources: ['fd00:1::b/128'] } : port,
    ),
  });
  const way = bed.way('web1', 'fd00:1::c');
  assert.is(bed.send('web1', udpFrame(way, PORTS)).length, 1);
  const both = [...homeAddress, ...routing(1)];
  for (const extensions of [homeAddress, both, both.toReversed()])
    assert.equal(bed.send('web1', udpFrame({ ...way, extensions }, PORTS)), []);
  assert.equal(bed.drops(), { 'home-address': 3 });
});

routed(
  'to a VIP with segments left: dropped, counted and answered, whatever it carries, whole or in fragments',
  () => {
    const bed = new DatapathBed({ groups: GROUPS });
    const way = bed.way('web1', VIP6, { extensions: routing(1) });
    const first = { ...way, fragment: { offset: 0, more: true }, identification: 7 };
    for (const frame of [
      tcpFrame(way, { ...PORTS, flags: 'S' }),
      udpFrame(way, PORTS),
      udpFrame(way, { ...PORTS, partial: true }),
      echoFrame(way, 1, 1),
      rawFrame(way, 47, countingBytes(20)),
      udpFrame(first, { ...PORTS, payload: countingBytes(64) }),
    ]) {
      assert.equal(bed.send('web1', frame).map(parameterProblem), [PROBLEM]);
    }
    assert.equal(bed.drops(), { 'routing-header': 6 });
    assert.equal(bed.flows(), []);
  },
);

routed('a segment of a running flow is no exception, from either end', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 40_000, vip: VIP6, vipPort: 80 }).open();
  const before = bed.flows();
  assert.equal(flow.send('A', {}, { extensions: routing(1) }).map(parameterProblem), [PROBLEM]);
  const answer = bed.way('app1', 'fd00:1::b', { from: MEMBER6, extensions: routing(1) });
  const ports = { sourcePort: 80, destinationPort: 40_000 };
  assert.equal(bed.send('app1', tcpFrame(answer, { ...ports, flags: 'A', sequence: 301 })), []);
  assert.equal(bed.drops(), { 'routing-header': 2 });
  assert.equal(bed.flows(), before);
});

routed('with no segment left it is an extension header like any other', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const frame = udpFrame(bed.way('web1', VIP6, { extensions: routing(0) }), PORTS);
  // The parser verifies the checksum.
  assert.is(describe(bed.send('web1', frame)), `app1: udp [fd00:1::b]:40000 > [${MEMBER6}]:80`);
  assert.equal(bed.drops(), {});
});

routed("other stations' packets have their routing headers: they pass as they are", () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const frame = udpFrame(bed.way('web1', MEMBER6, { extensions: routing(1) }), PORTS);
  assert.is(hexOf(only(bed.send('web1', frame)).wire.bytes), hexOf(frame.bytes));
});

/** A UDP datagram, or over IPv4 what may as well be one, under an authentication header. */
function underAh(bed: DatapathBed, vip: string) {
  const way = bed.way('web1', vip);
  if (vip === VIP6) return udpFrame({ ...way, extensions: authentication }, PORTS);
  return rawFrame(way, AUTHENTICATION, concat(Uint8Array.of(17), SIGNATURE.subarray(1), countingBytes(20)));
}

signed('its check would not hold for another address: dropped and counted, no member is charged', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  for (const vip of [VIP, VIP6]) assert.equal(bed.send('web1', underAh(bed, vip)), []);
  assert.equal(bed.send('web1', echoFrame(bed.way('web1', VIP6, { extensions: authentication }), 1, 1)), []);
  assert.equal(bed.drops(), { 'authentication-header': 3 });
  assert.equal(bed.flows(), []);
});

signed('a running flow does not carry it through either, nor an error about one', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 40_000, vip: VIP6, vipPort: 80 }).open();
  assert.equal(flow.send('A', {}, { extensions: authentication }), []);
  const answer = bed.way('app1', 'fd00:1::b', { from: MEMBER6, extensions: authentication });
  const ports = { sourcePort: 80, destinationPort: 40_000 };
  assert.equal(bed.send('app1', tcpFrame(answer, { ...ports, flags: 'A', sequence: 301 })), []);
  assert.equal(bed.send('app1', icmpFrame(answer, 1, 4, 0, flow.member.packet.bytes)), []);
  assert.equal(bed.drops(), { 'authentication-header': 3 });
});

signed('where only the MAC is rewritten it arrives as it was sent', () => {
  const bed = new DatapathBed({ groups: REDIRECTED });
  for (const vip of [VIP, VIP6]) {
    const frame = underAh(bed, vip);
    const { port, wire } = only(bed.send('web1', frame));
    assert.is(port, 'app1');
    assert.is(hexOf(wire.bytes.subarray(14)), hexOf(frame.bytes.subarray(14)));
  }
  assert.equal(bed.drops(), {});
});

routed.run();
hops.run();
signed.run();
