/** The logical router on an IPv6 link: its link-local and anycast addresses, and what it advertises (RFC 4861 §6.2). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { canonicalAddress } from '../../../src/wire/address.ts';
import { macBytes } from '../../support/addresses.ts';
import { DatapathBed, describe, only, portsOf, type Sent } from '../../support/datapath-bed.ts';
import {
  concat,
  echoFrame,
  icmpFrame,
  solicitationFrame,
  solicitedNode,
  tcpFrame,
  udpFrame,
  type Way,
  type WireFrame,
} from '../../support/packets.ts';
import { APP, DB, PORTS } from '../../support/topology.ts';

const addresses = suite("router on IPv6 links: the router's own addresses");
const solicited = suite('router on IPv6 links: solicitations');
const unsolicited = suite('router on IPv6 links: unsolicited advertisements');

const ADVERTISED = { lifetimeS: 1_800, intervalMs: 600_000, autonomous: false };
const NETWORKS = [{ ...APP, routerAdvertisements: ADVERTISED }, DB];

/** fe80:: and the modified EUI-64 of the bed's router in `app`, 02:53:00:00:00:NN (RFC 4291 appendix A). */
const linkLocalOf = (bed: DatapathBed): string =>
  canonicalAddress(`fe80::53:00ff:fe00:00${bed.maker.routerMac('app').slice(-2)}`);
const VM_LOCAL = 'fe80::b';

const ask = (bed: DatapathBed, target: string, from = VM_LOCAL): WireFrame => {
  const { address, mac } = solicitedNode(target);
  const way = { ...bed.way('web1', target), from, to: address, toMac: mac };
  return solicitationFrame(way, target, from === '::' ? undefined : bed.mac('web1'));
};

const ping = (bed: DatapathBed, to: string, more: Partial<Way> = {}): WireFrame =>
  echoFrame({ ...bed.way('web1', to), toMac: bed.maker.routerMac('app'), ...more }, 7, 1);

addresses('a link-local address made of its MAC, and the anycast address of each subnet, answer ND', () => {
  const bed = new DatapathBed();
  for (const [target, flags] of [
    [linkLocalOf(bed), 0xe000_0000], // R S O
    ['fd00:1::1', 0xe000_0000],
    ['fd00:1::', 0xc000_0000], // RFC 4861 §7.2.7: anycast without override
  ] as const) {
    const { port, frame } = only(bed.send('web1', ask(bed, target)));
    assert.is(port, 'web1');
    assert.is(frame.fromMac, bed.maker.routerMac('app'));
    const { packet } = frame;
    assert.is(packet?.ttl, 255);
    assert.is(packet?.icmp?.type, 136);
    assert.is((packet?.icmp?.rest ?? 0) >>> 0, flags);
    assert.is(packet?.from, target === 'fd00:1::' ? linkLocalOf(bed) : target);
  }
  assert.equal(bed.drops(), {});
});

addresses('nobody may take the link-local address: duplicate address detection finds it in use', () => {
  const bed = new DatapathBed();
  const { frame } = only(bed.send('web1', ask(bed, linkLocalOf(bed), '::')));
  assert.is(frame.packet?.to, 'ff02::1');
  assert.is(frame.packet?.icmp?.type, 136);
});

addresses('echo: link-local, anycast of this and of another network, all routers', () => {
  const bed = new DatapathBed();
  const local = linkLocalOf(bed);
  const group = { toMac: '33:33:00:00:00:02' };
  const cases: [string, Partial<Way>, string][] = [
    [local, { from: VM_LOCAL }, local],
    [local, {}, local],
    ['fd00:1::', {}, 'fd00:1::1'],
    ['fd00:1::', { from: VM_LOCAL }, local],
    ['fd00:2::', {}, 'fd00:1::1'],
    ['ff02::2', { ...group, from: VM_LOCAL }, local],
    ['ff02::2', group, 'fd00:1::1'],
  ];
  for (const [to, more, answersAs] of cases) {
    const own = bed.send('web1', ping(bed, to, more)).filter(({ port }) => port === 'web1');
    const { packet } = only(own).frame;
    assert.is(packet?.icmp?.type, 129, to);
    assert.is(packet?.from, answersAs, to);
    assert.is(packet?.ttl, 64);
  }
  assert.equal(bed.drops(), {});
});

addresses('a request to all routers reaches other routers of the switch, too', () => {
  const bed = new DatapathBed();
  const sent = bed.send('web1', ping(bed, 'ff02::2', { toMac: '33:33:00:00:00:02' }));
  const others = sent.filter(({ port }) => port !== 'web1');
  assert.is(others.length, 7);
  assert.ok(others.every(({ frame }) => frame.packet?.icmp?.type === 128));
});

addresses('no service: unreachable or reset from the link-local address, nothing from an anycast one', () => {
  const bed = new DatapathBed();
  const way = { ...bed.way('web1', linkLocalOf(bed)), from: VM_LOCAL };
  const ports = { sourcePort: 1_000, destinationPort: 53 };
  assert.is(only(bed.send('web1', udpFrame(way, ports))).frame.packet?.icmp?.code, 4);
  assert.is(only(bed.send('web1', tcpFrame(way, { ...ports, flags: 'S' }))).frame.packet?.tcp?.flags, 'RA');
  assert.equal(bed.send('web1', udpFrame({ ...way, to: 'fd00:1::' }, ports)), []);
});

addresses('what is link-local to others is not routed', () => {
  const bed = new DatapathBed();
  assert.equal(bed.send('web1', ping(bed, 'fe80::99', { from: VM_LOCAL })), []);
  assert.equal(bed.drops(), { 'no-route': 1 });
});

addresses('a configured link-local gateway is the link-local address, also as the only one', () => {
  for (const gateways of [['fe80::1'], ['fe80::1', 'fd00:1::1']]) {
    const network = { ...APP, gateways, routerAdvertisements: ADVERTISED };
    const bed = new DatapathBed({ networks: [network, DB] });
    assert.is(only(bed.send('web1', ask(bed, 'fe80::1'))).frame.packet?.from, 'fe80::1');
    assert.is(only(bed.send('web1', solicit(bed))).frame.packet?.from, 'fe80::1');
    const onward = udpFrame(bed.way('web1', 'fd00:2::1f'), { sourcePort: 1, destinationPort: 2 });
    assert.is(only(bed.send('web1', onward)).port, 'db1');
    // Errors come from an address that can be answered from anywhere, if there is one.
    const { frame } = only(bed.send('web1', ping(bed, 'fd00:99::1')));
    assert.is(frame.packet?.from, gateways.at(-1));
  }
});

addresses('a network without IPv6 gateway has none of it', () => {
  const network = { ...APP, gateways: ['10.1.0.1'], routerAdvertisements: ADVERTISED };
  const bed = new DatapathBed({ networks: [network, DB] });
  assert.ok(!portsOf(bed.send('web1', ask(bed, linkLocalOf(bed)))).includes('web1'));
  assert.is(bed.send('web1', solicit(bed)).length, 7, 'as any multicast, to whoever is router there');
});

/** A router solicitation; `options` follow its eight bytes. */
function solicit(bed: DatapathBed, more: Partial<Way> & { options?: Uint8Array } = {}): WireFrame {
  const { options = concat(Uint8Array.of(1, 1), macBytes(bed.mac('web1'))), ...changed } = more;
  const way = {
    ...bed.way('web1', 'ff02::2'),
    from: VM_LOCAL,
    toMac: '33:33:00:00:00:02',
    ttl: 255,
    ...changed,
  };
  return icmpFrame(way, 133, 0, 0, options);
}
const NO_OPTIONS = new Uint8Array(0);

/** An advertisement as its words: hop limit, flags, lifetime; and its options by type. */
function advertisementOf({ frame }: Sent) {
  const icmp = frame.packet?.icmp;
  assert.is(icmp?.type, 134);
  const { rest = 0, body = NO_OPTIONS } = icmp ?? {};
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const options: { type: number; bytes: Uint8Array }[] = [];
  for (let at = 8; at < body.length; at += body[at + 1]! * 8) {
    options.push({ type: body[at]!, bytes: body.subarray(at, at + body[at + 1]! * 8) });
  }
  return {
    hopLimit: rest >>> 24,
    flags: (rest >>> 16) & 0xff,
    lifetimeS: rest & 0xffff,
    timers: [view.getUint32(0), view.getUint32(4)],
    options,
  };
}

solicited('the answer, to the asker alone: lifetime, MAC, MTU, prefixes', () => {
  const bed = new DatapathBed({ networks: NETWORKS });
  const answer = only(bed.send('web1', solicit(bed)));
  assert.is(answer.port, 'web1');
  assert.is(answer.frame.toMac, bed.mac('web1'));
  assert.is(answer.frame.fromMac, bed.maker.routerMac('app'));
  const { packet } = answer.frame;
  assert.is(packet?.from, linkLocalOf(bed));
  assert.is(packet?.to, VM_LOCAL);
  assert.is(packet?.ttl, 255);
  const { hopLimit, flags, lifetimeS, timers, options } = advertisementOf(answer);
  assert.equal(
    { hopLimit, flags, lifetimeS, timers },
    { hopLimit: 64, flags: 0, lifetimeS: 1_800, timers: [0, 0] },
  );
  assert.equal(options, [
    { type: 1, bytes: concat(Uint8Array.of(1, 1), macBytes(bed.maker.routerMac('app'))) },
    { type: 5, bytes: Uint8Array.of(5, 1, 0, 0, 0, 0, 0x05, 0xdc) },
    {
      type: 3,
      bytes: concat(
        Uint8Array.of(3, 4, 64, 0x80), // on the link, not autonomous
        Uint8Array.of(0, 0x27, 0x8d, 0, 0, 0x09, 0x3a, 0x80, 0, 0, 0, 0), // 30 days, 7 days
        Uint8Array.of(0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      ),
    },
  ]);
  assert.is(bed.counters('web1').answered, 1);
  assert.is(bed.counters('web1').flooded, 0);
});

solicited('settings: no default router, other MTU, autonomous addresses in /64 prefixes only', () => {
  const network = {
    ...APP,
    subnets: [...APP.subnets, 'fd00:8::/80'],
    mtu: 9_000,
    routerAdvertisements: { ...ADVERTISED, lifetimeS: 0, autonomous: true },
  };
  const bed = new DatapathBed({ networks: [network, DB] });
  const { lifetimeS, options } = advertisementOf(only(bed.send('web1', solicit(bed))));
  assert.is(lifetimeS, 0);
  assert.equal(options[1]?.bytes.slice(4), Uint8Array.of(0, 0, 0x23, 0x28));
  const prefixes = options.filter(({ type }) => type === 3).map(({ bytes }) => [bytes[2], bytes[3]]);
  assert.equal(prefixes, [
    [64, 0xc0],
    [80, 0x80],
  ]);
});

solicited('a VM that tags its frames is answered under its tag', () => {
  const bed = new DatapathBed({ networks: NETWORKS });
  assert.is(only(bed.send('web1', solicit(bed, { vlan: 9 }))).frame.vlan, 9);
});

solicited('without an address yet: to all nodes of its port, at most every 3 s (§6.2.6)', () => {
  const bed = new DatapathBed({ networks: NETWORKS });
  const anonymous = () => bed.send('web1', solicit(bed, { from: '::', options: NO_OPTIONS }));
  assert.equal(anonymous(), []);
  const first = only(bed.pass(1));
  assert.is(first.port, 'web1');
  assert.is(first.frame.toMac, '33:33:00:00:00:01');
  assert.is(first.frame.packet?.to, 'ff02::1');
  assert.equal(anonymous(), []);
  assert.equal(bed.passSlowly(2_900, 100), []);
  assert.is(only(bed.passSlowly(200, 100)).frame.packet?.icmp?.type, 134);
  assert.equal(bed.passSlowly(60_000), [], 'no more of them, as the port has no device');
});

solicited('what RFC 4861 §6.1.1 calls invalid is dropped as such', () => {
  const bed = new DatapathBed({ networks: NETWORKS });
  const withCode = solicit(bed);
  const broken: WireFrame[] = [
    solicit(bed, { ttl: 254 }),
    solicit(bed, { options: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) }),
    solicit(bed, { options: Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 0) }),
    solicit(bed, { from: '::' }), // with a link-layer address
    changed(withCode, 14 + 40 + 1, 1),
    changed(withCode, 14 + 40 + 2, 0x99), // checksum
  ];
  for (const [i, frame] of broken.entries()) assert.equal(bed.send('web1', frame), [], `frame ${i}`);
  assert.equal(bed.drops(), { 'bad-nd': broken.length });
});

solicited('not advertised: taken in, never flooded', () => {
  const bed = new DatapathBed();
  assert.equal(bed.send('web1', solicit(bed)), []);
  assert.is(bed.counters('web1').answered, 1);
});

solicited('a flood of them is answered within its limit, others are not affected', () => {
  const bed = new DatapathBed({ networks: NETWORKS });
  let answers = 0;
  for (let i = 0; i < 1_000; i++) answers += bed.send('web1', solicit(bed)).length;
  assert.is(answers, 16);
  assert.equal(bed.drops(), { 'solicitation-limited': 984 });
  assert.is(bed.send('web2', solicit(bed, { fromMac: bed.mac('web2') })).length, 1);
  bed.pass(1_000);
  assert.is(bed.send('web1', solicit(bed)).length, 1);
});

const UPLINK = { name: 'up', network: 'app', mac: null, addresses: [], balanced: false };
const HOST_MAC = '02:aa:00:00:00:01';

solicited('uplinks: from the wire it is neither answered nor passed on; nothing is advertised there', () => {
  const ports = [...PORTS, { ...UPLINK, uplink: { hostMac: HOST_MAC } }];
  const bed = new DatapathBed({ networks: NETWORKS, ports });
  bed.attach('web1', 'up');
  const outside = { fromMac: '02:bb:00:00:00:01' };
  const options = concat(Uint8Array.of(1, 1), macBytes(outside.fromMac));
  assert.equal(bed.send('up', solicit(bed, { ...outside, options })), []);
  assert.is(bed.counters('up').answered, 1);
  const group = { ...outside, toMac: '33:33:00:00:00:02' };
  assert.ok(bed.send('up', ping(bed, 'ff02::2', group)).every(({ port }) => port !== 'up'));
  const advertised = bed.passSlowly(60_000).filter(({ frame }) => frame.packet?.icmp?.type === 134);
  assert.equal(portsOf(advertised), ['web1', 'web1', 'web1']);
});

/** When advertisements came, in steps of a second after now. */
function timesOf(bed: DatapathBed, seconds: number): number[] {
  const times: number[] = [];
  for (let s = 0; s < seconds; s++) for (const _ of bed.pass(1_000)) times.push(s);
  return times;
}

unsolicited('three within 16 s of each other, then at random within the interval (§6.2.1, §6.2.4)', () => {
  const bed = new DatapathBed({ networks: NETWORKS });
  bed.attach('web1');
  const first = only(bed.pass(1));
  assert.is(first.frame.packet?.to, 'ff02::1');
  assert.is(advertisementOf(first).lifetimeS, 1_800);
  const times = timesOf(bed, 12 * 3_600);
  const gaps = times.map((at, i) => at - (times[i - 1] ?? 0));
  assert.ok(
    gaps.slice(0, 2).every((gap) => gap <= 17),
    `${gaps.slice(0, 2)}`,
  );
  const later = gaps.slice(2);
  assert.ok(
    later.every((gap) => gap >= 199 && gap <= 601),
    `${later}`,
  );
  assert.ok(new Set(later).size > later.length / 2, 'not all the same');
});

unsolicited('each port has its own, and only those with a device', () => {
  const bed = new DatapathBed({ networks: NETWORKS });
  bed.attach('web1', 'app1', 'db1');
  assert.equal(portsOf(bed.pass(1)).sort(), ['app1', 'web1']);
  bed.datapath.portGone(bed.maker.portId('web1'));
  assert.equal([...new Set(portsOf(bed.passSlowly(60_000)))], ['app1']);
});

unsolicited('a change is told at once, and again; a router that ceases says so (§6.2.5)', () => {
  const bed = new DatapathBed({ networks: NETWORKS });
  bed.attach('web1');
  bed.passSlowly(60_000);
  bed.configure({ networks: NETWORKS });
  assert.equal(bed.passSlowly(60_000), [], 'nothing has changed');
  bed.configure({ networks: [{ ...NETWORKS[0]!, mtu: 1_400 }, DB] });
  const told = bed.passSlowly(60_000);
  assert.is(told.length, 3);
  assert.equal(advertisementOf(told[0]!).options[1]?.bytes.slice(6), Uint8Array.of(0x05, 0x78));
  bed.configure({ networks: [{ ...APP, mtu: 1_400 }, DB] });
  const farewell = only(bed.passSlowly(7_200_000, 10_000));
  assert.is(advertisementOf(farewell).lifetimeS, 0);
  assert.is(describe(bed.send('web1', solicit(bed))), '');
});

unsolicited('another link-local address: the previous one ceases, the new one begins', () => {
  const bed = new DatapathBed({ networks: NETWORKS });
  const previous = linkLocalOf(bed);
  bed.attach('web1');
  bed.passSlowly(60_000);
  bed.configure({ networks: [{ ...NETWORKS[0]!, gateways: [...APP.gateways, 'fe80::1'] }, DB] });
  const told = bed.passSlowly(60_000).map((one) => [one.frame.packet?.from, advertisementOf(one).lifetimeS]);
  assert.equal(told[0], [previous, 0]);
  assert.equal(told.slice(1), Array(3).fill(['fe80::1', 1_800]));
});

/** The frame with one byte changed. */
function changed({ bytes, vnet }: WireFrame, at: number, value: number): WireFrame {
  const other = Uint8Array.from(bytes);
  other[at] = value;
  return { bytes: other, vnet };
}

addresses.run();
solicited.run();
unsolicited.run();
