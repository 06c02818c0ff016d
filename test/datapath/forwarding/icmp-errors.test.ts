/**
 * ICMP errors about balanced flows: whoever made them, each end reads about the packet that it sent itself. The
 * parser judges the checksums of the message and of the quoted headers; nothing else in it may change.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hexOf } from '../../support/addresses.ts';
import { TcpConversation, UdpConversation } from '../../support/conversation.ts';
import { DatapathBed, describe, only } from '../../support/datapath-bed.ts';
import { countingBytes, icmpFrame, ipPacket, rawFrame, type WireFrame } from '../../support/packets.ts';
import type { ParsedPacket } from '../../support/parse-frame.ts';
import { SCTP, sctpPacket } from '../../support/sctp.ts';
import { APP, DB, familyOf, members, SETTINGS } from '../../support/topology.ts';

const toClient = suite('ICMP errors to the client');
const toMember = suite('ICMP errors to the member');

const CASES = [
  { vip: '10.1.0.100', client: '10.1.0.11', member: '10.1.0.21', gateway: '10.1.0.1' },
  { vip: 'fd00:1::64', client: 'fd00:1::b', member: 'fd00:1::15', gateway: 'fd00:1::1' },
];
const GROUPS = CASES.map(({ vip, member }) => ({
  name: vip,
  vip,
  members: [{ name: 'app1', address: member, port: 8080 }],
}));

/** Kinds of errors by family: type, code, second word. */
const KINDS = {
  4: [
    [3, 3, 0],
    [3, 4, 1_280],
    [11, 0, 0],
    [12, 0, 0x1400_0000],
  ],
  6: [
    [1, 4, 0],
    [2, 0, 1_280],
    [3, 0, 0],
    [4, 1, 6],
  ],
} as const;

/** An error about `packet`, of which `length` bytes are quoted, sent from a port under some address. */
function errorAbout(
  bed: DatapathBed,
  port: string,
  from: string,
  packet: ParsedPacket,
  kind: readonly [number, number, number],
  length = packet.bytes.length,
): WireFrame {
  const way = bed.way(port, packet.from, { from });
  return icmpFrame(way, kind[0], kind[1], kind[2], packet.bytes.slice(0, length));
}

const portsOf = (packet: ParsedPacket | undefined) => {
  const { sourcePort, destinationPort } = packet?.tcp ?? packet?.udp ?? {};
  return [sourcePort, destinationPort];
};

function flowTo(bed: DatapathBed, vip: string, protocol: 'tcp' | 'udp') {
  const ends = { port: 'web1', clientPort: 40_000, vip, vipPort: 80 };
  const flow = protocol === 'tcp' ? new TcpConversation(bed, ends) : new UdpConversation(bed, ends);
  if (flow instanceof TcpConversation) flow.open().send('AP', { payload: countingBytes(99) });
  else flow.send({ payload: countingBytes(99) });
  return flow;
}

toClient("the member complains: to the client it is the VIP that does, about the client's own packet", () => {
  for (const { vip, client, member } of CASES) {
    for (const protocol of ['tcp', 'udp'] as const) {
      for (const kind of KINDS[familyOf(vip)]) {
        const bed = new DatapathBed({ groups: GROUPS });
        const flow = flowTo(bed, vip, protocol);
        const sent = only(bed.send('app1', errorAbout(bed, 'app1', member, flow.member.packet, kind)));
        const { packet } = sent.frame;
        assert.is(sent.port, 'web1');
        assert.equal([packet?.from, packet?.to], [vip, client]);
        assert.is(sent.frame.fromMac, bed.maker.routerMac('app'));
        assert.equal([packet?.icmp?.type, packet?.icmp?.code, packet?.icmp?.rest], kind);
        const quoted = packet?.icmp?.quoted;
        assert.equal([quoted?.from, quoted?.to], [client, vip]);
        assert.equal(portsOf(quoted), [40_000, 80]);
      }
    }
  }
});

toClient("a router on the way complains: it stays the sender, the quoted packet is the client's own", () => {
  for (const { vip, client } of CASES) {
    const bed = new DatapathBed({ groups: GROUPS });
    const flow = flowTo(bed, vip, 'tcp');
    const router = familyOf(vip) === 4 ? '10.1.0.22' : 'fd00:1::16';
    const error = errorAbout(bed, 'app2', router, flow.member.packet, KINDS[familyOf(vip)][1]);
    const { packet } = only(bed.send('app2', error)).frame;
    assert.equal([packet?.from, packet?.to], [router, client]);
    assert.equal([packet?.icmp?.quoted?.from, packet?.icmp?.quoted?.to], [client, vip]);
    assert.is(packet?.icmp?.rest, 1_280, 'the MTU reaches the client');
  }
});

toClient('quoted as little as RFC 792 asks for, 8 bytes of the segment, or cut off anywhere behind', () => {
  for (const { vip, client, member } of CASES) {
    const headers = familyOf(vip) === 4 ? 20 : 40;
    const bed = new DatapathBed({ groups: GROUPS });
    for (const protocol of ['tcp', 'udp'] as const) {
      const flow = flowTo(bed, vip, protocol);
      for (const cut of [8, 9, 16, 17, 18, 19, 20, 40, 90]) {
        const error = errorAbout(
          bed,
          'app1',
          member,
          flow.member.packet,
          KINDS[familyOf(vip)][0],
          headers + cut,
        );
        const { packet } = only(bed.send('app1', error)).frame;
        assert.is(packet?.icmp?.quoted?.to, vip, `${protocol}, ${cut} bytes`);
        assert.equal(portsOf(packet?.icmp?.quoted), [40_000, 80]);
        assert.is(packet?.icmp?.body.length, headers + cut);
        assert.is(packet?.to, client);
      }
    }
  }
});

toClient('a redirect about a balanced flow is dropped and counted', () => {
  const [{ vip, member }] = CASES;
  const bed = new DatapathBed({ groups: GROUPS });
  const flow = flowTo(bed, vip, 'udp');
  const redirect = errorAbout(bed, 'app1', member, flow.member.packet, [5, 1, 0x0a01_0005]);
  assert.equal(bed.send('app1', redirect), []);
  assert.equal(bed.drops(), { 'icmp-redirect': 1 });
});

toClient('a UDP checksum of 0 in the quoted packet stays 0', () => {
  const [{ vip, member }] = CASES;
  const bed = new DatapathBed({ groups: GROUPS });
  const flow = new UdpConversation(bed, { port: 'web1', clientPort: 40_000, vip, vipPort: 80 });
  flow.send({ noChecksum: true });
  const { packet } = only(
    bed.send('app1', errorAbout(bed, 'app1', member, flow.member.packet, [3, 3, 0])),
  ).frame;
  assert.is(packet?.icmp?.quoted?.udp?.noChecksum, true);
});

toClient('the quoted packet had IP options or extension headers', () => {
  for (const { vip, member } of CASES) {
    const bed = new DatapathBed({ groups: GROUPS });
    const flow = new UdpConversation(bed, { port: 'web1', clientPort: 40_000, vip, vipPort: 80 });
    const way =
      familyOf(vip) === 4
        ? { ipOptions: new Uint8Array(8).fill(1) }
        : { extensions: [{ type: 60, bytes: Uint8Array.of(0, 1, ...new Uint8Array(14)) }] };
    flow.send({ payload: countingBytes(10) }, way);
    const kind = KINDS[familyOf(vip)][0];
    const { packet } = only(
      bed.send('app1', errorAbout(bed, 'app1', member, flow.member.packet, kind)),
    ).frame;
    assert.is(packet?.icmp?.quoted?.to, vip);
    assert.equal(portsOf(packet?.icmp?.quoted), [40_000, 80]);
  }
});

toClient(
  "the logical router itself complains about a balanced packet: too big for the member's network",
  () => {
    for (const { vip, client, gateway } of CASES) {
      const far = familyOf(vip) === 4 ? '10.2.0.31' : 'fd00:2::1f';
      const bed = new DatapathBed({
        networks: [APP, { ...DB, mtu: 1_300 }],
        groups: [{ name: 'far', vip, members: [{ name: 'db1', address: far, port: 8080 }] }],
      });
      const flow = new TcpConversation(bed, { port: 'web1', clientPort: 40_000, vip, vipPort: 80 }).open();
      const { port, frame } = only(flow.send('A', { payload: countingBytes(1_400) }));
      assert.is(port, 'web1');
      assert.equal([frame.packet?.from, frame.packet?.to], [gateway, client]);
      assert.is(frame.packet?.icmp?.rest, 1_300);
      const quoted = frame.packet?.icmp?.quoted;
      assert.equal([quoted?.from, quoted?.to, ...portsOf(quoted)], [client, vip, 40_000, 80]);
      const expired = only(flow.send('A', {}, { ttl: 1 })).frame.packet?.icmp?.quoted;
      assert.equal([expired?.to, ...portsOf(expired)], [vip, 40_000, 80]);
    }
  },
);

toClient('an error refreshes nothing, ends nothing and counts as no packet of the flow', () => {
  const [{ vip, member }] = CASES;
  const bed = new DatapathBed({ groups: GROUPS });
  const flow = flowTo(bed, vip, 'udp');
  const before = bed.flows();
  bed.passSlowly(SETTINGS.udpIdleMs - 5_000, 10_000);
  bed.send('app1', errorAbout(bed, 'app1', member, flow.member.packet, [3, 3, 0]));
  assert.equal(bed.flows(), before);
  bed.passSlowly(15_000);
  assert.equal(bed.flows(), []);
});

toClient('an error with a wrong checksum is dropped, not made right', () => {
  for (const { vip, member } of CASES) {
    const bed = new DatapathBed({ groups: GROUPS });
    const flow = flowTo(bed, vip, 'tcp');
    const { bytes, vnet } = errorAbout(bed, 'app1', member, flow.member.packet, KINDS[familyOf(vip)][0]);
    const wrong = Uint8Array.from(bytes);
    wrong[wrong.length - 1] ^= 1;
    assert.equal(bed.send('app1', { bytes: wrong, vnet }), []);
    assert.equal(bed.drops(), { 'bad-transport-checksum': 1 });
  }
});

/** A message in two fragments, the first with `bytes` of it. */
function inFragments(
  bed: DatapathBed,
  port: string,
  to: string,
  from: string,
  packet: Uint8Array,
  bytes: number,
) {
  const isIpv4 = familyOf(to) === 4;
  const message = packet.subarray(isIpv4 ? 20 : 40);
  return [0, bytes].map((offset) => {
    const fragment = { offset, more: offset === 0 };
    const way = bed.way(port, to, { from, fragment, identification: 9 });
    return rawFrame(way, isIpv4 ? 1 : 58, message.slice(offset, offset === 0 ? bytes : undefined));
  });
}

toClient('an error in fragments is dropped, whoever complains and in whichever order they come', () => {
  for (const { vip, client, member } of CASES) {
    const router = familyOf(vip) === 4 ? '10.1.0.22' : 'fd00:1::16';
    for (const [port, from] of [
      ['app1', member],
      ['app2', router],
    ] as const) {
      for (const bytes of [8, 64]) {
        const bed = new DatapathBed({ groups: GROUPS });
        const flow = flowTo(bed, vip, 'udp');
        const { bytes: whole } = errorAbout(bed, port, from, flow.member.packet, KINDS[familyOf(vip)][0]);
        const [first, later] = inFragments(bed, port, client, from, whole.subarray(14), bytes);
        assert.equal(bed.send(port, first!), [], `${from}, ${bytes} bytes`);
        assert.is(bed.drops()['icmp-error-fragment'], 1);
        if (from === member) assert.equal(bed.send(port, later!), []);
        const other = new DatapathBed({ groups: GROUPS });
        flowTo(other, vip, 'udp');
        const turned = [later!, first!].flatMap((frame) => other.send(port, frame));
        assert.ok(turned.every(({ wire }) => hexOf(wire.bytes) !== hexOf(first!.bytes)));
        assert.is(other.drops()['icmp-error-fragment'], 1);
      }
    }
  }
});

toClient('an error in fragments about another packet passes as it is', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  flowTo(bed, CASES[0].vip, 'udp');
  const quoted = ipPacket(
    bed.way('web1', '10.1.0.21'),
    17,
    Uint8Array.of(0x9c, 0x41, 0x1f, 0x90, 0, 8, 0, 0),
  );
  const { bytes } = icmpFrame(bed.way('app1', '10.1.0.11'), 3, 3, 0, quoted);
  for (const frame of inFragments(bed, 'app1', '10.1.0.11', '10.1.0.21', bytes.subarray(14), 32)) {
    assert.is(hexOf(only(bed.send('app1', frame)).wire.bytes), hexOf(frame.bytes));
  }
  assert.equal(bed.drops(), {});
});

toClient('errors about other packets pass as they are', () => {
  const bed = new DatapathBed({ groups: GROUPS });
  flowTo(bed, CASES[0].vip, 'tcp');
  // Ports of no flow, length 8, checksum not computed.
  const payload = Uint8Array.of(0x9c, 0x41, 0x1f, 0x90, 0, 8, 0, 0);
  const way = bed.way('web1', '10.1.0.21');
  const echo = Uint8Array.of(8, 0, 0xf7, 0xff, 0, 0, 0, 0);
  const strangers = [ipPacket(way, 17, payload), ipPacket(way, 1, echo), ipPacket(way, 47, payload)];
  for (const quoted of strangers) {
    const error = icmpFrame(bed.way('app1', '10.1.0.11'), 3, 3, 0, quoted);
    const { port, wire } = only(bed.send('app1', error));
    assert.is(port, 'web1');
    assert.is(hexOf(wire.bytes), hexOf(error.bytes));
  }
});

/** What the client got from the VIP, to complain about. */
function answerTo(flow: TcpConversation | UdpConversation): ParsedPacket {
  const sent = only(
    flow instanceof TcpConversation
      ? flow.reply('AP', { payload: countingBytes(50) })
      : flow.reply({ payload: countingBytes(50) }),
  );
  assert.ok(sent.frame.packet);
  return sent.frame.packet;
}

toMember('the client complains to the VIP: the member hears it, about its own packet', () => {
  for (const { vip, client, member } of CASES) {
    for (const protocol of ['tcp', 'udp'] as const) {
      for (const kind of KINDS[familyOf(vip)]) {
        const bed = new DatapathBed({ groups: GROUPS });
        const flow = flowTo(bed, vip, protocol);
        const error = errorAbout(bed, 'web1', client, answerTo(flow), kind);
        const sent = only(bed.send('web1', error));
        const { packet } = sent.frame;
        assert.is(sent.port, 'app1');
        assert.equal([packet?.from, packet?.to], [client, member]);
        assert.equal([packet?.icmp?.type, packet?.icmp?.code, packet?.icmp?.rest], kind);
        const quoted = packet?.icmp?.quoted;
        assert.equal([quoted?.from, quoted?.to], [member, client]);
        assert.equal(portsOf(quoted), [8080, 40_000]);
      }
    }
  }
});

toMember('an error in fragments is dropped', () => {
  for (const { vip, client } of CASES) {
    const bed = new DatapathBed({ groups: GROUPS });
    const flow = flowTo(bed, vip, 'udp');
    const { bytes } = errorAbout(bed, 'web1', client, answerTo(flow), KINDS[familyOf(vip)][0]);
    for (const frame of inFragments(bed, 'web1', vip, client, bytes.subarray(14), 64)) {
      assert.equal(bed.send('web1', frame), []);
    }
    assert.is(bed.drops()['icmp-error-fragment'], 1);
  }
});

toMember('an error about no flow of this client has no connection', () => {
  const [{ vip, client }] = CASES;
  const bed = new DatapathBed({ groups: GROUPS });
  const flow = flowTo(bed, vip, 'udp');
  const packet = answerTo(flow);
  const other = Uint8Array.from(packet.bytes);
  other[22] ^= 0x55; // another client port
  const error = icmpFrame(bed.way('web1', vip, { from: client }), 3, 3, 0, other);
  assert.equal(bed.send('web1', error), []);
  const short = icmpFrame(bed.way('web1', vip, { from: client }), 3, 3, 0, packet.bytes.slice(0, 23));
  assert.equal(bed.send('web1', short), []);
  assert.equal(bed.drops(), { 'no-connection': 2 });
});

toMember("with MAC redirect the addresses are the VIP's at both ends", () => {
  const [{ vip, client }] = CASES;
  const bed = new DatapathBed({ groups: [{ name: 'dsr', vip, rewrite: 'mac', members: members([1]) }] });
  const flow = flowTo(bed, vip, 'udp');
  const there = only(bed.send('web1', errorAbout(bed, 'web1', client, answerTo(flow), [3, 3, 0])));
  assert.is(describe([there]), `app1: icmp ${client} > ${vip} 3/3`);
  assert.is(there.frame.packet?.icmp?.quoted?.from, vip);
  const back = only(bed.send('app1', errorAbout(bed, 'app1', vip, flow.member.packet, [3, 3, 0])));
  assert.is(describe([back]), `web1: icmp ${vip} > ${client} 3/3`);
  assert.is(back.frame.packet?.icmp?.quoted?.to, vip);
});

toMember('a port that had to be changed for the member is changed in the quoted packet too', () => {
  const { vip, client, member } = CASES[0];
  const second = { name: 'second', vip: '10.1.0.101', members: members([1], { port: 8080 }) };
  const bed = new DatapathBed({ groups: [...GROUPS, second] });
  flowTo(bed, vip, 'udp');
  const flow = flowTo(bed, second.vip, 'udp');
  const translated = flow.member.packet.udp?.sourcePort;
  assert.is.not(translated, 40_000);
  const there = only(bed.send('web1', errorAbout(bed, 'web1', client, answerTo(flow), [3, 3, 0])));
  assert.equal(portsOf(there.frame.packet?.icmp?.quoted), [8080, translated]);
  const back = only(bed.send('app1', errorAbout(bed, 'app1', member, flow.member.packet, [3, 3, 0])));
  assert.equal(portsOf(back.frame.packet?.icmp?.quoted), [40_000, 80]);
});

/** GRE, ESP, EtherIP, and one that nobody knows: what they carry does not matter. */
const PORTLESS = [47, 50, 97, 253];

for (const { vip, client, member } of CASES) {
  const family = familyOf(vip);
  toClient(`protocols without ports over IPv${family}: every error reads well at both ends`, () => {
    for (const protocol of PORTLESS) {
      for (const kind of KINDS[family]) {
        const bed = new DatapathBed({ groups: GROUPS });
        const there = only(bed.send('web1', rawFrame(bed.way('web1', vip), protocol, countingBytes(60))));
        const back = rawFrame(bed.way('app1', client, { from: member }), protocol, countingBytes(60));
        const answer = only(bed.send('app1', back));
        const gateway = family === 4 ? '10.1.0.22' : 'fd00:1::16';

        const complaint = errorAbout(bed, 'app1', member, there.frame.packet!, kind, family === 4 ? 28 : 48);
        const own = only(bed.send('app1', complaint));
        assert.is(describe([own]), `web1: icmp ${vip} > ${client} ${kind[0]}/${kind[1]}`);
        assert.is(own.frame.packet?.icmp?.quoted?.to, vip);

        const transit = only(bed.send('app2', errorAbout(bed, 'app2', gateway, there.frame.packet!, kind)));
        assert.is(describe([transit]), `web1: icmp ${gateway} > ${client} ${kind[0]}/${kind[1]}`);
        assert.equal(transit.frame.packet?.icmp?.quoted?.bytes, rawPacketOf(client, vip, protocol));

        const clients = only(bed.send('web1', errorAbout(bed, 'web1', client, answer.frame.packet!, kind)));
        assert.is(describe([clients]), `app1: icmp ${client} > ${member} ${kind[0]}/${kind[1]}`);
        assert.equal(clients.frame.packet?.icmp?.quoted?.bytes, rawPacketOf(member, client, protocol));
        assert.equal(bed.drops(), {});
      }
    }
  });

  toClient(
    `SCTP over IPv${family}: ports are those of the reader, and a whole quote has a right checksum`,
    () => {
      const bed = new DatapathBed({ groups: GROUPS });
      const request = sctpPacket(40_000, 80, countingBytes(32));
      const there = only(bed.send('web1', rawFrame(bed.way('web1', vip), SCTP, request)));
      const answering = sctpPacket(8_080, 40_000, countingBytes(32));
      const back = only(
        bed.send('app1', rawFrame(bed.way('app1', client, { from: member }), SCTP, answering)),
      );
      const kind = KINDS[family][0];
      for (const cut of [8, 16, 44]) {
        const headers = family === 4 ? 20 : 40;
        const toOwn = errorAbout(bed, 'app1', member, there.frame.packet!, kind, headers + cut);
        const heard = only(bed.send('app1', toOwn)).frame.packet?.icmp?.quoted;
        assert.is(heard?.to, vip);
        assert.equal(heard?.bytes.slice(headers, headers + 8), request.slice(0, 8));
        if (cut === 44) assert.equal(heard?.bytes.slice(headers), request);
        const toMembers = errorAbout(bed, 'web1', client, back.frame.packet!, kind, headers + cut);
        const read = only(bed.send('web1', toMembers)).frame.packet?.icmp?.quoted;
        assert.is(read?.from, member);
        assert.equal(read?.bytes.slice(headers, headers + 8), answering.slice(0, 8));
        if (cut === 44) assert.equal(read?.bytes.slice(headers), answering);
      }
    },
  );
}

const rawPacketOf = (from: string, to: string, protocol: number): Uint8Array =>
  rawFrame(
    { fromMac: '02:00:00:00:00:01', toMac: '02:00:00:00:00:02', from, to },
    protocol,
    countingBytes(60),
  ).bytes.slice(14);

toClient.run();
toMember.run();
