"""Conversations: TCP and UDP from the first frame to the last, both directions, over both families."""
from scapy.layers.inet import IP, TCP, UDP, IPOption
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from scene import APP1, APP2, DB1, ROUTER_APP, ROUTER_DB, WEB1, case


def ip(family, source, target, **fields):
    """The network header with the fields that tests like to recognise in a dump."""
    if family == 4:
        return IP(src=source, dst=target, **({'id': 0x4d00, 'flags': 'DF', 'ttl': 64} | fields))
    return IPv6(src=source, dst=target, **({'fl': 0x4d000, 'hlim': 64} | fields))


def payload(count, first=0):
    return bytes((first + i) & 0xff for i in range(count))


class Session:
    """A TCP conversation as the wire shows it before translation: the client speaks to the VIP, the member to the client."""

    def __init__(self, case, family, vip, vport, member, mport, sport, client=WEB1, client_next=ROUTER_APP, member_next=None):
        self.case, self.family, self.sport = case, family, sport
        self.vip, self.vport, self.member, self.mport = vip, vport, member, mport
        self.client, self.client_next, self.member_next = client, client_next, member_next or client
        self.client_seq, self.member_seq = 0x10000000, 0xfffffff0  # the member's wraps soon
        self.client_id, self.member_id = 0x1000, 0x2000

    def from_client(self, flags, data=b'', options=(), **tcp):
        self.client_id += 1
        l3 = ip(self.family, self.client.ip(self.family), self.vip, **({'id': self.client_id} if self.family == 4 else {}))
        l4 = TCP(sport=self.sport, dport=self.vport, flags=flags, seq=self.client_seq,
                 ack=self.member_seq if 'A' in flags else 0, window=64240, options=list(options), **tcp)
        self.case.add(Ether(src=self.client.mac, dst=self.client_next.mac) / l3 / l4 / Raw(data))
        self.client_seq = (self.client_seq + len(data) + ('S' in flags) + ('F' in flags)) & 0xffffffff

    def from_member(self, flags, data=b'', options=()):
        self.member_id += 1
        l3 = ip(self.family, self.member.ip(self.family), self.client.ip(self.family),
                **({'id': self.member_id} if self.family == 4 else {}))
        l4 = TCP(sport=self.mport, dport=self.sport, flags=flags, seq=self.member_seq,
                 ack=self.client_seq if 'A' in flags else 0, window=65160, options=list(options))
        self.case.add(Ether(src=self.member.mac, dst=self.member_next.mac) / l3 / l4 / Raw(data))
        self.member_seq = (self.member_seq + len(data) + ('S' in flags) + ('F' in flags)) & 0xffffffff

    def open(self):
        stamp = ('Timestamp', (1000, 0))
        self.from_client('S', options=[('MSS', 1460), ('SAckOK', b''), stamp, ('NOP', None), ('WScale', 7)])
        self.from_member('SA', options=[('MSS', 1460), ('SAckOK', b''), ('Timestamp', (2000, 1000)), ('NOP', None), ('WScale', 7)])
        self.from_client('A')

    def talk(self):
        self.from_client('PA', b'GET / HTTP/1.1\r\nHost: vip\r\n\r\n')
        self.from_member('A')
        self.from_member('PA', b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
        self.from_client('A')
        self.from_client('PA', payload(1))
        self.from_member('PA', payload(1459 if self.family == 4 else 1439))  # odd, and as long as 1500 bytes allow
        self.from_client('A', options=[('NOP', None), ('NOP', None), ('SAck', (0x100, 0x200))])
        self.from_client('PAU', b'!', urgptr=1)

    def close(self):
        self.from_client('FA')
        self.from_member('A')
        self.from_member('FA')
        self.from_client('A')


def converse(case, family, vip, vport, member, mport, sport, **how):
    session = Session(case, family, vip, vport, member, mport, sport, **how)
    session.open()
    session.talk()
    session.close()


@case('tcp4-session', 'TCP over IPv4, SYN to FIN, through a VIP with port translation')
def tcp4(case):
    converse(case, 4, '10.1.0.100', 80, APP1, 8080, 40001)


@case('tcp6-session', 'TCP over IPv6, SYN to FIN, through a VIP with port translation')
def tcp6(case):
    converse(case, 6, 'fd00:1::100', 80, APP1, 8080, 40001)


@case('tcp-routed-member', 'the member is in another network: the translated packet crosses the logical router')
def routed_member(case):
    converse(case, 4, '10.1.0.130', 80, DB1, 8080, 40002, member_next=ROUTER_DB)
    converse(case, 6, 'fd00:1::130', 80, DB1, 8080, 40002, member_next=ROUTER_DB)


@case('tcp-offlink-vip', 'a VIP in no subnet, reached by the default route')
def offlink(case):
    converse(case, 4, '192.0.2.100', 80, APP2, 8080, 40003)


@case('tcp-address-only', 'a group without protocol and port: the address alone is translated')
def address_only(case):
    converse(case, 4, '10.1.0.120', 2222, APP1, 2222, 40004)
    converse(case, 6, 'fd00:1::120', 2222, APP1, 2222, 40004)


@case('tcp-reset', 'connection refused by the member; reset by the client; reset in the middle')
def reset(case):
    for family, vip in ((4, '10.1.0.100'), (6, 'fd00:1::100')):
        refused = Session(case, family, vip, 80, APP1, 8080, 40010)
        refused.from_client('S', options=[('MSS', 1460)])
        refused.from_member('RA')
        aborted = Session(case, family, vip, 80, APP1, 8080, 40011)
        aborted.open()
        aborted.from_client('PA', b'x')
        aborted.from_client('R')
        torn = Session(case, family, vip, 80, APP1, 8080, 40012)
        torn.open()
        torn.from_member('RA', b'')
        torn.from_client('A')


@case('tcp-both-at-once', 'one client port speaks to the VIP and to the member itself: two flows, never mixed')
def both_at_once(case):
    through = Session(case, 4, '10.1.0.100', 80, APP1, 8080, 40020)
    direct = Session(case, 4, '10.1.0.21', 8081, APP1, 8081, 40020, client_next=APP1)
    through.open()
    direct.open()
    direct.talk()
    through.talk()


@case('tcp-strays', 'segments to a VIP without a connection: the sender is told so, once and never about a RST')
def strays(case):
    for family, vip in ((4, '10.1.0.100'), (6, 'fd00:1::100')):
        for number, flags in enumerate(('A', 'PA', 'FA', 'SA', 'F', 'R', 'RA', '')):
            Session(case, family, vip, 80, APP1, 8080, 40100 + number).from_client(flags, b'stray' if 'P' in flags else b'')


@case('tcp-port-reuse', 'a client port that is used again after FIN or RST starts a new flow')
def port_reuse(case):
    for ending in ('close', 'reset'):
        for _ in range(2):
            session = Session(case, 4, '10.1.0.100', 80, APP1, 8080, 40200)
            session.open()
            if ending == 'close':
                session.close()
            else:
                session.from_client('RA')
    again = Session(case, 4, '10.1.0.100', 80, APP1, 8080, 40200)
    again.open()
    again.from_client('S')  # inside a running flow: passed on, the member answers it
    again.from_member('A')


@case('two-vips-one-member', 'one client port to two VIPs that share a member: the replies are told apart')
def shared_member(case):
    def udp(source, target, sport, dport, data, mac, next_hop):
        case.add(Ether(src=mac, dst=next_hop) / ip(4, source, target) / UDP(sport=sport, dport=dport) / Raw(data))

    udp(WEB1.ip4, '10.1.0.100', 40300, 53, b'to the first', WEB1.mac, ROUTER_APP.mac)
    udp(APP2.ip4, WEB1.ip4, 5353, 40300, b'from the first', APP2.mac, WEB1.mac)
    udp(WEB1.ip4, '10.1.0.121', 40300, 5353, b'to the second', WEB1.mac, ROUTER_APP.mac)
    udp(WEB1.ip4, '10.1.0.100', 40300, 53, b'to the first again', WEB1.mac, ROUTER_APP.mac)


@case('redirect', 'MAC redirect: the address stays the VIP, the frame goes to the member')
def redirect(case):
    class AtVip:  # the member answers from the VIP, which sits on its loopback
        mac, ip4, ip6 = APP1.mac, '10.1.0.140', 'fd00:1::140'
        ip = staticmethod(lambda family: '10.1.0.140' if family == 4 else 'fd00:1::140')

    class AtVipPort:
        mac, ip = APP2.mac, staticmethod(lambda family: '10.1.0.141')

    converse(case, 4, '10.1.0.140', 443, AtVip, 443, 40030)
    converse(case, 6, 'fd00:1::140', 443, AtVip, 443, 40030)
    converse(case, 4, '10.1.0.141', 80, AtVipPort, 8081, 40031)


def exchange(case, family, vip, vport, member, mport, sport, request, reply, zero=False):
    """One UDP request and its answer."""
    none = {'chksum': 0} if zero else {}
    client = WEB1
    case.add(Ether(src=client.mac, dst=ROUTER_APP.mac) / ip(family, client.ip(family), vip) /
             UDP(sport=sport, dport=vport, **none) / Raw(request))
    case.add(Ether(src=member.mac, dst=client.mac) / ip(family, member.ip(family), client.ip(family)) /
             UDP(sport=mport, dport=sport, **none) / Raw(reply))


@case('udp-session', 'UDP over both families: even, odd and empty payloads')
def udp(case):
    for family, vip in ((4, '10.1.0.100'), (6, 'fd00:1::100')):
        for count in (32, 33, 1, 0, 2, 1471 if family == 4 else 1451):
            exchange(case, family, vip, 53, APP2, 5353, 50000 + count, payload(count), payload(count + 1 if count < 1400 else count, 7))


def datagram(family, source, target, sport, dport, data):
    return ip(family, source, target) / UDP(sport=sport, dport=dport) / Raw(data)


def making_sum_zero(family, source, target, sport, dport):
    """Two bytes of payload with which this datagram's checksum is zero (and so is sent as ffff)."""
    probe = datagram(family, source, target, sport, dport, b'\0\0')
    return probe.__class__(bytes(probe))[UDP].chksum.to_bytes(2, 'big')


@case('udp-checksum-zero', 'IPv4 UDP without checksum stays without; a sum that comes out as zero is sent as ffff')
def udp_zero(case):
    exchange(case, 4, '10.1.0.100', 53, APP2, 5353, 51000, payload(20), payload(21), zero=True)
    for family, vip in ((4, '10.1.0.100'), (6, 'fd00:1::100')):
        client, member = WEB1.ip(family), APP2.ip(family)
        to_vip = Ether(src=WEB1.mac, dst=ROUTER_APP.mac)
        to_client = Ether(src=APP2.mac, dst=WEB1.mac)
        # Zero after translation, towards the member and towards the client …
        data = making_sum_zero(family, client, member, 51001, 5353)
        case.add(to_vip / datagram(family, client, vip, 51001, 53, data))
        data = making_sum_zero(family, vip, client, 53, 51001)
        case.add(to_client / datagram(family, member, client, 5353, 51001, data))
        # … and zero before it.
        data = making_sum_zero(family, client, vip, 51002, 53)
        case.add(to_vip / datagram(family, client, vip, 51002, 53, data))
        data = making_sum_zero(family, member, client, 5353, 51002)
        case.add(to_client / datagram(family, member, client, 5353, 51002, data))


@case('padded', 'runts padded to 60 bytes, with a trailer that is neither zero nor part of any checksum')
def padded(case):
    frames = Session(case, 4, '10.1.0.100', 80, APP1, 8080, 40040)
    frames.from_client('S')
    frames.from_member('SA')
    frames.from_client('A')
    for record in case.records:
        record.data += b'\xde\xad\xbe\xef\x55\xaa'
        record.original_length = len(record.data)
    udp = Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(4, WEB1.ip4, '10.1.0.100') / UDP(sport=51010, dport=53) / Raw(b'abc')
    case.add(bytes(udp) + b'\xff' * 15)


@case('ip4-options', 'IPv4 headers of every length: options before TCP and UDP')
def ip4_options(case):
    for options in (
        [IPOption(b'\x01\x01\x01\x01')],  # no operation
        [IPOption(b'\x94\x04\x00\x00')],  # router alert
        [IPOption(b'\x07\x07\x04' + bytes(4)), IPOption(b'\x00')],  # record route, one place
        [IPOption(b'\x44\x0c\x05\x00' + bytes(8))],  # timestamps, two places
        [IPOption(b'\x94\x04\x00\x00'), IPOption(b'\x07\x23\x04' + bytes(32)), IPOption(b'\x00')],  # all 40 bytes
    ):
        for l4 in (TCP(sport=40050, dport=80, flags='S', seq=1), UDP(sport=51020, dport=53) / Raw(payload(5))):
            case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(4, WEB1.ip4, '10.1.0.100', options=options) / l4)
        case.add(Ether(src=APP1.mac, dst=WEB1.mac) / ip(4, APP1.ip4, WEB1.ip4, options=options) /
                 TCP(sport=8080, dport=40050, flags='SA', seq=9, ack=2))


@case('tcp-options', 'TCP headers from 20 to 60 bytes')
def tcp_options(case):
    session = Session(case, 4, '10.1.0.100', 80, APP1, 8080, 40060)
    session.from_client('S', options=[('MSS', 536)])
    session.from_member('SA', options=[('MSS', 536), ('SAckOK', b'')])
    session.from_client('A', options=[('NOP', None)] * 40)
    session.from_client('PA', b'data', options=[('Timestamp', (1, 2)), ('SAck', (1, 2, 3, 4, 5, 6)), ('NOP', None), ('NOP', None)])
    session.from_client('SEC')
    session.from_member('PA', b'more', options=[(254, b'\x12\x34\x56\x78')])
