"""Which rule and which member: weights, the further fields of the tuple, empty groups, time periods."""
from scapy.layers.inet import TCP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from scene import APP1, ROUTER_APP, STEP_NS, WEB1, WEB2, case
from sessions import ip, payload


def syn(case, client, vip, sport, dport=80, family=4, **options):
    case.add(Ether(src=client.mac, dst=ROUTER_APP.mac) / ip(family, client.ip(family), vip) /
             TCP(sport=sport, dport=dport, flags='S', seq=sport), **options)


@case('weights', 'three full cycles of 1, 3, 1, 3, 2 from one port, one from another in between, every SYN repeated')
def weights(case):
    for i in range(30):
        syn(case, WEB1, '10.1.0.110', 20000 + i)
        if i % 3 == 0:
            syn(case, WEB2, '10.1.0.110', 20000 + i)
        syn(case, WEB1, '10.1.0.110', 20000 + i)  # a retransmission stays with its member
    for i in range(30):  # so does everything that follows
        case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(4, WEB1.ip4, '10.1.0.110') /
                 TCP(sport=20000 + i, dport=80, flags='A', seq=20001 + i, ack=1))


@case('tuple', 'rules by source, by source port\'s labels, by protocol and port')
def tuple_fields(case):
    syn(case, WEB1, '10.1.0.160', 21000)
    syn(case, WEB2, '10.1.0.160', 21000)
    syn(case, WEB1, '10.1.0.165', 21001)
    syn(case, APP1, '10.1.0.165', 21001)  # not tier=web: no rule there
    syn(case, WEB1, '10.1.0.100', 21002, dport=81)  # no such port on the VIP
    case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(4, WEB1.ip4, '10.1.0.100') / UDP(sport=21003, dport=80) / Raw(b'udp to a tcp port'))


@case('empty-group', 'no usable member: RST for TCP, port unreachable for UDP, at once')
def empty(case):
    for family, vip in ((4, '10.1.0.170'), (6, 'fd00:1::170')):
        l3 = Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(family, WEB1.ip(family), vip)
        syn(case, WEB1, vip, 22000, family=family)
        case.add(l3 / TCP(sport=22001, dport=80, flags='A', seq=77, ack=99))
        case.add(l3 / TCP(sport=22002, dport=80, flags='PA', seq=77, ack=99) / Raw(payload(10)))
        case.add(l3 / TCP(sport=22003, dport=80, flags='SF', seq=77) / Raw(payload(3)))
        case.add(l3 / TCP(sport=22004, dport=80, flags='R', seq=77))  # never answered
        case.add(l3 / UDP(sport=22005, dport=80) / Raw(payload(12)))
        tagged = Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / Dot1Q(vlan=7) / ip(family, WEB1.ip(family), vip)
        case.add(tagged / TCP(sport=22007, dport=80, flags='S', seq=1))
        case.add(tagged / UDP(sport=22008, dport=80) / Raw(payload(12)))
        case.add(l3 / UDP(sport=22006, dport=80) / Raw(payload(1400)))  # quoted in part


@case('periods', 'one criteria set until a moment, the next from it on; a running flow stays where it is')
def periods(case):
    syn(case, WEB1, '10.1.0.180', 23000)
    syn(case, WEB1, '10.1.0.180', 23001, after_ns=997 * STEP_NS)  # 999 ms: the last of the first set
    syn(case, WEB1, '10.1.0.180', 23002)  # 1000 ms exactly: the second set
    case.add(Ether(src=WEB1.mac, dst=ROUTER_APP.mac) / ip(4, WEB1.ip4, '10.1.0.180') /
             TCP(sport=23000, dport=80, flags='A', seq=23001, ack=1))
    case.add(Ether(src=APP1.mac, dst=WEB1.mac) / ip(4, APP1.ip4, WEB1.ip4) / TCP(sport=80, dport=23000, flags='FA', seq=1, ack=1))
