#!/usr/bin/python3
"""Judges what Sluice made of a capture, frame by frame and byte by byte.

    expect.py CONFIG INPUT [--port P] [--observed OUT] [--write EXPECTED]

INPUT is run through the model. Where a new flow has a choice of members, the observed output says which one
was taken, and the model says whether it could be: an eligible one, and exact shares over every full cycle.
Everything else must be as the model says. Without --observed the first eligible member by weight is taken.
--write stores the model's output. The last line of stdout is a JSON object with the drops by reason and
what was answered. Exit 1 if anything differs.
"""
import argparse
import json
import sys
from collections import Counter

import capfile
from model import Model
from packet import Malformed, Packet
from topology import Topology


def ingress_port(topology, frame, preferred):
    """The port that a frame of a capture came in by; the rule that replay documents."""
    mac = ':'.join(f'{byte:02x}' for byte in frame[6:12])
    if len(frame) >= 12:
        for port in topology.ports:
            if port.mac == mac:
                return port
    source = None
    try:
        packet = Packet(frame)
        if packet.version:
            source = packet.source
    except Malformed:
        pass
    if source is not None:
        for port in topology.ports:
            if source in port.addresses:
                return port
        for network in topology.networks.values():
            if source in topology.known_outside(network):
                return topology.outside[network.name]
    if preferred:
        return topology.by_name(preferred)
    if source is not None:
        for network in topology.networks.values():
            if any(source in subnet for subnet in network.subnets):
                return topology.outside[network.name]
    return next(iter(topology.outside.values()))


class Judge:
    def __init__(self, config, capture, preferred, observed):
        self.topology = Topology(config)
        self.capture, self.preferred = capture, preferred
        self.model = Model(self.topology, self.pick)
        self.observed = {}
        for record in observed.records if observed else []:
            self.observed.setdefault(record.time_ns, []).append(record)
        self.position, self.now = 0, 0
        self.taken = Counter()

    def pick(self, group, eligible):
        """The member to which the observed frame went; the next by weight where nothing was observed."""
        seen = self.observed.get(self.now, [])
        if len(seen) > self.position:
            frame = Packet(seen[self.position].data)
            for member in eligible:
                if group.rewrite != 'mac' and frame.destination == member.address:
                    return member
        best = max(eligible, key=lambda one: (one.weight / (1 + self.taken[group.name, one.name]), -eligible.index(one)))
        self.taken[group.name, best.name] += 1
        return best

    def run(self):
        expected, drops, reasons = [], Counter(), []
        for record in self.capture.records:
            self.now = record.time_ns
            vnet, frame = bytes(12), record.data
            if self.capture.linktype == capfile.LINKTYPE_VNET:
                vnet, frame = frame[:12], frame[12:]
            self.position = sum(1 for one in expected if one.time_ns == self.now)
            port = ingress_port(self.topology, frame, self.preferred)
            out, reason = self.model.receive(port, frame, vnet, record.time_ns)
            reasons.append(reason)
            if reason:
                drops[reason] += 1
            expected += [capfile.Record(record.time_ns, data, to.name) for to, data in out]
        self.drops, self.reasons = drops, reasons
        form = capfile.Capture(self.capture.format, capfile.LINKTYPE_ETHERNET, [port.name for port in self.topology.ports], expected)
        return form

    def differences(self, expected, observed):
        problems = list(self.model.balance.problems)
        numbers = {record.time_ns: number for number, record in enumerate(self.capture.records, 1)}
        for time_ns in sorted({one.time_ns for one in expected.records} | {one.time_ns for one in observed.records}):
            want = [one for one in expected.records if one.time_ns == time_ns]
            got = [one for one in observed.records if one.time_ns == time_ns]
            if [(one.interface, one.data) for one in want] == [(one.interface, one.data) for one in got]:
                continue
            problems.append(f'frame {numbers.get(time_ns)}: {describe(want)} expected, {describe(got)} found')
        return problems


def describe(records):
    return ' + '.join(f'{one.interface}:{one.data.hex()}' for one in records) or 'nothing'


def store(path, capture, resolution=6):
    if capture.format == 'ng':
        capfile.write_pcapng(path, capture, resolution)
    else:
        capfile.write_pcap(path, capture)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument('config')
    arguments.add_argument('input')
    arguments.add_argument('--port')
    arguments.add_argument('--observed')
    arguments.add_argument('--write')
    options = arguments.parse_args()
    capture = capfile.read(options.input)
    observed = capfile.read(options.observed) if options.observed else None
    judge = Judge(options.config, capture, options.port, observed)
    expected = judge.run()
    problems = judge.differences(expected, observed) if observed else []
    for problem in problems:
        print(problem)
    if options.write and not problems:
        store(options.write, expected)
    print(json.dumps({'frames': len(capture.records), 'sent': len(expected.records), 'answered': judge.model.answered,
                      'drops': dict(sorted(judge.drops.items()))}))
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
