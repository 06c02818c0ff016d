/** Service chains: which VM gets each packet of a flow, in which form, on its way through two groups of middleboxes and back. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, describe, only, portsOf } from '../../support/datapath-bed.ts';
import { tcpFrame, udpFrame, type Way, type WireFrame } from '../../support/packets.ts';
import { type GroupDescription, members, PORTS, type PortDescription, vm } from '../../support/topology.ts';

const chains = suite('service chains');

const VIP = '10.1.0.100';
const CLIENT = '10.1.0.11';
const SYN = { sourcePort: 40_000, destinationPort: 80, flags: 'S' };
const ANSWER = { sourcePort: 8080, destinationPort: 40_000, flags: 'SA', acknowledgment: 1 };

const middlebox = (name: string, host: number): PortDescription => {
  const port = vm(name, 'app', host);
  return { ...port, isMiddlebox: true, allowedSources: port.addresses.map((text) => prefix(text)) };
};
const prefix = (address: string): string => `${address}/${address.includes(':') ? 128 : 32}`;

const ports: readonly PortDescription[] = [
  ...PORTS,
  middlebox('fw1', 31),
  middlebox('fw2', 32),
  middlebox('ids1', 41),
];

const hops = (name: string, list: Record<string, number>, more: Partial<GroupDescription> = {}) => ({
  name,
  vip: '::',
  isHop: true,
  members: Object.entries(list).map(([member, host]) => ({ name: member, address: `10.1.0.${host}` })),
  ...more,
});
const FW = hops('fw', { fw1: 31, fw2: 32 });
const IDS = hops('ids', { ids1: 41 });
const API: GroupDescription = {
  name: 'api',
  vip: VIP,
  protocol: 'any',
  through: ['fw', 'ids'],
  members: members([1, 1], { port: 8080 }),
};

const bedWith = (...groups: GroupDescription[]): DatapathBed =>
  new DatapathBed({ ports, groups: groups.length === 0 ? [API, FW, IDS] : groups });

/** A middlebox's VM sends on what it got, as a router does: to the MAC of the gateway, with its own as source. */
function forwarded(bed: DatapathBed, port: string, from: string, to: string): Way {
  return { ...bed.way(port, to), from, ttl: 63 };
}

const toVip = (bed: DatapathBed, port: string, fields = SYN): WireFrame =>
  tcpFrame(port === 'web1' ? bed.way('web1', VIP) : forwarded(bed, port, CLIENT, VIP), fields);

const fromVip = (bed: DatapathBed, port: string): WireFrame =>
  tcpFrame(forwarded(bed, port, VIP, CLIENT), { ...ANSWER, sourcePort: 80 });

chains('a flow passes one middlebox of each group, then its member; replies come back the same way', () => {
  const bed = bedWith();
  const atFirst = only(bed.send('web1', toVip(bed, 'web1')));
  assert.is(describe([atFirst]), `fw1: tcp ${CLIENT}:40000 > ${VIP}:80 S`);
  assert.is(atFirst.frame.toMac, bed.mac('fw1'));
  const atSecond = only(bed.send('fw1', toVip(bed, 'fw1')));
  assert.is(describe([atSecond]), `ids1: tcp ${CLIENT}:40000 > ${VIP}:80 S`);
  assert.is(atSecond.frame.toMac, bed.mac('ids1'));
  const atMember = only(bed.send('ids1', toVip(bed, 'ids1')));
  assert.is(describe([atMember]), `app1: tcp ${CLIENT}:40000 > 10.1.0.21:8080 S`);
  assert.is(atMember.frame.toMac, bed.mac('app1'));

  const answer = tcpFrame(bed.way('app1', CLIENT), ANSWER);
  assert.is(describe(bed.send('app1', answer)), `ids1: tcp ${VIP}:80 > ${CLIENT}:40000 SA`);
  assert.is(describe(bed.send('ids1', fromVip(bed, 'ids1'))), `fw1: tcp ${VIP}:80 > ${CLIENT}:40000 SA`);
  const atClient = only(bed.send('fw1', fromVip(bed, 'fw1')));
  assert.is(describe([atClient]), `web1: tcp ${VIP}:80 > ${CLIENT}:40000 SA`);
  assert.is(atClient.frame.toMac, bed.mac('web1'));
  assert.is(atClient.frame.fromMac, bed.maker.routerMac('app'), 'as without a chain');

  assert.equal(bed.drops(), {});
  const [flow, ...others] = bed.flows();
  assert.equal(others, [], 'one record');
  assert.equal([flow.packets, flow.replyPackets, flow.state], [1, 1, 'syn-received']);
  for (const [group, member] of [
    ['api', 'app1'],
    ['fw', 'fw1'],
    ['ids', 'ids1'],
  ]) {
    const { newFlows, activeFlows, packets, replyPackets } = bed.stats('web1', group, member);
    assert.equal([newFlows, activeFlows, packets, replyPackets], [1, 1, 1, 1], `${group}/${member}`);
  }
});

chains('each hop has its own algorithm, and flows keep their middlebox', () => {
  const bed = bedWith();
  const first = (sourcePort: number): string =>
    only(bed.send('web1', toVip(bed, 'web1', { ...SYN, sourcePort }))).port;
  assert.equal(
    [1, 2, 3, 4].map((i) => first(40_000 + i)),
    ['fw1', 'fw2', 'fw1', 'fw2'],
  );
  assert.equal(
    [1, 2, 3, 4].map((i) => first(40_000 + i)),
    ['fw1', 'fw2', 'fw1', 'fw2'],
  );
  assert.is(bed.stats('web1', 'fw', 'fw1').activeFlows, 2);
});

chains('UDP over IPv6 by the same middleboxes, whose configured address is IPv4', () => {
  const vip = 'fd00:1::64';
  const bed = bedWith({ ...API, vip, members: members([1], { family: 6, port: 53 }) }, FW, IDS);
  const fields = { sourcePort: 5_000, destinationPort: 80 };
  assert.is(portsOf(bed.send('web1', udpFrame(bed.way('web1', vip), fields)))[0], 'fw1');
  const client = bed.address('web1', 6);
  for (const [port, next] of [
    ['fw1', 'ids1'],
    ['ids1', 'app1'],
  ]) {
    assert.equal(portsOf(bed.send(port, udpFrame(forwarded(bed, port, client, vip), fields))), [next]);
  }
  const answer = udpFrame(bed.way('app1', client), { sourcePort: 53, destinationPort: 5_000 });
  assert.is(describe(bed.send('app1', answer)), `ids1: udp [${vip}]:80 > [${client}]:5000`);
  assert.equal(bed.drops(), {});
});

chains('a middlebox may send exactly what it was handed', () => {
  const bed = bedWith();
  bed.send('web1', toVip(bed, 'web1'));
  const refused = [
    toVip(bed, 'fw1', { ...SYN, sourcePort: 40_001 }), // another flow
    tcpFrame(forwarded(bed, 'fw1', '10.1.0.12', VIP), SYN), // another client
    tcpFrame(forwarded(bed, 'fw1', CLIENT, '10.1.0.21'), SYN), // past the VIP
    tcpFrame(forwarded(bed, 'fw1', VIP, '10.1.0.12'), ANSWER), // to another client
    tcpFrame({ ...forwarded(bed, 'fw1', CLIENT, VIP), fromMac: bed.mac('web2') }, SYN), // from another MAC
  ];
  for (const frame of refused) assert.equal(bed.send('fw1', frame), []);
  // The flow went to the other one.
  assert.equal(bed.send('fw2', toVip(bed, 'fw2')), []);
  assert.equal(bed.drops(), { 'spoofed-source': refused.length + 1 });
});

chains('the traffic of a middlebox itself is not chained', () => {
  const bed = bedWith();
  const own = bed.send('fw1', tcpFrame(bed.way('fw1', VIP), SYN));
  assert.is(describe(own), 'app1: tcp 10.1.0.31:40000 > 10.1.0.21:8080 S');
  const answer = tcpFrame(bed.way('app1', '10.1.0.31'), ANSWER);
  assert.is(describe(bed.send('app1', answer)), `fw1: tcp ${VIP}:80 > 10.1.0.31:40000 SA`);
});

chains('no loop: a middlebox that sends a packet on again and again moves it one hop at a time', () => {
  const bed = bedWith();
  bed.send('web1', toVip(bed, 'web1'));
  for (let i = 0; i < 5; i++) assert.equal(portsOf(bed.send('fw1', toVip(bed, 'fw1'))), ['ids1']);
  for (let i = 0; i < 5; i++) assert.equal(portsOf(bed.send('ids1', toVip(bed, 'ids1'))), ['app1']);
});

chains('no usable middlebox: rejected, or left out', () => {
  const drained = { ...IDS, members: [{ name: 'ids1', address: '10.1.0.41', state: 'draining' as const }] };
  const bed = bedWith(API, FW, drained);
  assert.is(describe(bed.send('web1', toVip(bed, 'web1'))), `web1: tcp ${VIP}:80 > ${CLIENT}:40000 RA`);
  assert.equal(bed.drops(), { 'no-hop': 1 });
  assert.equal(bed.flows(), []);
  bed.configure({ groups: [{ ...API, onNoHop: 'bypass' }, FW, drained] });
  assert.equal(portsOf(bed.send('web1', toVip(bed, 'web1'))), ['fw1']);
  assert.is(describe(bed.send('fw1', toVip(bed, 'fw1'))), `app1: tcp ${CLIENT}:40000 > 10.1.0.21:8080 S`);
  bed.configure({ groups: [{ ...API, onNoHop: 'bypass' }] });
  const direct = bed.send('web1', toVip(bed, 'web1', { ...SYN, sourcePort: 40_001 }));
  assert.is(describe(direct), `app2: tcp ${CLIENT}:40001 > 10.1.0.22:8080 S`);
});

chains('a draining middlebox keeps its flows and gets no new ones', () => {
  const bed = bedWith();
  bed.send('web1', toVip(bed, 'web1'));
  const [fw1, fw2] = FW.members;
  bed.configure({ groups: [API, { ...FW, members: [{ ...fw1, state: 'draining' }, fw2] }, IDS] });
  assert.equal(portsOf(bed.send('web1', toVip(bed, 'web1'))), ['fw1']);
  for (let i = 1; i < 4; i++) {
    assert.equal(portsOf(bed.send('web1', toVip(bed, 'web1', { ...SYN, sourcePort: 40_000 + i }))), ['fw2']);
  }
  assert.is(bed.stats('web1', 'fw', 'fw1').records, 1);
});

function failFw1(bed: DatapathBed, api: GroupDescription): void {
  const [fw1, fw2] = FW.members;
  bed.configure({ groups: [api, { ...FW, members: [{ ...fw1, state: 'failed' }, fw2] }, IDS] });
  bed.datapath.purge([bed.maker.memberId('fw', 'fw1')], 'all', bed.nowMs);
}

chains('a middlebox fails: another takes its flows over, for both directions', () => {
  const bed = bedWith();
  bed.send('web1', toVip(bed, 'web1'));
  bed.pass(10);
  failFw1(bed, API);
  assert.equal(bed.send('fw1', toVip(bed, 'fw1')), [], 'the failed one has nothing to say any more');
  // A reply comes first.
  bed.send('app1', tcpFrame(bed.way('app1', CLIENT), ANSWER));
  assert.is(describe(bed.send('ids1', fromVip(bed, 'ids1'))), `fw2: tcp ${VIP}:80 > ${CLIENT}:40000 SA`);
  assert.equal(portsOf(bed.send('web1', toVip(bed, 'web1', { ...SYN, flags: 'A' }))), ['fw2']);
  assert.is(bed.stats('web1', 'fw', 'fw1').records, 0);
  assert.is(bed.stats('web1', 'fw', 'fw2').activeFlows, 1);
  assert.is(bed.flows()[0].member, '10.1.0.21:8080', 'the member stays');
});

chains('a middlebox fails: with onHopFailure reset its flows end', () => {
  const api = { ...API, onHopFailure: 'reset' as const };
  const bed = bedWith(api, FW, IDS);
  bed.send('web1', toVip(bed, 'web1'));
  bed.pass(10);
  failFw1(bed, api);
  bed.passSlowly(10_000);
  assert.equal(bed.flows(), []);
  for (const [group, member] of [
    ['api', 'app1'],
    ['fw', 'fw1'],
    ['ids', 'ids1'],
  ]) {
    const { records, activeFlows, endedFlows } = bed.stats('web1', group, member);
    assert.equal([records, activeFlows, endedFlows], [0, 0, 1], `${group}/${member}`);
  }
});

chains('the books of hops close when flows end, and become idle when these do', () => {
  const bed = bedWith();
  bed.send('web1', udpFrame(bed.way('web1', VIP), { sourcePort: 5_000, destinationPort: 80 }));
  assert.is(bed.stats('web1', 'ids', 'ids1').activeFlows, 1);
  bed.passSlowly(60_000);
  assert.is(bed.stats('web1', 'ids', 'ids1').activeFlows, 0);
  bed.send('web1', udpFrame(bed.way('web1', VIP), { sourcePort: 5_000, destinationPort: 80 }));
  assert.is(bed.stats('web1', 'ids', 'ids1').activeFlows, 1);
  bed.passSlowly(180_000);
  assert.equal(bed.flows(), []);
  const { records, activeFlows, endedFlows } = bed.stats('web1', 'ids', 'ids1');
  assert.equal([records, activeFlows, endedFlows], [0, 0, 1]);
});

chains('fragments follow their first one through the chain, in both directions', () => {
  const bed = bedWith();
  const payload = new Uint8Array(1_400);
  const whole = { sourcePort: 5_000, destinationPort: 80, payload };
  const parts = (way: Way): WireFrame[] => {
    const { bytes, vnet } = udpFrame({ ...way, df: false }, whole);
    const part = (offset: number, end: number, more: boolean) =>
      fragmentOf({ bytes, vnet }, offset, end, more);
    return [part(0, 800, true), part(800, 1_408, false)];
  };
  const pass = (port: string, way: Way): string[] =>
    parts(way)
      .toReversed() // the later one first
      .flatMap((frame) => portsOf(bed.send(port, frame)));
  assert.equal(pass('web1', bed.way('web1', VIP, { identification: 7 })), ['fw1', 'fw1']);
  const onward = (port: string, from: string, to: string): string[] =>
    pass(port, { ...forwarded(bed, port, from, to), identification: 7 });
  assert.equal(onward('fw1', CLIENT, VIP), ['ids1', 'ids1']);
  assert.equal(onward('ids1', CLIENT, VIP), ['app1', 'app1']);
  assert.equal(bed.drops(), {});
});

/** Bytes `offset` … `end` of an IPv4 packet's payload as a fragment. */
function fragmentOf({ bytes, vnet }: WireFrame, offset: number, end: number, more: boolean): WireFrame {
  const l4 = 34;
  const part = new Uint8Array([...bytes.subarray(0, l4), ...bytes.subarray(l4 + offset, l4 + end)]);
  const view = new DataView(part.buffer);
  view.setUint16(16, part.length - 14);
  view.setUint16(20, (offset >> 3) | (more ? 0x2000 : 0));
  view.setUint16(24, 0);
  let sum = 0;
  for (let at = 14; at < l4; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(24, ~sum & 0xffff);
  return { bytes: part, vnet: vnet.slice() };
}

chains('a super-packet goes whole from hop to hop', () => {
  const bed = bedWith();
  bed.send('web1', toVip(bed, 'web1'));
  const big = { ...SYN, flags: 'PA', payload: new Uint8Array(4_000), partial: true, gsoSize: 1_000 };
  for (const [port, next] of [
    ['web1', 'fw1'],
    ['fw1', 'ids1'],
    ['ids1', 'app1'],
  ]) {
    const way = port === 'web1' ? bed.way('web1', VIP) : forwarded(bed, port, CLIENT, VIP);
    const { port: to, frame } = only(bed.send(port, tcpFrame(way, big)));
    assert.equal([to, frame.gsoSize], [next, 1_000]);
  }
});

chains('the next process goes on with chained flows', () => {
  const before = bedWith();
  before.send('web1', toVip(before, 'web1'));
  before.send('web1', toVip(before, 'web1', { ...SYN, sourcePort: 40_001 }));
  const after = new DatapathBed({
    ports,
    groups: [API, FW, IDS],
    follows: { bed: before, ports: ports.map(({ name }) => name) },
  });
  assert.equal(portsOf(after.send('fw2', toVip(after, 'fw2', { ...SYN, sourcePort: 40_001 }))), ['ids1']);
  assert.equal(portsOf(after.send('web1', toVip(after, 'web1'))), ['fw1']);
  assert.is(after.stats('web1', 'fw', 'fw1').activeFlows, 1);
  assert.is(after.stats('web1', 'fw', 'fw1').newFlows, 0);
});

chains.run();
