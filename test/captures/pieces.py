"""Datagrams in fragments, in every order and disorder, and packets that have to be fragmented on their way."""
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption, fragment
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, PadN, fragment6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from offloads import TCPV4, add_tcp, add_udp
from scene import APP1, APP2, DB1, ISL1, ROUTER_APP, ROUTER_DB, ROUTER_ISLAND, STEP_NS, STRANGER, WEB1, WEB2, capfile, case
from sessions import ip, payload

TO_VIP = Ether(src=WEB1.mac, dst=ROUTER_APP.mac)


def pieces(family, source, target, l4, size=400, number=77, **fields):
    """The fragments of a packet, each with `size` bytes of payload."""
    if family == 4:
        whole = ip(4, source, target, id=number, flags='', **fields) / l4
        return fragment(IP(bytes(whole)), size)
    whole = ip(6, source, target, **fields) / IPv6ExtHdrFragment(id=number) / l4
    return fragment6(whole, size + 48)


def dns(sport=31600, length=1500):
    return UDP(sport=sport, dport=53) / Raw(payload(length))


def answer(dport=31600, length=1500):
    return UDP(sport=5353, dport=dport) / Raw(payload(length, 7))


def flows(family):
    """Fragments of a request to the VIP on the link and of its reply, and of a pair that is routed."""
    near, far = ('10.1.0.100', '10.1.0.130') if family == 4 else ('fd00:1::100', 'fd00:1::130')
    back, routed = Ether(src=APP2.mac, dst=WEB1.mac), Ether(src=DB1.mac, dst=ROUTER_DB.mac)
    client = WEB1.ip(family)
    return ([TO_VIP / one for one in pieces(family, client, near, dns())],
            [back / one for one in pieces(family, APP2.ip(family), client, answer())],
            [TO_VIP / one for one in pieces(family, client, far, dns(31601), number=78)],
            [routed / one for one in pieces(family, DB1.ip(family), client, answer(31601), number=78)])


@case('fragments-order', 'fragments in order, backwards, first one last, and of several datagrams at a time')
def order(case):
    for family in (4, 6):
        for arranged in (list, reversed, lambda one: one[1:] + one[:1]):
            for direction in flows(family):
                for frame in arranged(direction):
                    case.add(frame)
        for several in zip(*flows(family)):  # a reply may overtake its request here: then it is none
            for frame in several:
                case.add(frame)
    for family in (4, 6):
        tagged = [Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / Dot1Q(vlan=7) / one for one in pieces(family, WEB1.ip(family), flows(family)[0][0].payload.dst, dns(31602))]
        for frame in reversed(tagged):
            case.add(frame)


@case('fragments-headers', 'IPv4 options and IPv6 extension headers in every fragment; a datagram without checksum; an atomic fragment')
def headers(case):
    for frame in pieces(4, WEB1.ip4, '10.1.0.100', dns(), options=[IPOption(b'\x94\x04\x00\x00'), IPOption(b'\x07\x07\x04' + bytes(4)), IPOption(b'\x00')]):
        case.add(TO_VIP / frame)
    for frame in pieces(4, WEB1.ip4, '10.1.0.100', UDP(sport=31603, dport=53, chksum=0) / Raw(payload(900)), number=79):
        case.add(TO_VIP / frame)
    far = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])
    whole = ip(6, WEB1.ip6, 'fd00:1::100') / far / IPv6ExtHdrFragment(id=80) / dns()
    for frame in reversed(fragment6(whole, 600)):
        case.add(TO_VIP / frame)
    whole = ip(6, WEB1.ip6, 'fd00:1::100') / IPv6ExtHdrFragment(id=81) / far / dns()
    for frame in reversed(fragment6(whole, 600)):
        case.add(TO_VIP / frame)
    case.add(TO_VIP / ip(6, WEB1.ip6, 'fd00:1::100') / IPv6ExtHdrFragment(id=80) / dns(length=20))


@case('fragments-hostile', 'overlapping, repeated, malformed, too small, without a first one, to nobody')
def hostile(case):
    for family, vip in ((4, '10.1.0.100'), (6, 'fd00:1::100')):
        def add(number, *order, l4=None, size=400, target=vip):
            cut = pieces(family, WEB1.ip(family), target, l4 or dns(length=1100), size=size, number=number)
            for one in order:
                case.add(TO_VIP / (cut[one] if isinstance(one, int) else one(cut[1])))

        def moved(units):
            def move(piece):
                copy = piece.copy()
                if family == 4:
                    copy.frag, copy.chksum = copy.frag + units, None
                else:
                    copy[IPv6ExtHdrFragment].offset += units
                return copy
            return move

        def shortened(piece):
            copy = piece.copy()
            copy[Raw].load = copy[Raw].load[:-3]
            if family == 4:
                copy.len = copy.chksum = None
            else:
                copy.plen = None
            return copy

        add(1, 0, moved(-1), 1, 2)  # the second one reaches into the first
        add(2, 1, 2, moved(1), 0)  # overlapping before the first one has come
        add(3, 0, 0, 1, 1, 2)  # repeated
        add(4, 0, shortened, 2)  # a length that is no multiple of eight
        add(5, 2, moved(200), 0)  # behind the end
        add(6, 1, 2)  # no first one
        syn = TCP(sport=31700, dport=80, flags='S') / Raw(payload(60))
        add(7, 1, 0, 2, l4=syn, size=16)  # half a TCP header
        add(8, 1, 0, 2, target='10.1.0.170' if family == 4 else 'fd00:1::170')  # a group without members
        add(9, 0, 1, 2, l4=UDP(sport=1, dport=99) / Raw(payload(1000)))  # no rule
        add(10, 1, 0, l4=TCP(sport=31701, dport=80, flags='A') / Raw(payload(700)))  # no connection
    direct = Ether(src=WEB1.mac, dst=WEB2.mac)
    for piece in pieces(4, WEB1.ip4, WEB2.ip4, TCP(sport=1, dport=2) / Raw(payload(40)), size=8):
        case.add(direct / piece)  # to no VIP: whatever it is
    for piece in reversed(pieces(4, APP1.ip4, WEB2.ip4, UDP(sport=1, dport=2) / Raw(payload(900)))):
        case.add(Ether(src=APP1.mac, dst=WEB2.mac) / piece)  # from a member, but no reply
    late = pieces(4, WEB1.ip4, '10.1.0.100', dns(31604), number=90)
    case.add(TO_VIP / late[1])
    case.add(TO_VIP / late[0], after_ns=3000 * STEP_NS)  # too late: the second one has been dropped


@case('fragments-flooded', 'a reply in fragments that is flooded is turned back at the client\'s port alone')
def flooded(case):
    case.add(TO_VIP / ip(4, WEB1.ip4, '10.1.0.100') / dns(length=9))
    for piece in reversed(pieces(4, APP2.ip4, WEB1.ip4, answer())):
        case.add(Ether(src=APP2.mac, dst=STRANGER.mac) / piece)


@case('fragments-echo', 'an echo request in fragments is answered in the same fragments')
def echo(case):
    for vip, gateway, family in (('10.1.0.100', '10.1.0.1', 4), ('fd00:1::100', 'fd00:1::1', 6)):
        for target in (vip, gateway):
            l4 = ICMP(type=8, id=0x77, seq=1) / Raw(payload(2000)) if family == 4 else \
                ICMPv6EchoRequest(id=0x77, seq=1, data=payload(2000))
            cut = pieces(family, WEB1.ip(family), target, l4, size=800)
            for piece in cut + cut[1:] + cut[:1]:
                case.add(TO_VIP / piece)
        for piece in pieces(family, WEB1.ip(family), vip, ICMP(type=0) / Raw(payload(900)) if family == 4 else
                            ICMPv6EchoRequest(type=129, data=payload(900)), number=82):
            case.add(TO_VIP / piece)  # a reply that nobody asked for
        for piece in pieces(family, WEB1.ip(family), gateway, UDP(sport=1, dport=2) / Raw(payload(900)), number=83):
            case.add(TO_VIP / piece)  # not for the gateway


@case('too-long', 'packets over the MTU: fragmented where they may be, else answered; routed, balanced, with options, fragments themselves',
      linktype=capfile.LINKTYPE_VNET)
def too_long(case):
    udp = UDP(sport=1, dport=2)
    for size in (1473, 1480, 1481, 4000, 9000):
        case.add(TO_VIP / ip(4, WEB1.ip4, DB1.ip4, flags='', id=size) / udp / Raw(payload(size)))
    options = [IPOption(b'\x94\x04\x00\x00'), IPOption(b'\x07\x07\x04' + bytes(4)), IPOption(b'\x01'), IPOption(b'\x83\x03\x04'), IPOption(b'\x00')]
    case.add(TO_VIP / ip(4, WEB1.ip4, DB1.ip4, flags='', options=options) / udp / Raw(payload(3000)))
    for piece in pieces(4, WEB1.ip4, DB1.ip4, udp / Raw(payload(9000)), size=4000, number=84):
        case.add(TO_VIP / piece)
    for vip in ('10.1.0.100', '10.1.0.130'):  # on the link, and behind the router
        for flags in ('', 'DF'):
            case.add(TO_VIP / ip(4, WEB1.ip4, vip, flags=flags) / UDP(sport=31800, dport=53) / Raw(payload(3000)))
            add_udp(case, TO_VIP, ip(4, WEB1.ip4, vip, flags=flags), UDP(sport=31801, dport=53), payload(3001), 0)  # its sum is ours to finish
            add_udp(case, TO_VIP, ip(4, WEB1.ip4, vip, flags=flags), UDP(sport=31802, dport=53), payload(7000), 2000)
            add_tcp(case, TO_VIP, ip(4, WEB1.ip4, vip, flags=flags), TCP(sport=31803, dport=80, flags='S', seq=1), b'', 0, 0)
            add_tcp(case, TO_VIP, ip(4, WEB1.ip4, vip, flags=flags), TCP(sport=31803, dport=80, flags='PA', seq=1, ack=5), payload(5000), 2100, TCPV4)
    case.add(TO_VIP / Dot1Q(vlan=7) / ip(4, WEB1.ip4, '10.1.0.100', flags='') / UDP(sport=31804, dport=53) / Raw(payload(3000)))
    for vip in ('fd00:1::100', 'fd00:1::130'):
        case.add(TO_VIP / ip(6, WEB1.ip6, vip) / UDP(sport=31800, dport=53) / Raw(payload(3000)))
    island = Ether(src=ISL1.mac, dst=ROUTER_ISLAND.mac)  # no router there to complain
    syn = TCP(sport=31805, dport=80, flags='S', seq=1)
    case.add(island / ip(4, ISL1.ip4, '10.1.0.100') / syn)
    case.add(island / ip(4, ISL1.ip4, '10.1.0.100') / TCP(sport=31805, dport=80, flags='PA', seq=2, ack=1) / Raw(payload(2000)))
    case.add(Ether(src=WEB1.mac, dst=APP1.mac) / ip(4, WEB1.ip4, APP1.ip4) / udp / Raw(payload(3000)))  # bridged: none of the router's business
