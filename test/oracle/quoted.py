"""ICMP errors about balanced packets: the packet inside gets the view of the one who reads it (RFC 5508 4)."""
import ipaddress
import struct

from packet import ICMP, TCP, UDP, Malformed, checksum, shifted

# Types that quote a packet: RFC 792, and every type below 128 of RFC 4443.
QUOTING = {4: (3, 4, 5, 11, 12), 6: range(128)}


def translated_error(packet, find, direction):
    """(the error as its receiver must see it, the flow), or None when it quotes no flow that `find` knows.

    `to-client`: a packet that the client sent is quoted as the member has it. `to-member`: one that the "VIP" sent.
    """
    raw, version, l4 = packet.raw, packet.version, packet.l4
    if raw[l4] not in QUOTING[version] or packet.end - l4 < 8:
        return None
    l3 = l4 + 8
    header = (raw[l3] & 15) * 4 if version == 4 else 40
    addresses, size = (l3 + 12, 4) if version == 4 else (l3 + 8, 16)
    inner = l3 + header
    if inner + 4 > packet.end:
        return None
    protocol = raw[l3 + 9] if version == 4 else raw[l3 + 6]
    if protocol not in (TCP, UDP):
        return None
    source, destination = (ipaddress.ip_address(bytes(raw[at:at + size])) for at in (addresses, addresses + size))
    sport, dport = packet.word(inner), packet.word(inner + 2)
    flow = find(protocol, source, sport, destination, dport)
    if flow is None:
        return None
    if packet.wrongness() != 0:
        raise Malformed('bad-transport-checksum')
    made = packet.changed()
    if direction == 'to-client':
        quoted = (source.packed, flow.vip.packed, flow.client_port, flow.vport)
        outer = {'source': flow.vip} if packet.source == flow.member.address else {}
    else:
        member = flow.vip if flow.group.rewrite == 'mac' else flow.member.address
        quoted = (member.packed, destination.packed, flow.mport, flow.cport)
        outer = {'destination': member}
    before = bytes(raw[addresses:addresses + 2 * size]) + bytes(raw[inner:inner + 4])
    after = quoted[0] + quoted[1] + struct.pack('!HH', quoted[2], quoted[3])
    made.raw[addresses:addresses + 2 * size] = after[:-4]
    made.raw[inner:inner + 4] = after[-4:]
    if version == 4:
        made.raw[l3 + 10:l3 + 12] = b'\0\0'
        struct.pack_into('!H', made.raw, l3 + 10, checksum(bytes(made.raw[l3:inner])))
    at = inner + (16 if protocol == TCP else 6)
    if at + 2 <= packet.end:
        was = packet.word(at)
        if protocol == TCP or was != 0:
            now = shifted(was, before, after)
            struct.pack_into('!H', made.raw, at, now if protocol == TCP else now or 0xFFFF)
    made.finish()
    return made.changed(**outer), flow
