"""Address resolution: what the router answers itself, and what it leaves to the nodes."""
from scapy.layers.inet6 import (ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6,
                                IPv6ExtHdrDestOpt, PadN, in6_getnsma)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.utils6 import in6_getnsmac
import socket

from scapy.layers.inet import UDP
from scapy.packet import Raw

from scene import APP1, BROADCAST, DB1, Node, ROUTER_APP, ROUTER_DB, STEP_NS, WEB1, case
from sessions import ip


def who_has(sender, target, to=BROADCAST, **arp):
    return Ether(src=sender.mac, dst=to) / ARP(**({'op': 1, 'hwsrc': sender.mac, 'psrc': sender.ip4, 'hwdst': '00:00:00:00:00:00', 'pdst': target} | arp))


def solicit(sender, target, source=None, option=True, to=None):
    group = in6_getnsma(socket.inet_pton(socket.AF_INET6, target))
    source = sender.ip6 if source is None else source
    l2 = Ether(src=sender.mac, dst=to or in6_getnsmac(group))
    l3 = IPv6(src=source, dst=target if to else socket.inet_ntop(socket.AF_INET6, group), hlim=255)
    message = l2 / l3 / ICMPv6ND_NS(tgt=target)
    return message / ICMPv6NDOptSrcLLAddr(lladdr=sender.mac) if option else message


@case('arp', 'requests for VIPs and gateways are answered by the router; all others reach the nodes')
def arp(case):
    for target in ('10.1.0.1', '10.1.0.100', '10.1.0.140', '10.1.0.110'):
        case.add(who_has(WEB1, target))
    case.add(who_has(WEB1, '10.1.0.1', to=ROUTER_APP.mac))  # unicast probe of a known neighbour
    case.add(who_has(WEB1, '10.1.0.100', psrc='0.0.0.0'))  # address probe, RFC 5227
    case.add(who_has(DB1, '10.2.0.1'))
    case.add(who_has(WEB1, '10.1.0.21'))  # a node's own
    case.add(Ether(src=APP1.mac, dst=WEB1.mac) / ARP(op=2, hwsrc=APP1.mac, psrc=APP1.ip4, hwdst=WEB1.mac, pdst=WEB1.ip4))
    case.add(who_has(WEB1, '10.1.0.11'))  # gratuitous
    case.add(who_has(WEB1, '10.1.0.99'))  # nobody here
    case.add(bytes(who_has(WEB1, '10.1.0.1')) + bytes(18))  # padded to 60 bytes


@case('arp-odd', 'ARP that is tagged, of another kind, or too short')
def arp_odd(case):
    case.add(Ether(src=WEB1.mac, dst=BROADCAST) / Dot1Q(vlan=7) / who_has(WEB1, '10.1.0.100')[ARP])
    case.add(who_has(WEB1, '10.1.0.1', hwtype=6))
    case.add(who_has(WEB1, '10.1.0.1', ptype=0x86dd))
    case.add(bytes(who_has(WEB1, '10.1.0.1'))[:41])
    case.add(bytes(who_has(WEB1, '10.1.0.1'))[:20])
    case.add(who_has(WEB1, '10.1.0.1', op=3))


@case('nd', 'neighbour solicitations for VIPs and gateways are answered; all others reach the nodes')
def nd(case):
    for target in ('fd00:1::1', 'fd00:1::100', 'fd00:1::140'):
        case.add(solicit(WEB1, target))
    case.add(solicit(WEB1, 'fd00:1::1', to=ROUTER_APP.mac))  # unreachability probe
    case.add(solicit(WEB1, 'fd00:1::1', to=ROUTER_APP.mac, option=False))
    case.add(solicit(WEB1, 'fd00:1::100', source='::', option=False))  # duplicate address detection
    case.add(solicit(DB1, 'fd00:2::1'))
    case.add(solicit(WEB1, 'fd00:1::15'))  # a node's own
    case.add(Ether(src=APP1.mac, dst=WEB1.mac) / IPv6(src=APP1.ip6, dst=WEB1.ip6, hlim=255) /
             ICMPv6ND_NA(tgt=APP1.ip6, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=APP1.mac))
    case.add(solicit(WEB1, 'fd00:1::99'))  # nobody here
    case.add(Ether(src=WEB1.mac, dst='33:33:00:00:00:02') / IPv6(src='fe80::1', dst='ff02::2', hlim=255) / ICMPv6ND_RS())


@case('nd-odd', 'solicitations that RFC 4861 7.1.1 says to discard')
def nd_odd(case):
    frame = solicit(WEB1, 'fd00:1::1')
    hops = frame.copy()
    hops[IPv6].hlim = 254  # has crossed a router
    case.add(hops)
    code = frame.copy()
    code[ICMPv6ND_NS].code = 1
    case.add(code)
    wrong = frame.copy()
    wrong[ICMPv6ND_NS].cksum = 0x1234
    case.add(wrong)
    case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / IPv6(src=WEB1.ip6, dst='fd00:1::1', hlim=255, plen=16) / bytes(frame[ICMPv6ND_NS])[:16])
    zero = frame.copy()
    zero[ICMPv6NDOptSrcLLAddr].len = 0  # an option of length zero
    case.add(zero)
    group = in6_getnsma(socket.inet_pton(socket.AF_INET6, 'fd00:1::1'))
    case.add(Ether(src=WEB1.mac, dst=in6_getnsmac(group)) / IPv6(src=WEB1.ip6, dst=socket.inet_ntop(socket.AF_INET6, group), hlim=255) /
             IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]) / ICMPv6ND_NS(tgt='fd00:1::1') /
             ICMPv6NDOptSrcLLAddr(lladdr=WEB1.mac))  # valid, behind an extension header
    multicast = frame.copy()
    multicast[ICMPv6ND_NS].tgt = 'ff02::1'
    case.add(multicast)


def to_stranger(case, address, number, family=4):
    """A packet from web1 that the router must deliver to a node of the other network that nobody knows."""
    case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(family, WEB1.ip(family), address) / UDP(sport=6000 + number, dport=9) / Raw(b'wait'))


LATE = Node('02:00:00:00:99:02', '10.2.0.99', 'fd00:2::99')


@case('resolution', 'packets wait for a neighbour that answers, and leave in order')
def resolution(case):
    for number in range(3):
        to_stranger(case, LATE.ip4, number)
    case.add(Ether(src=LATE.mac, dst=ROUTER_DB.mac) / ARP(op=2, hwsrc=LATE.mac, psrc=LATE.ip4, hwdst=ROUTER_DB.mac, pdst=ROUTER_DB.ip4))
    to_stranger(case, LATE.ip4, 3)
    for number in range(2):
        to_stranger(case, LATE.ip6, number, 6)
    case.add(Ether(src=LATE.mac, dst=ROUTER_DB.mac) / IPv6(src=LATE.ip6, dst=ROUTER_DB.ip6, hlim=255) /
             ICMPv6ND_NA(tgt=LATE.ip6, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=LATE.mac))
    to_stranger(case, LATE.ip6, 2, 6)


@case('no-resolution', 'a neighbour that never answers: three requests, then host unreachable; remembered for a while')
def no_resolution(case):
    for number in range(17):  # one more than wait
        to_stranger(case, '10.2.0.98', number)
    case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(4, WEB1.ip4, '10.2.0.98') / UDP(sport=6100, dport=9), after_ns=4_000 * STEP_NS)
    to_stranger(case, 'fd00:2::98', 0, 6)
    case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(6, WEB1.ip6, 'fd00:2::98') / UDP(sport=6100, dport=9), after_ns=4_000 * STEP_NS)
