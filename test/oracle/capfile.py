"""Capture files, read and written without any of Sluice's code: classic pcap (µs, ns, both byte orders)
and pcapng (section header, interface descriptions, enhanced packets). Small on purpose: it must be
obviously right, because the golden files are compared byte for byte with what it writes.
"""
import struct
from dataclasses import dataclass, field

LINKTYPE_ETHERNET = 1
# Records of this link type begin with the 12-byte virtio_net_hdr_v1 that a TAP hands over with each frame.
LINKTYPE_VNET = 147  # LINKTYPE_USER0

NS_PER_S = 1_000_000_000


@dataclass
class Record:
    time_ns: int
    data: bytes
    interface: str = ''
    original_length: int = -1

    def __post_init__(self):
        if self.original_length < 0:
            self.original_length = len(self.data)


@dataclass
class Capture:
    format: str  # 'us', 'ns' or 'ng'
    linktype: int = LINKTYPE_ETHERNET
    interfaces: list = field(default_factory=list)
    records: list = field(default_factory=list)


def write_pcap(path, capture, big_endian=False):
    """Classic pcap; `capture.format` gives the resolution of the timestamps."""
    order = '>' if big_endian else '<'
    unit = 1000 if capture.format == 'us' else 1
    magic = 0xA1B2C3D4 if capture.format == 'us' else 0xA1B23C4D
    out = [struct.pack(order + 'IHHiIII', magic, 2, 4, 0, 0, 262144, capture.linktype)]
    for record in capture.records:
        seconds, ns = divmod(record.time_ns, NS_PER_S)
        out.append(struct.pack(order + 'IIII', seconds, ns // unit, len(record.data), record.original_length))
        out.append(record.data)
    with open(path, 'wb') as file:
        file.write(b''.join(out))


def _block(kind, body):
    body += bytes(-len(body) % 4)
    length = struct.pack('<I', len(body) + 12)
    return struct.pack('<I', kind) + length + body + length


def _option(code, value):
    return struct.pack('<HH', code, len(value)) + value + bytes(-len(value) % 4)


def write_pcapng(path, capture, resolution=6):
    """pcapng with one named interface per port and timestamps in units of 10^-resolution seconds."""
    out = [_block(0x0A0D0D0A, struct.pack('<IHHq', 0x1A2B3C4D, 1, 0, -1))]
    for name in capture.interfaces:
        options = _option(2, name.encode())
        if resolution != 6:
            options += _option(9, bytes([resolution]))
        out.append(_block(1, struct.pack('<HHI', capture.linktype, 0, 262144) + options + _option(0, b'')))
    for record in capture.records:
        stamp = record.time_ns // 10 ** (9 - resolution)
        head = struct.pack('<IIIII', capture.interfaces.index(record.interface), stamp >> 32, stamp & 0xFFFFFFFF,
                           len(record.data), record.original_length)
        out.append(_block(6, head + record.data))
    with open(path, 'wb') as file:
        file.write(b''.join(out))


def _read_pcap(raw):
    order = '<' if raw[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    magic, _, _, _, _, _, linktype = struct.unpack_from(order + 'IHHiIII', raw)
    capture = Capture('us' if magic == 0xA1B2C3D4 else 'ns', linktype)
    unit = 1000 if capture.format == 'us' else 1
    at = 24
    while at < len(raw):
        seconds, fraction, length, original = struct.unpack_from(order + 'IIII', raw, at)
        at += 16
        capture.records.append(Record(seconds * NS_PER_S + fraction * unit, raw[at:at + length], '', original))
        at += length
    return capture


def _read_pcapng(raw):
    capture = Capture('ng')
    resolutions = []
    at = 0
    while at < len(raw):
        kind, length = struct.unpack_from('<II', raw, at)
        body = raw[at + 8:at + length - 4]
        if kind == 0x0A0D0D0A:
            if struct.unpack_from('<I', body)[0] != 0x1A2B3C4D:
                raise ValueError('pcapng: only little-endian sections are read here')
        elif kind == 1:
            capture.linktype = struct.unpack_from('<H', body)[0]
            name, resolution, option_at = '', 6, 8
            while option_at + 4 <= len(body):
                code, size = struct.unpack_from('<HH', body, option_at)
                value = body[option_at + 4:option_at + 4 + size]
                if code == 2:
                    name = value.decode()
                if code == 9:
                    resolution = value[0]
                option_at += 4 + size + (-size % 4)
            capture.interfaces.append(name)
            resolutions.append(resolution)
        elif kind == 6:
            interface, high, low, size, original = struct.unpack_from('<IIIII', body)
            time_ns = (high << 32 | low) * 10 ** (9 - resolutions[interface])
            capture.records.append(Record(time_ns, body[20:20 + size], capture.interfaces[interface], original))
        at += length
    return capture


def read(path):
    with open(path, 'rb') as file:
        raw = file.read()
    return _read_pcapng(raw) if raw[:4] == b'\x0a\x0d\x0d\x0a' else _read_pcap(raw)
