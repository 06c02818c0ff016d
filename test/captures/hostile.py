"""Frames that lie about their length or end too early."""
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import (ICMPv6EchoRequest, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, PadN,
                                fragment6)
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import checksum

from scene import APP1, ROUTER_APP, WEB1, case
from sessions import ip, payload

TO_VIP = Ether(src=WEB1.mac, dst=ROUTER_APP.mac)


def edited(frame, at, *values):
    """The frame with bytes from offset `at` replaced."""
    raw = bytearray(bytes(frame))
    raw[at:at + len(values)] = bytes(values)
    return bytes(raw)


@case('truncated', 'valid frames to a VIP cut at every byte', port='web1')
def truncated(case):
    for frame in (
        TO_VIP / ip(4, WEB1.ip4, '10.1.0.100') / TCP(sport=30000, dport=80, flags='S', options=[('MSS', 1460)]),
        TO_VIP / Dot1Q(vlan=5) / ip(4, WEB1.ip4, '10.1.0.100') / UDP(sport=30000, dport=53) / Raw(payload(4)),
        TO_VIP / ip(6, WEB1.ip6, 'fd00:1::100') / IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))]) / TCP(sport=30000, dport=80, flags='S'),
        TO_VIP / ip(4, WEB1.ip4, '10.1.0.100') / ICMP(type=8, id=1, seq=1) / Raw(payload(4)),
        TO_VIP / ip(6, WEB1.ip6, 'fd00:1::100') / ICMPv6EchoRequest(id=1, seq=1, data=payload(4)),
    ):
        whole = bytes(frame)
        for length in range(len(whole)):
            case.add(whole[:length])


def shortened(frame, cut, l3):
    """The frame without its last `cut` bytes and with an IP length that says so: honest, and still too short inside."""
    raw = bytearray(bytes(frame)[:-cut])
    if raw[l3] >> 4 == 4:
        raw[l3 + 2:l3 + 4] = (len(raw) - l3).to_bytes(2, 'big')
        raw[l3 + 10:l3 + 12] = b'\0\0'
        raw[l3 + 10:l3 + 12] = checksum(bytes(raw[l3:l3 + 20])).to_bytes(2, 'big')
    else:
        raw[l3 + 4:l3 + 6] = (len(raw) - l3 - 40).to_bytes(2, 'big')
    return bytes(raw)


@case('truncated-inside', 'packets whose IP length is right but whose extension and transport headers are cut at every byte')
def truncated_inside(case):
    chain = IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))]) / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])
    for l3, header, frame in (
        (14, 20, TO_VIP / ip(4, WEB1.ip4, '10.1.0.100') / TCP(sport=30100, dport=80, flags='S', options=[('MSS', 1460)])),
        (18, 20, TO_VIP / Dot1Q(vlan=5) / ip(4, WEB1.ip4, '10.1.0.100') / UDP(sport=30100, dport=53)),
        (14, 40, TO_VIP / ip(6, WEB1.ip6, 'fd00:1::100') / chain / TCP(sport=30100, dport=80, flags='S')),
        (14, 20, TO_VIP / ip(4, WEB1.ip4, '10.1.0.100') / ICMP(type=8, id=1, seq=1)),
        (14, 40, TO_VIP / ip(6, WEB1.ip6, 'fd00:1::100') / ICMPv6EchoRequest(id=1, seq=1)),
    ):
        whole = bytes(frame)
        for cut in range(1, len(whole) - l3 - header + 1):
            case.add(shortened(whole, cut, l3))


@case('protocols', 'what is neither TCP nor UDP nor an echo request, to a VIP')
def protocols(case):
    to4, to6 = TO_VIP / ip(4, WEB1.ip4, '10.1.0.120', proto=132), TO_VIP / ip(6, WEB1.ip6, 'fd00:1::120', nh=59)
    case.add(to4 / Raw(bytes.fromhex('1f90005000000000f6a9a3c1') + payload(20)))  # SCTP
    case.add(TO_VIP / ip(4, WEB1.ip4, '10.1.0.120', proto=47) / Raw(payload(8)))  # GRE
    case.add(to6)  # no next header
    case.add(TO_VIP / ip(4, WEB1.ip4, '10.1.0.120') / ICMP(type=13, ts_ori=1, ts_rx=0, ts_tx=0))  # timestamp request
    case.add(TO_VIP / ip(4, WEB1.ip4, '10.1.0.120') / ICMP(type=0, id=1, seq=1))  # an echo reply


@case('fragments', 'fragments to a VIP go the way of their first one; others cross unchanged', port='web1')
def fragments(case):
    whole = ip(4, WEB1.ip4, '10.1.0.100', flags='') / UDP(sport=31500, dport=53) / Raw(payload(600))
    case.add(TO_VIP / (ip(4, WEB1.ip4, '10.1.0.100') / UDP(sport=31500, dport=53)))  # the flow exists
    for piece in fragment(IP(bytes(whole)), 400):
        case.add(TO_VIP / piece)
    whole6 = ip(6, WEB1.ip6, 'fd00:1::100') / IPv6ExtHdrFragment(id=7) / UDP(sport=31500, dport=53) / Raw(payload(1800))
    for piece in fragment6(whole6, 1400):
        case.add(TO_VIP / piece)
    direct = Ether(src=WEB1.mac, dst=APP1.mac)
    for piece in fragment(IP(bytes(ip(4, WEB1.ip4, APP1.ip4, flags='') / UDP(sport=1, dport=2) / Raw(payload(600)))), 400):
        case.add(direct / piece)  # to no VIP: unchanged


@case('bad-lengths', 'header length, total length, data offset and UDP length that contradict the frame')
def bad_lengths(case):
    tcp4 = TO_VIP / ip(4, WEB1.ip4, '10.1.0.100') / TCP(sport=31000, dport=80, flags='S') / Raw(payload(10))
    for first in (0x00, 0x35, 0x44, 0x4f, 0x55, 0x65):  # version and header length
        case.add(edited(tcp4, 14, first))
    for total in (0, 19, 20, 39, 41 + 10, 0xffff):  # too short for IP, for TCP, too long for the frame
        case.add(edited(tcp4, 16, total >> 8, total & 0xff))
    for offset in (0x00, 0x40, 0x80, 0xf0):  # TCP data offset below five words or past the packet
        case.add(edited(tcp4, 46, offset))
    udp4 = TO_VIP / ip(4, WEB1.ip4, '10.1.0.100') / UDP(sport=31000, dport=53) / Raw(payload(10))
    for length in (0, 7, 19, 0xffff):
        case.add(edited(udp4, 38, length >> 8, length & 0xff))
    tcp6 = TO_VIP / ip(6, WEB1.ip6, 'fd00:1::100') / TCP(sport=31000, dport=80, flags='S') / Raw(payload(10))
    for length in (0, 19, 31, 0xffff):
        case.add(edited(tcp6, 18, length >> 8, length & 0xff))
    case.add(edited(tcp6, 14, 0x45))
    udp6 = TO_VIP / ip(6, WEB1.ip6, 'fd00:1::100') / UDP(sport=31000, dport=53) / Raw(payload(10))
    for length in (0, 7, 19, 0xffff):
        case.add(edited(udp6, 58, length >> 8, length & 0xff))
    case.add(edited(udp6, 60, 0, 0))  # no checksum: not allowed over IPv6, RFC 8200 8.1
    hop = TO_VIP / ip(6, WEB1.ip6, 'fd00:1::100') / IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))]) / TCP(sport=31001, dport=80, flags='S')
    for plen in (0, 1):  # the chain ends where a hop-by-hop header should begin
        case.add(TO_VIP / ip(6, WEB1.ip6, 'fd00:1::100', nh=0, plen=plen) / Raw(bytes(plen)))
    case.add(edited(hop, 55, 200))  # an extension header longer than the packet
    case.add(edited(hop, 54, 0))  # hop-by-hop after hop-by-hop
    endless = TO_VIP / ip(6, WEB1.ip6, 'fd00:1::100', nh=60, plen=800) / Raw(bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 100)
    case.add(endless)  # a chain of a hundred extension headers that ends in nothing
    case.add(edited(tcp4, 24, 0x12, 0x34))  # wrong IPv4 header checksum


@case('bad-addresses', 'sources and destinations that no packet may have')
def bad_addresses(case):
    case.add(Ether(src='01:00:5e:00:00:01', dst=APP1.mac) / ip(4, WEB1.ip4, APP1.ip4) / UDP(sport=1, dport=2))
    case.add(Ether(src='00:00:00:00:00:00', dst=APP1.mac) / ip(4, WEB1.ip4, APP1.ip4) / UDP(sport=1, dport=2))
    for source in ('127.0.0.1', '224.0.0.1', '255.255.255.255', '0.0.0.0'):
        case.add(TO_VIP / ip(4, source, '10.1.0.100') / TCP(sport=32000, dport=80, flags='S'))
        case.add(TO_VIP / ip(4, source, '10.2.0.31') / UDP(sport=1, dport=2))
    for source in ('::', '::1', 'ff02::1'):
        case.add(TO_VIP / ip(6, source, 'fd00:1::100') / TCP(sport=32000, dport=80, flags='S'))
        case.add(TO_VIP / ip(6, source, 'fd00:2::1f') / UDP(sport=1, dport=2))
    case.add(TO_VIP / ip(4, '10.1.0.100', '10.1.0.100') / TCP(sport=80, dport=80, flags='S'))  # land
