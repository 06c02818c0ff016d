#!/usr/bin/python3
"""Records measured.pcap, what the flow meter is judged by: `measure.py`, as root, once.

The topology and its router are those of record.py. The capture holds what arrives at the router from either side, with
the times of its arrival: a client that dials the VIP, a member that answers from its own address. On each of the two
links lies a relay that delays, loses and reorders frames, as tc netem would, which not every kernel has; its four
directions change from scene to scene. All TCP payload is zeros, so that frames can be cut at SNAP_BYTES and restored.

  VIP's port  what happens
  7101        requests and answers over a link of 15 ± 5 ms
  7102        bytes up and down; segments get lost behind the router
  7103        bytes up and down; segments get lost before they come to it
  7104        the member does not read for a while: its window closes
  7105        nobody listens
  7106        nobody answers at all
  7107        the answer to a SYN takes longer than the client's patience: the SYN is sent again
  7108        segments overtake each other before they come to the router
  53 (UDP)    DNS: answers after 0 to 30 ms, none to some, and a question that is asked twice
"""
import contextlib
import heapq
import json
import os
import random
import select
import socket
import subprocess
import sys
import tempfile
import time

import record
from record import CLIENT, DB1, ETH_P_ALL, HERE, OUTGOING, ROUTER, ROUTER_APP, ROUTER_DB, SERVER, TAG, VIP4, WEB1, inside, run

LINKS = TAG + 'l'

SNAP_BYTES = 96
PORTS = range(7101, 7109)
SILENT = 7106

TRANSLATE = ''.join(f'add rule ip lb in ip daddr {VIP4} tcp dport {port} dnat to {DB1.ip4}:{port + 1000}\n' for port in PORTS)
BE_SILENT = f"""
table ip silent {{ chain in {{ type filter hook input priority 0
  tcp dport {SILENT + 1000} drop
}}
}}
"""

MEMBER = """
import random, socket, struct, threading, time
def listen(port, small=False):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if small: s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    s.bind(('', port)); s.listen(16)
    return s
def exactly(c, count):
    while count > 0:
        got = len(c.recv(min(count, 65536)))
        if got == 0: return False
        count -= got
    return True
def answers(port):
    s = listen(port)
    while True:
        c, _ = s.accept()
        while exactly(c, 100): c.sendall(bytes(300))
        c.close()
def transfer(port):
    s = listen(port)
    while True:
        c, _ = s.accept()
        if exactly(c, 80_000): c.sendall(bytes(50_000))
        c.close()
def slow(port):
    s = listen(port, True)
    while True:
        c, _ = s.accept()
        for _ in range(3):
            time.sleep(0.9)
            exactly(c, 16_000)
        c.close()
def dns(port):
    random.seed(53)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', port))
    while True:
        data, peer = s.recvfrom(512)
        number, = struct.unpack('!H', data[:2])
        if number % 7 == 3: continue
        reply = data[:2] + b'\\x81\\x80' + data[4:]
        threading.Timer(0.05 if number >= 100 else random.random() * 0.03, s.sendto, (reply, peer)).start()
for serve, port in ((answers, 8101), (transfer, 8102), (transfer, 8103), (slow, 8104), (answers, 8107), (transfer, 8108), (dns, 5353)):
    threading.Thread(target=serve, args=(port,)).start()
"""

DIAL = f"""
import socket, sys, time
def dial(port, timeout=30):
    return socket.create_connection(('{VIP4}', port), timeout)
def exactly(c, count):
    while count > 0: count -= len(c.recv(min(count, 65536)))
"""
REQUESTS = DIAL + """
port, connections, requests = map(int, sys.argv[1:])
for _ in range(connections):
    with dial(port) as c:
        for _ in range(requests):
            c.sendall(bytes(100)); exactly(c, 300)
"""
TRANSFER = DIAL + """
with dial(int(sys.argv[1])) as c:
    c.sendall(bytes(80_000)); exactly(c, 50_000)
"""
FILL = DIAL + """
with dial(7104) as c: c.sendall(bytes(48_000)); c.shutdown(1); c.recv(1)
"""
FAIL = DIAL + """
port, times = map(int, sys.argv[1:])
for _ in range(times):
    try: dial(port, 3.5)
    except OSError: pass
"""
DNS = f"""
import socket, struct, time
def question(number): return struct.pack('!6H', number, 0x100, 1, 0, 0, 0) + b'\\x03www\\x07example\\x00' + struct.pack('!2H', 1, 1)
for number in list(range(24)) + [100, 101]:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.2); s.connect(('{VIP4}', 53))
    s.send(question(number))
    if number >= 100: time.sleep(0.02); s.send(question(number))
    for _ in range(2 if number >= 100 else 1):
        try: s.recv(512)
        except OSError: pass
"""


def python(code, *args):
    run(*inside(CLIENT, sys.executable, '-c', code, *map(str, args)))


# The relay. In its namespace `c` and `s` lead to the nodes, `rc` and `rs` to the router.

ENDS = {'c': 'rc', 'rc': 'c', 's': 'rs', 'rs': 's'}


def relay():
    """Moves frames between the two ends of each link; a line of JSON on stdin says how, per device that they come from."""
    random.seed(7)
    sockets = {name: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) for name in ENDS}
    for name, one in sockets.items():
        one.bind((name, ETH_P_ALL))
    names = {one.fileno(): name for name, one in sockets.items()}
    conditions, waiting, last, number = {}, [], dict.fromkeys(ENDS, 0.0), 0
    while True:
        patience = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([*names, sys.stdin], [], [], patience)
        now = time.monotonic()
        for one in ready:
            if one is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                conditions = json.loads(line)
                print('ok', flush=True)
                continue
            name = names[one]
            frame, address = sockets[name].recvfrom(1 << 16)
            how = conditions.get(name, {})
            if address[2] == OUTGOING or random.random() < how.get('loss', 0):
                continue
            due = now + (how.get('delay', 0) + how.get('jitter', 0) * random.uniform(-1, 1)) / 1000
            if random.random() >= how.get('overtake', 0):
                due = last[name] = max(due, last[name])
            else:
                due = now
            number += 1
            heapq.heappush(waiting, (due, number, ENDS[name], frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, name, frame = heapq.heappop(waiting)
            sockets[name].send(frame)


@contextlib.contextmanager
def relayed():
    """Puts the relay into both links of record.py's topology; yields the function that changes what it does."""
    run('ip', 'netns', 'add', LINKS)
    run(*inside(LINKS, 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1'))
    for namespace, node, router, name in ((CLIENT, WEB1, ROUTER_APP, 'c'), (SERVER, DB1, ROUTER_DB, 's')):
        run('ip', '-n', namespace, 'link', 'set', 'eth0', 'netns', LINKS, 'name', 'r' + name)
        run('ip', '-n', namespace, 'link', 'add', 'eth0', 'address', node.mac, 'type', 'veth', 'peer', 'name', name, 'netns', LINKS)
        run('ip', '-n', namespace, 'addr', 'add', node.ip4 + '/24', 'dev', 'eth0')
        run('ip', '-n', namespace, 'link', 'set', 'eth0', 'up')
        for device in name, 'r' + name:
            run('ip', '-n', LINKS, 'link', 'set', device, 'address', '02:00:00:00:ff:01', 'up')
            record.offloads(LINKS, device, 'off')
        for address in (router.ip4, VIP4):
            run('ip', '-n', namespace, 'neigh', 'replace', address, 'lladdr', router.mac, 'dev', 'eth0', 'nud', 'permanent')
        run('ip', '-n', namespace, 'route', 'replace', 'default', 'via', router.ip4)
        record.offloads(namespace, 'eth0', 'off')
        run(*inside(namespace, 'ethtool', '-K', 'eth0', 'gro', 'off'))
    process = subprocess.Popen(inside(LINKS, sys.executable, __file__, '--relay'), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def links(**conditions):
        process.stdin.write(json.dumps(conditions) + '\n')
        process.stdin.flush()
        assert process.stdout.readline() == 'ok\n'

    try:
        links()
        yield links
    finally:
        process.kill()
        process.wait()


def scenes(links):
    near = {'delay': 4}
    links(rs={'delay': 15, 'jitter': 5})
    python(REQUESTS, 7101, 4, 6)
    links(rs={'delay': 4, 'loss': 0.08}, rc={'delay': 4, 'loss': 0.08})
    python(TRANSFER, 7102)
    links(rs=near, rc=near, c={'loss': 0.08}, s={'loss': 0.08})
    python(TRANSFER, 7103)
    links(rs=near, rc=near)
    python(FILL)
    python(FAIL, 7105, 3)
    python(FAIL, SILENT, 2)
    links(rs={'delay': 1300})
    python(REQUESTS, 7107, 1, 1)
    links(rs=near, rc=near, c={'delay': 3, 'overtake': 0.1})
    python(TRANSFER, 7108)
    links(rs=near)
    python(DNS)


def main():
    if sys.argv[1:] == ['--relay']:
        return relay()
    try:
        record.up()
        run(*inside(ROUTER, 'nft', '-f', '-'), input=TRANSLATE.encode())
        run(*inside(SERVER, 'nft', '-f', '-'), input=BE_SILENT.encode())
        with tempfile.TemporaryDirectory() as directory, relayed() as links, record.serving(sys.executable, '-c', MEMBER):
            dumps, files = [], []
            for device in 'c0', 's0':
                files.append(os.path.join(directory, device))
                options = ('-i', device, '-Q', 'in', '-s', str(SNAP_BYTES), '-Z', 'root', '--immediate-mode', '-w', files[-1])
                dumps.append(subprocess.Popen(inside(ROUTER, 'tcpdump', '-q', *options, 'tcp or udp')))
            time.sleep(1)
            scenes(links)
            time.sleep(1)
            for one in dumps:
                one.terminate()
                one.wait()
            run('mergecap', '-F', 'pcap', '-s', str(SNAP_BYTES), '-w', os.path.join(HERE, 'measured.pcap'), *files)
    finally:
        record.down()
        subprocess.run(('ip', 'netns', 'del', LINKS), stderr=subprocess.DEVNULL)


if __name__ == '__main__':
    sys.exit(main())
