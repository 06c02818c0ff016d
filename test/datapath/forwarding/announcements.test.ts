/** VMs that come, come back and move: who is told of their MAC, how often, and in which bytes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FLOOD_BURST } from '../../../src/datapath/ports/networks.ts';
import { hexOf } from '../../support/addresses.ts';
import { DatapathBed, only, portsOf, type Sent } from '../../support/datapath-bed.ts';
import {
  advertisementFrame,
  arpFrame,
  BROADCAST,
  countingBytes,
  ethernetFrame,
  plain,
  udpFrame,
  type WireFrame,
} from '../../support/packets.ts';
import { members, PORTS, type PortDescription, vm } from '../../support/topology.ts';

const told = suite('announcements: who is told what');
const kept = suite('announcements: what is not said');
const bounds = suite('announcements: bounds');
const followed = suite('announcements: what the host itself knows');

const OTHER_MAC = '02:00:00:00:aa:01';
const OF_APP = PORTS.filter(({ network }) => network === 'app').map(({ name }) => name);
const UPLINK: PortDescription = {
  name: 'up',
  network: 'app',
  mac: null,
  addresses: [],
  balanced: false,
  uplink: { hostMac: '02:aa:00:00:00:01' },
};

const announcement = (mac: string, address: string): WireFrame =>
  address.includes(':')
    ? advertisementFrame(
        { fromMac: mac, toMac: '33:33:00:00:00:01', from: address, to: 'ff02::1' },
        address,
        mac,
        'O',
      )
    : arpFrame({ fromMac: mac, toMac: BROADCAST, from: address, to: address }, 'request');

const UDP = { sourcePort: 1_000, destinationPort: 2_000 };
const names = (ports: readonly PortDescription[]): string[] => ports.map(({ name }) => name);
const bytesOf = (sent: readonly Sent[]): string[] => [...new Set(sent.map(({ wire }) => hexOf(wire.bytes)))];
/** All that is announced in so many milliseconds, `PORT: ADDRESS MAC` each. */
const heard = (bed: DatapathBed, ms = 5_000): string[] =>
  bed.passSlowly(ms, 50).map(({ port, frame }) => {
    const address = frame.arp?.senderIp ?? frame.packet?.from;
    return `${port}: ${address} ${frame.fromMac}`;
  });

/** A host that has been up for a while, with everything said. */
function running(ports: readonly PortDescription[] = PORTS, maxPorts = 24): DatapathBed {
  const bed = new DatapathBed({ ports, limits: { maxPorts } });
  bed.attach(...names(ports));
  bed.passSlowly(10_000, 100);
  return bed;
}

/** A VM under another name (so that its port is another one), with another MAC and the same addresses. */
const remade = (name: string, previous: string, mac = OTHER_MAC): PortDescription => ({
  ...PORTS.find((port) => port.name === previous)!,
  name,
  mac,
});
const without = (name: string): PortDescription[] => PORTS.filter((port) => port.name !== name);

told('a VM that comes back with another MAC: its neighbours hear of it at once, to the byte', () => {
  const bed = running();
  bed.configure({ ports: [...without('app1'), remade('new', 'app1')] });
  assert.equal(bed.pass(1), [], 'not before it is there');
  bed.attach('new');
  const first = bed.pass(0);
  const others = OF_APP.filter((name) => name !== 'app1');
  assert.equal(portsOf(first), [...others, ...others]);
  assert.equal(bytesOf(first), [
    hexOf(announcement(OTHER_MAC, '10.1.0.21').bytes),
    hexOf(announcement(OTHER_MAC, 'fd00:1::15').bytes),
  ]);
});

told('ARP twice, two seconds apart (RFC 5227); advertisements three times (RFC 4861); then silence', () => {
  const bed = running([vm('web1', 'app', 11), vm('app1', 'app', 21)]);
  bed.configure({ ports: [vm('web1', 'app', 11), remade('new', 'app1')] });
  bed.attach('new');
  const times: Record<string, number[]> = { arp: [], nd: [] };
  for (let ms = 0; ms <= 10_000; ms += 100) {
    for (const { frame } of bed.pass(ms === 0 ? 0 : 100)) times[frame.arp ? 'arp' : 'nd']!.push(ms);
  }
  assert.equal(times, { arp: [0, 2_000], nd: [0, 1_000, 2_000] });
});

told('a VM with the same MAC on another port, and one whose device was made anew', () => {
  const bed = running();
  bed.configure({ ports: [...without('app1'), remade('moved', 'app1', bed.mac('app1'))] });
  bed.attach('moved');
  assert.is(new Set(heard(bed)).size, 2 * (OF_APP.length - 1));
  bed.datapath.portGone(bed.maker.portId('web2'));
  bed.configure({});
  bed.attach('web2');
  assert.is(new Set(heard(bed)).size, 2 * (OF_APP.length - 1));
});

told('an address that goes over from one VM to another, both of which stay', () => {
  const bed = running();
  const change = (name: string, addresses: string[]) => (port: PortDescription) =>
    port.name === name ? { ...port, addresses } : port;
  const ports = PORTS.map(change('app1', ['fd00:1::15'])).map(change('app2', ['10.1.0.22', '10.1.0.21']));
  bed.configure({ ports });
  const lines = new Set(heard(bed));
  assert.equal(
    [...lines],
    OF_APP.filter((name) => name !== 'app2').map((name) => `${name}: 10.1.0.21 ${bed.mac('app2')}`),
  );
});

told('the wire hears of every VM: of a new one, and of all when the uplink comes', () => {
  const bed = new DatapathBed({ ports: [...PORTS, UPLINK] });
  bed.attach(...names(PORTS));
  assert.equal(heard(bed, 5_000), [], 'VMs that come together remember nothing of each other');
  bed.attach('up');
  const expected = (list: readonly PortDescription[]): string[] =>
    list
      .filter(({ network }) => network === 'app')
      .flatMap(({ name, addresses }) => addresses.map((address) => `up: ${address} ${bed.mac(name)}`));
  assert.equal([...new Set(heard(bed))], expected(PORTS));
  const more = vm('more', 'app', 77);
  bed.configure({ ports: [...PORTS, UPLINK, more] });
  bed.attach('more');
  assert.equal(
    [...new Set(heard(bed))].filter((line) => line.startsWith('up')),
    expected([more]),
  );
});

told(
  'a host with a VM that was elsewhere starts: the wire hears of it as soon as the uplink is there',
  () => {
    const bed = new DatapathBed({ ports: [vm('web1', 'app', 11), UPLINK] });
    bed.attach('web1');
    bed.pass(10);
    bed.attach('up');
    assert.equal(portsOf(bed.pass(1)), ['up', 'up']);
  },
);

told('after a month without a change, as on the first day', () => {
  const bed = running();
  bed.pass(30 * 24 * 3_600_000);
  bed.configure({ ports: [...without('app1'), remade('new', 'app1')] });
  bed.attach('new');
  assert.is(new Set(heard(bed)).size, 2 * (OF_APP.length - 1));
});

kept('nothing is said when nothing has changed, however often rules are published', () => {
  const bed = running();
  for (let i = 0; i < 5; i++) {
    bed.configure({ groups: [{ name: `web${i}`, vip: '10.1.0.100', members: members([1, i]) }] });
    assert.equal(heard(bed, 2_000), []);
  }
});

kept('never a VIP, never a gateway, never what is no longer so', () => {
  const claims = { ...vm('claims', 'app', 1), addresses: ['10.1.0.1', 'fd00:1::1', '10.1.0.50'] };
  const bed = running([...PORTS, claims]);
  bed.configure({
    groups: [{ name: 'web', vip: '10.1.0.100', members: members([1]) }],
    ports: [...PORTS, { ...claims, name: 'again', mac: OTHER_MAC }],
  });
  bed.attach('again');
  assert.equal(
    [...new Set(heard(bed, 1_500))],
    OF_APP.map((name) => `${name}: 10.1.0.50 ${OTHER_MAC}`),
  );
  bed.configure({ ports: PORTS });
  assert.equal(heard(bed), []);
});

kept('a VM whose device goes between two rounds', () => {
  const bed = running();
  bed.configure({ ports: [...without('app1'), remade('new', 'app1')] });
  bed.attach('new');
  assert.ok(heard(bed, 50).length > 0);
  bed.datapath.portGone(bed.maker.portId('new'));
  assert.equal(heard(bed), []);
});

kept('nothing leaves its network, and nothing is counted as lost', () => {
  const bed = running();
  bed.configure({ ports: [...without('db1'), remade('new', 'db1')] });
  bed.attach('new');
  assert.equal([...new Set(bed.passSlowly(5_000, 50).map(({ port }) => port))], ['db2']);
  assert.equal(bed.drops(), {});
});

const crowd = (name: string, count: number, first: number): PortDescription[] =>
  Array.from({ length: count }, (_, i) => ({
    ...vm(`${name}${i}`, 'app', 1),
    addresses: [`10.1.0.${first + i}`],
  }));

/** A broadcast of a VM that nobody looks into. */
const noiseOf = (bed: DatapathBed, port: string): WireFrame =>
  plain(
    ethernetFrame(
      { fromMac: bed.mac(port), toMac: BROADCAST, from: '10.1.0.12', to: '10.1.0.12' },
      countingBytes(50),
      0x88b5,
    ),
  );

bounds('many at once: a few per millisecond, and no more than the share of a port', () => {
  const older = [...PORTS, ...crowd('old', 60, 100)];
  const newer = crowd('new', 30, 200);
  const hearers = OF_APP.length + 60;
  const bed = running(older, 120);
  bed.configure({ ports: [...older, ...newer] });
  bed.attach(...names(newer));
  let sent = 0;
  for (let ms = 0; ms < 3; ms++) {
    const now = bed.pass(ms === 0 ? 0 : 1).length;
    assert.ok(now <= 8 * hearers, `${now} copies in a millisecond`);
    sent += now;
  }
  assert.ok(sent <= FLOOD_BURST, `${sent} copies from a bucket of ${FLOOD_BURST}`);
  assert.ok(sent < newer.length * hearers, 'not all of them yet');
  assert.is(
    bed.send('web2', noiseOf(bed, 'web2')).length,
    hearers + newer.length - 1,
    'a VM is heard meanwhile',
  );
  assert.is(new Set(heard(bed, 3_000)).size, newer.length * hearers);
  assert.equal(bed.drops(), {});
});

bounds('a network that one VM floods all the time: announcements have a share of their own', () => {
  const bed = running();
  bed.configure({ ports: [...without('app1'), remade('new', 'app1')] });
  const noise = noiseOf(bed, 'web2');
  bed.attach('new');
  let announced = 0;
  for (let ms = 0; ms < 4_000; ms += 10) {
    for (let i = 0; i < FLOOD_BURST / (OF_APP.length - 1) + 1; i++) bed.send('web2', noise);
    announced += bed.pass(10).length;
  }
  // ARP twice and ND three times.
  assert.is(announced, 5 * (OF_APP.length - 1));
  assert.ok(bed.drops()['flood-limited']! > 1_000);
});

bounds('what has found no room in the share for a second is left out, and counted', () => {
  const older = [...PORTS, ...crowd('old', 60, 100)];
  const newer = crowd('new', 40, 200);
  const bed = running(older, 120);
  bed.configure({ ports: [...older, ...newer] });
  bed.attach(...names(newer));
  let sent = bed.pass(1_001).length;
  for (let ms = 0; ms < 12; ms++) sent += bed.pass(1).length;
  assert.ok(sent > 0 && sent <= FLOOD_BURST + 12 * 20, `${sent} copies`);
  assert.ok(bed.tables.portCounters.read(bed.tables.limits.maxPorts - 1).drops['flood-limited']! > 0);
});

followed('the router sends to the new MAC with the next packet', () => {
  const bed = running();
  bed.configure({ ports: [...without('db1'), remade('new', 'db1')] });
  bed.attach('new');
  const { port, frame } = only(bed.send('web1', udpFrame(bed.way('web1', '10.2.0.31'), UDP)));
  assert.equal([port, frame.toMac], ['new', OTHER_MAC]);
});

followed('a neighbour that is being asked when it is plugged in here stays known', () => {
  const far = '02:bb:00:00:00:03';
  const db1 = PORTS.find(({ name }) => name === 'db1')!;
  const bed = new DatapathBed({ ports: [...without('db1'), { ...UPLINK, network: 'db' }] });
  const ask = (): Sent[] => bed.send('web1', udpFrame({ ...bed.way('web1', '10.2.0.31') }, UDP));
  ask();
  const answer = arpFrame(
    { fromMac: far, toMac: '02:aa:00:00:00:01', from: '10.2.0.31', to: '0.0.0.0' },
    'reply',
  );
  assert.is(only(bed.send('up', answer)).frame.toMac, far);
  bed.passSlowly(31_000);
  assert.ok(ask().length > 1, 'used, and asked again');
  bed.configure({ ports: [...without('db1'), { ...UPLINK, network: 'db' }, db1] });
  for (let i = 0; i < 8; i++) {
    assert.equal(bed.passSlowly(1_000, 250), [], 'no more questions');
    assert.equal(only(ask()).port, 'db1');
  }
});

followed('who was behind a port that goes is asked for anew, not sent to under a MAC that is gone', () => {
  const bed = running([...PORTS, UPLINK]);
  const behind = '10.2.0.99';
  const ask = (): Sent[] => bed.send('web1', udpFrame(bed.way('web1', behind), UDP));
  const answer = (port: string): Sent[] =>
    bed.send(port, arpFrame({ ...bed.way(port, '10.2.0.1'), from: behind }, 'reply'));
  ask();
  answer('db1');
  bed.configure({ ports: [...without('db1'), UPLINK, remade('new', 'db1')] });
  bed.attach('new');
  assert.ok(ask().every(({ frame }) => frame.arp?.targetIp === behind));
  assert.equal(only(answer('new')).frame.toMac, OTHER_MAC);
});

told.run();
kept.run();
bounds.run();
followed.run();
