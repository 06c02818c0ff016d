#!/usr/bin/python3
"""Two more judges of the stored expectations, neither of them written by us.

tshark checks every checksum of every frame that leaves. tcprewrite translates addresses and ports of the
simple conversations on its own, and must arrive at the same bytes. One JSON object per check on stdout.
"""
import json
import os
import subprocess
import sys
import tempfile

import capfile

CAPTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'captures')

FIELDS = ('ip.checksum.status', 'tcp.checksum.status', 'udp.checksum.status', 'icmp.checksum.status', 'icmpv6.checksum.status')
# Number of frames that carry a wrong checksum on purpose: it was wrong on arrival.
CORRUPT = {'corrupt.pcapng': 4, 'no-vip.pcapng': 1}

CLIENT, MEMBER = '02:00:00:00:01:0b', '02:00:00:00:01:15'
ROUTER = '02:53:4c:00:13:89'
# capture, VIP, VIP's port, member, member's port. (tcprewrite 4.4 also rewrites the MACs of IPv6 frames as if they were
# multicast; so there the comparison starts after them.)
TRANSLATIONS = (
    ('format-us.pcap', '10.1.0.100', 80, '10.1.0.21', 8080),
    ('tcp6-session.pcapng', '[fd00:1::100]', 80, '[fd00:1::15]', 8080),
)


def tshark(path):
    """How many frames there are, and the numbers of those with a wrong checksum. What an ICMP error quotes does not count."""
    command = ['tshark', '-r', path, '-o', 'ip.check_checksum:TRUE', '-o', 'tcp.check_checksum:TRUE',
               '-o', 'udp.check_checksum:TRUE', '-T', 'fields', '-E', 'occurrence=f', '-e', 'frame.number']
    for field in ('frame.protocols',) + FIELDS:
        command += ['-e', field]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split('\t') for line in out.splitlines()]
    return len(rows), [int(number) for number, protocols, ip, tcp, udp, *icmp in rows
                       if '0' in ([ip] + icmp if 'icmp' in protocols else [ip, tcp, udp])]


def tcprewrite(name, vip, vport, member, mport):
    """What tcprewrite makes of the two directions of a conversation."""
    capture = capfile.read(os.path.join(CAPTURES, 'input', name))
    bits = 32 if vip[0] != '[' else 128
    made = {}
    for source, options in (
        (CLIENT, [f'--dstipmap={vip}/{bits}:{member}/{bits}', f'--portmap={vport}:{mport}', f'--enet-dmac={MEMBER}']),
        (MEMBER, [f'--srcipmap={member}/{bits}:{vip}/{bits}', f'--portmap={mport}:{vport}', f'--enet-smac={ROUTER}']),
    ):
        mine = [one for one in capture.records if one.data[6:12] == bytes.fromhex(source.replace(':', ''))]
        with tempfile.TemporaryDirectory() as directory:
            before, after = os.path.join(directory, 'in.pcap'), os.path.join(directory, 'out.pcap')
            capfile.write_pcap(before, capfile.Capture('us', records=mine))
            subprocess.run(['tcprewrite', '--fixcsum', f'--infile={before}', f'--outfile={after}', *options], check=True, capture_output=True)
            for one in capfile.read(after).records:
                made[one.time_ns] = one.data
    return made


def main():
    for name in sorted(os.listdir(os.path.join(CAPTURES, 'expected'))):
        if name.endswith('.json'):
            continue
        path = os.path.join(CAPTURES, 'expected', name)
        total, wrong = tshark(path)
        problems = []
        if total != len(capfile.read(path).records):
            problems.append(f'tshark saw {total} frames of {len(capfile.read(path).records)}')
        if len(wrong) != CORRUPT.get(name, 0):
            problems.append(f'wrong checksums in frames {wrong}')
        print(json.dumps({'judge': 'tshark', 'file': name, 'frames': total, 'problems': problems}), flush=True)
    for name, *translation in TRANSLATIONS:
        skip = 0 if translation[0][0] != '[' else 12
        expected = {one.time_ns: one.data[skip:] for one in capfile.read(os.path.join(CAPTURES, 'expected', name)).records}
        made = {time_ns: data[skip:] for time_ns, data in tcprewrite(name, *translation).items()}
        problems = [f'at {time_ns}: tcprewrite {made[time_ns].hex()}, expected {expected.get(time_ns, b"").hex()}'
                    for time_ns in made if made[time_ns] != expected.get(time_ns)]
        if len(made) != len(expected) or not made:
            problems.append(f'tcprewrite made {len(made)} frames, {len(expected)} expected')
        print(json.dumps({'judge': 'tcprewrite', 'file': name, 'frames': len(made), 'problems': problems}), flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
