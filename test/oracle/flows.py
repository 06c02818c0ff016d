"""Flows, and whether they were spread as the weights say."""
FIN, RST = 1, 4


class Flow:
    def __init__(self, group, packet, member):
        self.group, self.member = group, member
        self.vip, self.vport = packet.destination, packet.dport
        self.mport = member.port if member.port is not None and packet.dport is not None else packet.dport
        self.client_port = packet.sport  # as the client has it; cport is what the member sees
        self.finished, self.ended, self.reset_by = set(), False, None
        self.tags, self.answered = packet.tags, False

    def saw(self, packet, side):
        """A TCP flow has ended when either side has sent RST and not gone on since, or both FIN."""
        if packet.protocol != 6 or packet.headless:
            return
        flags = packet.raw[packet.l4 + 13]
        if flags & FIN:
            self.finished.add(side)
        if flags & RST:
            self.reset_by = self.reset_by or side
        elif self.reset_by == side:
            self.reset_by = None
        self.ended = self.reset_by is not None or len(self.finished) == 2


class Balance:
    """Every full cycle of picks for one port and group has exactly the configured shares, and no needless runs."""

    def __init__(self):
        self.cycles = {}
        self.problems = []

    def picked(self, port, group, members, member):
        total = sum(one.weight for one in members)
        key = (port.name, group.name, tuple(one.name for one in members))
        cycle = self.cycles.setdefault(key, [])
        if cycle and cycle[-1] == member.name and 2 * member.weight <= total and len(members) > 1:
            self.problems.append(f'{key}: {member.name} twice in a row')
        cycle.append(member.name)
        if len(cycle) == total:
            for one in members:
                if cycle.count(one.name) != one.weight:
                    self.problems.append(f'{key}: cycle {cycle} gives {one.name} {cycle.count(one.name)}, weight {one.weight}')
            cycle.clear()
