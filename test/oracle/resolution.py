"""Neighbours of the logical router: known, asked for while packets wait, or given up.

RFC 4861 10: three requests, one second apart; then the packets that wait are dropped and their senders told.
Timers have no exact moment: each event carries the one at which it is due.
"""
import answers

INTERVAL_MS, PROBES, FAILED_MS = 1000, 3, 5000
# Bounds of the waiting line that are Sluice's choice.
WAITING = 16


class Resolution:
    def __init__(self, model):
        self.model = model
        self.macs, self.asking, self.failed = {}, {}, {}
        self.drops = []

    def addressed(self, network, packet, address, fixed_mac):
        """The packet with the neighbour's MAC, or None: it waits."""
        from model import Drop
        key = (network.name, address)
        mac = fixed_mac or self.macs.get(key)
        if mac is not None:
            return packet.changed(dst_mac=mac)
        if self.model.time_ms - self.failed.get(key, -FAILED_MS) < FAILED_MS:
            self.unreachable(packet)
            raise Drop('neighbour-unresolved')
        if key not in self.asking:
            self.asking[key] = {'network': network, 'since': self.model.time_ms, 'sent': 1, 'packets': []}
            self.model.out += self.request(network, address)
        waiting = self.asking[key]['packets']
        if len(waiting) == WAITING:
            raise Drop('neighbour-queue-full')
        waiting.append(packet)
        return None

    def request(self, network, address):
        gateway = next(one for one in network.gateways if one.version == address.version)
        build = answers.arp_request if address.version == 4 else answers.neighbour_solicitation
        frame = build(address, gateway, network.router_mac)
        return [(port, frame) for port in self.model.topology.ports if port.network is network]

    def heard(self, network, address, mac):
        """An answer lets the packets go that wait for it, in order."""
        asked = self.asking.pop((network.name, address), None)
        if asked is None:
            return
        text = ':'.join(f'{byte:02x}' for byte in mac)
        self.macs[network.name, address] = text
        for packet in asked['packets']:
            self.model.deliver(network, packet.changed(dst_mac=text))

    def unreachable(self, packet):
        network = packet.port.network
        gateway = next(one for one in network.gateways if one.version == packet.version)
        quoted = packet.arrived.changed(ttl=packet.ttl)
        self.model.answer(packet.port, answers.icmp_error(quoted, answers.HOST_UNREACHABLE, gateway, network.router_mac))

    def timers(self, until_ms):
        """[(due at ms, [(port, bytes)])] in order; called before anything that happens at `until_ms`."""
        events = []
        while True:
            due = [(asked['since'] + asked['sent'] * INTERVAL_MS, key) for key, asked in self.asking.items()]
            due = [one for one in due if one[0] <= until_ms]
            if not due:
                return events
            at, key = min(due, key=lambda one: one[0])
            asked = self.asking[key]
            self.model.out = []
            if asked['sent'] < PROBES:
                asked['sent'] += 1
                self.model.out = self.request(asked['network'], key[1])
            else:
                del self.asking[key]
                self.failed[key] = at
                for packet in asked['packets']:
                    self.drops.append('neighbour-unresolved')
                    self.unreachable(packet)
                for flow in {packet.flow for packet in asked['packets']} - {None}:
                    if not flow.answered and self.model.reverse.get(flow.reverse_key) is flow:
                        self.model.forget(flow)
            events.append((at, self.model.out))
