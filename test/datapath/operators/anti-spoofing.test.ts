/** What a VM sends must be its own: MAC, IP, ARP and ND; gateways and VIPs are nobody's to claim. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed, only, type Sent } from '../../support/datapath-bed.ts';
import {
  advertisementFrame,
  arpFrame,
  BROADCAST,
  solicitationFrame,
  solicitedNode,
  tcpFrame,
  udpFrame,
  type WireFrame,
} from '../../support/packets.ts';
import { members, PORTS } from '../../support/topology.ts';

const spoofing = suite('anti-spoofing');

const VIP = '10.1.0.100';
const OWN = ['10.1.0.11/32', 'fd00:1::b/128'];
/** Of web1's MAC, 02:00:00:00:00:00, and of web2's. */
const LINK_LOCAL = 'fe80::ff:fe00:0';
const OTHERS_LINK_LOCAL = 'fe80::ff:fe00:1';
const DATA = { sourcePort: 1_000, destinationPort: 2_000 };

const bedOf = (allowedSources: readonly string[] = OWN): DatapathBed =>
  new DatapathBed({
    groups: [{ name: 'api', vip: VIP, members: members([1]) }],
    ports: PORTS.map((port) => (port.name === 'web1' ? { ...port, allowedSources } : port)),
  });

/** Nothing comes out, and the frame is counted under this reason. */
function assertDropped(bed: DatapathBed, wire: WireFrame, reason: string): void {
  const before = bed.drops()[reason] ?? 0;
  assert.equal(bed.send('web1', wire), []);
  assert.is(bed.drops()[reason], before + 1);
}

spoofing('the VM’s own packets pass, IPv4 and IPv6', () => {
  const bed = bedOf();
  assert.is(only(bed.send('web1', udpFrame(bed.way('web1', '10.1.0.12'), DATA))).port, 'web2');
  assert.is(only(bed.send('web1', udpFrame(bed.way('web1', 'fd00:1::c'), DATA))).port, 'web2');
  assert.equal(bed.drops(), {});
});

spoofing('another MAC, another address, another family’s address', () => {
  const bed = bedOf();
  const way = bed.way('web1', '10.1.0.12');
  assertDropped(bed, udpFrame({ ...way, fromMac: '02:00:00:00:99:99' }, DATA), 'spoofed-source');
  assertDropped(bed, udpFrame({ ...way, from: '10.1.0.13' }, DATA), 'spoofed-source');
  const way6 = bed.way('web1', 'fd00:1::c');
  assertDropped(bed, udpFrame({ ...way6, from: 'fd00:1::d' }, DATA), 'spoofed-source');
});

spoofing('a SYN to a VIP in another’s name reaches no member and leaves no record', () => {
  const bed = bedOf();
  const syn = { sourcePort: 1_000, destinationPort: 80, flags: 'S' };
  assertDropped(bed, tcpFrame({ ...bed.way('web1', VIP), from: '10.1.0.12' }, syn), 'spoofed-source');
  assert.equal(bed.flows(), []);
});

spoofing('what a host says before it has an address: DHCP, duplicate address detection, link-local', () => {
  const bed = bedOf();
  const discover = { ...bed.way('web1', '255.255.255.255'), from: '0.0.0.0', toMac: BROADCAST };
  assert.ok(bed.send('web1', udpFrame(discover, { sourcePort: 68, destinationPort: 67 })).length > 0);
  assertDropped(bed, udpFrame(discover, { sourcePort: 68, destinationPort: 69 }), 'spoofed-source');
  const { address, mac } = solicitedNode('fd00:1::b');
  const probe = { ...bed.way('web1', 'fd00:1::b'), from: '::', to: address, toMac: mac };
  assert.ok(bed.send('web1', solicitationFrame(probe, 'fd00:1::b')).length > 0);
  const linkLocal = { ...bed.way('web1', 'fd00:1::c'), from: LINK_LOCAL };
  assert.is(only(bed.send('web1', udpFrame(linkLocal, DATA))).port, 'web2');
});

spoofing('ARP says who it is: sender address and sender MAC', () => {
  const bed = bedOf();
  const way = { ...bed.way('web1', '10.1.0.12'), toMac: BROADCAST };
  assert.ok(bed.send('web1', arpFrame(way, 'request')).length > 0);
  assertDropped(bed, arpFrame({ ...way, from: '10.1.0.13' }, 'request'), 'spoofed-arp');
  assertDropped(bed, arpFrame({ ...way, from: '10.1.0.13' }, 'reply'), 'spoofed-arp');
});

spoofing('ND says who it is: target and link address of an advertisement; routers are the datapath’s', () => {
  const bed = bedOf();
  const way = { ...bed.way('web1', 'fd00:1::c'), ttl: 255 };
  const mine = bed.mac('web1');
  assert.is(only(bed.send('web1', advertisementFrame(way, 'fd00:1::b', mine, 'SO'))).port, 'web2');
  assertDropped(bed, advertisementFrame(way, 'fd00:1::d', mine, 'SO'), 'spoofed-nd');
  assertDropped(bed, advertisementFrame(way, 'fd00:1::b', '02:00:00:00:99:99', 'SO'), 'spoofed-nd');
});

spoofing(
  "another's link-local address: neither as source, nor advertised, nor claimed before it has one",
  () => {
    const bed = bedOf();
    const way = { ...bed.way('web1', 'fd00:1::c'), ttl: 255 };
    assertDropped(bed, udpFrame({ ...way, from: OTHERS_LINK_LOCAL }, DATA), 'spoofed-source');
    const mine = bed.mac('web1');
    assertDropped(bed, advertisementFrame(way, OTHERS_LINK_LOCAL, mine, 'O'), 'spoofed-nd');
    assert.ok(bed.send('web1', advertisementFrame(way, LINK_LOCAL, mine, 'O')).length > 0);
    for (const target of [OTHERS_LINK_LOCAL, 'fd00:1::c']) {
      const { address, mac } = solicitedNode(target);
      const probe = { ...way, from: '::', to: address, toMac: mac };
      assertDropped(bed, solicitationFrame(probe, target), 'spoofed-nd');
    }
    assertDropped(bed, udpFrame({ ...way, from: '::' }, DATA), 'spoofed-source');
    const free = bedOf([...OWN, 'fe80::/10']);
    assert.is(only(free.send('web1', udpFrame({ ...way, from: 'fe80::1234' }, DATA))).port, 'web2');
  },
);

spoofing('a virtual MAC moves between the two ports that may send from it, with its address', () => {
  const [address, mac] = ['10.1.0.200', '00:00:5e:00:01:33'];
  const bed = new DatapathBed({
    ports: PORTS.map((port) => {
      const own = port.addresses.map((one) => `${one}/${one.includes(':') ? 128 : 32}`);
      const isAllowed = port.name === 'web2' || port.name === 'web3';
      return isAllowed
        ? { ...port, allowedSources: [...own, `${address}/32`], allowedMacs: [mac] }
        : { ...port, allowedSources: own };
    }),
  });
  /** An advertisement of VRRP, and a gratuitous ARP, both from the virtual MAC. */
  const announce = (port: string): void => {
    const way = { ...bed.way(port, address), fromMac: mac };
    bed.send(port, udpFrame({ ...way, to: '224.0.0.18', toMac: '01:00:5e:00:00:12' }, DATA));
    bed.send(port, arpFrame({ ...way, from: address, toMac: BROADCAST }, 'request'));
  };
  const reached = (): (string | undefined)[] => {
    const way = { ...bed.way('web1', '10.1.0.12'), to: address, toMac: mac };
    return bed.send('web1', udpFrame(way, DATA)).map(({ port, frame }) => `${port} ${frame.toMac}`);
  };
  for (const master of ['web2', 'web3', 'web2']) {
    announce(master);
    assert.equal(reached(), [`${master} ${mac}`]);
    const answer = { ...bed.way(master, '10.1.0.11'), from: address, fromMac: mac };
    assert.is(only(bed.send(master, udpFrame(answer, DATA))).port, 'web1');
  }
  assert.equal(bed.drops(), {});
  assertDropped(bed, udpFrame({ ...bed.way('web1', '10.1.0.12'), fromMac: mac }, DATA), 'spoofed-source');
  const claim = { ...bed.way('web1', address), toMac: BROADCAST };
  assertDropped(bed, arpFrame({ ...claim, fromMac: mac }, 'request'), 'spoofed-source');
  assert.equal(reached(), [`web2 ${mac}`], 'a frame that is dropped moves no MAC');
});

spoofing('a floating address moves between the two ports that may have it, and to no third one', () => {
  const floating = { 4: '10.1.0.200', 6: 'fd00:1::200' } as const;
  const bed = new DatapathBed({
    groups: [{ name: 'far', vip: VIP, members: [{ name: 'ha', address: floating[4] }] }],
    ports: PORTS.map((port) => {
      const own = port.addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`);
      const isAllowed = port.name === 'web2' || port.name === 'web3';
      const more = isAllowed ? [`${floating[4]}/32`, `${floating[6]}/128`] : [];
      return { ...port, allowedSources: [...own, ...more] };
    }),
  });
  /** As keepalived does on becoming master. */
  const claim = (port: string): Sent[] => {
    const way = { ...bed.way(port, floating[4]), from: floating[4], toMac: BROADCAST };
    return bed.send(port, arpFrame(way, 'request'));
  };
  const claim6 = (port: string): Sent[] => {
    const way = { fromMac: bed.mac(port), toMac: '33:33:00:00:00:01', from: floating[6], to: 'ff02::1' };
    return bed.send(port, advertisementFrame(way, floating[6], bed.mac(port), 'O'));
  };
  let sourcePort = 1_000;
  const ask = (): Sent[] =>
    bed.send(
      'web1',
      tcpFrame(bed.way('web1', VIP), { sourcePort: ++sourcePort, destinationPort: 80, flags: 'S' }),
    );
  const ask6 = (): Sent[] =>
    bed.send('db1', udpFrame(bed.way('db1', floating[6]), { ...DATA, sourcePort: ++sourcePort }));
  const reached = (sent: readonly Sent[]): Set<string> =>
    new Set(
      sent.flatMap(({ port, frame }) =>
        (frame.packet?.tcp ?? frame.packet?.udp) === undefined ? [] : [`${port} ${frame.toMac}`],
      ),
    );
  assert.equal([reached(ask()), reached(ask6())], [new Set(), new Set()], 'nobody has it yet');
  for (const master of ['web2', 'web3', 'web2']) {
    const here = new Set([`${master} ${bed.mac(master)}`]);
    claim(master);
    claim6(master);
    assert.equal([reached(ask()), reached(ask6())], [here, here]);
    const way = { ...bed.way(master, bed.address('web1')), from: floating[4] };
    assert.is(only(bed.send(master, udpFrame(way, DATA))).port, 'web1', 'and it may send from it');
    assert.equal([claim('app1'), claim6('app1')], [[], []]);
    assert.equal([reached(ask()), reached(ask6())], [here, here], 'a third one changes nothing');
  }
  assert.equal(bed.drops(), { 'spoofed-arp': 3, 'spoofed-source': 3 });
});

spoofing('a gateway or a VIP is nobody’s to claim, also where anything may be a source', () => {
  const bed = new DatapathBed({ groups: [{ name: 'api', vip: VIP, members: members([1]) }] });
  for (const claimed of [VIP, '10.1.0.1']) {
    const way = { ...bed.way('web1', claimed), from: claimed, toMac: BROADCAST };
    assertDropped(bed, arpFrame(way, 'request'), 'spoofed-arp');
    assertDropped(bed, arpFrame(way, 'reply'), 'spoofed-arp');
  }
  const way6 = { ...bed.way('web1', 'fd00:1::c'), ttl: 255 };
  assertDropped(bed, advertisementFrame(way6, 'fd00:1::1', bed.mac('web1'), 'SO'), 'spoofed-nd');
});

spoofing('a VM that routes may send from what lies behind it', () => {
  const bed = bedOf([...OWN, '10.77.0.0/24']);
  const way = { ...bed.way('web1', '10.1.0.12'), from: '10.77.0.9' };
  assert.is(only(bed.send('web1', udpFrame(way, DATA))).port, 'web2');
  assertDropped(bed, udpFrame({ ...way, from: '10.78.0.9' }, DATA), 'spoofed-source');
});

spoofing.run();
