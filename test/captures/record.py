#!/usr/bin/python3
"""Records real kernels speaking through a real kernel's router and NAT: `record.py`, as root, once.

    web1 ── c0 [ router: forwards, nft DNAT ] s0 ── db1         one namespace each, joined by veths

The router has the addresses and MACs that Sluice's logical router has in testbed.yaml, and translates the same
VIP. What reaches it is stored as input/kernel-*.pcapng, with the virtio_net_hdr that the kernel gives (partial
checksums and super-segments as a TAP would deliver them); what then reaches the two ends, whole and in single
segments, is stored as expected/kernel-*.pcapng. So these expectations are the kernel's: its DNAT, its router,
its segmentation and its checksums.
"""
import contextlib
import os
import select
import socket
import struct
import subprocess
import sys
import time

from scene import DB1, EPOCH_NS, ROUTER_APP, ROUTER_DB, WEB1, capfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'oracle'))
from packet import TCP, UDP, Packet  # noqa: E402
from topology import Topology  # noqa: E402

TAG = f'rec{os.getpid()}'
CLIENT, ROUTER, SERVER = TAG + 'c', TAG + 'r', TAG + 's'
VIP4, VIP6 = '10.1.0.130', 'fd00:1::130'
SO_TIMESTAMPNS, SOL_PACKET, PACKET_VNET_HDR, OUTGOING = 35, 263, 15, 4
ETH_P_ALL = 3

RULES = f"""
table ip lb {{ chain in {{ type nat hook prerouting priority dstnat;
  ip daddr {VIP4} tcp dport 80 dnat to {DB1.ip4}:8080
  ip daddr {VIP4} udp dport 53 dnat to {DB1.ip4}:5353
}}
}}
table ip6 lb {{ chain in {{ type nat hook prerouting priority dstnat;
  ip6 daddr {VIP6} tcp dport 80 dnat to [{DB1.ip6}]:8080
  ip6 daddr {VIP6} udp dport 53 dnat to [{DB1.ip6}]:5353
}}
}}
"""


def run(*command, **options):
    return subprocess.run(command, check=True, **options)


def inside(namespace, *command):
    return ('ip', 'netns', 'exec', namespace) + command


def up():
    for namespace in (CLIENT, ROUTER, SERVER):
        run('ip', 'netns', 'add', namespace)
        run(*inside(namespace, 'sysctl', '-qw', 'net.ipv6.conf.all.accept_ra=0', 'net.ipv6.conf.default.accept_ra=0',
                    'net.ipv6.conf.default.router_solicitations=0', 'net.ipv6.conf.default.addr_gen_mode=1'))
        run('ip', '-n', namespace, 'link', 'set', 'lo', 'up')
    run(*inside(ROUTER, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'))
    for namespace, link, node, router in ((CLIENT, 'c0', WEB1, ROUTER_APP), (SERVER, 's0', DB1, ROUTER_DB)):
        run('ip', '-n', ROUTER, 'link', 'add', link, 'address', router.mac, 'type', 'veth',
            'peer', 'name', 'eth0', 'address', node.mac, 'netns', namespace)
        run('ip', '-n', ROUTER, 'link', 'set', link, 'up')
        run('ip', '-n', namespace, 'link', 'set', 'eth0', 'up')
        for ns, dev, own, other in ((ROUTER, link, router, node), (namespace, 'eth0', node, router)):
            run('ip', '-n', ns, 'addr', 'add', own.ip4 + '/24', 'dev', dev)
            run('ip', '-n', ns, 'addr', 'add', own.ip6 + '/64', 'dev', dev, 'nodad')
            for address in (other.ip4, other.ip6):
                run('ip', '-n', ns, 'neigh', 'replace', address, 'lladdr', other.mac, 'dev', dev, 'nud', 'permanent')
        run('ip', '-n', namespace, 'route', 'add', 'default', 'via', router.ip4)
        run('ip', '-n', namespace, '-6', 'route', 'add', 'default', 'via', router.ip6)
    for vip in (VIP4, VIP6):
        run('ip', '-n', CLIENT, 'neigh', 'replace', vip, 'lladdr', ROUTER_APP.mac, 'dev', 'eth0', 'nud', 'permanent')
    run(*inside(ROUTER, 'nft', '-f', '-'), input=RULES.encode())
    # What leaves the router is whole: no offloads on its own side, nothing merged at the ends.
    for namespace, dev in ((ROUTER, 'c0'), (ROUTER, 's0')):
        offloads(namespace, dev, 'off')
    for namespace in (CLIENT, SERVER):
        run(*inside(namespace, 'ethtool', '-K', 'eth0', 'gro', 'off'))


def offloads(namespace, dev, state):
    run(*inside(namespace, 'ethtool', '-K', dev, 'tx', state, 'sg', state, 'tso', state, 'gso', state,
                'tx-udp-segmentation', state), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def down():
    for namespace in (CLIENT, ROUTER, SERVER):
        subprocess.run(('ip', 'netns', 'del', namespace), stderr=subprocess.DEVNULL)


def tap(interfaces, path):
    """Stores every TCP and UDP frame that *arrives* on these interfaces, virtio header in front, until stdin closes."""
    sockets = []
    for name in interfaces:
        one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        one.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 25)
        one.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        one.bind((name, ETH_P_ALL))
        sockets.append(one)
    print('ready', flush=True)
    capture = capfile.Capture('ng', capfile.LINKTYPE_VNET, list(interfaces))
    while True:
        ready, _, _ = select.select(sockets + [sys.stdin], [], [])
        for one in ready:
            if one is sys.stdin:
                capture.records.sort(key=lambda record: record.time_ns)
                capfile.write_pcapng(path, capture, resolution=9)
                return
            data, ancillary, _, address = one.recvmsg(1 << 17, 256)
            if address[2] == OUTGOING:
                continue
            seconds, ns = struct.unpack('qq', ancillary[0][2])
            # The 10 bytes of virtio_net_hdr and the num_buffers of its 12-byte form.
            frame = data[:10] + b'\0\0' + data[10:]
            if Packet(frame[12:]).protocol in (TCP, UDP):
                capture.records.append(capfile.Record(seconds * capfile.NS_PER_S + ns, frame, address[0]))


@contextlib.contextmanager
def recording(directory):
    taps = []
    for namespace, *interfaces in ((ROUTER, 'c0', 's0'), (CLIENT, 'eth0'), (SERVER, 'eth0')):
        path = os.path.join(directory, namespace)
        one = subprocess.Popen(inside(namespace, sys.executable, __file__, '--tap', path, *interfaces),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        one.stdout.readline()
        taps.append((one, path))
    yield [path for _, path in taps]
    time.sleep(0.3)
    for one, _ in taps:
        one.stdin.close()
        one.wait()


def payload_bytes(data):
    packet = Packet(data)
    header = (packet.raw[packet.l4 + 12] >> 4) * 4 if packet.protocol == TCP else 8
    return packet.end - packet.l4 - header


def matched(arrived, left):
    """Which outgoing frames each arrived one became: the order is kept and no byte is lost."""
    left = list(left)
    for record in arrived:
        wanted, mine = payload_bytes(record.data[12:]), [left.pop(0)]
        while sum(payload_bytes(one.data[12:]) for one in mine) < wanted:
            mine.append(left.pop(0))
        yield record, mine
    assert not left, 'frames left the router that never arrived'


def store(name, paths):
    router, client, server = (capfile.read(path) for path in paths)
    topology = Topology(os.path.join(HERE, 'testbed.yaml'))
    became = {}
    for interface, to, end in (('c0', 'db1', server), ('s0', 'web1', client)):
        for record, mine in matched([one for one in router.records if one.interface == interface], end.records):
            became[id(record)] = (to, mine)
    start = router.records[0].time_ns
    arrived, left, last = [], [], 0
    for record in router.records:
        last = max(last + 1000, (EPOCH_NS + record.time_ns - start) // 1000 * 1000)  # microseconds, all different
        arrived.append(capfile.Record(last, record.data, 'in'))
        to, mine = became[id(record)]
        left += [capfile.Record(last, one.data[12:], to) for one in mine]
    plain = all(record.data[0] == 0 and record.data[1] == 0 for record in arrived)
    if plain:
        arrived = [capfile.Record(record.time_ns, record.data[12:], 'in') for record in arrived]
    linktype = capfile.LINKTYPE_ETHERNET if plain else capfile.LINKTYPE_VNET
    capfile.write_pcapng(os.path.join(HERE, 'input', name + '.pcapng'), capfile.Capture('ng', linktype, ['in'], arrived))
    ports = [port.name for port in topology.ports]
    capfile.write_pcapng(os.path.join(HERE, 'expected', name + '.pcapng'), capfile.Capture('ng', interfaces=ports, records=left), resolution=9)
    print(name, len(arrived), 'in', len(left), 'out')


# The traffic.

ECHO = """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(('::', 5353))
while True:
    data, peer = s.recvfrom(65535); s.sendto(data[::-1], peer)
"""
ASK = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.connect((sys.argv[1], 53))
for n in range(20):
    s.send(bytes([n]) * (n * 7)); assert s.recv(65535) == bytes([n]) * (n * 7)
"""
SEGMENTED = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM); s.connect((sys.argv[1], 53))
s.setsockopt(17, 103, 1200); s.send(bytes(range(256)) * 40)
s.setsockopt(17, 103, 333); s.send(bytes(range(251)) * 9)
"""


@contextlib.contextmanager
def serving(*command):
    one = subprocess.Popen(inside(SERVER, *command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.7)
    yield
    one.terminate()
    one.wait()


def http(directory, vip):
    page = os.path.join(directory, 'page')
    with open(page, 'wb') as file:
        file.write(bytes(range(256)) * 40)
    with serving('python3', '-m', 'http.server', '8080', '--bind', '::', '--directory', directory):
        for _ in range(2):
            run(*inside(CLIENT, 'curl', '-sgo', '/dev/null', f'http://{vip}/page'))
        subprocess.run(inside(CLIENT, 'curl', '-sgo', '/dev/null', f'http://{vip}/none'))


def udp(directory, vip):
    with serving('python3', '-c', ECHO):
        run(*inside(CLIENT, 'python3', '-c', ASK, vip))


def uso(directory, vip):
    with serving('python3', '-c', ECHO):
        run(*inside(CLIENT, 'python3', '-c', SEGMENTED, vip))


def refused(directory, vip):
    subprocess.run(inside(CLIENT, 'curl', '-sgo', '/dev/null', f'http://{vip}/'))


def iperf(directory, vip):
    with serving('iperf3', '-s', '-p', '8080'):
        run(*inside(CLIENT, 'iperf3', '-c', vip.strip('[]'), '-p', '80', '-n', '48K', '-l', '24K'), stdout=subprocess.DEVNULL)
        run(*inside(CLIENT, 'iperf3', '-c', vip.strip('[]'), '-p', '80', '-n', '36K', '-l', '18K', '-R'), stdout=subprocess.DEVNULL)


def main():
    import tempfile
    if sys.argv[1:2] == ['--tap']:
        return tap(sys.argv[3:], sys.argv[2])
    try:
        up()
        for name, state, traffic, vip in (
            ('kernel-http4', 'off', http, VIP4), ('kernel-http6', 'off', http, f'[{VIP6}]'),
            ('kernel-udp4', 'off', udp, VIP4), ('kernel-udp6', 'off', udp, VIP6),
            ('kernel-refused', 'off', refused, VIP4),
            ('kernel-gso4', 'on', iperf, VIP4), ('kernel-gso6', 'on', iperf, VIP6),
            ('kernel-uso4', 'on', uso, VIP4), ('kernel-uso6', 'on', uso, VIP6),
        ):
            for namespace in (CLIENT, SERVER):
                offloads(namespace, 'eth0', state)
            with tempfile.TemporaryDirectory() as directory:
                with recording(directory) as paths:
                    traffic(directory, vip)
                store(name, paths)
    finally:
        down()


if __name__ == '__main__':
    sys.exit(main())
