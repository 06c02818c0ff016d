"""Who is who in testbed.yaml, and how a case collects its frames."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'oracle'))
import capfile  # noqa: E402
from scapy.config import conf  # noqa: E402

conf.verb = 0

# 2026-01-01T00:00:00Z, and one frame per millisecond after it.
EPOCH_NS = 1767225600 * capfile.NS_PER_S
STEP_NS = 1_000_000


class Node:
    def __init__(self, mac, ip4, ip6):
        self.mac, self.ip4, self.ip6 = mac, ip4, ip6

    def ip(self, family):
        return self.ip4 if family == 4 else self.ip6


WEB1 = Node('02:00:00:00:01:0b', '10.1.0.11', 'fd00:1::b')
WEB2 = Node('02:00:00:00:01:0c', '10.1.0.12', 'fd00:1::c')
APP1 = Node('02:00:00:00:01:15', '10.1.0.21', 'fd00:1::15')
APP2 = Node('02:00:00:00:01:16', '10.1.0.22', 'fd00:1::16')
DB1 = Node('02:00:00:00:02:1f', '10.2.0.31', 'fd00:2::1f')
DB2 = Node('02:00:00:00:02:20', '10.2.0.32', 'fd00:2::20')
ISL1 = Node('02:00:00:00:03:0b', '10.1.0.11', None)
ISL2 = Node('02:00:00:00:03:0c', '10.1.0.12', None)
STRANGER = Node('02:00:00:00:99:01', '10.1.0.99', 'fd00:1::99')

# The routers: locally administered MACs that carry the VNI (5001 = 0x1389, 5002 = 0x138a).
ROUTER_APP = Node('02:53:4c:00:13:89', '10.1.0.1', 'fd00:1::1')
ROUTER_DB = Node('02:53:4c:00:13:8a', '10.2.0.1', 'fd00:2::1')
ROUTER_ISLAND = Node('02:53:4c:00:13:8b', None, None)

BROADCAST = 'ff:ff:ff:ff:ff:ff'

CASES = {}


class Case:
    """One capture: its frames in order, how it is stored, and what it is for."""

    def __init__(self, name, about, config='testbed.yaml', linktype=capfile.LINKTYPE_ETHERNET, port=None):
        self.name, self.about, self.config, self.port = name, about, config, port
        self.linktype = linktype
        self.records = []

    def add(self, frame, vnet=None, after_ns=STEP_NS):
        """`frame` is a scapy packet or bytes; `vnet` the 12 bytes in front of it where the link type wants them."""
        data = bytes(frame)
        if self.linktype == capfile.LINKTYPE_VNET:
            data = (vnet if vnet is not None else bytes(12)) + data
        last = self.records[-1].time_ns if self.records else EPOCH_NS
        self.records.append(capfile.Record(last + after_ns, data, 'in'))

    def capture(self, format='ng'):
        return capfile.Capture(format, self.linktype, ['in'], self.records)


def case(name, about, **options):
    """Registers a function that fills a Case."""

    def register(fill):
        def build():
            made = Case(name, about, **options)
            fill(made)
            return made

        CASES[name] = build
        return fill

    return register
