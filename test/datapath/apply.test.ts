/** Snapshots that follow one another: what is no longer said no longer holds, and what runs goes on. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpConversation } from '../support/conversation.ts';
import { DatapathBed, describe, only, type Sent } from '../support/datapath-bed.ts';
import {
  arpFrame,
  BROADCAST,
  countingBytes,
  ethernetFrame,
  plain,
  tcpFrame,
  udpFrame,
  type WireFrame,
} from '../support/packets.ts';
import { APP, DB, members, PORTS, type PortDescription, SETTINGS } from '../support/topology.ts';

const apply = suite('snapshots');

const VIP = '10.1.0.100';
const api = { name: 'api', vip: VIP, members: members([1, 3], { port: 8080 }) };
const UDP = { sourcePort: 1_000, destinationPort: 2_000 };

let nextPort = 30_000;
const open = (bed: DatapathBed, vip = VIP): Sent[] =>
  bed.send(
    'web1',
    tcpFrame(bed.way('web1', vip), { sourcePort: nextPort++, destinationPort: 80, flags: 'S' }),
  );
const ask = (bed: DatapathBed, target: string): Sent[] =>
  bed.send('web1', arpFrame({ ...bed.way('web1', target), toMac: BROADCAST }, 'request'));
const bridged = (bed: DatapathBed, from: string, toMac: string): WireFrame =>
  plain(
    ethernetFrame(
      { fromMac: bed.mac(from), toMac, from: '10.1.0.1', to: '10.1.0.2' },
      countingBytes(46),
      0x88b5,
    ),
  );
/** The ports with one of them described anew. */
const withPort = (name: string, more: Partial<PortDescription>): PortDescription[] =>
  PORTS.map((port) => (port.name === name ? { ...port, ...more } : port));

apply('the same again changes nothing: flows, shares, learned stations', () => {
  const bed = new DatapathBed({ groups: [api] });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 1, vip: VIP, vipPort: 80 }).open();
  bed.send('app5', {
    ...bridged(bed, 'app5', BROADCAST),
    bytes: bridged(bed, 'app5', BROADCAST).bytes.with(11, 0x77),
  });
  const learned = bed.mac('app5').replace(/..$/, '77');
  const chosen: string[] = [];
  for (let i = 0; i < 40; i++) {
    if (i % 3 === 0) assert.equal(bed.configure({}), []);
    chosen.push(only(open(bed)).port);
  }
  for (let at = 0; at + 4 <= 40; at++) {
    assert.is(
      chosen.slice(at, at + 4).filter((port) => port === 'app1').length,
      1,
      `flows ${at} … ${at + 3}`,
    );
  }
  assert.is(only(flow.send('A')).port, flow.member.port);
  assert.is(only(bed.send('web1', bridged(bed, 'web1', learned))).port, 'app5');
});

apply('a revision is known to every flow that it decided', () => {
  const bed = new DatapathBed({ groups: [api] });
  open(bed);
  bed.configure({ groups: [{ ...api, members: members([1, 1]) }] });
  open(bed);
  assert.equal(
    bed.flows().map(({ revision }) => revision),
    [1, 2],
  );
  assert.is(bed.datapath.revision, 2);
});

apply("a member's MAC that is no longer given is resolved again", () => {
  const given = [{ name: 'app1', address: '10.1.0.21', mac: '02:00:00:00:99:99' }];
  const bed = new DatapathBed({ groups: [{ ...api, members: given }] });
  assert.is(open(bed)[0].frame.toMac, '02:00:00:00:99:99');
  bed.configure({ groups: [{ ...api, members: members([1]) }] });
  const { port, frame } = only(open(bed));
  assert.is(port, 'app1');
  assert.is(frame.toMac, bed.mac('app1'));
});

apply('a MAC that one group gives its member holds for that group, in whatever order groups come', () => {
  const given = {
    name: 'mac',
    vip: '10.1.0.101',
    members: [{ name: 'app1', address: '10.1.0.21', mac: '02:00:00:00:99:99' }],
  };
  const plainGroup = { ...api, members: members([1]) };
  for (const groups of [
    [given, plainGroup],
    [plainGroup, given],
  ]) {
    const bed = new DatapathBed({ groups });
    assert.is(open(bed, '10.1.0.101')[0].frame.toMac, '02:00:00:00:99:99');
  }
});

apply("an address that was a VIP and is now a VM's own is the VM's to answer for", () => {
  const bed = new DatapathBed({ groups: [api] });
  assert.is(ask(bed, VIP).length, 1);
  // The VIP moves; its old address is given to app3, which is a member of the group.
  const group = { name: 'api', vip: '10.1.0.101', members: [{ name: 'app3', address: VIP }] };
  bed.configure({ groups: [group], ports: withPort('app3', { addresses: [VIP] }) });
  const heard = ask(bed, VIP);
  assert.is(heard.length, 7, describe(heard));
  assert.ok(heard.every(({ frame }) => frame.arp?.operation === 'request'));
  assert.is(only(open(bed, '10.1.0.101')).port, 'app3');
});

apply("a VIP that becomes a VM's own address with another port is no longer answered for", () => {
  const own = { name: 'own', vip: '10.1.0.21', members: members([1], { port: 8080 }) };
  const bed = new DatapathBed({ groups: [own] });
  bed.configure({ groups: [{ ...own, rewrite: 'port' }] });
  assert.ok(
    ask(bed, '10.1.0.21').some(({ port, frame }) => port === 'app1' && frame.arp?.operation === 'request'),
  );
});

apply("a port's new MAC replaces the old one", () => {
  const bed = new DatapathBed();
  const old = bed.mac('app1');
  bed.configure({ ports: withPort('app1', { mac: '02:00:00:00:88:88' }) });
  assert.is(only(bed.send('web1', bridged(bed, 'web1', '02:00:00:00:88:88'))).port, 'app1');
  assert.is(bed.send('web1', bridged(bed, 'web1', old)).length, 7, "the old one is nobody's");
  const routed = { ...bed.way('db1', '10.1.0.21'), toMac: bed.maker.routerMac('db') };
  assert.is(only(bed.send('db1', udpFrame(routed, UDP))).frame.toMac, '02:00:00:00:88:88');
});

apply('a port that moves to another network leaves nothing behind in the first', () => {
  const bed = new DatapathBed({ groups: [api] });
  const mac = bed.mac('app4');
  bed.configure({ ports: withPort('app4', { network: 'db', mac, addresses: ['10.2.0.24'] }) });
  const flooded = bed.send('web1', bridged(bed, 'web1', mac));
  assert.not(
    flooded.some(({ port }) => port === 'app4'),
    'a frame of network app must not reach a port of db',
  );
  assert.is(flooded.length, 6);
  assert.is(only(bed.send('db1', bridged(bed, 'db1', mac))).port, 'app4');
});

apply('an address that moves from one VM to another is found at the other', () => {
  const bed = new DatapathBed();
  const way = { ...bed.way('db1', '10.1.0.21'), toMac: bed.maker.routerMac('db') };
  assert.is(only(bed.send('db1', udpFrame(way, UDP))).port, 'app1');
  const ports = PORTS.map((port) =>
    port.name === 'app1'
      ? { ...port, addresses: ['fd00:1::15'] }
      : port.name === 'app2'
        ? { ...port, addresses: [...port.addresses, '10.1.0.21'] }
        : port,
  );
  bed.configure({ ports });
  const { port, frame } = only(bed.send('db1', udpFrame(way, UDP)));
  assert.is(port, 'app2');
  assert.is(frame.toMac, bed.mac('app2'));
});

apply('a balanced flow follows its member to another port', () => {
  const bed = new DatapathBed({ groups: [{ ...api, members: members([1]) }] });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 1, vip: VIP, vipPort: 80 }).open();
  const ports = withPort('app5', { addresses: ['10.1.0.21'] }).filter(({ name }) => name !== 'app1');
  bed.configure({ ports });
  assert.is(only(flow.send('A')).port, 'app5');
});

apply('a network that goes while packets wait in it takes them along, and no timer stumbles over it', () => {
  const bed = new DatapathBed();
  bed.send('web1', udpFrame(bed.way('web1', '10.2.0.99'), UDP));
  assert.is(bed.waiting(), 1);
  bed.configure({ networks: [APP], ports: PORTS.filter(({ network }) => network === 'app') });
  bed.passSlowly(10_000, 250);
  assert.is(bed.waiting(), 0);
  assert.is(only(bed.send('web1', udpFrame(bed.way('web1', '10.1.0.12'), UDP))).port, 'web2');
});

apply('flows of a network that goes are gone with its ports', () => {
  const bed = new DatapathBed({
    groups: [api, { name: 'inner', vip: '10.2.0.100', members: [{ name: 'db2', address: '10.2.0.32' }] }],
  });
  const frame = tcpFrame(bed.way('db1', '10.2.0.100'), { sourcePort: 9, destinationPort: 80, flags: 'S' });
  assert.is(only(bed.send('db1', frame)).port, 'db2');
  open(bed);
  bed.configure({ networks: [APP], ports: PORTS.filter(({ network }) => network === 'app'), groups: [api] });
  assert.equal(
    bed.flows().map(({ port }) => port),
    ['web1'],
  );
  bed.passSlowly(SETTINGS.tcpTransitoryIdleMs + 10_000);
  assert.equal(bed.flows(), []);
});

apply(
  'a balancer that is taken off a port leaves its flows, which cross no more; put back, it starts anew',
  () => {
    const bed = new DatapathBed({ groups: [api] });
    open(bed);
    bed.configure({ ports: withPort('web1', { balanced: false }) });
    const bare = open(bed);
    assert.not(bare.some(({ port, frame }) => port.startsWith('app') && frame.packet?.tcp !== undefined));
    bed.configure({ ports: PORTS });
    assert.match(only(open(bed)).port, /^app/);
  },
);

apply('gateways and routes that go are no longer answered for', () => {
  const bed = new DatapathBed();
  bed.configure({ networks: [{ ...APP, gateways: ['fd00:1::1'] }, DB] });
  assert.is(ask(bed, '10.1.0.1').length, 7);
});

apply('endpoints: every reference that rules took is given back', () => {
  const bed = new DatapathBed({ groups: [] });
  assert.is(bed.tables.endpoints.inUse, 0);
  for (let i = 0; i < 50; i++) {
    const vip = `10.1.0.${100 + (i % 7)}`;
    bed.configure({ groups: [{ ...api, vip, members: members([1, 1, 1].slice(i % 3)) }] });
  }
  assert.is(
    bed.tables.endpoints.inUse,
    2 * (1 + members([1, 1, 1].slice(49 % 3)).length),
    'in each network once',
  );
  bed.configure({ groups: [] });
  assert.is(bed.tables.endpoints.inUse, 0);
});

apply.run();
