"""Frames as a TAP hands them over: a virtio_net_hdr in front, checksums half done, segments not yet cut."""
import struct

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from scene import APP1, APP2, DB1, ROUTER_APP, ROUTER_DB, WEB1, capfile, case
from sessions import ip, payload

NEEDS_CSUM, DATA_VALID = 1, 2
TCPV4, UDP_OLD, TCPV6, UDP_L4, ECN = 1, 3, 4, 5, 0x80


def vnet(flags=0, gso=0, header=0, size=0, start=0, offset=0):
    return struct.pack('<BBHHHHH', flags, gso, header, size, start, offset, 0)


def partial(frame, at, field):
    """The frame with the folded pseudo-header sum, not complemented, in the checksum field: what NEEDS_CSUM means."""
    l3 = frame.getlayer(IP) or frame.getlayer(IPv6)
    raw = bytearray(bytes(frame))
    length = len(raw) - at
    protocol = 6 if frame.haslayer(TCP) else 17
    if l3.version == 4:
        pseudo = bytes(l3)[12:20] + struct.pack('!HH', protocol, length)
    else:
        pseudo = bytes(l3)[8:40] + struct.pack('!IHBB', length, 0, 0, protocol)
    total = sum(struct.unpack(f'!{len(pseudo) // 2}H', pseudo))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    raw[at + field:at + field + 2] = struct.pack('!H', total)
    return bytes(raw)


def add_tcp(case, l2, l3, l4, data, size, gso, extra=0):
    frame = l2 / l3 / l4 / Raw(data)
    raw = bytes(frame)
    at = len(raw) - len(data) - len(bytes(l4))
    header = vnet(NEEDS_CSUM, (gso | extra) if size else 0, at + len(bytes(l4)) if size else 0, size, at, 16)
    case.add(partial(frame, at, 16), header)


def add_udp(case, l2, l3, l4, data, size):
    frame = l2 / l3 / l4 / Raw(data)
    at = len(bytes(frame)) - len(data) - 8
    header = vnet(NEEDS_CSUM, UDP_L4 if size else 0, at + 8 if size else 0, size, at, 6)
    case.add(partial(frame, at, 6), header)


def ends(family):
    """The Ethernet and IP headers of a request to the web VIP and of its member's reply."""
    vip = '10.1.0.100' if family == 4 else 'fd00:1::100'
    return ((Ether(src=WEB1.mac, dst=ROUTER_APP.mac), ip(family, WEB1.ip(family), vip)),
            (Ether(src=APP1.mac, dst=WEB1.mac), ip(family, APP1.ip(family), WEB1.ip(family))),
            (Ether(src=APP2.mac, dst=WEB1.mac), ip(family, APP2.ip(family), WEB1.ip(family))))


STAMPS = [('NOP', None), ('NOP', None), ('Timestamp', (7, 8))]


@case('partial-checksum', 'NEEDS_CSUM without segmentation: the sum is finished where the frame leaves', linktype=capfile.LINKTYPE_VNET)
def partial_checksum(case):
    for family in (4, 6):
        (l2, l3), (back2, back3), (udp2, udp3) = ends(family)
        add_tcp(case, l2, l3, TCP(sport=33000, dport=80, flags='S', seq=1, options=[('MSS', 1460)]), b'', 0, 0)
        add_tcp(case, back2, back3, TCP(sport=8080, dport=33000, flags='SA', seq=9, ack=2), b'', 0, 0)
        add_tcp(case, l2, l3, TCP(sport=33000, dport=80, flags='PA', seq=2, ack=10), payload(101), 0, 0)
        add_udp(case, l2, l3, UDP(sport=33001, dport=53), payload(30), 0)
        add_udp(case, udp2, udp3, UDP(sport=5353, dport=33001), payload(31), 0)
        add_udp(case, l2, l3, UDP(sport=33002, dport=53), b'', 0)
        direct = Ether(src=WEB1.mac, dst=APP1.mac)
        add_udp(case, direct, ip(family, WEB1.ip(family), APP1.ip(family)), UDP(sport=1, dport=2), payload(9), 0)  # to no VIP
        add_tcp(case, l2 / Dot1Q(vlan=7), l3, TCP(sport=33003, dport=80, flags='S', seq=1), b'', 0, 0)
        routed = ip(family, WEB1.ip(family), DB1.ip(family))
        add_udp(case, l2, routed, UDP(sport=1, dport=2), payload(10), 0)
        # Whole and said to be verified already.
        case.add(l2 / l3 / TCP(sport=33004, dport=80, flags='S', seq=1), vnet(DATA_VALID))


@case('gso-tcp', 'TCP super-segments: cut, numbered and summed where they leave', linktype=capfile.LINKTYPE_VNET)
def gso_tcp(case):
    for family, gso in ((4, TCPV4), (6, TCPV6)):
        (l2, l3), (back2, back3), _ = ends(family)
        mss = 1448 if family == 4 else 1428
        add_tcp(case, l2, l3, TCP(sport=34000, dport=80, flags='S', seq=1), b'', 0, 0)
        add_tcp(case, l2, l3, TCP(sport=34000, dport=80, flags='PA', seq=0xfffff000, ack=5, options=STAMPS), payload(3 * mss + 17), mss, gso)
        add_tcp(case, back2, back3, TCP(sport=8080, dport=34000, flags='A', seq=5, ack=6, options=STAMPS), payload(2 * mss), mss, gso)
        add_tcp(case, l2, l3, TCP(sport=34000, dport=80, flags='FPA', seq=1, ack=5, options=STAMPS), payload(2 * mss + 1), mss, gso)
        add_tcp(case, l2, l3, TCP(sport=34000, dport=80, flags='PAEC', seq=1, ack=5), payload(250), 100, gso, ECN)  # CWR once
        add_tcp(case, l2, l3, TCP(sport=34000, dport=80, flags='PA', seq=1, ack=5), payload(99), 100, gso)  # a single segment
        add_tcp(case, l2 / Dot1Q(vlan=9), l3, TCP(sport=34001, dport=80, flags='S', seq=0), b'', 0, 0)
        add_tcp(case, l2 / Dot1Q(vlan=9), l3, TCP(sport=34001, dport=80, flags='PA', seq=1, ack=5), payload(250), 100, gso)
        direct = Ether(src=WEB1.mac, dst=APP1.mac)
        add_tcp(case, direct, ip(family, WEB1.ip(family), APP1.ip(family)), TCP(sport=1, dport=2, flags='A', seq=1), payload(201), 100, gso)
        add_tcp(case, l2, ip(family, WEB1.ip(family), DB1.ip(family)), TCP(sport=1, dport=2, flags='A', seq=1), payload(300), 100, gso)
    (l2, _), _, _ = ends(4)
    for port in (34002, 34003):
        add_tcp(case, l2, ip(4, WEB1.ip4, '10.1.0.100'), TCP(sport=port, dport=80, flags='S', seq=0), b'', 0, 0)
    free = ip(4, WEB1.ip4, '10.1.0.100', id=0xffff, flags='')  # the identification wraps
    add_tcp(case, l2, free, TCP(sport=34002, dport=80, flags='PA', seq=1, ack=5), payload(250), 100, TCPV4)
    # As long as a frame can be: 65535 bytes of IP.
    l3 = ip(4, WEB1.ip4, '10.1.0.100')
    add_tcp(case, l2, l3, TCP(sport=34003, dport=80, flags='PA', seq=1, ack=5), payload(65535 - 40), 1460, TCPV4)


@case('gso-udp', 'UDP segmentation (USO): every datagram its own length and checksum', linktype=capfile.LINKTYPE_VNET)
def gso_udp(case):
    for family in (4, 6):
        (l2, l3), _, (back2, back3) = ends(family)
        add_udp(case, l2, l3, UDP(sport=35000, dport=53), payload(3 * 400 + 7), 400)
        add_udp(case, back2, back3, UDP(sport=5353, dport=35000), payload(2 * 500), 500)
        add_udp(case, l2, l3, UDP(sport=35001, dport=53), payload(3), 1)


@case('gso-mtu', 'the logical router counts the segments, not the super-segment', linktype=capfile.LINKTYPE_VNET)
def gso_mtu(case):
    for family, gso in ((4, TCPV4), (6, TCPV6)):
        l2, l3 = Ether(src=WEB1.mac, dst=ROUTER_APP.mac), ip(family, WEB1.ip(family), DB1.ip(family))
        fits = 1460 if family == 4 else 1440
        add_tcp(case, l2, l3, TCP(sport=1, dport=2, flags='A', seq=1), payload(3 * fits), fits, gso)
        add_tcp(case, l2, l3, TCP(sport=1, dport=2, flags='A', seq=1), payload(3 * fits), fits + 1, gso)
    l3 = ip(4, WEB1.ip4, DB1.ip4)
    add_udp(case, Ether(src=WEB1.mac, dst=ROUTER_APP.mac), l3, UDP(sport=1, dport=2), payload(3000), 1472)


@case('gso-broken', 'virtio headers that contradict the frame: nothing leaves, nothing breaks', linktype=capfile.LINKTYPE_VNET)
def gso_broken(case):
    (l2, l3), _, _ = ends(4)
    tcp = l2 / l3 / TCP(sport=36000, dport=80, flags='A', seq=1) / Raw(payload(300))
    whole = partial(tcp, 34, 16)
    for header in (
        vnet(NEEDS_CSUM, 0, 0, 0, 5000, 16),  # starts past the end
        vnet(NEEDS_CSUM, 0, 0, 0, 352, 16),  # field past the end
        vnet(NEEDS_CSUM, 0, 0, 0, 34, 0xffff),
        vnet(NEEDS_CSUM, TCPV4, 54, 0, 34, 16),  # segments of no bytes
        vnet(0, TCPV4, 54, 100, 34, 16),  # segmentation without a partial checksum
        vnet(NEEDS_CSUM, TCPV6, 54, 100, 34, 16),  # the other family
        vnet(NEEDS_CSUM, UDP_L4, 54, 100, 34, 6),  # the other protocol
        vnet(NEEDS_CSUM, UDP_OLD, 54, 100, 34, 16),  # fragmentation offload: not offered
        vnet(0, ECN),  # a modifier of no type
        vnet(NEEDS_CSUM, 0, 0, 0, 17, 0),  # a sum that would be written over the IP header
        vnet(NEEDS_CSUM, 0, 0, 0, 34, 6),  # UDP's field in a TCP header
        vnet(NEEDS_CSUM, 0x42, 54, 100, 34, 16),  # no such type
    ):
        case.add(whole, header)
