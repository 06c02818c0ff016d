"""What a device without offloads must be given instead of a partial-checksum or GSO frame.

The rules are those of linux/virtio_net.h and of the kernel's tcp_gso_segment, udp_gso_segment and
inet_gso_segment: identification counts up, sequence numbers advance, FIN and PSH stay for the last segment,
CWR for the first; every UDP segment is a datagram of its own.
"""
import struct

from packet import TCP, UDP, Malformed, Packet, need

NEEDS_CSUM = 1
GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, GSO_ECN = 0, 1, 4, 5, 0x80
FIN, PSH, CWR = 0x01, 0x08, 0x80
BAD = 'bad-vnet-header'


def check_header(packet, flags, gso_type, gso_size, start, offset):
    """Raises Malformed for a header that contradicts the frame."""
    if flags & NEEDS_CSUM:
        need(start + offset + 2 <= len(packet.raw), BAD)
        need(packet.protocol in (TCP, UDP) and start == packet.l4, BAD)
        need(offset == (16 if packet.protocol == TCP else 6), BAD)
    if gso_type == GSO_NONE:
        return
    need(flags & NEEDS_CSUM and gso_size > 0, BAD)
    wanted = {GSO_TCPV4: (4, TCP), GSO_TCPV6: (6, TCP)}.get(gso_type & ~GSO_ECN)
    if gso_type == GSO_UDP_L4:
        wanted = (packet.version, UDP)
    need(wanted == (packet.version, packet.protocol), BAD)


def complete(frame, vnet):
    """The frames, whole and with right checksums, that this one stands for."""
    flags, gso_type, _, gso_size, start, offset, _ = struct.unpack('<BBHHHHH', vnet)
    packet = Packet(frame)
    if flags & NEEDS_CSUM or gso_type != GSO_NONE:
        if packet.version == 0:
            raise Malformed(BAD)
        check_header(packet, flags, gso_type, gso_size, start, offset)
    if gso_type == GSO_NONE:
        if flags & NEEDS_CSUM:
            packet.finish()
        return [packet]
    return segments(packet, gso_size)


def segments(packet, size):
    header = (packet.raw[packet.l4 + 12] >> 4) * 4 if packet.protocol == TCP else 8
    data_at = packet.l4 + header
    data = bytes(packet.raw[data_at:packet.end])
    made = []
    for number, at in enumerate(range(0, len(data), size)):
        piece = data[at:at + size]
        raw = bytearray(packet.raw[:data_at]) + piece
        l3, l4 = packet.l3, packet.l4
        if packet.version == 4:
            struct.pack_into('!H', raw, l3 + 2, len(raw) - l3)
            struct.pack_into('!H', raw, l3 + 4, (packet.word(l3 + 4) + number) & 0xFFFF)
        else:
            struct.pack_into('!H', raw, l3 + 4, len(raw) - l3 - 40)
        if packet.protocol == TCP:
            sequence = struct.unpack_from('!I', packet.raw, l4 + 4)[0]
            struct.pack_into('!I', raw, l4 + 4, (sequence + at) & 0xFFFFFFFF)
            if at + size < len(data):
                raw[l4 + 13] &= ~(FIN | PSH)
            if number > 0:
                raw[l4 + 13] &= ~CWR
        else:
            struct.pack_into('!H', raw, l4 + 4, 8 + len(piece))
        segment = packet.changed()
        segment.raw, segment.end = raw, len(raw)
        segment.finish()
        made.append(segment)
    return made
