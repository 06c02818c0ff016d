/** Guards: what only switches, DHCP servers and routers send, and no plain VM. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, only, portsOf } from '../../support/datapath-bed.ts';
import {
  concat,
  countingBytes,
  ethernetFrame,
  icmpFrame,
  plain,
  rawFrame,
  solicitationFrame,
  udpFrame,
  type Way,
  type WireFrame,
} from '../../support/packets.ts';
import { PORTS, type PortDescription } from '../../support/topology.ts';

const multicast = suite('guards: reserved multicast');
const dhcp = suite('guards: DHCP');
const routers = suite('guards: router advertisements');

const up: PortDescription = {
  name: 'up',
  network: 'app',
  mac: null,
  addresses: [],
  balanced: false,
  uplink: { hostMac: '02:aa:00:00:00:01' },
};
const FAR = '02:bb:00:00:00:01';

/** A bed in which the guards of some ports are off. */
const bedOf = (guards: PortDescription['guards'] = {}, ...off: string[]): DatapathBed =>
  new DatapathBed({
    ports: [...PORTS, up].map((port) => (off.includes(port.name) ? { ...port, guards } : port)),
  });

function assertDropped(bed: DatapathBed, port: string, wire: WireFrame, reason: string): void {
  const before = bed.drops()[reason] ?? 0;
  assert.equal(bed.send(port, wire), []);
  assert.is(bed.drops()[reason], before + 1, reason);
}

const macOf = (bed: DatapathBed, port: string): string => (port === 'up' ? FAR : bed.mac(port));

// ---------------------------------------------------------------------------------------------------------

/** Who uses it, address, EtherType (or length, for LLC). */
const RESERVED: readonly [string, string, number][] = [
  ['STP', '01:80:c2:00:00:00', 38],
  ['PAUSE', '01:80:c2:00:00:01', 0x8808],
  ['LACP', '01:80:c2:00:00:02', 0x8809],
  ['EAPOL', '01:80:c2:00:00:03', 0x888e],
  ['provider STP', '01:80:c2:00:00:08', 38],
  ['MVRP of providers', '01:80:c2:00:00:0d', 0x88f5],
  ['LLDP', '01:80:c2:00:00:0e', 0x88cc],
  ['the last one', '01:80:c2:00:00:0f', 0x88b5],
  ['CDP, VTP, DTP, UDLD', '01:00:0c:cc:cc:cc', 60],
  ['PVST+', '01:00:0c:cc:cc:cd', 60],
  ['uplink fast', '01:00:0c:cd:cd:cd', 60],
  ['ISL', '01:00:0c:00:00:00', 60],
  ['FDP', '01:e0:52:cc:cc:cc', 60],
];
const FORWARDED = ['01:80:c2:00:00:10', '01:80:c2:00:00:20', '01:00:5e:00:00:12', '01:00:0c:dd:dd:dd'];

const control = (bed: DatapathBed, port: string, toMac: string, type: number): WireFrame =>
  plain(ethernetFrame({ fromMac: macOf(bed, port), toMac, from: '', to: '' }, countingBytes(60), type));

multicast(
  'what switches say to each other ends at the port, from a VM and from the wire; other groups do not',
  () => {
    const bed = bedOf();
    for (const port of ['web1', 'up']) {
      for (const [, address, type] of RESERVED)
        assertDropped(bed, port, control(bed, port, address, type), 'reserved-multicast');
      for (const address of FORWARDED)
        assert.ok(bed.send(port, control(bed, port, address, 0x88b5)).length > 5, address);
    }
  },
);

multicast('with the guard off it passes between the ports that have it off, and nobody else gets it', () => {
  const bed = bedOf({ reservedMulticast: false }, 'web1', 'app2');
  for (const [who, address, type] of RESERVED) {
    assert.equal(portsOf(bed.send('web1', control(bed, 'web1', address, type))), ['app2'], who);
  }
  assertDropped(bed, 'web2', control(bed, 'web2', '01:80:c2:00:00:00', 38), 'reserved-multicast');
  const alone = bedOf({ reservedMulticast: false }, 'web1');
  assertDropped(alone, 'web1', control(alone, 'web1', '01:80:c2:00:00:00', 38), 'reserved-multicast');
});

multicast('an uplink with its guard off takes part', () => {
  const bed = bedOf({ reservedMulticast: false, dhcp: false, routerAdvertisements: false }, 'web1', 'up');
  assert.equal(portsOf(bed.send('web1', control(bed, 'web1', '01:80:c2:00:00:0e', 0x88cc))), ['up']);
  assert.equal(portsOf(bed.send('up', control(bed, 'up', '01:80:c2:00:00:0e', 0x88cc))), ['web1']);
});

multicast('a packet to a VIP under a reserved address is none of a flow that runs', () => {
  const bed = new DatapathBed({
    groups: [{ name: 'api', vip: '10.1.0.100', members: [{ name: 'a', address: '10.1.0.21' }] }],
  });
  const way = bed.way('web1', '10.1.0.100');
  const fields = { sourcePort: 5_000, destinationPort: 53 };
  assert.is(only(bed.send('web1', udpFrame(way, fields))).port, 'app1');
  bed.send('app1', udpFrame(bed.way('app1', '10.1.0.11'), { sourcePort: 53, destinationPort: 5_000 }));
  assert.is(only(bed.send('web1', udpFrame(way, fields))).port, 'app1');
  const odd = { ...way, toMac: '01:80:c2:00:00:0e' };
  assertDropped(bed, 'web1', udpFrame(odd, fields), 'reserved-multicast');
});

// ---------------------------------------------------------------------------------------------------------

dhcp(
  'a VM may ask, and may not answer: DHCP and DHCPv6, broadcast and unicast, whole and in fragments',
  () => {
    const bed = bedOf();
    const offer = { sourcePort: 67, destinationPort: 68, payload: countingBytes(300) };
    const all = { ...bed.way('web1', '255.255.255.255'), toMac: 'ff:ff:ff:ff:ff:ff' };
    assertDropped(bed, 'web1', udpFrame(all, offer), 'dhcp-guard');
    assertDropped(bed, 'web1', udpFrame(bed.way('web1', '10.1.0.12'), offer), 'dhcp-guard');
    assertDropped(
      bed,
      'web1',
      udpFrame(bed.way('web1', '10.1.0.12'), { ...offer, sourcePort: 4_000 }),
      'dhcp-guard',
    );
    const first = { ...bed.way('web1', '10.1.0.12'), fragment: { offset: 0, more: true } };
    assertDropped(bed, 'web1', udpFrame(first, offer), 'dhcp-guard');
    const reply = { sourcePort: 547, destinationPort: 546, payload: countingBytes(100) };
    const way6 = bed.way('web1', 'fd00:1::c');
    assertDropped(bed, 'web1', udpFrame(way6, reply), 'dhcp-guard');
    const behind = { ...way6, extensions: [{ type: 60, bytes: new Uint8Array(8) }] };
    assertDropped(bed, 'web1', udpFrame(behind, reply), 'dhcp-guard');
    assert.ok(bed.send('web1', udpFrame(all, { ...offer, sourcePort: 68, destinationPort: 67 })).length > 0);
    const ask6 = { ...reply, sourcePort: 546, destinationPort: 547 };
    const servers = { ...way6, to: 'ff02::1:2', toMac: '33:33:00:01:00:02' };
    assert.ok(bed.send('web1', udpFrame(servers, ask6)).length > 0);
  },
);

dhcp('a port with the guard off has a server behind it, an uplink may have one', () => {
  const bed = bedOf({ dhcp: false }, 'web1');
  const offer = { sourcePort: 67, destinationPort: 68 };
  assert.is(only(bed.send('web1', udpFrame(bed.way('web1', '10.1.0.12'), offer))).port, 'web2');
  const far = { fromMac: FAR, toMac: bed.mac('web2'), from: '10.1.0.51', to: '10.1.0.12' };
  assert.is(only(bed.send('up', udpFrame(far, offer))).port, 'web2');
  assert.equal(bed.drops(), {});
});

dhcp('a server that answers under a VIP is dropped as well, whatever record its flow has', () => {
  const groups = [{ name: 'api', vip: '10.1.0.100', members: [{ name: 'a', address: '10.1.0.21' }] }];
  const bed = new DatapathBed({ groups });
  assert.ok(
    bed.send('web1', udpFrame(bed.way('web1', '10.1.0.100'), { sourcePort: 68, destinationPort: 67 })),
  );
  const offer = { sourcePort: 67, destinationPort: 68 };
  assertDropped(bed, 'app1', udpFrame(bed.way('app1', '10.1.0.11'), offer), 'dhcp-guard');
});

// ---------------------------------------------------------------------------------------------------------

const ALL_NODES = { to: 'ff02::1', toMac: '33:33:00:00:00:01', ttl: 255 };
/** Lifetime 1800 s; RFC 4861 §4.2. */
const ADVERTISEMENT = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0);
const EMPTY_OPTIONS = { type: 60, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) };

function advertisements(way: Way): [string, WireFrame][] {
  const of = (more: Partial<Way>): WireFrame =>
    icmpFrame({ ...way, ...more }, 134, 0, 0x4000_0708, ADVERTISEMENT);
  const eight = { type: 60, bytes: new Uint8Array(8 * 20).fill(0).map((_, i) => (i === 1 ? 19 : 0)) };
  return [
    ['plain', of({})],
    ['to one node', of({ to: 'fd00:1::c' })],
    ['behind destination options', of({ extensions: [EMPTY_OPTIONS] })],
    ['behind seven headers', of({ extensions: Array(7).fill(EMPTY_OPTIONS) })],
    ['behind hop-by-hop options', of({ extensions: [{ ...EMPTY_OPTIONS, type: 0 }] })],
    ['behind long options', of({ extensions: [eight] })],
    ['in an atomic fragment', of({ fragment: { offset: 0, more: false } })],
    ['in a first fragment', of({ fragment: { offset: 0, more: true } })],
    ['in a VLAN', of({ vlan: 7 })],
    ['redirect', icmpFrame(way, 137, 0, 0, countingBytes(32))],
  ];
}

routers(
  'a VM is no router: advertisements and redirects, also in fragments and behind extension headers',
  () => {
    const bed = bedOf();
    const way = { ...bed.way('web1', 'fd00:1::c'), ...ALL_NODES, from: 'fe80::ff:fe00:1' };
    for (const [, wire] of advertisements(way)) assertDropped(bed, 'web1', wire, 'ra-guard');
    const ipv4 = bed.way('web1', '10.1.0.12');
    assertDropped(bed, 'web1', icmpFrame(ipv4, 9, 0, 0x0102_0708, countingBytes(8)), 'ra-guard');
  },
);

routers('a first fragment that ends before the upper layer hides what follows, and is dropped', () => {
  const bed = bedOf();
  const way = { ...bed.way('web1', 'fd00:1::c'), ...ALL_NODES, from: 'fe80::ff:fe00:1', identification: 7 };
  const fragment = (payload: Uint8Array, more: Partial<Way> = {}): WireFrame =>
    rawFrame({ ...way, fragment: { offset: 0, more: true }, ...more }, 60, payload);
  // Destination options that fill the fragment; the ICMPv6 header comes in the second one.
  assertDropped(bed, 'web1', fragment(Uint8Array.of(58, 0, 1, 4, 0, 0, 0, 0)), 'fragment-too-small');
  // Options that say they go on in the second one.
  assertDropped(bed, 'web1', fragment(Uint8Array.of(58, 3, 1, 4, 0, 0, 0, 0)), 'fragment-too-small');
  // A fragment in a fragment.
  const inner = concat(Uint8Array.of(58, 0, 0, 1, 0, 0, 0, 9), countingBytes(16));
  const nested = rawFrame({ ...way, fragment: { offset: 0, more: true } }, 44, inner);
  assertDropped(bed, 'web1', nested, 'fragment-too-small');
  const off = bedOf({ routerAdvertisements: false, dhcp: false }, 'web1');
  assert.ok(off.send('web1', fragment(Uint8Array.of(58, 3, 1, 4, 0, 0, 0, 0))).length > 0);
});

routers(
  'a port with the guard off has a router behind it, also with anti-spoofing; an uplink may have one',
  () => {
    const bed = new DatapathBed({
      ports: [...PORTS, up].map((port) =>
        port.name === 'web1'
          ? { ...port, guards: { routerAdvertisements: false }, allowedSources: ['fd00:1::b/128'] }
          : port,
      ),
    });
    const way = { ...bed.way('web1', 'fd00:1::c'), ...ALL_NODES, from: 'fe80::ff:fe00:0' };
    for (const [what, wire] of advertisements(way)) assert.ok(bed.send('web1', wire).length > 0, what);
    const far = { ...way, fromMac: FAR, from: 'fe80::bb:ff:fe00:1' };
    assert.ok(bed.send('up', icmpFrame(far, 134, 0, 0, ADVERTISEMENT)).length > 0);
  },
);

routers('solicitations, echo, errors and whole first fragments pass', () => {
  const bed = bedOf();
  const way = bed.way('web1', 'fd00:1::c');
  // The router takes it, and answers where that is configured.
  bed.send('web1', icmpFrame({ ...way, ttl: 255, to: 'ff02::2', toMac: '33:33:00:00:00:02' }, 133, 0, 0));
  assert.ok(bed.send('web1', icmpFrame(way, 128, 0, 1)).length > 0);
  assert.ok(bed.send('web1', solicitationFrame(way, 'fd00:1::c', bed.mac('web1'))).length > 0);
  const first = { ...way, fragment: { offset: 0, more: true } };
  assert.is(
    only(bed.send('web1', udpFrame(first, { sourcePort: 1, destinationPort: 2, payload: countingBytes(32) })))
      .port,
    'web2',
  );
  assert.equal(bed.drops(), {});
});

multicast.run();
dhcp.run();
routers.run();
