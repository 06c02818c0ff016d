/**
 * Frames that could carry another's packet past anti-spoofing, or are said in another's name, as scapy makes them: only what
 * is a VM's own passes, and each of the others is counted under its reason.
 */
import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatapathBed } from '../../support/datapath-bed.ts';
import { plain } from '../../support/packets.ts';
import { PORTS } from '../../support/topology.ts';

const test = suite('smuggled frames');

/** Name → frame in hexadecimal; `me` is web1 of the bed, `you` web2. */
const SCRIPT = `
import json, logging
logging.getLogger('scapy').setLevel(logging.ERROR)
from scapy.all import *
from scapy.contrib.mpls import MPLS
me, you, ip, other = '02:00:00:00:00:00', '02:00:00:00:00:01', '10.1.0.11', '10.1.0.13'
spoofed = IP(src=other, dst='10.1.0.12') / UDP(sport=1, dport=2) / (b'x' * 20)
eth = lambda to=you, **more: Ether(src=me, dst=to, **more)
rarp = lambda op, sender, target: eth('ff:ff:ff:ff:ff:ff', type=0x8035) / ARP(op=op, hwsrc=sender, hwdst=target, psrc='0.0.0.0', pdst='0.0.0.0')
snap = Dot3(src=me, dst=you) / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(OUI=0, code=0x0800) / spoofed
v6 = lambda **more: eth(type=0x86dd) / IPv6(src='fe80::ff:fe00:0', dst='ff02::1', hlim=255, **more)
frames = {
  'IPv4 in SNAP': snap,
  'IPv4 under a tag 0x9100': eth(type=0x9100) / Dot1Q(vlan=5, type=0x0800) / spoofed,
  'IPv4 under a tag 0x9200': eth(type=0x9200) / Dot1Q(vlan=5, type=0x0800) / spoofed,
  'IPv4 in SNAP under a tag': eth(type=0x8100) / Dot1Q(vlan=5, type=60) / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(OUI=0, code=0x0800) / spoofed,
  'IPv4 in MPLS': eth(type=0x8847) / MPLS(label=16, s=1, ttl=64) / spoofed,
  'IPv4 in PPPoE': eth(type=0x8864) / PPPoE(sessionid=1) / PPP(proto=0x0021) / spoofed,
  'PPPoE discovery': eth('ff:ff:ff:ff:ff:ff', type=0x8863) / PPPoED(code=9),
  'EAPOL to one station': eth(type=0x888e) / EAPOL(version=2, type=1),
  'LLDP to one station': eth(type=0x88cc) / b'\\x02\\x07\\x04' / me.encode(),
  'STP': Dot3(src=me, dst='01:80:c2:00:00:00') / LLC() / STP(),
  'PAUSE': eth('01:80:c2:00:00:01', type=0x8808) / bytes.fromhex('0001ffff'),
  'IPv4 under two tags': eth(type=0x88a8) / Dot1Q(vlan=5) / Dot1Q(vlan=6) / spoofed,
  'IPv4 under a priority tag': eth() / Dot1Q(vlan=0, prio=5) / spoofed,
  'RARP for another': rarp(3, me, you),
  'RARP in the name of another': rarp(3, you, you),
  'RARP reply': rarp(4, me, me),
  'RARP about itself': rarp(3, me, me),
  'own IPv4': eth() / IP(src=ip, dst='10.1.0.12') / UDP(sport=1, dport=2),
  'own ARP': eth('ff:ff:ff:ff:ff:ff') / ARP(op=1, hwsrc=me, psrc=ip, pdst='10.1.0.12'),
  'DHCP offer': eth() / IP(src=ip, dst='10.1.0.12') / UDP(sport=67, dport=68) / BOOTP(op=2, chaddr=bytes(6)) / DHCP(options=[('message-type', 'offer'), 'end']),
  'DHCPv6 advertise': eth() / IPv6(src='fe80::ff:fe00:0', dst='fd00:1::c') / UDP(sport=547, dport=546) / DHCP6_Advertise(),
  'router advertisement': v6() / ICMPv6ND_RA() / ICMPv6NDOptPrefixInfo(prefix='2001:db8::', prefixlen=64),
  'router advertisement behind options': v6() / IPv6ExtHdrDestOpt() / ICMPv6ND_RA(),
  'redirect': v6() / ICMPv6ND_Redirect(tgt='fe80::ff:fe00:0', dst='2001:db8::1'),
}
whole = v6() / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(100))] * 2) / ICMPv6ND_RA()
split = raw(whole[IPv6].payload)
frames['router advertisement in the second fragment'] = v6() / IPv6ExtHdrFragment(nh=60, m=1, offset=0, id=1) / split[:64]
print(json.dumps({name: raw(frame).hex() for name, frame in frames.items()}))
`;

const EXPECTED: Record<string, string> = {
  'IPv4 in SNAP': 'ether-type-not-allowed',
  'IPv4 under a tag 0x9100': 'ether-type-not-allowed',
  'IPv4 under a tag 0x9200': 'ether-type-not-allowed',
  'IPv4 in SNAP under a tag': 'ether-type-not-allowed',
  'IPv4 in MPLS': 'ether-type-not-allowed',
  'IPv4 in PPPoE': 'ether-type-not-allowed',
  'PPPoE discovery': 'ether-type-not-allowed',
  'EAPOL to one station': 'ether-type-not-allowed',
  'LLDP to one station': 'ether-type-not-allowed',
  STP: 'reserved-multicast',
  PAUSE: 'reserved-multicast',
  'IPv4 under two tags': 'spoofed-source',
  'IPv4 under a priority tag': 'spoofed-source',
  'RARP for another': 'spoofed-arp',
  'RARP in the name of another': 'spoofed-arp',
  'RARP reply': 'spoofed-arp',
  'RARP about itself': 'passed',
  'own IPv4': 'passed',
  'own ARP': 'passed',
  'DHCP offer': 'dhcp-guard',
  'DHCPv6 advertise': 'dhcp-guard',
  'router advertisement': 'ra-guard',
  'router advertisement behind options': 'ra-guard',
  redirect: 'ra-guard',
  'router advertisement in the second fragment': 'fragment-too-small',
};

const FRAMES: Record<string, string> = JSON.parse(
  execFileSync('/usr/bin/python3', ['-c', SCRIPT], { encoding: 'utf8' }),
);

const bedOf = (allowedEtherTypes: readonly number[] | undefined): DatapathBed =>
  new DatapathBed({
    ports: PORTS.map((port) =>
      port.name === 'web1'
        ? { ...port, allowedSources: ['10.1.0.11/32', 'fd00:1::b/128'], allowedEtherTypes }
        : port,
    ),
  });

function outcomeOf(bed: DatapathBed, hex: string): string {
  const before = bed.drops();
  const sent = bed.send('web1', plain(Uint8Array.from(Buffer.from(hex, 'hex'))));
  const after = bed.drops();
  const reason = Object.keys(after).find((name) => after[name] !== before[name]);
  assert.is(reason === undefined, sent.length > 0);
  return reason ?? 'passed';
}

test('by default: nothing but the VM’s own IP, ARP and RARP', () => {
  const found = Object.fromEntries(
    Object.entries(FRAMES).map(([name, hex]) => [name, outcomeOf(bedOf([]), hex)]),
  );
  assert.equal(found, EXPECTED);
});

test('an EtherType that is allowed passes, others do not; with any all do', () => {
  const ppp = bedOf([0x8863, 0x8864]);
  assert.is(outcomeOf(ppp, FRAMES['IPv4 in PPPoE']), 'passed');
  assert.is(outcomeOf(ppp, FRAMES['PPPoE discovery']), 'passed');
  assert.is(outcomeOf(ppp, FRAMES['IPv4 in MPLS']), 'ether-type-not-allowed');
  const any = bedOf(undefined);
  assert.is(outcomeOf(any, FRAMES['IPv4 in MPLS']), 'passed');
  assert.is(outcomeOf(any, FRAMES['IPv4 in SNAP']), 'passed');
  assert.is(outcomeOf(any, FRAMES['RARP for another']), 'spoofed-arp');
});

test.run();
