/** Next hops whose MAC is not known yet: asked for, waited for, given up; and the frames that wait meanwhile. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpConversation } from '../../support/conversation.ts';
import { DatapathBed, describe, only, type Sent } from '../../support/datapath-bed.ts';
import {
  advertisementFrame,
  arpFrame,
  BROADCAST,
  countingBytes,
  solicitationFrame,
  tcpFrame,
  udpFrame,
} from '../../support/packets.ts';
import { members, PORTS, type PortDescription } from '../../support/topology.ts';

const resolution = suite('neighbours: resolution');
const bounds = suite('neighbours: bounds');

/** Addresses that db1 has besides its configured ones: containers behind its port, say. */
const BEHIND = { 4: '10.2.0.99', 6: 'fd00:2::99' } as const;
const VIP = '10.1.0.100';
const far = { name: 'far', vip: VIP, members: [{ name: 'box', address: BEHIND[4], port: 8080 }] };
const UDP = { sourcePort: 1_000, destinationPort: 2_000 };

const udpTo = (bed: DatapathBed, to: string, sourcePort = 1_000): Sent[] =>
  bed.send('web1', udpFrame(bed.way('web1', to), { ...UDP, sourcePort, payload: countingBytes(20) }));

/** db1 answers for an address behind it. */
function answer(bed: DatapathBed, family: 4 | 6, mac = bed.mac('db1')): Sent[] {
  const routerMac = bed.maker.routerMac('db');
  if (family === 4) {
    const way = { fromMac: mac, toMac: routerMac, from: BEHIND[4], to: '10.2.0.1' };
    return bed.send('db1', arpFrame(way, 'reply', { targetMac: routerMac }));
  }
  const way = { fromMac: mac, toMac: routerMac, from: BEHIND[6], to: 'fd00:2::1' };
  return bed.send('db1', advertisementFrame(way, BEHIND[6], mac, 'SO'));
}

const questions = (sent: readonly Sent[]): Sent[] =>
  sent.filter(({ frame }) => frame.arp !== undefined || frame.packet?.icmp?.type === 135);

resolution('a question to the whole network, from the gateway; the packet follows the answer', () => {
  for (const family of [4, 6] as const) {
    const bed = new DatapathBed();
    const asked = udpTo(bed, BEHIND[family]);
    assert.equal(
      asked.map(({ port }) => port),
      ['db1', 'db2'],
    );
    const { frame } = asked[0];
    if (family === 4) assert.is(describe(asked.slice(0, 1)), 'db1: arp request 10.2.0.1 > 10.2.0.99');
    else {
      assert.is(frame.packet?.from, 'fd00:2::1');
      assert.is(frame.packet?.to, 'ff02::1:ff00:99');
      assert.is(frame.packet?.ttl, 255);
      assert.is(frame.toMac, '33:33:ff:00:00:99');
    }
    assert.is(frame.fromMac, bed.maker.routerMac('db'));
    assert.is(bed.waiting(), 1);
    const { port, frame: delivered } = only(answer(bed, family));
    assert.is(port, 'db1');
    assert.is(delivered.toMac, bed.mac('db1'));
    assert.is(delivered.fromMac, bed.maker.routerMac('db'));
    assert.is(delivered.packet?.ttl, 63);
    assert.is(bed.waiting(), 0);
    assert.is(bed.counters('web1').queuedSent, 1);
    assert.equal(questions(udpTo(bed, BEHIND[family])), [], 'from now on it is known');
    assert.equal(bed.drops(), {});
  }
});

resolution('a MAC that no single station can have is never believed, from a VM or from the wire', () => {
  const hostMac = '02:aa:00:00:00:02';
  const up: PortDescription = {
    name: 'up',
    network: 'db',
    mac: null,
    addresses: [],
    balanced: false,
    uplink: { hostMac },
  };
  const far = '02:bb:00:00:00:01';
  for (const from of ['db1', 'up']) {
    const bed = new DatapathBed({ ports: [...PORTS, up] });
    const fromMac = from === 'up' ? far : bed.mac('db1');
    const router = bed.maker.routerMac('db');
    const toMac = from === 'up' ? hostMac : router;
    const lies = ['33:33:00:00:00:01', '01:00:5e:00:00:12', BROADCAST, router, hostMac, '00:00:00:00:00:00'];
    for (const mac of lies) {
      udpTo(bed, BEHIND[4]);
      udpTo(bed, BEHIND[6]);
      const waiting = bed.waiting();
      const way4 = { fromMac, toMac, from: BEHIND[4], to: '10.2.0.1' };
      const way6 = { fromMac, toMac, from: BEHIND[6], to: 'fd00:2::1' };
      const ask = { ...way6, toMac: '33:33:ff:00:00:01', to: 'ff02::1:ff00:1' };
      const claims = [
        arpFrame(way4, 'reply', { senderMac: mac, targetMac: toMac }),
        arpFrame({ ...way4, toMac: BROADCAST, to: '10.2.0.32' }, 'request', { senderMac: mac }),
        advertisementFrame(way6, BEHIND[6], mac, 'SO'),
        ...(from === 'up' ? [] : [solicitationFrame(ask, 'fd00:2::1', mac)]),
      ];
      const before = bed.drops()['bad-neighbour-mac'] ?? 0;
      for (const claim of claims) assert.equal(bed.send(from, claim), [], mac);
      assert.is(bed.drops()['bad-neighbour-mac'], before + claims.length, mac);
      assert.is(bed.waiting(), waiting, 'nothing was sent there');
    }
    const way = { fromMac, toMac, from: BEHIND[4], to: '10.2.0.1' };
    const delivered = bed.send(from, arpFrame(way, 'reply', { targetMac: toMac }));
    assert.is(delivered.length, lies.length, 'the truth is believed, and what waited follows it');
    assert.ok(delivered.every(({ port, frame }) => port === from && frame.toMac === fromMac));
  }
});

resolution('packets that waited go out in the order in which they came', () => {
  const bed = new DatapathBed();
  for (let i = 0; i < 10; i++) assert.is(questions(udpTo(bed, BEHIND[4], 1_000 + i)).length, i === 0 ? 2 : 0);
  assert.equal(
    answer(bed, 4).map(({ frame }) => frame.packet?.udp?.sourcePort),
    Array.from({ length: 10 }, (_, i) => 1_000 + i),
  );
});

resolution("a flow's first packets to an unknown member arrive translated, and the flow goes on", () => {
  const bed = new DatapathBed({ groups: [far] });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 5_000, vip: VIP, vipPort: 80 });
  assert.ok(questions(flow.send('S')).length > 0);
  flow.send('S');
  const delivered = answer(bed, 4);
  assert.is(describe(delivered), Array(2).fill('db1: tcp 10.1.0.11:5000 > 10.2.0.99:8080 S').join(' | '));
  const reply = { sourcePort: 8080, destinationPort: 5_000, flags: 'SA' };
  const back = bed.send('db1', tcpFrame(bed.way('db1', '10.1.0.11', { from: BEHIND[4] }), reply));
  assert.is(describe(back), `web1: tcp ${VIP}:80 > 10.1.0.11:5000 SA`);
  assert.is(describe(flow.send('A')), 'db1: tcp 10.1.0.11:5000 > 10.2.0.99:8080 A');
});

resolution("a member on the same link that is no configured VM: the client's own MAC, no hop", () => {
  const group = { name: 'near', vip: VIP, members: [{ name: 'box', address: '10.1.0.77' }] };
  const bed = new DatapathBed({ groups: [group] });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 5_000, vip: VIP, vipPort: 80 });
  const asked = questions(flow.send('S'));
  assert.ok(asked.some(({ port }) => port === 'app1'));
  const way = { ...bed.way('app1', '10.1.0.1'), from: '10.1.0.77' };
  const { port, frame } = only(bed.send('app1', arpFrame(way, 'reply', { targetMac: way.toMac })));
  assert.is(port, 'app1');
  assert.is(frame.packet?.ttl, 64);
  assert.is(frame.fromMac, bed.mac('web1'));
  assert.is(frame.packet?.to, '10.1.0.77');
});

resolution('questions are repeated every second, three in all; then the sender is told', () => {
  for (const family of [4, 6] as const) {
    const bed = new DatapathBed();
    let asked = questions(udpTo(bed, BEHIND[family])).length;
    udpTo(bed, BEHIND[family]);
    const later = bed.passSlowly(5_000, 250);
    asked += questions(later).length;
    assert.is(asked, 3 * 2, 'three questions, each to two ports');
    const told = later.filter((sent) => !questions([sent]).length);
    assert.is(told.length, 2, 'one error per packet that waited');
    for (const { port, frame } of told) {
      assert.is(port, 'web1');
      const { icmp } = frame.packet ?? {};
      assert.equal([icmp?.type, icmp?.code], family === 4 ? [3, 1] : [1, 3]);
      assert.is(icmp?.quoted?.to, BEHIND[family]);
    }
    assert.equal(bed.drops(), { 'neighbour-unresolved': 2 });
    assert.is(bed.waiting(), 0);
    const again = only(udpTo(bed, BEHIND[family]));
    assert.equal(again.port, 'web1', 'a dead neighbour is remembered: no new questions, the error at once');
    bed.passSlowly(6_000);
    assert.ok(questions(udpTo(bed, BEHIND[family])).length > 0, 'but not for ever');
  }
});

resolution('a client whose member does not answer hears it about its own packet to the VIP', () => {
  const bed = new DatapathBed({ groups: [far] });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 5_000, vip: VIP, vipPort: 80 });
  flow.send('S');
  const told = only(bed.passSlowly(5_000, 250).filter((sent) => !questions([sent]).length));
  assert.is(told.port, 'web1');
  const { quoted } = told.frame.packet?.icmp ?? {};
  assert.equal([quoted?.from, quoted?.tcp?.sourcePort], ['10.1.0.11', 5_000]);
  assert.equal([quoted?.to, quoted?.tcp?.destinationPort], [VIP, 80]);
});

resolution('a neighbour that has not been heard for half a minute is used, and asked again', () => {
  const bed = new DatapathBed();
  udpTo(bed, BEHIND[4]);
  answer(bed, 4);
  bed.passSlowly(31_000);
  const sent = udpTo(bed, BEHIND[4]);
  assert.is(questions(sent).length, 2);
  assert.is(sent.filter(({ frame }) => frame.packet?.udp !== undefined).length, 1, 'it does not wait');
  answer(bed, 4);
  assert.equal(questions(udpTo(bed, BEHIND[4])), []);
});

resolution('a neighbour that moves is followed: a new MAC counts from the next packet on', () => {
  const bed = new DatapathBed();
  udpTo(bed, BEHIND[4]);
  answer(bed, 4);
  answer(bed, 4, '02:00:00:00:77:77');
  assert.is(only(udpTo(bed, BEHIND[4])).frame.toMac, '02:00:00:00:77:77');
});

resolution('configured VMs need no question, and no claim of another VM moves them', () => {
  const bed = new DatapathBed();
  assert.is(only(udpTo(bed, '10.2.0.31')).port, 'db1');
  const lie = arpFrame({ ...bed.way('db2', '10.2.0.1'), from: '10.2.0.31' }, 'reply', {});
  bed.send('db2', lie);
  const { port, frame } = only(udpTo(bed, '10.2.0.31'));
  assert.is(port, 'db1');
  assert.is(frame.toMac, bed.mac('db1'));
});

resolution(
  "a network without gateway asks from 0.0.0.0, as a probe, and from the router's link-local address",
  () => {
    const group = (vip: string, address: string) => ({ name: vip, vip, members: [{ name: 'box', address }] });
    const bed = new DatapathBed({
      networks: [{ name: 'app', subnets: ['10.1.0.0/24', 'fd00:1::/64'], gateways: [] }],
      ports: PORTS.filter(({ network }) => network === 'app'),
      groups: [group(VIP, '10.1.0.77'), group('fd00:1::64', 'fd00:1::77')],
    });
    const flow = (vip: string) => new TcpConversation(bed, { port: 'web1', clientPort: 1, vip, vipPort: 80 });
    assert.is(questions(flow(VIP).send('S'))[0].frame.arp?.senderIp, '0.0.0.0');
    assert.is(questions(flow('fd00:1::64').send('S'))[0].frame.packet?.from, 'fe80::53:ff:fe00:0');
  },
);

resolution('a VM that is plugged in while packets wait for it gets them', () => {
  const bed = new DatapathBed({ ports: PORTS.filter(({ name }) => name !== 'db2') });
  const way = { ...bed.way('web1', '10.2.0.31'), to: '10.2.0.32' };
  bed.send('web1', udpFrame(way, UDP));
  assert.is(bed.waiting(), 1);
  bed.configure({ ports: PORTS });
  assert.is(bed.waiting(), 0);
  assert.is(describe(bed.pass(1)), 'db2: udp 10.1.0.11:1000 > 10.2.0.32:2000');
});

bounds('sixteen packets of a port wait per neighbour; further ones are counted and dropped', () => {
  const bed = new DatapathBed();
  for (let i = 0; i < 20; i++) udpTo(bed, BEHIND[4], 1_000 + i);
  assert.is(bed.waiting(), 16);
  assert.equal(bed.drops(), { 'neighbour-queue-full': 4 });
  assert.is(answer(bed, 4).length, 16);
});

bounds(
  'a scan of addresses that do not exist costs nothing later, even with all queues full meanwhile',
  () => {
    const bed = new DatapathBed({
      limits: { maxNeighbours: 600 },
      slots: 512,
      networks: [
        { name: 'app', subnets: ['10.1.0.0/24', 'fd00:1::/64'], gateways: ['10.1.0.1', 'fd00:1::1'] },
        { name: 'db', subnets: ['10.2.0.0/16', 'fd00:2::/64'], gateways: ['10.2.0.1', 'fd00:2::1'] },
      ],
    });
    for (let i = 0; i < 256; i++) udpTo(bed, `10.2.200.${i & 15}`, 1_000 + i);
    assert.is(bed.waiting(), 256);
    for (let i = 0; i < 800; i++) udpTo(bed, `10.2.${1 + (i >> 8)}.${i & 0xff}`);
    bed.passSlowly(20_000, 250);
    assert.is(bed.waiting(), 0);
    // The scan is over: two hundred living neighbours are to be had, and each answers.
    let reached = 0;
    for (let i = 0; i < 200; i++) {
      const address = `10.2.100.${i}`;
      if (questions(udpTo(bed, address)).length === 0) continue;
      const reply = arpFrame({ ...bed.way('db1', '10.2.0.1'), from: address }, 'reply');
      reached += bed.send('db1', reply).filter(({ frame }) => frame.packet?.udp !== undefined).length;
      if (i % 50 === 0) bed.pass(1_000);
    }
    assert.is(reached, 200);
    let askedAgain = 0;
    for (let i = 0; i < 200; i++) askedAgain += questions(udpTo(bed, `10.2.100.${i}`)).length;
    assert.is(askedAgain, 0, 'all of them at the same time: the scan holds no rows any more');
  },
);

bounds('neighbours beyond the bound of all queues are asked for as soon as there is room', () => {
  const bed = new DatapathBed({
    slots: 512,
    networks: [
      { name: 'app', subnets: ['10.1.0.0/24'], gateways: ['10.1.0.1'] },
      { name: 'db', subnets: ['10.2.0.0/16'], gateways: ['10.2.0.1'] },
    ],
  });
  // Sixteen dead neighbours hold the whole queue.
  for (let i = 0; i < 256; i++) udpTo(bed, `10.2.7.${i & 15}`, 1_000 + i);
  assert.is(bed.waiting(), 256);
  udpTo(bed, BEHIND[4]);
  assert.equal(bed.drops(), { 'neighbour-queue-full': 1 });
  bed.passSlowly(9_000, 250);
  assert.is(bed.waiting(), 0);
  assert.ok(questions(udpTo(bed, BEHIND[4])).length > 0);
  assert.is(answer(bed, 4).filter(({ frame }) => frame.packet?.udp !== undefined).length, 1);
});

bounds('a full table is counted as such', () => {
  const bed = new DatapathBed({ limits: { maxNeighbours: 24 } });
  for (let i = 0; i < 8; i++) udpTo(bed, `10.2.0.${100 + i}`);
  assert.equal(bed.drops(), { 'neighbour-table-full': 6 });
});

bounds('packets that wait hold one buffer each, and bring it home when their neighbour is given up', () => {
  const bed = new DatapathBed({ slots: 20 });
  for (let i = 0; i < 16; i++) udpTo(bed, BEHIND[4], 1_000 + i);
  assert.is(bed.arena.freeCount, 4);
  bed.passSlowly(5_000, 250);
  assert.is(bed.arena.freeCount, 20);
});

bounds('frames whose port is gone meanwhile are given up in silence', () => {
  const bed = new DatapathBed();
  udpTo(bed, BEHIND[4]);
  bed.datapath.portGone(bed.maker.portId('web1'));
  assert.equal(
    bed.passSlowly(5_000, 250).filter((sent) => !questions([sent]).length),
    [],
  );
  assert.is(bed.waiting(), 0);
});

bounds('a member of a group that waits counts like any other', () => {
  const bed = new DatapathBed({ groups: [{ ...far, members: [...far.members, ...members([1])] }] });
  const sent = Array.from({ length: 40 }, (_, i) =>
    new TcpConversation(bed, { port: 'web1', clientPort: 1 + i, vip: VIP, vipPort: 80 }).send('S'),
  );
  assert.is(sent.filter((frames) => frames.some(({ port }) => port === 'app1')).length, 20);
  assert.is(bed.waiting(), 16);
  assert.equal(bed.drops(), { 'neighbour-queue-full': 4 });
});

resolution.run();
bounds.run();
