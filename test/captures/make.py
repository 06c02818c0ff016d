#!/usr/bin/python3
"""Writes the input captures: the same bytes on every run.

    make.py             write them all to input/
    make.py --check     write nothing; exit 1 and name the files that differ from what would be written
    make.py --list      print one JSON object per case
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
import sessions  # noqa: F401

HERE = os.path.dirname(os.path.abspath(__file__))


def write_all(directory):
    for name, build in CASES.items():
        capfile.write_pcapng(os.path.join(directory, name + '.pcapng'), build().capture('ng'))
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
    if sys.argv[1:] == ['--list']:
        for name, build in CASES.items():
            made = build()
            print(json.dumps({'name': name, 'about': made.about, 'config': made.config, 'port': made.port,
                              'frames': len(made.records)}))
        return 0
    write_all(os.path.join(HERE, 'input'))
    return 0


if __name__ == '__main__':
    sys.exit(main())
