#!/usr/bin/python3
"""Judges what Sluice made of a capture, frame by frame and byte by byte.

    expect.py FILE OBSERVED            judge what came out for test/captures/input/FILE
    expect.py FILE OBSERVED --store    and, if there is nothing to object to, make it the stored expectation,
                                       printing what changes against the one before
    expect.py FILE --store             store what the model says, whatever Sluice does: for a capture without choices
    expect.py --stored                 judge every stored expectation; one JSON object per capture

The capture is run through the model. Where a new flow has a choice of members, the observed output says which
one was taken, and the model says whether it could be: an eligible one, and exact shares over every full cycle.
Everything else must be as the model says. Stored are the model's bytes, in expected/FILE, and what became of
frames that did not leave, in expected/FILE.json. Exit 1 if anything differs.
"""
import difflib
import ipaddress
import json
import os
import sys
import tempfile
from collections import Counter

from scapy.layers.l2 import Ether

import capfile
from model import Model
from packet import Packet, mac_text
from topology import Topology

TIMER_SLACK_NS = 500_000_000
CAPTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'captures')


def source_address(frame):
    """The network-layer source (for ARP the sender), as far as the bytes reach."""
    ethertype, l3 = int.from_bytes(frame[12:14], 'big'), 14
    for _ in range(2):
        if ethertype in (0x8100, 0x88A8):
            ethertype, l3 = int.from_bytes(frame[l3 + 2:l3 + 4], 'big'), l3 + 4
    at, size = {0x0800: (12, 4), 0x0806: (14, 4), 0x86DD: (8, 16)}.get(ethertype, (0, 0))
    raw = frame[l3 + at:l3 + at + size]
    return ipaddress.ip_address(raw) if size and len(raw) == size else None


def ingress_port(topology, frame, preferred):
    """The port that a frame of a capture came in by; the rule that replay documents."""
    mac = mac_text(frame[6:12])
    for port in topology.ports:
        if port.mac == mac:
            return port
    source = source_address(frame)
    for port in topology.ports:
        if source in port.addresses:
            return port
    for network in topology.networks.values():
        if source in topology.known_outside(network):
            return topology.outside[network.name]
    if preferred:
        return topology.by_name(preferred)
    for network in topology.networks.values():
        if source is not None and any(source in subnet for subnet in network.subnets):
            return topology.outside[network.name]
    return next(iter(topology.outside.values()))


class Judge:
    """One capture and what was observed for it (a Capture, or None)."""

    def __init__(self, case, observed):
        self.capture = capfile.read(os.path.join(CAPTURES, 'input', case['file']))
        self.topology = Topology(os.path.join(CAPTURES, case['config']))
        self.preferred = case['port']
        self.model = Model(self.topology, self)
        self.observed = observed or capfile.Capture(self.capture.format)
        self.expected = capfile.Capture(self.capture.format, interfaces=[port.name for port in self.topology.ports])
        self.drops, self.taken = Counter(), Counter()
        self.run()

    def observed_at(self, time_ns):
        return [one for one in self.observed.records if one.time_ns == time_ns]

    # What the model does not decide, taken from the observed frame that comes next.

    def observed_next(self):
        position = sum(1 for one in self.expected.records if one.time_ns == self.now)
        seen = self.observed_at(self.now)
        return Packet(seen[position].data) if len(seen) > position else None

    def member(self, group, eligible):
        """The member to which the observed frame went; by weight where nothing was observed."""
        frame = self.observed_next()
        for member in eligible:
            if frame is not None and frame.destination == member.address:
                return member
        best = max(eligible, key=lambda one: one.weight / (1 + self.taken[group.name, one.name]))
        self.taken[group.name, best.name] += 1
        return best

    def client_port(self):
        frame = self.observed_next()
        return frame.sport if frame is not None and frame.sport >= 1024 else 1024

    # The capture, frame by frame.

    def run(self):
        for record in self.capture.records:
            self.timers(record.time_ns // 1_000_000)
            self.now = record.time_ns
            vnet, frame = bytes(12), record.data
            if self.capture.linktype == capfile.LINKTYPE_VNET:
                vnet, frame = frame[:12], frame[12:]
            port = ingress_port(self.topology, frame, self.preferred)
            out, reason = self.model.receive(port, frame, vnet, record.time_ns)
            if reason:
                self.drops[reason] += 1
            self.sent(record.time_ns, out)
        self.timers(2**62)
        self.model.fragments.expire(2**62)
        self.drops.update(self.model.resolution.drops + self.model.fragments.drops)

    def timers(self, until_ms):
        for due_ms, out in self.model.resolution.timers(until_ms):
            self.now = self.moment_of(due_ms * 1_000_000, out)
            self.sent(self.now, out)

    def moment_of(self, due_ns, out):
        """When a timer's frames were observed: not before they were due, and at most 0.5 s late."""
        for one in self.observed.records:
            if out and 0 <= one.time_ns - due_ns <= TIMER_SLACK_NS and one.data == out[0][1]:
                return one.time_ns
        return due_ns

    def sent(self, time_ns, out):
        self.expected.records += [capfile.Record(time_ns, data, to.name) for to, data in out]

    @property
    def outcome(self):
        return {'frames': len(self.capture.records), 'sent': len(self.expected.records), 'answered': self.model.answered,
                'drops': dict(sorted(self.drops.items()))}

    def problems(self):
        found = list(self.model.balance.problems)
        numbers = {record.time_ns: number for number, record in enumerate(self.capture.records, 1)}
        named = self.capture.format == 'ng'
        for time_ns in sorted({one.time_ns for one in self.expected.records + self.observed.records}):
            want = [one for one in self.expected.records if one.time_ns == time_ns]
            got = self.observed_at(time_ns)
            if [(named and one.interface, one.data) for one in want] != [(named and one.interface, one.data) for one in got]:
                found.append(f'input frame {numbers.get(time_ns)}:\n  expected {describe(want)}\n  found    {describe(got)}')
        return found

    def write(self, path):
        if self.capture.format == 'ng':
            capfile.write_pcapng(path, self.expected, resolution=9)
        else:
            capfile.write_pcap(path, self.expected)


def describe(records):
    return '\n         + '.join(f'{one.interface} {Ether(one.data).summary()} {one.data.hex()}' for one in records) or 'nothing'


def lines(path):
    """A capture as text that can be compared and read."""
    if not os.path.exists(path):
        return []
    return [f'{one.time_ns} {describe([one])}\n' for one in capfile.read(path).records]


def judge(case, observed_path):
    return Judge(case, capfile.read(observed_path) if observed_path else None)


def store(case, made):
    path = os.path.join(CAPTURES, 'expected', case['file'])
    before = lines(path)
    if not case['file'].startswith('kernel-'):  # those are the kernel's, not ours to write
        made.write(path)
    with open(path + '.json', 'w') as file:
        json.dump(made.outcome, file)
        file.write('\n')
    sys.stdout.writelines(difflib.unified_diff(before, lines(path), 'before', 'now', n=1))


def stored(case):
    """Problems of a stored expectation: the model must agree with it, and give these very bytes."""
    path = os.path.join(CAPTURES, 'expected', case['file'])
    made = judge(case, path)
    problems = made.problems()
    with tempfile.NamedTemporaryFile() as file:
        made.write(file.name)
        if not problems and open(path, 'rb').read() != file.read():
            problems.append('the stored file has the right frames but not the right bytes')
    if json.load(open(path + '.json')) != made.outcome:
        problems.append(f'expected/{case["file"]}.json: the model says {json.dumps(made.outcome)}')
    return problems


def main():
    cases = {case['file']: case for case in json.load(open(os.path.join(CAPTURES, 'input', 'cases.json')))}
    if sys.argv[1:] == ['--stored']:
        for case in cases.values():
            print(json.dumps({'file': case['file'], 'about': case['about'], 'problems': stored(case)}), flush=True)
        return 0
    arguments = [one for one in sys.argv[1:] if one != '--store']
    if len(arguments) not in (1, 2) or arguments[0] not in cases:
        print(__doc__, file=sys.stderr)
        return 2
    case = cases[arguments[0]]
    made = judge(case, arguments[1] if len(arguments) == 2 else None)
    problems = made.problems() if len(arguments) == 2 else []
    print(*problems, sep='\n')
    if '--store' in sys.argv and not problems:
        store(case, made)
    print(json.dumps(made.outcome))
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
