"""Packets that the router originates itself, built with scapy.

Where the RFCs leave a field free, Sluice's choice is written here as a constant; everything else follows from
the packet that is answered.
"""
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import (ICMPv6EchoReply, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU,
                                ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, IPv6)
from scapy.layers.l2 import ARP
from scapy.packet import Raw

import packet as P

# RFC 1122 3.2.1.7 / RFC 8200: the value that hosts use for packets of their own.
HOP_LIMIT = 64
# RFC 1812 4.3.2.3: as much as fits into 576 bytes; RFC 4443 2.4 (c): into 1280.
ERROR_BYTES = {4: 576, 6: 1280}

TIME_EXCEEDED = {4: (11, 0), 6: (3, 0)}
NO_ROUTE = {4: (3, 0), 6: (1, 0)}
HOST_UNREACHABLE = {4: (3, 1), 6: (1, 3)}
PORT_UNREACHABLE = {4: (3, 3), 6: (1, 4)}
TOO_BIG = {4: (3, 4), 6: (2, 0)}


def ethernet(packet, router_mac):
    """Back to the sender, under the same tags."""
    return P.mac_bytes(packet.src_mac) + P.mac_bytes(router_mac) + packet.tags


def arp_reply(packet, router_mac):
    asked = ARP(bytes(packet.raw[packet.l3:packet.l3 + 28]))
    reply = ARP(op=2, hwsrc=router_mac, psrc=asked.pdst, hwdst=asked.hwsrc, pdst=asked.psrc)
    return ethernet(packet, router_mac) + bytes(reply) + bytes(packet.raw[packet.l3 + 28:])


def neighbour_advertisement(packet, target, router_mac, is_router):
    """RFC 4861 7.2.4: solicited unless the sender is probing for duplicates, overriding, with the link-layer address."""
    probing = packet.source.is_unspecified
    to = 'ff02::1' if probing else str(packet.source)
    to_mac = '33:33:00:00:00:01' if probing else packet.src_mac
    message = IPv6(src=str(target), dst=to, hlim=255) / \
        ICMPv6ND_NA(tgt=str(target), R=int(is_router), S=int(not probing), O=1) / ICMPv6NDOptDstLLAddr(lladdr=router_mac)
    return P.mac_bytes(to_mac) + P.mac_bytes(router_mac) + packet.tags + bytes(message)


def link_local(mac):
    """RFC 4291 appendix A: the modified EUI-64 of a MAC behind fe80::/64."""
    octets = P.mac_bytes(mac)
    return P.ipaddress.IPv6Address(bytes.fromhex('fe80000000000000') + bytes([octets[0] ^ 2]) + octets[1:3] + b'\xff\xfe' + octets[3:])


def router_advertisement(packet, network):
    """RFC 4861 6.2.3: half an hour, MAC, MTU, and the prefixes as on-link ones; hosts are configured (no A flag)."""
    message = IPv6(src=str(link_local(network.router_mac)), dst=str(packet.source), hlim=255) / \
        ICMPv6ND_RA(chlim=HOP_LIMIT, prf=0, routerlifetime=1800) / ICMPv6NDOptSrcLLAddr(lladdr=network.router_mac) / \
        ICMPv6NDOptMTU(mtu=network.mtu)
    for subnet in network.subnets:
        if subnet.version == 6:
            message /= ICMPv6NDOptPrefixInfo(prefixlen=subnet.prefixlen, L=1, A=0, validlifetime=2_592_000,
                                             preferredlifetime=604_800, prefix=str(subnet.network_address))
    return ethernet(packet, network.router_mac) + bytes(message)


def arp_request(address, sender, router_mac):
    request = ARP(op=1, hwsrc=router_mac, psrc=str(sender), hwdst='00:00:00:00:00:00', pdst=str(address))
    return b'\xff' * 6 + P.mac_bytes(router_mac) + b'\x08\x06' + bytes(request)


def neighbour_solicitation(address, sender, router_mac):
    group = bytes.fromhex('ff0200000000000000000001ff') + address.packed[13:]
    message = IPv6(src=str(sender), dst=P.ipaddress.IPv6Address(group).compressed, hlim=255) / \
        ICMPv6ND_NS(tgt=str(address)) / ICMPv6NDOptSrcLLAddr(lladdr=router_mac)
    return b'\x33\x33' + group[12:] + P.mac_bytes(router_mac) + b'\x86\xdd' + bytes(message)


def is_echo(packet):
    kind = {4: (P.ICMP, 8), 6: (P.ICMPV6, 128)}[packet.version]
    return packet.protocol == kind[0] and len(packet.transport) >= 8 and packet.transport[0] == kind[1]


def echo_reply(packet, router_mac):
    """The request's payload, identifier and sequence number, from the address that was asked."""
    body = packet.transport[4:]
    if packet.version == 4:
        reply = IP(src=str(packet.destination), dst=str(packet.source), ttl=HOP_LIMIT, id=packet.word(packet.l3 + 4),
                   flags=packet.raw[packet.l3 + 6] >> 5, tos=packet.raw[packet.l3 + 1]) / ICMP(type=0, id=0, seq=0)
        reply = bytearray(bytes(reply / Raw(body[4:])))
        reply[24:28] = body[:4]
        reply[22:24] = b'\0\0'
        reply[22:24] = P.checksum(bytes(reply[20:])).to_bytes(2, 'big')
        return ethernet(packet, router_mac) + bytes(reply) + bytes(packet.raw[packet.end:])
    reply = IPv6(src=str(packet.destination), dst=str(packet.source), hlim=HOP_LIMIT,
                 tc=(packet.raw[packet.l3] & 15) << 4 | packet.raw[packet.l3 + 1] >> 4,
                 fl=int.from_bytes(packet.raw[packet.l3 + 1:packet.l3 + 4], 'big') & 0xFFFFF) / \
        ICMPv6EchoReply(id=int.from_bytes(body[:2], 'big'), seq=int.from_bytes(body[2:4], 'big'), data=body[4:])
    return ethernet(packet, router_mac) + bytes(reply) + bytes(packet.raw[packet.end:])


def reset(packet, router_mac):
    """RFC 9293 3.10.7.1, CLOSED: RST that the sender must believe; None for a RST."""
    segment = TCP(packet.transport)
    if 'R' in segment.flags:
        return None
    length = len(packet.transport) - segment.dataofs * 4
    if 'A' in segment.flags:
        answer = TCP(sport=packet.dport, dport=packet.sport, flags='R', seq=segment.ack, ack=0, window=0)
    else:
        length += ('S' in segment.flags) + ('F' in segment.flags)
        answer = TCP(sport=packet.dport, dport=packet.sport, flags='RA', seq=0, ack=(segment.seq + length) & 0xFFFFFFFF, window=0)
    if packet.version == 4:
        l3 = IP(src=str(packet.destination), dst=str(packet.source), ttl=HOP_LIMIT, id=0, flags='DF')
    else:
        l3 = IPv6(src=str(packet.destination), dst=str(packet.source), hlim=HOP_LIMIT)
    return ethernet(packet, router_mac) + bytes(l3 / answer)


def icmp_error(packet, kind, source, router_mac, rest=0):
    """`kind`: one of the tables above; `rest`: the MTU of "too big". Quotes the packet."""
    number, code = kind[packet.version]
    quoted = bytes(packet.raw[packet.l3:packet.end])[:ERROR_BYTES[packet.version] - (28 if packet.version == 4 else 48)]
    body = bytes([number, code, 0, 0]) + rest.to_bytes(4, 'big') + quoted
    if packet.version == 4:
        l3 = IP(src=str(source), dst=str(packet.source), ttl=HOP_LIMIT, id=0, flags='DF', proto=1)
        value = P.checksum(body)
    else:
        l3 = IPv6(src=str(source), dst=str(packet.source), hlim=HOP_LIMIT, nh=58)
        value = P.in6_chksum(58, l3, body)
    return ethernet(packet, router_mac) + bytes(l3 / Raw(body[:2] + value.to_bytes(2, 'big') + body[4:]))
