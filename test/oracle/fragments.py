"""Fragmented datagrams: what comes in pieces is judged piece by piece, and what is too long is cut.

A datagram goes the way of its first fragment. Later ones that come before it wait for it, two seconds at most, and
leave behind it. Overlapping ones are the end of the datagram (RFC 5722). The bounds of the table are not modelled.
"""
import struct

from packet import ICMP, ICMPV6, checksum, need, shifted

WAITING_MS, DATAGRAM_MS = 2000, 30000
AFTER_FIRST = 'first-fragment-dropped'


class Datagram:
    def __init__(self, made_ms):
        self.made_ms, self.state, self.reason = made_ms, 'waiting', None
        self.pieces, self.waiting = [], []
        self.first = None

    def fits(self, piece):
        """None, or why the piece cannot be part of this datagram together with those before."""
        start, end, more = piece
        lasts = [other for other in self.pieces if not other[2]]
        if lasts and (end >= lasts[0][1] if more else end != lasts[0][1]):
            return 'fragment-overlap'
        if not more and not lasts and any(other[1] >= end for other in self.pieces):
            return 'fragment-overlap'
        rivals = [other for other in self.pieces if other[0] < end and start < other[1]]
        if rivals == [piece]:
            return 'fragment-duplicate'
        return 'fragment-overlap' if rivals else None

    @property
    def complete(self):
        at = 0
        for start, end, more in sorted(self.pieces):
            if start != at:
                return False
            at = end
            if not more:
                return True
        return False


class Fragments:
    def __init__(self, drop):
        """`drop` is the exception that ends a packet's way."""
        self.drop, self.known = drop, {}
        self.released, self.drops = [], []

    def admit(self, direction, port, packet, now_ms):
        """The packet with the ports and protocol of its first fragment, 'pass' if none of ours, None if it waits."""
        if packet.released:
            packet.released, state = None, packet.released
            return packet if state == 'follow' else 'pass'
        self.expire(now_ms)
        start, end, more = piece = packet.piece
        need(end > start and end <= packet.longest_payload and not (more and end % 8), 'fragment-malformed')
        key = (direction, port.name, packet.source, packet.destination, packet.protocol if packet.version == 4 else None,
               packet.identification)
        datagram = self.known.setdefault(key, Datagram(now_ms))
        trouble = datagram.fits(piece)
        if datagram.state == 'refused':
            if trouble is None:
                datagram.pieces.append(piece)
            if datagram.complete and datagram.reason == AFTER_FIRST:
                del self.known[key]
            raise self.drop(datagram.reason)
        if datagram.state != 'pass' and trouble:
            if trouble == 'fragment-overlap':
                self.refuse(datagram, trouble)
            raise self.drop(trouble)
        if trouble is None:
            datagram.pieces.append(piece)
        packet.settled = (key, datagram)
        if start == 0 and datagram.state == 'waiting':
            if packet.headless:
                self.settle(packet, 'refused')
                raise self.drop('fragment-too-small')
            datagram.first = packet
            return packet
        if datagram.state == 'waiting':
            datagram.waiting.append((direction, port, packet))
            return None
        if datagram.complete:
            del self.known[key]
        packet.take_over(datagram.first)
        return packet if datagram.state == 'follow' else 'pass'

    def settle(self, packet, state):
        """What became of a first fragment."""
        key, datagram = packet.settled
        datagram.state = state
        if state == 'refused':
            self.refuse(datagram, AFTER_FIRST)
        for direction, port, later in datagram.waiting:
            later.take_over(packet)
            self.released.append((direction, port, later, state))
        datagram.waiting = []
        if datagram.complete:
            del self.known[key]

    def refuse(self, datagram, reason):
        datagram.state, datagram.reason = 'refused', reason
        self.drops += [reason] * len(datagram.waiting)
        datagram.waiting = []

    def expire(self, now_ms):
        for key, datagram in list(self.known.items()):
            if now_ms - datagram.made_ms >= (WAITING_MS if datagram.state == 'waiting' else DATAGRAM_MS):
                self.drops += ['fragment-timeout'] * len(datagram.waiting)
                del self.known[key]


def may_fragment(packet):
    return packet.version == 4 and not packet.word(packet.l3 + 6) & 0x4000


def cut(packet, mtu):
    """The fragments of an IPv4 packet, as bytes of whole frames (RFC 791 3.2); the packet alone if it fits."""
    raw, l3, header = packet.raw, packet.l3, packet.l4_or_data - packet.l3
    if packet.end - l3 <= mtu:
        return [bytes(raw)]
    data = bytes(raw[l3 + header:packet.end])
    word, room = packet.word(l3 + 6), (mtu - header) // 8 * 8
    frames = []
    for at in range(0, len(data), room):
        piece = data[at:at + room]
        head = bytearray(raw[l3:l3 + header])
        if at > 0:
            blank_options(head)
        more = 0x2000 if at + room < len(data) else 0
        struct.pack_into('!H', head, 2, header + len(piece))
        struct.pack_into('!H', head, 6, (word | more) + at // 8)
        head[10:12] = b'\0\0'
        struct.pack_into('!H', head, 10, checksum(bytes(head)))
        frames.append(bytes(raw[:l3]) + bytes(head) + piece)
    return frames


def blank_options(head):
    """What is not to be copied becomes no-operations, as Linux does it."""
    at = 20
    while at < len(head) and head[at] != 0:
        size = 1 if head[at] == 1 else head[at + 1] if at + 1 < len(head) else 0
        if size < 1 or (size < 2 and head[at] != 1) or at + size > len(head):
            return
        if not head[at] & 0x80:
            head[at:at + size] = b'\x01' * size
        at += size


def echo_reply(packet, router_mac, hops):
    """A fragment of an echo request as the same fragment of the reply."""
    kind = {4: (8, 0), 6: (128, 129)}[packet.version]
    if packet.first_type != kind[0] or packet.protocol != {4: ICMP, 6: ICMPV6}[packet.version]:
        return None
    made = packet.changed(source=packet.destination, destination=packet.source, ttl=hops,
                          src_mac=router_mac, dst_mac=packet.src_mac)
    if packet.piece[0] == 0:
        at = packet.l4
        before = bytes(packet.raw[at:at + 2])
        made.raw[at] = kind[1]
        struct.pack_into('!H', made.raw, at + 2, shifted(packet.word(at + 2), before, bytes(made.raw[at:at + 2])))
    return bytes(made.raw)
