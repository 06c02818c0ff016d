#!/usr/bin/python3
"""Writes the input captures, and cases.json, which says what each is for: the same bytes on every run.

    make.py             write them all to input/
    make.py --check     write nothing; exit 1 and name the files that differ from what would be written
"""
import json
import os
import sys
import tempfile

from scene import CASES, capfile
import hostile  # noqa: F401
import balance  # noqa: F401
import layers  # noqa: F401
import neighbours  # noqa: F401
import offloads  # noqa: F401
import pieces  # noqa: F401
import sessions  # noqa: F401

HERE = os.path.dirname(os.path.abspath(__file__))


# The captures that record.py made, and the conversation that is stored in every file format.
OTHERS = {
    'kernel-http4.pcapng': 'curl and an HTTP server, real kernels; expectation: the kernel\'s own router and DNAT',
    'kernel-http6.pcapng': 'the same over IPv6',
    'kernel-udp4.pcapng': 'UDP requests of many lengths between real kernels',
    'kernel-udp6.pcapng': 'the same over IPv6',
    'kernel-refused.pcapng': 'a connection that the member\'s kernel refuses',
    'kernel-gso4.pcapng': 'iperf3 both ways with TSO; expectation: the kernel\'s own segmentation',
    'kernel-gso6.pcapng': 'the same over IPv6',
    'kernel-uso4.pcapng': 'UDP_SEGMENT; expectation: the kernel\'s own segmentation',
    'kernel-uso6.pcapng': 'the same over IPv6',
    'format-us.pcap': 'tcp4-session as classic pcap, microseconds',
    'format-ns.pcap': 'the same, nanoseconds',
    'format-us-be.pcap': 'the same, microseconds, big-endian',
    'format-ng-ns.pcapng': 'the same, pcapng with nanoseconds',
}


def write_all(directory):
    cases = []
    for name, build in CASES.items():
        made = build()
        capfile.write_pcapng(os.path.join(directory, name + '.pcapng'), made.capture('ng'))
        cases.append({'file': name + '.pcapng', 'about': made.about, 'config': made.config, 'port': made.port})
    cases += [{'file': name, 'about': about, 'config': 'testbed.yaml', 'port': None} for name, about in OTHERS.items()]
    with open(os.path.join(directory, 'cases.json'), 'w') as file:
        json.dump(cases, file, indent=1)
        file.write('\n')
    # One conversation in every file format; the frames are those of tcp4-session.
    session = CASES['tcp4-session']()
    capfile.write_pcap(os.path.join(directory, 'format-us.pcap'), session.capture('us'))
    capfile.write_pcap(os.path.join(directory, 'format-ns.pcap'), session.capture('ns'))
    capfile.write_pcap(os.path.join(directory, 'format-us-be.pcap'), session.capture('us'), big_endian=True)
    capfile.write_pcapng(os.path.join(directory, 'format-ng-ns.pcapng'), session.capture('ng'), resolution=9)


def check():
    with tempfile.TemporaryDirectory() as fresh:
        write_all(fresh)
        different = []
        for name in sorted(os.listdir(fresh)):
            stored = os.path.join(HERE, 'input', name)
            with open(os.path.join(fresh, name), 'rb') as file:
                made = file.read()
            if not os.path.exists(stored) or open(stored, 'rb').read() != made:
                different.append(name)
    if different:
        print('differ from what make.py writes:', *different)
    return 1 if different else 0


def main():
    if sys.argv[1:] == ['--check']:
        return check()
    write_all(os.path.join(HERE, 'input'))
    return 0


if __name__ == '__main__':
    sys.exit(main())
