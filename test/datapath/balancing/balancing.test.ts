/** Flows through a VIP: who gets them, what both ends see, and what stays untouched. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpConversation, UdpConversation } from '../../support/conversation.ts';
import { DatapathBed, describe, only } from '../../support/datapath-bed.ts';
import { countingBytes, tcpFrame, udpFrame } from '../../support/packets.ts';
import { APP, DB, members, PORTS } from '../../support/topology.ts';

const balancing = suite('balancing');

const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::64';
const api = { name: 'api', vip: VIP, members: members([1, 3, 1, 3, 2], { port: 8080 }) };

/** Opens `count` flows from consecutive client ports; returns the ports of the members that got them. */
function open(bed: DatapathBed, count: number, from = 'web1', firstPort = 40_000, vip = VIP): string[] {
  return Array.from({ length: count }, (_, i) => {
    const ends = { sourcePort: firstPort + i, destinationPort: 80 };
    return only(bed.send(from, tcpFrame(bed.way(from, vip), { ...ends, flags: 'S' }))).port;
  });
}

const sharesOf = (chosen: readonly string[]): number[] =>
  ['app1', 'app2', 'app3', 'app4', 'app5'].map((name) => chosen.filter((port) => port === name).length);

balancing('weights 1, 3, 1, 3, 2: of ten new flows the members get 1, 3, 1, 3, 2, in every window', () => {
  const bed = new DatapathBed({ groups: [api] });
  const chosen = open(bed, 60);
  for (let at = 0; at <= 50; at++) assert.equal(sharesOf(chosen.slice(at, at + 10)), [1, 3, 1, 3, 2]);
});

balancing('each port has its own cycle; one balancer for the host has one for all', () => {
  const own = new DatapathBed({ groups: [api] });
  const chosen = { web1: [] as string[], web2: [] as string[] };
  for (let i = 0; i < 20; i++) {
    chosen.web1.push(...open(own, 1, 'web1', 40_000 + i));
    chosen.web2.push(...open(own, 1, 'web2', 40_000 + i));
  }
  for (const port of ['web1', 'web2'] as const) assert.equal(sharesOf(chosen[port]), [2, 6, 2, 6, 4]);
  const shared = new DatapathBed({ groups: [api], balancer: 'host' });
  const all = [...open(shared, 5, 'web1'), ...open(shared, 3, 'web2'), ...open(shared, 2, 'web3')];
  assert.equal(sharesOf(all), [1, 3, 1, 3, 2]);
});

balancing('packets of a running flow do not count as new ones', () => {
  const bed = new DatapathBed({ groups: [api] });
  const chosen: string[] = [];
  for (let i = 0; i < 20; i++) {
    const flow = new TcpConversation(bed, { port: 'web1', clientPort: 41_000 + i, vip: VIP, vipPort: 80 });
    flow.send('S');
    flow.send('S'); // lost and sent again: the same member
    flow.reply('SA');
    flow.send('A');
    flow.send('AP', { payload: countingBytes(10) });
    chosen.push(flow.member.port);
  }
  assert.equal(sharesOf(chosen), [2, 6, 2, 6, 4]);
});

balancing('the member sees the client itself, the client sees only the VIP', () => {
  const bed = new DatapathBed({ groups: [api] });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 40_000, vip: VIP, vipPort: 80 });
  const { frame } = only(flow.send('S'));
  assert.is(frame.packet?.from, '10.1.0.11');
  assert.is(frame.packet?.tcp?.sourcePort, 40_000);
  assert.is(frame.packet?.to, bed.address(flow.member.port));
  assert.is(frame.packet?.tcp?.destinationPort, 8080);
  assert.is(frame.fromMac, bed.mac('web1'));
  assert.is(frame.toMac, bed.mac(flow.member.port));
  const answer = only(flow.reply('SA'));
  assert.is(answer.port, 'web1');
  assert.is(answer.frame.packet?.from, VIP);
  assert.is(answer.frame.packet?.tcp?.sourcePort, 80);
  assert.is(answer.frame.packet?.to, '10.1.0.11');
  assert.is(answer.frame.packet?.tcp?.destinationPort, 40_000);
  assert.is(answer.frame.fromMac, bed.maker.routerMac('app'), 'the VIP lives at the router');
  assert.is(answer.frame.toMac, bed.mac('web1'));
});

balancing('one subnet, no hop: TTL and everything above the ports stay as they were', () => {
  const bed = new DatapathBed({ groups: [api] });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 40_000, vip: VIP, vipPort: 80 }).open();
  const segment = {
    sequence: 0xfffffff0,
    acknowledgment: 0x80000001,
    window: 4321,
    options: Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2),
    payload: countingBytes(101),
  };
  for (const sent of [
    flow.send('APU', segment, { ttl: 33, identification: 77 }),
    flow.reply('APU', segment),
  ]) {
    const { packet } = only(sent).frame;
    const { sequence, acknowledgment, window, options, payload, flags } = packet?.tcp ?? {};
    assert.equal({ sequence, acknowledgment, window, options, payload }, segment);
    assert.is(flags, 'PAU');
  }
  assert.is(flow.member.packet.ttl, 33);
  assert.is(flow.member.packet.identification, 77);
});

balancing('IPv6 through its own VIP', () => {
  const bed = new DatapathBed({
    groups: [{ name: 'api', vip: VIP6, members: members([1, 3, 1, 3, 2], { family: 6, port: 8080 }) }],
  });
  const chosen = open(bed, 20, 'web1', 40_000, VIP6);
  assert.equal(sharesOf(chosen), [2, 6, 2, 6, 4]);
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 50_000, vip: VIP6, vipPort: 80 }).open();
  assert.is(flow.member.packet.from, 'fd00:1::b');
  assert.is(flow.member.packet.to, bed.address(flow.member.port, 6));
  const { packet } = only(flow.reply('A', { payload: countingBytes(999) })).frame;
  assert.is(packet?.from, VIP6);
  assert.is(packet?.tcp?.sourcePort, 80);
});

balancing('UDP: both directions, and a checksum that was not computed stays so', () => {
  const bed = new DatapathBed({ groups: [{ ...api, protocol: 'udp', port: 53 }] });
  const flow = new UdpConversation(bed, { port: 'web2', clientPort: 40_000, vip: VIP, vipPort: 53 });
  assert.is(only(flow.send({ payload: countingBytes(31) })).frame.packet?.udp?.noChecksum, false);
  assert.is(flow.member.packet.udp?.destinationPort, 8080);
  assert.is(only(flow.reply({ payload: countingBytes(500) })).frame.packet?.from, VIP);
  assert.is(only(flow.send({ noChecksum: true })).frame.packet?.udp?.noChecksum, true);
  assert.is(only(flow.reply({ noChecksum: true })).frame.packet?.udp?.noChecksum, true);
  assert.is(bed.flows().length, 1);
});

balancing('a rule for TCP port 80 leaves other ports and protocols of the VIP alone', () => {
  const bed = new DatapathBed({ groups: [{ ...api, protocol: 'tcp', port: 80 }] });
  assert.is(open(bed, 1).length, 1);
  const way = bed.way('web1', VIP);
  const refused = only(bed.send('web1', tcpFrame(way, { sourcePort: 1, destinationPort: 81, flags: 'S' })));
  assert.is(refused.frame.packet?.tcp?.flags, 'RA', 'nobody is there');
  const unreachable = only(bed.send('web1', udpFrame(way, { sourcePort: 1, destinationPort: 80 })));
  assert.is(unreachable.frame.packet?.icmp?.code, 3);
  assert.is(bed.flows().length, 1);
});

balancing('the most specific rule of a VIP decides, by source too', () => {
  const bed = new DatapathBed({
    groups: [
      { name: 'any', vip: VIP, members: members([1]) },
      {
        name: 'web2-only',
        vip: VIP,
        sources: ['10.1.0.12/32'],
        members: [{ name: 'b', address: '10.1.0.22' }],
      },
      { name: 'tls', vip: VIP, protocol: 'tcp', port: 443, members: [{ name: 'c', address: '10.1.0.23' }] },
    ],
  });
  assert.equal(open(bed, 2, 'web1'), ['app1', 'app1']);
  assert.equal(open(bed, 2, 'web2'), ['app2', 'app2']);
  for (const port of ['web1', 'web2']) {
    const frame = tcpFrame(bed.way(port, VIP), { sourcePort: 9, destinationPort: 443, flags: 'S' });
    assert.is(only(bed.send(port, frame)).port, 'app3');
  }
});

balancing('traffic to no VIP crosses unchanged, byte for byte, and leaves no record', () => {
  const bed = new DatapathBed({ groups: [api] });
  const frames = [
    tcpFrame(bed.way('web1', '10.1.0.21'), { sourcePort: 40_000, destinationPort: 8080, flags: 'S' }),
    udpFrame(bed.way('web1', 'fd00:1::15'), {
      sourcePort: 1,
      destinationPort: 2,
      payload: countingBytes(33),
    }),
    tcpFrame(bed.way('web1', '10.1.0.21'), {
      sourcePort: 1,
      destinationPort: 2,
      flags: 'A',
      payload: countingBytes(9_000),
      gsoSize: 1_448,
    }),
  ];
  for (const frame of frames) {
    const { port, wire } = only(bed.send('web1', frame));
    assert.is(port, 'app1');
    assert.equal(wire, frame);
  }
  assert.equal(bed.flows(), []);
  assert.equal(bed.drops(), {});
});

balancing('a port without a balancer reaches members directly, and no VIP', () => {
  const ports = PORTS.map((port) => (port.name === 'web3' ? { ...port, balanced: false } : port));
  const bed = new DatapathBed({ groups: [api], ports });
  const direct = tcpFrame(bed.way('web3', '10.1.0.21'), { sourcePort: 5, destinationPort: 8080, flags: 'S' });
  assert.is(only(bed.send('web3', direct)).port, 'app1');
  const toVip = tcpFrame(bed.way('web3', VIP), { sourcePort: 5, destinationPort: 80, flags: 'S' });
  assert.not(bed.send('web3', toVip).some(({ port, frame }) => port.startsWith('app') && frame.packet?.tcp));
  assert.equal(bed.flows(), []);
});

balancing('the same client port at two VIPs that share a member: two flows, never mixed', () => {
  const one = { name: 'one', vip: VIP, members: members([1], { port: 8080 }) };
  const two = { name: 'two', vip: '10.1.0.101', members: members([1], { port: 8080 }) };
  const bed = new DatapathBed({ groups: [one, two] });
  const ends = { port: 'web1', clientPort: 40_000, vipPort: 80 };
  const first = new TcpConversation(bed, { ...ends, vip: VIP }).open();
  const second = new TcpConversation(bed, { ...ends, vip: '10.1.0.101' }).open();
  const seen = [first, second].map((flow) => flow.member.packet.tcp?.sourcePort);
  assert.is(seen[0], 40_000);
  assert.is.not(seen[1], 40_000, 'the member must be able to tell them apart');
  for (const [flow, vip] of [
    [first, VIP],
    [second, '10.1.0.101'],
  ] as const) {
    assert.is(describe(flow.reply('A')), `web1: tcp ${vip}:80 > 10.1.0.11:40000 A`);
  }
  const third = new TcpConversation(bed, { ...ends, port: 'web2', vip: '10.1.0.101' }).open();
  assert.is(third.member.packet.tcp?.sourcePort, 40_000, 'another client keeps its port');
});

balancing(
  'the same client port to a VIP and to its member directly: two flows, never mixed, whichever comes first',
  () => {
    for (const first of ['vip', 'direct']) {
      const bed = new DatapathBed({
        groups: [{ name: 'one', vip: VIP, members: members([1], { port: 8080 }) }],
      });
      const flow = new TcpConversation(bed, { port: 'web1', clientPort: 40_000, vip: VIP, vipPort: 80 });
      const direct = new TcpConversation(bed, {
        port: 'web1',
        clientPort: 40_000,
        vip: '10.1.0.21',
        vipPort: 8080,
      });
      for (const conversation of first === 'vip' ? [flow, direct] : [direct, flow]) conversation.open();
      assert.is.not(flow.member.packet.tcp?.sourcePort, direct.member.packet.tcp?.sourcePort);
      for (let i = 0; i < 3; i++) {
        assert.is(describe(flow.reply('A')), `web1: tcp ${VIP}:80 > 10.1.0.11:40000 A`);
        assert.is(describe(direct.reply('A')), 'web1: tcp 10.1.0.21:8080 > 10.1.0.11:40000 A');
        flow.send('AP');
        direct.send('AP');
      }
    }
  },
);

balancing('a direct flow is not mixed up with a balanced one that has ended, either', () => {
  for (const end of ['close', 'reset'] as const) {
    const bed = new DatapathBed({
      groups: [{ name: 'one', vip: VIP, members: members([1], { port: 8080 }) }],
    });
    const flow = new TcpConversation(bed, { port: 'web1', clientPort: 40_000, vip: VIP, vipPort: 80 }).open();
    if (end === 'close') flow.close();
    else flow.reply('R');
    // The client's kernel may take the port again at once, as it is another destination.
    const direct = new TcpConversation(bed, {
      port: 'web1',
      clientPort: 40_000,
      vip: '10.1.0.21',
      vipPort: 8080,
    });
    direct.send('S');
    assert.is(describe(direct.reply('SA')), 'web1: tcp 10.1.0.21:8080 > 10.1.0.11:40000 SA', end);
  }
});

balancing(
  'hairpin: a VM that is client and member talks to itself through the VIP, which is all that it sees',
  () => {
    for (const [vip, address] of [
      [VIP, '10.1.0.21'],
      [VIP6, 'fd00:1::15'],
    ]) {
      const bed = new DatapathBed({
        groups: [{ name: 'self', vip, members: [{ name: 'app1', address, port: 8080 }] }],
      });
      const way = bed.way('app1', vip);
      const there = only(
        bed.send('app1', tcpFrame(way, { sourcePort: 40_000, destinationPort: 80, flags: 'S' })),
      );
      assert.is(there.port, 'app1');
      assert.equal([there.frame.packet?.from, there.frame.packet?.to], [vip, address]);
      assert.equal(
        [there.frame.packet?.tcp?.sourcePort, there.frame.packet?.tcp?.destinationPort],
        [40_000, 8080],
      );
      const answer = tcpFrame(bed.way('app1', vip), {
        sourcePort: 8080,
        destinationPort: 40_000,
        flags: 'SA',
      });
      const back = only(bed.send('app1', answer));
      assert.is(back.port, 'app1');
      assert.equal([back.frame.packet?.from, back.frame.packet?.to], [vip, address]);
      assert.equal(
        [back.frame.packet?.tcp?.sourcePort, back.frame.packet?.tcp?.destinationPort],
        [80, 40_000],
      );
    }
  },
);

balancing('a member behind the logical router: one hop each way, and the same two views', () => {
  const bed = new DatapathBed({
    groups: [
      { name: 'far', vip: VIP, members: [{ name: 'db1', address: '10.2.0.31', port: 5432 }] },
      { name: 'far6', vip: VIP6, members: [{ name: 'db2', address: 'fd00:2::20' }] },
    ],
  });
  for (const [vip, member, from] of [
    [VIP, 'db1', '10.1.0.11'],
    [VIP6, 'db2', 'fd00:1::b'],
  ]) {
    const flow = new TcpConversation(bed, { port: 'web1', clientPort: 40_000, vip, vipPort: 5432 });
    const { port, frame } = only(flow.send('S'));
    assert.is(port, member);
    assert.is(frame.packet?.ttl, 63);
    assert.is(frame.packet?.from, from);
    assert.is(frame.fromMac, bed.maker.routerMac('db'));
    assert.is(frame.toMac, bed.mac(member));
    const answer = only(flow.reply('SA'));
    assert.is(answer.port, 'web1');
    assert.is(answer.frame.packet?.from, vip);
    assert.is(answer.frame.packet?.ttl, 63);
    assert.is(answer.frame.fromMac, bed.maker.routerMac('app'));
  }
});

balancing('tenants may use the same addresses: a VIP of one network is nothing in the other', () => {
  const twin = { ...DB, subnets: APP.subnets, gateways: [] };
  const ports = [
    ...PORTS.filter((port) => port.network === 'app'),
    { name: 'other1', network: 'db', addresses: ['10.1.0.11'] },
    { name: 'other2', network: 'db', addresses: ['10.1.0.21'], balanced: false },
  ];
  const bed = new DatapathBed({ networks: [{ ...APP, gateways: [] }, twin], ports, groups: [api] });
  assert.ok(open(bed, 4, 'web1').every((port) => port.startsWith('app')));
  const flows = bed.flows();
  const way = { ...bed.way('other1', '10.1.0.21'), toMac: bed.mac('other2') };
  const frame = tcpFrame(way, { sourcePort: 40_000, destinationPort: 8080, flags: 'S' });
  assert.is(describe(bed.send('other1', frame)), 'other2: tcp 10.1.0.11:40000 > 10.1.0.21:8080 S');
  assert.equal(bed.flows(), flows);
});

balancing('what the LB sent is counted per member: packets, bytes, flows, both ways', () => {
  const bed = new DatapathBed({ groups: [{ ...api, members: members([1]) }] });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 40_000, vip: VIP, vipPort: 80 }).open();
  flow.send('AP', { payload: countingBytes(100) });
  flow.reply('AP', { payload: countingBytes(1_000) });
  flow.send('AP', { payload: countingBytes(4_000), gsoSize: 1_000 });
  const stats = bed.stats('web1', 'api', 'app1');
  assert.equal(stats, {
    ...stats,
    packets: 2 + 1 + 4,
    bytes: 54 + 54 + 154 + 4_054,
    replyPackets: 2,
    replyBytes: 54 + 1_054,
    newFlows: 1,
    activeFlows: 1,
    endedFlows: 0,
    resets: 0,
  });
  const [record] = bed.flows();
  assert.is(record.packets, stats.packets);
  assert.is(record.bytes, stats.bytes);
  assert.is(record.replyPackets, stats.replyPackets);
  assert.is(record.replyBytes, stats.replyBytes);
});

balancing.run();
