"""Everything around the flow: extension headers, tags, switching, routing, echo, traffic to no VIP."""
from scapy.layers.inet import GRE, ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting,
                                ICMPv6PacketTooBig, PadN, RouterAlert)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from scene import (APP1, APP2, BROADCAST, DB1, DB2, ISL1, ISL2, ROUTER_APP, ROUTER_DB, ROUTER_ISLAND, STRANGER, WEB1, WEB2, case)
from sessions import ip, payload


def between(source, target, family=4, **fields):
    """Ethernet and IP from one node straight to another."""
    return Ether(src=source.mac, dst=target.mac) / ip(family, source.ip(family), target.ip(family), **fields)


@case('ip6-extensions', 'hop-by-hop, destination and routing headers, alone and in a chain, before TCP and UDP')
def extensions(case):
    hop = IPv6ExtHdrHopByHop(options=[RouterAlert(value=0), PadN(optdata=b'')])
    far = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(12))])
    done = IPv6ExtHdrRouting(type=0, segleft=0, addresses=['fd00:1::77'])
    for position, chain in enumerate(([hop], [far], [done], [hop, far, done, far], [hop, done])):
        def through(l3, l4):
            for header in chain:
                l3 = l3 / header.copy()
            return l3 / l4
        to_vip = Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(6, WEB1.ip6, 'fd00:1::100')
        case.add(through(to_vip, TCP(sport=41000 + position, dport=80, flags='S', seq=1)))
        case.add(through(between(APP1, WEB1, 6), TCP(sport=8080, dport=41000 + position, flags='SA', seq=5, ack=2)))
        case.add(through(to_vip, UDP(sport=42000 + position, dport=53) / Raw(payload(7))))
        case.add(through(between(APP2, WEB1, 6), UDP(sport=5353, dport=42000 + position) / Raw(payload(8))))


@case('vlan', '802.1Q and QinQ frames: the tag is kept, what is inside is treated as without it')
def vlan(case):
    for tags in ([Dot1Q(vlan=7, prio=3)], [Dot1AD(vlan=100), Dot1Q(vlan=7)]):
        def tagged(ether, rest):
            for tag in tags:
                ether = ether / tag.copy()
            return ether / rest
        port = 43000 + len(tags)
        out, back = Ether(src=WEB1.mac, dst=ROUTER_APP.mac), Ether(src=APP1.mac, dst=WEB1.mac)
        case.add(tagged(out, ip(4, WEB1.ip4, '10.1.0.100') / TCP(sport=port, dport=80, flags='S', seq=1)))
        case.add(tagged(back, ip(4, APP1.ip4, WEB1.ip4) / TCP(sport=8080, dport=port, flags='SA', seq=5, ack=2)))
        case.add(tagged(out, ip(6, WEB1.ip6, 'fd00:1::100') / TCP(sport=port, dport=80, flags='S', seq=1)))
        case.add(tagged(back, ip(6, APP1.ip6, WEB1.ip6) / TCP(sport=8080, dport=port, flags='SA', seq=5, ack=2)))
        case.add(tagged(Ether(src=WEB1.mac, dst=APP2.mac), ip(4, WEB1.ip4, APP2.ip4) / UDP(sport=1, dport=2) / Raw(b'tagged')))


@case('vlan-routed', 'tagged flows to members behind the router: untagged there, under the tags of the flow again on the way back')
def vlan_routed(case):
    for count, tags in enumerate(([Dot1Q(vlan=7, prio=3)], [Dot1AD(vlan=100), Dot1Q(vlan=7)]), 1):
        def tagged(rest):
            ether = Ether(src=WEB1.mac, dst=ROUTER_APP.mac)
            for tag in tags:
                ether = ether / tag.copy()
            return ether / rest
        port = 43100 + count
        back = Ether(src=DB1.mac, dst=ROUTER_DB.mac)
        for family, vip in ((4, '10.1.0.130'), (6, 'fd00:1::130')):
            there, home = ip(family, WEB1.ip(family), vip), ip(family, DB1.ip(family), WEB1.ip(family))
            case.add(tagged(there / TCP(sport=port, dport=80, flags='S', seq=1)))
            case.add(back / home / TCP(sport=8080, dport=port, flags='SA', seq=5, ack=2))
            case.add(tagged(there / TCP(sport=port, dport=80, flags='PA', seq=2, ack=6) / Raw(payload(33))))
            case.add(back / home / TCP(sport=8080, dport=port, flags='PA', seq=6, ack=35) / Raw(payload(44)))
            # To the member itself: nobody would know the answer's tag.
            case.add(tagged(ip(family, WEB1.ip(family), DB1.ip(family)) / UDP(sport=1, dport=2)))
            # Refused on the way: the flow is none, and the same ports begin anew.
            case.add(tagged(ip(family, WEB1.ip(family), vip, **{'ttl' if family == 4 else 'hlim': 1}) / TCP(sport=port + 10, dport=80, flags='S', seq=1)))
            case.add(tagged(there / TCP(sport=port + 10, dport=80, flags='A', seq=1)))
        quoted = IP(src=WEB1.ip4, dst=DB1.ip4, id=0, flags='DF', ttl=63) / TCP(sport=port, dport=8080, flags='A', seq=35)
        case.add(back / ip(4, DB1.ip4, WEB1.ip4) / ICMP(type=3, code=3) / quoted)


@case('no-vip', 'traffic to no VIP crosses unchanged, whatever it is')
def no_vip(case):
    for family in (4, 6):
        case.add(between(WEB1, APP1, family) / TCP(sport=44000, dport=80, flags='S', seq=1))
        case.add(between(APP1, WEB1, family) / TCP(sport=80, dport=44000, flags='SA', seq=1, ack=2))
        case.add(between(WEB1, APP2, family) / UDP(sport=44001, dport=53) / Raw(payload(9)))
        case.add(between(APP2, WEB2, family) / UDP(sport=44001, dport=53) / Raw(payload(1400)))
    case.add(between(WEB1, APP1) / ICMP(type=8, id=1, seq=1) / Raw(payload(56)))
    case.add(between(APP1, WEB1) / ICMP(type=0, id=1, seq=1) / Raw(payload(56)))
    case.add(between(WEB1, APP1, 6) / ICMPv6EchoRequest(id=1, seq=1, data=payload(56)))
    case.add(between(APP1, WEB1, 6) / ICMPv6EchoReply(id=1, seq=1, data=payload(56)))
    case.add(between(WEB1, APP1) / GRE() / IP(src='172.16.0.1', dst='172.16.0.2', id=1) / UDP(sport=1, dport=2))
    case.add(between(WEB1, APP1, proto=132) / Raw(bytes.fromhex('1f90005000000000f6a9a3c1') + payload(20)))  # SCTP
    case.add(between(WEB1, APP1, proto=253) / Raw(payload(3)))
    case.add(between(WEB1, APP1, ttl=1) / UDP(sport=1, dport=2) / Raw(b'switched, so TTL 1 is enough'))
    case.add(between(WEB1, APP1) / UDP(sport=1, dport=2, chksum=0x1234) / Raw(b'corrupt stays corrupt'))
    case.add(Ether(src=WEB1.mac, dst=APP1.mac, type=0x88b5) / Raw(payload(46)))  # local experimental
    case.add(Ether(src=WEB1.mac, dst=APP1.mac, type=46) / Raw(payload(46)))  # an 802.3 length field


@case('corrupt', 'a checksum that is wrong on arrival stays exactly as wrong: translation must not repair it')
def corrupt(case):
    to_vip = Ether(src=WEB1.mac, dst=ROUTER_APP.mac)
    case.add(to_vip / ip(4, WEB1.ip4, '10.1.0.100') / TCP(sport=44010, dport=80, flags='S', seq=1, chksum=0x1111))
    case.add(to_vip / ip(6, WEB1.ip6, 'fd00:1::100') / TCP(sport=44010, dport=80, flags='S', seq=1, chksum=0x2222))
    case.add(to_vip / ip(4, WEB1.ip4, '10.1.0.100') / UDP(sport=44011, dport=53, chksum=0x3333) / Raw(b'?'))
    case.add(between(APP1, WEB1) / TCP(sport=8080, dport=44010, flags='SA', seq=1, ack=2, chksum=0x4444))


@case('switching', 'known and unknown unicast, broadcast, multicast, isolation between networks')
def switching(case):
    frame = ip(4, WEB1.ip4, APP1.ip4) / UDP(sport=1, dport=2) / Raw(b'x')
    case.add(Ether(src=WEB1.mac, dst=STRANGER.mac) / frame)  # unknown: everywhere in the network
    case.add(Ether(src=STRANGER.mac, dst=WEB1.mac) / frame)  # now known to be outside
    case.add(Ether(src=WEB1.mac, dst=STRANGER.mac) / frame)  # outside alone
    case.add(Ether(src=WEB1.mac, dst=BROADCAST) / ip(4, WEB1.ip4, '10.1.0.255') / UDP(sport=138, dport=138) / Raw(b'all'))
    case.add(Ether(src=DB1.mac, dst=BROADCAST) / ip(4, DB1.ip4, '255.255.255.255') / UDP(sport=68, dport=67) / Raw(b'dhcp'))
    case.add(Ether(src=WEB1.mac, dst='01:00:5e:00:00:fb') / ip(4, WEB1.ip4, '224.0.0.251', ttl=255) / UDP(sport=5353, dport=5353))
    case.add(Ether(src=WEB1.mac, dst='33:33:00:00:00:fb') / ip(6, WEB1.ip6, 'ff02::fb', hlim=255) / UDP(sport=5353, dport=5353))
    case.add(Ether(src=ISL1.mac, dst=BROADCAST) / ARP(op=1, hwsrc=ISL1.mac, psrc=ISL1.ip4, pdst=ISL2.ip4))
    case.add(Ether(src=ISL1.mac, dst=ISL2.mac) / ip(4, ISL1.ip4, ISL2.ip4) / UDP(sport=1, dport=2))
    case.add(Ether(src=ISL1.mac, dst=WEB1.mac) / ip(4, ISL1.ip4, '10.1.0.21') / UDP(sport=1, dport=2))  # unknown on the island
    case.add(Ether(src=WEB1.mac, dst=WEB1.mac) / frame)  # to itself: nowhere to go


@case('flooded-reply', 'a member\'s reply that is flooded is turned back at the client\'s port, and at no other')
def flooded_reply(case):
    case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(4, WEB1.ip4, '10.1.0.100') / UDP(sport=47000, dport=53) / Raw(b'?'))
    case.add(Ether(src=APP2.mac, dst=STRANGER.mac) / ip(4, APP2.ip4, WEB1.ip4) / UDP(sport=5353, dport=47000) / Raw(b'!'))


@case('tenants', 'two networks with the same subnet, the same addresses and the same VIP never meet')
def tenants(case):
    for client, router, member, mport in ((WEB1, ROUTER_APP, APP1, 8080), (ISL1, ROUTER_ISLAND, ISL2, 9090)):
        case.add(Ether(src=client.mac, dst=BROADCAST) / ARP(op=1, hwsrc=client.mac, psrc=client.ip4, pdst='10.1.0.100'))
        case.add(Ether(src=client.mac, dst=router.mac) / ip(4, client.ip4, '10.1.0.100') / TCP(sport=45000, dport=80, flags='S', seq=1))
        case.add(between(member, client) / TCP(sport=mport, dport=45000, flags='SA', seq=1, ack=2))
    case.add(Ether(src=ISL1.mac, dst=ROUTER_APP.mac) / ip(4, ISL1.ip4, '10.1.0.100') / TCP(sport=45001, dport=80, flags='S', seq=1))
    case.add(Ether(src=ISL1.mac, dst=BROADCAST) / ARP(op=1, hwsrc=ISL1.mac, psrc=ISL1.ip4, pdst='10.1.0.1'))  # no gateway here
    case.add(Ether(src=ISL1.mac, dst=ROUTER_ISLAND.mac) / ip(4, ISL1.ip4, DB1.ip4) / UDP(sport=1, dport=2))  # nor a router


@case('routing', 'between networks: TTL, MACs, static routes, TTL 1, no route')
def routing(case):
    for family in (4, 6):
        out = Ether(src=WEB1.mac, dst=ROUTER_APP.mac)
        case.add(out / ip(family, WEB1.ip(family), DB1.ip(family)) / UDP(sport=1000, dport=2000) / Raw(payload(11)))
        case.add(Ether(src=DB1.mac, dst=ROUTER_DB.mac) / ip(family, DB1.ip(family), WEB1.ip(family)) / UDP(sport=2000, dport=1000))
        case.add(out / ip(family, WEB1.ip(family), DB2.ip(family)) / TCP(sport=1000, dport=22, flags='S', seq=1))
        hops = (lambda n: {'ttl': n}) if family == 4 else (lambda n: {'hlim': n})
        case.add(out / ip(family, WEB1.ip(family), DB1.ip(family), **hops(2)) / UDP(sport=1000, dport=2000))
        case.add(out / ip(family, WEB1.ip(family), '10.77.0.9' if family == 4 else 'fd00:77::9') / UDP(sport=3, dport=4) / Raw(b'static'))
        case.add(Ether(src=DB1.mac, dst=ROUTER_DB.mac) / ip(family, DB1.ip(family), '10.77.0.9' if family == 4 else 'fd00:77::9') /
                 UDP(sport=3, dport=4) / Raw(b'static, from the other network'))
        case.add(out / ip(family, WEB1.ip(family), APP1.ip(family)) / UDP(sport=5, dport=6) / Raw(b'routed within one network'))
    case.add(Ether(src=DB1.mac, dst=ROUTER_DB.mac) / ip(4, DB1.ip4, '10.78.0.1') / UDP(sport=3, dport=4) / Raw(b'next hop elsewhere'))
    case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(4, WEB1.ip4, DB1.ip4, proto=253) / Raw(b'any protocol'))


@case('routing-errors', 'time exceeded and unreachable, with the sender\'s packet quoted')
def routing_errors(case):
    for family in (4, 6):
        out = Ether(src=WEB1.mac, dst=ROUTER_APP.mac)
        hops = (lambda n: {'ttl': n}) if family == 4 else (lambda n: {'hlim': n})
        udp = UDP(sport=1000, dport=33434) / Raw(payload(24))
        case.add(out / ip(family, WEB1.ip(family), DB1.ip(family), **hops(1)) / udp)
        case.add(out / ip(family, WEB1.ip(family), DB1.ip(family), **hops(0)) / udp)
        case.add(out / ip(family, WEB1.ip(family), '203.0.113.9' if family == 4 else '2001:db8::9') / udp)
        case.add(out / ip(family, WEB1.ip(family), '203.0.113.9' if family == 4 else '2001:db8::9') / UDP(sport=1, dport=2) / Raw(payload(1400)))


@case('mtu', 'packets that do not fit into the next network: the sender is told how long they may be')
def mtu(case):
    out = Ether(src=WEB1.mac, dst=ROUTER_APP.mac)
    for size in (1500, 1501):
        case.add(out / ip(4, WEB1.ip4, DB1.ip4) / UDP(sport=1, dport=2) / Raw(payload(size - 28)))
        case.add(out / ip(6, WEB1.ip6, DB1.ip6) / UDP(sport=1, dport=2) / Raw(payload(size - 48)))
        # Through the VIP whose member is behind the router: the client's own packet is quoted.
        case.add(out / ip(4, WEB1.ip4, '10.1.0.130') / UDP(sport=1, dport=53) / Raw(payload(size - 28)))
        case.add(out / ip(6, WEB1.ip6, 'fd00:1::130') / UDP(sport=1, dport=53) / Raw(payload(size - 48)))


@case('icmp-errors', 'errors about balanced packets, from the member, from a router on the way, and from the client')
def icmp_errors(case):
    request = ip(4, WEB1.ip4, '10.1.0.100') / UDP(sport=46000, dport=53) / Raw(payload(32))
    case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / request)
    seen = ip(4, WEB1.ip4, APP2.ip4) / UDP(sport=46000, dport=5353) / Raw(payload(32))  # as the member has it
    for quoted in (bytes(seen), bytes(seen)[:28], bytes(seen)[:45]):  # whole, the least that there must be, odd
        case.add(between(APP2, WEB1) / ICMP(type=3, code=3) / Raw(quoted))
    case.add(Ether(src=STRANGER.mac, dst=WEB1.mac) / ip(4, '10.1.0.99', WEB1.ip4) / ICMP(type=3, code=4, nexthopmtu=1400) / Raw(bytes(seen)[:28]))
    case.add(between(APP2, WEB1) / ICMP(type=3, code=3, chksum=0x1234) / Raw(bytes(seen)))  # itself corrupt
    foreign = ip(4, WEB1.ip4, APP2.ip4) / UDP(sport=46001, dport=5353) / Raw(payload(32))  # about no flow of ours
    case.add(between(APP2, WEB1) / ICMP(type=3, code=3) / Raw(bytes(foreign)))
    answer = ip(4, '10.1.0.100', WEB1.ip4) / UDP(sport=53, dport=46000) / Raw(payload(8))  # as the client has it
    case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(4, WEB1.ip4, '10.1.0.100') / ICMP(type=3, code=3) / Raw(bytes(answer)))
    request = ip(6, WEB1.ip6, 'fd00:1::100') / UDP(sport=46000, dport=53) / Raw(payload(32))
    case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / request)
    seen = ip(6, WEB1.ip6, APP2.ip6) / UDP(sport=46000, dport=5353) / Raw(payload(32))
    for quoted in (bytes(seen), bytes(seen)[:48]):
        case.add(between(APP2, WEB1, 6) / ICMPv6DestUnreach(code=4) / Raw(quoted))
    case.add(Ether(src=STRANGER.mac, dst=WEB1.mac) / ip(6, 'fd00:1::99', WEB1.ip6) / ICMPv6PacketTooBig(mtu=1400) / Raw(bytes(seen)))
    syn = ip(4, WEB1.ip4, '10.1.0.130', ttl=1) / TCP(sport=46002, dport=80, flags='S', seq=1)
    case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / syn)  # time exceeded on the way to a member behind the router


@case('echo', 'echo requests to gateways and VIPs are answered')
def echo(case):
    for gateway, vip, family in (('10.1.0.1', '10.1.0.100', 4), ('fd00:1::1', 'fd00:1::100', 6)):
        for target in (gateway, vip):
            for count in (56, 55, 0):
                l4 = ICMP(type=8, id=0x77, seq=count) / Raw(payload(count)) if family == 4 else \
                    ICMPv6EchoRequest(id=0x77, seq=count, data=payload(count))
                case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(family, WEB1.ip(family), target) / l4)
    case.add(Ether(src=DB1.mac, dst=ROUTER_DB.mac) / ip(4, DB1.ip4, '10.2.0.1') / ICMP(type=8, id=1, seq=1) / Raw(b'db'))
    case.add(Ether(src=DB1.mac, dst=ROUTER_DB.mac) / ip(4, DB1.ip4, '10.1.0.1') / ICMP(type=8, id=1, seq=1) / Raw(b'the other gateway'))
