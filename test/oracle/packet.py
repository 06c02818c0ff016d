"""A frame taken apart, and put together again with every checksum computed from scratch.

Offsets are found once, by walking the headers; changes are made in the raw bytes, so that what is not meant
to change cannot change. Checksums use scapy's sums over the whole packet: no deltas anywhere in this room.
"""
import ipaddress
import struct

from scapy.layers.inet6 import in6_chksum, IPv6
from scapy.layers.inet import IP, in4_chksum
from scapy.utils import checksum

ETH_VLAN = (0x8100, 0x88A8)
ETH_IPV4, ETH_IPV6, ETH_ARP = 0x0800, 0x86DD, 0x0806
TCP, UDP, ICMP, ICMPV6, SCTP = 6, 17, 1, 58, 132
# Where the checksum lies in the transport header.
CHECKSUM_AT = {TCP: 16, UDP: 6, ICMPV6: 2, ICMP: 2}
EXTENSIONS = {0: 'hop-by-hop', 43: 'routing', 60: 'destination'}
FRAGMENT = 44


class Malformed(Exception):
    """The frame must be dropped; the argument is the reason's name."""


def need(condition, reason):
    if not condition:
        raise Malformed(reason)


class HeaderGoesOn(Exception):
    """The header is not all there, but the rest is in the next fragment."""


class Packet:
    """`raw` and where things are in it. Without an IP layer `version` is 0; without ports `sport` is None."""

    def __init__(self, raw):
        self.raw = bytearray(raw)
        self.version, self.protocol, self.sport, self.dport = 0, None, None, None
        self.fragment = False
        # For fragments: (from, to, more follow) in bytes of the whole payload; what the first one told of its header.
        self.piece, self.identification, self.headless, self.first_type = None, None, False, None
        self.released, self.settled, self.balanced = None, None, False
        self.flow, self.routed = None, False
        self.mtu = None  # what it is to be cut to
        self.l4 = None
        try:
            self.parse()
        except HeaderGoesOn:
            self.headless = True

    def word(self, at):
        return struct.unpack_from('!H', self.raw, at)[0]

    def parse(self):
        raw = self.raw
        need(len(raw) >= 14, 'truncated-ethernet')
        self.ethertype, self.l3 = self.word(12), 14
        while self.ethertype in ETH_VLAN:
            need(len(raw) >= self.l3 + 4, 'truncated-vlan')
            self.ethertype, self.l3 = self.word(self.l3 + 2), self.l3 + 4
        if self.ethertype == ETH_IPV4:
            self.parse_ipv4()
        elif self.ethertype == ETH_IPV6:
            self.parse_ipv6()
        elif self.ethertype == ETH_ARP:
            need(len(raw) >= self.l3 + 28, 'truncated-arp')
            need(bytes(raw[self.l3:self.l3 + 6]) == b'\x00\x01\x08\x00\x06\x04', 'bad-arp')
            need(self.word(self.l3 + 6) in (1, 2), 'bad-arp')

    def parse_ipv4(self):
        raw, l3 = self.raw, self.l3
        need(len(raw) >= l3 + 20, 'truncated-ipv4')
        need(raw[l3] >> 4 == 4, 'bad-ip-version')
        header = (raw[l3] & 15) * 4
        need(header >= 20, 'bad-ip-header-length')
        total = self.word(l3 + 2)
        need(header <= total, 'bad-ip-total-length')
        need(total <= len(raw) - l3, 'truncated-ipv4')
        need(checksum(bytes(raw[l3:l3 + header])) == 0, 'bad-ip-checksum')
        self.version, self.end, self.l4 = 4, l3 + total, l3 + header
        self.ttl_at, self.addresses_at, self.address_bytes = l3 + 8, l3 + 12, 4
        fragment = self.word(l3 + 6)
        self.fragment = (fragment & 0x3FFF) != 0
        self.protocol = raw[l3 + 9]
        self.l4_or_data = self.l4
        if self.fragment:
            self.set_piece((fragment & 0x1FFF) * 8, self.l4, bool(fragment & 0x2000), self.word(l3 + 4))
            self.longest_payload = 65535 - header
        if fragment & 0x1FFF == 0:
            self.parse_transport()

    def set_piece(self, offset, data_at, more, identification):
        self.piece = offset, offset + self.end - data_at, more
        self.identification = identification
        self.headless = offset > 0

    def must_hold(self, condition, reason):
        """In a first fragment a header may be cut off; anywhere else that is malformed."""
        if not condition and self.fragment:
            raise HeaderGoesOn
        need(condition, reason)

    def take_over(self, first):
        """A later fragment is told what its first one knew."""
        self.protocol, self.sport, self.dport, self.first_type = first.protocol, first.sport, first.dport, first.first_type

    def parse_ipv6(self):
        raw, l3 = self.raw, self.l3
        need(len(raw) >= l3 + 40, 'truncated-ipv6')
        need(raw[l3] >> 4 == 6, 'bad-ip-version')
        need(self.word(l3 + 4) <= len(raw) - l3 - 40, 'truncated-ipv6')
        self.version, self.end = 6, l3 + 40 + self.word(l3 + 4)
        self.ttl_at, self.addresses_at, self.address_bytes = l3 + 7, l3 + 8, 16
        following, at = raw[l3 + 6], l3 + 40
        first = True
        count = 0
        while following in EXTENSIONS or following == FRAGMENT:
            count += 1
            need(count <= 8, 'bad-extension-header')
            need(following != 0 or first, 'bad-extension-header')  # RFC 8200 4.1: hop-by-hop comes first
            first = False
            self.must_hold(at + 8 <= self.end, 'bad-extension-header')
            if following == FRAGMENT:
                place = self.word(at + 2)
                self.fragment = (place & 0xFFF9) != 0
                later, length = (place & 0xFFF8) != 0, 8
                if self.fragment:
                    self.set_piece(place & 0xFFF8, at + 8, bool(place & 1), struct.unpack_from('!I', raw, at + 4)[0])
                    self.longest_payload = 65535 - (at - l3 - 40)
            else:
                later, length = False, raw[at + 1] * 8 + 8
            self.must_hold(at + length <= self.end, 'bad-extension-header')
            following, at = raw[at], at + length
            if later:
                break
        else:
            later = False
        self.protocol, self.l4 = following, at
        if not later:
            self.parse_transport()

    def parse_transport(self):
        raw, l4, size = self.raw, self.l4, self.end - self.l4
        if self.protocol == TCP:
            self.must_hold(size >= 20, 'truncated-transport')
            header = (raw[l4 + 12] >> 4) * 4
            need(header >= 20, 'bad-transport-header')
            self.must_hold(header <= size, 'truncated-transport')
        elif self.protocol == UDP:
            self.must_hold(size >= 8, 'truncated-transport')
            need(self.word(l4 + 4) >= 8, 'bad-transport-header')
            need(self.word(l4 + 4) <= size or self.fragment, 'truncated-transport')
        elif self.protocol in (ICMP, ICMPV6):
            self.must_hold(size >= (8 if self.version == 4 else 4), 'truncated-transport')
            self.first_type = raw[l4]
        elif self.protocol == SCTP:
            self.must_hold(size >= 12, 'truncated-transport')
        if self.protocol in (TCP, UDP, SCTP):
            self.sport, self.dport = self.word(l4), self.word(l4 + 2)

    # What is where.

    @property
    def dst_mac(self):
        return mac_text(self.raw[0:6])

    @property
    def src_mac(self):
        return mac_text(self.raw[6:12])

    @property
    def source(self):
        at = self.addresses_at
        return ipaddress.ip_address(bytes(self.raw[at:at + self.address_bytes]))

    @property
    def destination(self):
        at = self.addresses_at + self.address_bytes
        return ipaddress.ip_address(bytes(self.raw[at:at + self.address_bytes]))

    @property
    def ttl(self):
        return self.raw[self.ttl_at]

    @property
    def transport(self):
        return bytes(self.raw[self.l4:self.end])

    @property
    def tags(self):
        """The VLAN tags with the EtherType that follows them."""
        return bytes(self.raw[12:self.l3])

    # Checksums.

    def pseudo_protocol_sum(self, segment):
        """The transport checksum of `segment` (whose own field is zero) under this packet's addresses."""
        if self.protocol == ICMP:
            return checksum(segment)
        if self.version == 4:
            return in4_chksum(self.protocol, IP(src=str(self.source), dst=str(self.destination), len=20 + len(segment), ihl=5), segment)
        return in6_chksum(self.protocol, IPv6(src=str(self.source), dst=str(self.destination)), segment)

    def right_transport_checksum(self):
        at = CHECKSUM_AT[self.protocol]
        # A UDP datagram may be shorter than the packet that carries it: the rest is not summed.
        size = self.word(self.l4 + 4) if self.protocol == UDP else self.end - self.l4
        segment = bytearray(self.raw[self.l4:self.l4 + size])
        segment[at:at + 2] = b'\0\0'
        value = self.pseudo_protocol_sum(bytes(segment))
        return value or 0xFFFF if self.protocol == UDP else value

    def transport_checksum(self):
        return self.word(self.l4 + CHECKSUM_AT[self.protocol])

    def stored_sctp_checksum(self):
        return struct.unpack_from('<I', self.raw, self.l4 + 8)[0]

    def right_sctp_checksum(self):
        segment = bytearray(self.raw[self.l4:self.end])
        segment[8:12] = b'\0\0\0\0'
        return crc32c(segment)

    def wrongness(self):
        """How far the transport checksum is from right, in one's complement; None: there is none (UDP's zero)."""
        if self.protocol == SCTP:
            return self.stored_sctp_checksum() ^ self.right_sctp_checksum()
        if self.protocol not in CHECKSUM_AT or (self.protocol == UDP and self.transport_checksum() == 0):
            return None
        return (self.transport_checksum() - self.right_transport_checksum()) % 0xFFFF

    def finish(self, wrongness=0):
        """Recomputes the header checksum, and the transport checksum as wrong as it was."""
        if self.version == 4:
            self.raw[self.l3 + 10:self.l3 + 12] = b'\0\0'
            struct.pack_into('!H', self.raw, self.l3 + 10, checksum(bytes(self.raw[self.l3:self.l4])))
        if wrongness is None:
            return
        if self.protocol == SCTP:
            struct.pack_into('<I', self.raw, self.l4 + 8, self.right_sctp_checksum() ^ wrongness)
            return
        value = self.right_transport_checksum()
        if wrongness:
            value = (value + wrongness) % 0xFFFF
            if value == 0 and self.protocol == UDP:
                value = 0xFFFF
        struct.pack_into('!H', self.raw, self.l4 + CHECKSUM_AT[self.protocol], value)

    # Changes. Each returns a new packet with all its checksums computed anew.

    def changed(self, source=None, destination=None, sport=None, dport=None, src_mac=None, dst_mac=None, ttl=None):
        wrongness = self.wrongness() if self.version and not self.fragment else None
        copy = Packet.__new__(Packet)
        copy.__dict__.update(self.__dict__)
        copy.raw = bytearray(self.raw)
        if dst_mac:
            copy.raw[0:6] = mac_bytes(dst_mac)
        if src_mac:
            copy.raw[6:12] = mac_bytes(src_mac)
        if source:
            copy.raw[self.addresses_at:self.addresses_at + self.address_bytes] = source.packed
        if destination:
            at = self.addresses_at + self.address_bytes
            copy.raw[at:at + self.address_bytes] = destination.packed
        if sport is not None:
            if not self.headless:
                struct.pack_into('!H', copy.raw, self.l4, sport)
            copy.sport = sport
        if dport is not None:
            if not self.headless:
                struct.pack_into('!H', copy.raw, self.l4 + 2, dport)
            copy.dport = dport
        if ttl is not None:
            copy.raw[self.ttl_at] = ttl
        if self.version:
            copy.finish(wrongness)
        if self.fragment and not self.headless and self.protocol in (TCP, UDP, ICMPV6):
            copy.shift_transport_checksum(self)
        return copy

    def under(self, tags):
        """The packet under other tags; `tags` ends with the EtherType, as the property does."""
        moved = len(tags) - (self.l3 - 12)
        copy = Packet.__new__(Packet)
        copy.__dict__.update(self.__dict__)
        copy.raw = self.raw[:12] + bytearray(tags) + self.raw[self.l3:]
        for place in ('l3', 'l4', 'l4_or_data', 'end', 'ttl_at', 'addresses_at'):
            if getattr(copy, place, None) is not None:
                setattr(copy, place, getattr(copy, place) + moved)
        return copy

    def shift_transport_checksum(self, before):
        """In a first fragment there is not enough to sum up: the checksum moves by what has changed."""
        def covered(packet):
            addresses = bytes(packet.raw[packet.addresses_at:packet.addresses_at + 2 * packet.address_bytes])
            return addresses + (b'' if packet.protocol == ICMPV6 else bytes(packet.raw[packet.l4:packet.l4 + 4]))

        was = before.transport_checksum()
        if self.protocol == UDP and was == 0:
            return
        value = shifted(was, covered(before), covered(self))
        struct.pack_into('!H', self.raw, self.l4 + CHECKSUM_AT[self.protocol],
                         value or 0xFFFF if self.protocol == UDP else value)


def shifted(value, before, after):
    """A checksum after bytes that it covers have changed, where the whole is not there to be summed up."""
    total = ~value & 0xFFFF
    for data, sign in ((before, -1), (after, 1)):
        total += sign * sum(struct.unpack(f'!{len(data) // 2}H', data))
    return ~(total % 0xFFFF) & 0xFFFF


def crc32c(data):
    """Castagnoli's CRC, bit by bit (RFC 9260 appendix A)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def mac_text(raw):
    return ':'.join(f'{byte:02x}' for byte in raw)


def mac_bytes(text):
    return bytes(int(part, 16) for part in text.split(':'))
