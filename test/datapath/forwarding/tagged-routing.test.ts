/**
 * VMs that tag their frames, and members behind the logical router: the router takes the tags off with the rest of the
 * link's header, and the answers find their way back under the tags of their flow. What cannot be delivered is counted
 * and leaves no record.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hexOf } from '../../support/addresses.ts';
import { TcpConversation, UdpConversation } from '../../support/conversation.ts';
import { DatapathBed, describe, only, type Sent } from '../../support/datapath-bed.ts';
import {
  arpFrame,
  countingBytes,
  icmpFrame,
  tcpFrame,
  udpFrame,
  under,
  type WireFrame,
} from '../../support/packets.ts';
import { APP, DB, type GroupDescription, members, PORTS } from '../../support/topology.ts';

const there = suite('tagged flows and the router: there and back');
const waiting = suite('tagged flows and the router: while the member is being resolved');
const refused = suite('what cannot be delivered leaves no record');

const VIP = '10.1.0.100';
const VIP6 = 'fd00:1::64';
const CLIENT = '10.1.0.11';
const CLIENT6 = 'fd00:1::b';
/** A member in network db, and one there that is no configured VM. */
const KNOWN = '10.2.0.31';
const UNKNOWN = '10.2.0.99';
const VLAN = 7;

const group = (vip: string, ...addresses: string[]): GroupDescription => ({
  name: `to ${addresses.join(' ')}`,
  vip,
  members: addresses.map((address) => ({ name: address, address, port: 8080 })),
});
const flowTo = (bed: DatapathBed, vip = VIP, clientPort = 5_000): TcpConversation =>
  new TcpConversation(bed, { port: 'web1', clientPort, vip, vipPort: 80 });
const opened = (flow: TcpConversation): Sent[] => flow.send('S', {}, { vlan: VLAN });
const questions = (sent: readonly Sent[]): Sent[] => sent.filter(({ frame }) => frame.arp !== undefined);
/** The member that was asked for answers. */
const answer = (bed: DatapathBed, address = UNKNOWN): Sent[] => {
  const routerMac = bed.maker.routerMac('db');
  const way = { fromMac: bed.mac('db1'), toMac: routerMac, from: address, to: '10.2.0.1' };
  return bed.send('db1', arpFrame(way, 'reply', { targetMac: routerMac }));
};

const equalFrames = (found: WireFrame, expected: WireFrame): void => {
  assert.is(hexOf(found.bytes), hexOf(expected.bytes));
  assert.is(hexOf(found.vnet), hexOf(expected.vnet));
};

for (const [what, tags] of [
  ['one tag', '8100e007'],
  ['two tags', '88a8606481004009'],
] as const) {
  there(`${what}: to the byte, off on the way to the member and on again on the way back`, () => {
    for (const [vip, client, member] of [
      [VIP, CLIENT, KNOWN],
      [VIP6, CLIENT6, 'fd00:2::1f'],
    ] as const) {
      for (const more of [{}, { partial: true }, { gsoSize: 1_000, partial: true }]) {
        const bed = new DatapathBed({ groups: [group(vip, member)] });
        bed.judges = false; // it reads one tag
        const payload = more.gsoSize === undefined ? countingBytes(31) : countingBytes(4_321);
        const ask = { sourcePort: 5_000, destinationPort: 80, ...more };
        const opening = { ...ask, flags: 'S', gsoSize: undefined };
        const request = tcpFrame(bed.way('web1', vip), opening);
        const arrived = only(bed.send('web1', under(tags, request)));
        const onward = {
          ...bed.way('db1', client),
          fromMac: bed.maker.routerMac('db'),
          toMac: bed.mac('db1'),
        };
        const reached = { ...onward, from: client, to: member, ttl: 63 };
        const seen = { ...ask, destinationPort: 8_080 };
        assert.is(arrived.port, 'db1');
        equalFrames(arrived.wire, tcpFrame(reached, { ...seen, flags: 'S', gsoSize: undefined }));

        const data = tcpFrame(bed.way('web1', vip), { ...ask, flags: 'A', payload });
        equalFrames(
          only(bed.send('web1', under(tags, data))).wire,
          tcpFrame(reached, { ...seen, flags: 'A', payload }),
        );

        const back = { sourcePort: 8_080, destinationPort: 5_000, flags: 'SA', payload, ...more };
        const returned = only(bed.send('db1', tcpFrame(bed.way('db1', client), back)));
        const home = {
          fromMac: bed.maker.routerMac('app'),
          toMac: bed.mac('web1'),
          from: vip,
          to: client,
          ttl: 63,
        };
        assert.is(returned.port, 'web1');
        equalFrames(returned.wire, under(tags, tcpFrame(home, { ...back, sourcePort: 80 })));
        assert.equal(bed.drops(), {});
      }
    }
  });
}

there('a flow without tags is answered without, also beside one with', () => {
  const bed = new DatapathBed({ groups: [group(VIP, KNOWN)] });
  const tagged = flowTo(bed);
  const bare = flowTo(bed, VIP, 5_001);
  assert.is(only(opened(tagged)).frame.vlan, undefined);
  assert.is(only(bare.send('S')).frame.vlan, undefined);
  assert.is(only(tagged.reply('SA')).frame.vlan, VLAN);
  assert.is(only(bare.reply('SA')).frame.vlan, undefined);
});

there('datagrams, and their fragments', () => {
  const bed = new DatapathBed({ groups: [group(VIP, KNOWN)] });
  const flow = new UdpConversation(bed, { port: 'web1', clientPort: 5_000, vip: VIP, vipPort: 53 });
  const large = { payload: countingBytes(2_400) };
  const fragmentable = { vlan: VLAN, df: false };
  const pieces = flow.send(large, fragmentable);
  assert.is(pieces.length, 2, 'cut to the MTU behind the router');
  assert.ok(pieces.every(({ port, frame }) => port === 'db1' && frame.vlan === undefined));
  assert.is(only(flow.reply()).frame.vlan, VLAN);
});

there('an error from behind the router reaches the client under its tag, about its own packet', () => {
  const bed = new DatapathBed({ groups: [group(VIP, KNOWN)] });
  const { frame } = only(opened(flowTo(bed)));
  const quoted = frame.packet?.bytes.subarray(0, 28) ?? new Uint8Array();
  const complaint = icmpFrame(bed.way('db1', CLIENT), 3, 3, 0, quoted);
  const told = only(bed.send('db1', complaint));
  assert.is(told.frame.vlan, VLAN);
  assert.is(told.frame.packet?.icmp?.quoted?.to, VIP);
});

there('an error of the client about an answer crosses the router, too', () => {
  const bed = new DatapathBed({ groups: [group(VIP, KNOWN)] });
  const flow = flowTo(bed);
  opened(flow);
  const { frame } = only(flow.reply('SA'));
  const quoted = frame.packet?.bytes.subarray(0, 28) ?? new Uint8Array();
  const complaint = icmpFrame(bed.way('web1', VIP, { vlan: VLAN }), 3, 3, 0, quoted);
  const told = only(bed.send('web1', complaint));
  assert.equal([told.port, told.frame.vlan, told.frame.packet?.to], ['db1', undefined, KNOWN]);
});

there(
  'a member of another host: untagged over the uplink of its network, and its answer comes by that of the client',
  () => {
    const HOST_MAC = { app: '02:aa:00:00:00:01', db: '02:aa:00:00:00:02' };
    const far = { fromMac: '02:bb:00:00:00:02', from: UNKNOWN };
    const uplink = (name: string, network: 'app' | 'db') =>
      ({
        name,
        network,
        mac: null,
        addresses: [],
        balanced: false,
        uplink: { hostMac: HOST_MAC[network] },
      }) as const;
    const bed = new DatapathBed({
      ports: [...PORTS, uplink('up', 'app'), uplink('updb', 'db')],
      groups: [group(VIP, UNKNOWN)],
    });
    opened(flowTo(bed));
    const way = { ...far, toMac: HOST_MAC.db, to: '0.0.0.0' };
    const delivered = only(bed.send('updb', arpFrame(way, 'reply', { targetMac: HOST_MAC.db })));
    assert.equal(
      [delivered.port, delivered.frame.vlan, delivered.frame.fromMac],
      ['updb', undefined, HOST_MAC.db],
    );
    // The other host routes the answer.
    const back = { ...far, fromMac: '02:bb:00:00:00:99', toMac: bed.mac('web1'), to: CLIENT, ttl: 63 };
    const answered = only(
      bed.send('up', tcpFrame(back, { sourcePort: 8080, destinationPort: 5_000, flags: 'SA' })),
    );
    assert.is(describe([answered]), `web1: tcp ${VIP}:80 > ${CLIENT}:5000 SA`);
    assert.is(answered.frame.vlan, VLAN);
  },
);

there('a member of the own link that answers untagged is left to do so', () => {
  const bed = new DatapathBed({ groups: [{ name: 'web', vip: VIP, members: members([1]) }] });
  const flow = flowTo(bed);
  opened(flow);
  assert.is(only(flow.reply('SA')).frame.vlan, undefined);
});

there("what is not balanced is not routed: nobody would know the answer's tag", () => {
  const bed = new DatapathBed({ groups: [group(VIP, KNOWN)] });
  const frame = udpFrame(bed.way('web1', KNOWN, { vlan: VLAN }), { sourcePort: 1, destinationPort: 2 });
  assert.equal(bed.send('web1', frame), []);
  assert.equal(bed.drops(), { 'vlan-not-allowed': 1 });
});

waiting(
  'first packets wait like any other, leave untagged and in order, and are answered under their tag',
  () => {
    const bed = new DatapathBed({ groups: [group(VIP, UNKNOWN)] });
    const flow = flowTo(bed);
    const asked = questions(opened(flow));
    assert.equal(
      asked.map(({ port, frame }) => [port, frame.vlan]),
      [
        ['db1', undefined],
        ['db2', undefined],
      ],
    );
    opened(flow);
    assert.is(bed.waiting(), 2);
    const delivered = answer(bed);
    assert.is(describe(delivered), Array(2).fill(`db1: tcp ${CLIENT}:5000 > ${UNKNOWN}:8080 S`).join(' | '));
    assert.ok(delivered.every(({ frame }) => frame.vlan === undefined && frame.packet?.ttl === 63));
    const reply = { sourcePort: 8080, destinationPort: 5_000, flags: 'SA' };
    const back = bed.send('db1', tcpFrame(bed.way('db1', CLIENT, { from: UNKNOWN }), reply));
    assert.is(describe(back), `web1: tcp ${VIP}:80 > ${CLIENT}:5000 SA`);
    assert.is(only(back).frame.vlan, VLAN);
    assert.equal(bed.drops(), {});
  },
);

waiting('sixteen wait; the flow of one more is refused, counted, and leaves nothing behind', () => {
  const bed = new DatapathBed({ groups: [group(VIP, UNKNOWN)] });
  for (let i = 0; i < 20; i++) opened(flowTo(bed, VIP, 5_000 + i));
  assert.is(bed.waiting(), 16);
  assert.equal(bed.drops(), { 'neighbour-queue-full': 4 });
  assert.is(bed.flows().length, 16);
});

for (const vlan of [undefined, VLAN]) {
  const how = vlan === undefined ? 'untagged' : 'tagged';

  waiting(
    `${how}: the member never answers: the client is told, under its tag, and no record is left`,
    () => {
      const bed = new DatapathBed({ groups: [group(VIP, UNKNOWN)] });
      const flow = flowTo(bed);
      flow.send('S', {}, { vlan });
      flow.send('S', {}, { vlan });
      assert.is(bed.flows().length, 1);
      const told = bed.passSlowly(5_000, 250).filter((sent) => questions([sent]).length === 0);
      assert.is(told.length, 2);
      for (const { port, frame } of told) {
        assert.equal([port, frame.vlan, frame.packet?.icmp?.quoted?.to], ['web1', vlan, VIP]);
      }
      assert.equal(bed.flows(), []);
      assert.is(bed.stats('web1', `to ${UNKNOWN}`, UNKNOWN).activeFlows, 0);
      assert.equal(bed.drops(), { 'neighbour-unresolved': 2 });
    },
  );

  refused(`${how}: a member that is remembered as dead: the next flow finds another`, () => {
    const bed = new DatapathBed({ groups: [group(VIP, UNKNOWN, KNOWN)] });
    flowTo(bed).send('S', {}, { vlan });
    bed.passSlowly(5_000, 250);
    flowTo(bed, VIP, 6_000).send('S', {}, { vlan });
    const dead = flowTo(bed, VIP, 6_001);
    const told = only(dead.send('S', {}, { vlan }));
    assert.equal([told.port, told.frame.vlan, told.frame.packet?.icmp?.quoted?.to], ['web1', vlan, VIP]);
    assert.is(bed.flows().length, 1);
    assert.is(only(dead.send('S', {}, { vlan })).port, 'db1', 'it begins anew');
  });

  refused(`${how}: no route, a hop limit used up, too large with DF, and a network without router`, () => {
    const nowhere = new DatapathBed({ groups: [group(VIP, '192.0.2.7')] });
    const told = only(flowTo(nowhere).send('S', {}, { vlan }));
    assert.equal([told.frame.vlan, told.frame.packet?.icmp?.quoted?.to], [vlan, VIP]);
    assert.equal([nowhere.flows(), nowhere.drops()], [[], { 'no-route': 1 }]);

    const short = new DatapathBed({ groups: [group(VIP, KNOWN)] });
    const over = only(flowTo(short).send('S', {}, { vlan, ttl: 1 }));
    assert.equal([over.frame.vlan, over.frame.packet?.icmp?.quoted?.to], [vlan, VIP]);
    assert.equal([short.flows(), short.drops()], [[], { 'ttl-exceeded': 1 }]);

    const narrow = new DatapathBed({ networks: [APP, { ...DB, mtu: 1_400 }], groups: [group(VIP, KNOWN)] });
    const query = new UdpConversation(narrow, { port: 'web1', clientPort: 5_000, vip: VIP, vipPort: 53 });
    const large = only(query.send({ payload: countingBytes(1_450) }, { vlan }));
    assert.equal([large.frame.vlan, large.frame.packet?.icmp?.quoted?.to], [vlan, VIP]);
    assert.equal([narrow.flows(), narrow.drops()], [[], { 'mtu-exceeded': 1 }]);

    const alone = new DatapathBed({ networks: [{ ...APP, gateways: [] }, DB], groups: [group(VIP, KNOWN)] });
    assert.equal(flowTo(alone).send('S', {}, { vlan }), []);
    assert.equal([alone.flows(), alone.drops()], [[], { 'not-for-us': 1 }]);
  });
}

refused('a packet that is dropped later leaves its flow as it is', () => {
  const bed = new DatapathBed({ networks: [APP, { ...DB, mtu: 1_400 }], groups: [group(VIP, KNOWN)] });
  const flow = new UdpConversation(bed, { port: 'web1', clientPort: 5_000, vip: VIP, vipPort: 53 });
  flow.send();
  flow.send({ payload: countingBytes(1_450) });
  assert.equal(bed.drops(), { 'mtu-exceeded': 1 });
  assert.equal(
    bed.flows().map(({ packets }) => packets),
    [2],
  );
  assert.is(describe(flow.reply()), `web1: udp ${VIP}:53 > ${CLIENT}:5000`);
});

refused('a late answer to a flow that was given up is not passed untranslated', () => {
  const bed = new DatapathBed({ groups: [group(VIP, UNKNOWN)] });
  flowTo(bed).send('S');
  bed.passSlowly(5_000, 250);
  const late = { sourcePort: 8080, destinationPort: 5_000, flags: 'SA' };
  assert.equal(bed.send('db1', tcpFrame(bed.way('db1', CLIENT, { from: UNKNOWN }), late)), []);
  assert.is(bed.drops()['no-connection'], 1);
});

refused('a network that goes while a first packet waits for a member in it', () => {
  const bed = new DatapathBed({ groups: [group(VIP, UNKNOWN)] });
  flowTo(bed).send('S');
  bed.configure({ networks: [APP], ports: PORTS.filter(({ network }) => network === 'app') });
  assert.equal([bed.waiting(), bed.flows()], [0, []]);
});

refused(
  'a first packet that may have left in part: no record, and what the member answers is dropped',
  () => {
    const ports = PORTS.map((port) => (port.name === 'db1' ? { ...port, offloads: false } : port));
    const bed = new DatapathBed({ groups: [group(VIP, KNOWN)], ports, slots: 1 });
    const flow = new UdpConversation(bed, { port: 'web1', clientPort: 5_000, vip: VIP, vipPort: 53 });
    assert.equal(flow.send({ payload: countingBytes(5_000), gsoSize: 1_000, partial: true }), []);
    assert.equal([bed.flows(), bed.drops()], [[], { 'out-of-buffers': 1 }]);
    const late = udpFrame(bed.way('db1', CLIENT), { sourcePort: 8080, destinationPort: 5_000 });
    assert.equal(bed.send('db1', late), []);
    assert.is(bed.drops()['no-connection'], 1);
  },
);

refused('three tags are more than a flow remembers', () => {
  const bed = new DatapathBed({ groups: [group(VIP, KNOWN)] });
  bed.judges = false;
  const frame = tcpFrame(bed.way('web1', VIP), { sourcePort: 5_000, destinationPort: 80, flags: 'S' });
  assert.equal(bed.send('web1', under('810000018100000281000003', frame)), []);
  assert.equal([bed.flows(), bed.drops()], [[], { 'vlan-not-allowed': 1 }]);
});

refused(
  'on the wire a tag would be a network: a tagged flow to a member behind an uplink leaves no record',
  () => {
    const up = { name: 'up', network: 'app', mac: null, addresses: [], balanced: false } as const;
    const far = { fromMac: '02:bb:00:00:00:02', from: '10.1.0.52' };
    const bed = new DatapathBed({
      ports: [...PORTS, { ...up, uplink: { hostMac: '02:aa:00:00:00:01' } }],
      groups: [group(VIP, far.from)],
    });
    flowTo(bed, VIP, 4_999).send('S');
    bed.send('up', arpFrame({ ...far, toMac: '02:aa:00:00:00:01', to: '0.0.0.0' }, 'reply'));
    assert.is(bed.flows().length, 1);
    for (const clientPort of [5_000, 5_001]) assert.equal(opened(flowTo(bed, VIP, clientPort)), []);
    assert.is(bed.flows().length, 1);
    assert.equal(bed.drops(), { 'vlan-not-allowed': 2 });
  },
);

refused('a member of the own link, tagged: the tag stays, whatever becomes of the first packet', () => {
  const bed = new DatapathBed({ groups: [{ name: 'web', vip: VIP, members: members([1]) }] });
  assert.is(only(opened(flowTo(bed))).frame.vlan, VLAN);
  assert.is(bed.flows().length, 1);
});

there.run();
waiting.run();
refused.run();
