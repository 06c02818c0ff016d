"""What must leave the host for each frame that comes in: slow, with dictionaries, one packet at a time.

The order of events is that of one packet: it is completed (checksums, segmentation), taken apart, balanced at
the port it came in by, switched or routed, and at a client's port turned back into what the client expects.
The only thing the model does not decide is which member a new flow gets; `pick` is asked, and what it says is
checked (`Balance`).
"""
import ipaddress

import answers
from offload import complete
from packet import ETH_ARP, ICMP, ICMPV6, TCP, UDP, Malformed, need
from topology import outside_mac

MULTICAST_BIT = 1


class Drop(Exception):
    """The frame goes nowhere; the argument is the reason's name."""


class Flow:
    def __init__(self, group, vip, vport, member):
        self.group, self.vip, self.vport, self.member = group, vip, vport, member
        self.mport = member.port if member.port is not None else vport


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


class Model:
    def __init__(self, topology, pick):
        self.topology, self.pick = topology, pick
        self.balance = Balance()
        self.forward, self.reverse = {}, {}
        self.macs, self.neighbours, self.waiting = {}, {}, {}
        self.answered = 0
        for port in topology.ports:
            if port.mac:
                self.macs[port.network.name, port.mac] = port
            for address in port.addresses:
                self.neighbours[port.network.name, address] = port.mac
        for network in topology.networks.values():
            for address in topology.known_outside(network):
                self.neighbours[network.name, address] = outside_mac(address)
                self.macs[network.name, outside_mac(address)] = topology.outside[network.name]

    # One frame in.

    def receive(self, port, frame, vnet, time_ns):
        """[(port, bytes)] that leave, and the reason if the frame was dropped."""
        self.out, self.time_ms = [], time_ns // 1_000_000
        try:
            for packet in complete(frame, vnet):
                self.ingress(port, packet)
        except (Malformed, Drop) as reason:
            return self.out, str(reason)
        return self.out, None

    def ingress(self, port, packet):
        need(not packet.raw[6] & MULTICAST_BIT, 'bad-source-mac')
        self.macs.setdefault((port.network.name, packet.src_mac), port)
        if packet.version:
            self.check_addresses(packet)
        if packet.ethertype == ETH_ARP and self.arp(port, packet):
            return
        if packet.version == 6 and packet.protocol == ICMPV6 and self.neighbour_discovery(port, packet):
            return
        if packet.version:
            packet = self.balanced(port, packet)
            if packet is None:
                return
        if packet.dst_mac == port.network.router_mac and port.network.gateways:
            self.route(port, packet)
        elif packet.dst_mac == port.network.router_mac:
            raise Drop('not-for-us')
        else:
            self.switch(port, packet)

    def check_addresses(self, packet):
        """Sources that no packet may have (RFC 1122 3.2.1.3, RFC 4291 2.5.3, 2.7); mapped addresses are not for the wire."""
        source, destination = packet.source, packet.destination
        if packet.version == 4:
            first = source.packed[0]
            bad = first >= 224 or first == 127 or (first == 0 and int(source) != 0)
        else:
            bad = source.is_multicast or source.is_loopback or source.ipv4_mapped or destination.ipv4_mapped
        if bad:
            raise Drop('bad-ip-address')

    # Address resolution.

    def is_vip(self, network, address):
        return any(group.network is network and address in group.vips for group in self.topology.groups)

    def arp(self, port, packet):
        raw, l3 = packet.raw, packet.l3
        operation = packet.word(l3 + 6)
        sender, target = (ipaddress.ip_address(bytes(raw[at:at + 4])) for at in (l3 + 14, l3 + 24))
        self.resolved(port.network, sender, bytes(raw[l3 + 8:l3 + 14]))
        network = port.network
        if operation == 1 and sender != target and (target in network.gateways or self.is_vip(network, target)):
            self.answer(port, answers.arp_reply(packet, network.router_mac))
            return True
        return False

    def neighbour_discovery(self, port, packet):
        kind = packet.transport[0]
        if kind not in (135, 136):
            return False
        body = packet.transport
        valid = packet.ttl == 255 and body[1] == 0 and len(body) >= 24 and packet.wrongness() == 0
        target = ipaddress.ip_address(body[8:24])
        options = body[24:]
        while valid and options:
            valid = len(options) >= 8 and options[1] > 0 and len(options) >= options[1] * 8
            if valid and options[0] == 2 and kind == 136:
                self.resolved(port.network, target, options[2:8])
            options = options[options[1] * 8:] if valid else b''
        if not valid or target.is_multicast:
            raise Drop('bad-nd')
        network = port.network
        if kind == 135 and (target in network.gateways or self.is_vip(network, target)):
            reply = answers.neighbour_advertisement(packet, target, network.router_mac, target in network.gateways)
            self.answer(port, reply)
            return True
        return False

    def resolved(self, network, address, mac):
        """A neighbour's answer lets the packets go that wait for it."""
        key = (network.name, address)
        if key not in self.waiting:
            return
        self.neighbours[key] = ':'.join(f'{byte:02x}' for byte in mac)
        for packet in self.waiting.pop(key):
            self.deliver(network, packet.changed(dst_mac=self.neighbours[key]))

    def answer(self, port, frame):
        if frame is not None:
            self.answered += 1
            self.out.append((port, frame))

    # The load balancer in the port's egress path.

    def rules(self, port, packet):
        """Groups that match, the most specific first."""
        if port.outside:
            return []
        found = []
        for group in self.topology.groups:
            if group.network is not port.network or packet.destination not in group.vips:
                continue
            if group.labels is not None and any(port.labels.get(key) != value for key, value in group.labels.items()):
                continue
            if group.protocol is not None and group.protocol != packet.protocol:
                continue
            if group.port is not None and group.port != packet.dport:
                continue
            if group.source_port is not None and group.source_port != packet.sport:
                continue
            lengths = [prefix.prefixlen for prefix in group.sources if packet.source in prefix]
            if group.sources and not lengths:
                continue
            found.append(((group.protocol is not None, group.port is not None, max(lengths, default=-1), group.source_port is not None), group))
        return [group for _, group in sorted(found, key=lambda one: one[0], reverse=True)]

    def balanced(self, port, packet):
        """The packet as it goes on, or None when it has been answered."""
        if packet.fragment and self.is_vip(port.network, packet.destination):
            raise Drop('fragment-to-vip')
        key = (port.name, packet.protocol, packet.source, packet.sport, packet.destination, packet.dport)
        flow = self.forward.get(key)
        if flow is None:
            if not self.is_vip(port.network, packet.destination) or port.outside:
                return packet
            groups = self.rules(port, packet)
            if packet.protocol in (ICMP, ICMPV6):
                return self.echo_to_vip(port, packet)
            if not groups:
                raise Drop('no-connection')
            if packet.protocol not in (TCP, UDP) and groups[0].rewrite != 'mac':
                raise Drop('unsupported-protocol-to-vip')
            flow = self.new_flow(port, packet, groups[0], key)
            if flow is None:
                return None
        return self.towards_member(port, packet, flow)

    def echo_to_vip(self, port, packet):
        if packet.transport[0] != (8 if packet.version == 4 else 128):
            raise Drop('unsupported-protocol-to-vip')
        self.answer(port, answers.echo_reply(packet, port.network.router_mac))
        return None

    def new_flow(self, port, packet, group, key):
        for since, until, members in group.criteria:
            if (since is None or self.time_ms >= since) and (until is None or self.time_ms < until):
                break
        else:
            members = []
        eligible = [member for member in members if member.weight > 0 and member.address.version == packet.version]
        if not eligible:
            if packet.protocol == TCP:
                answer = answers.reset(packet, port.network.router_mac)
                if answer is None:
                    raise Drop('no-member')
            else:
                answer = answers.icmp_error(packet, answers.PORT_UNREACHABLE, packet.destination, port.network.router_mac)
            self.answer(port, answer)
            return None
        member = eligible[0] if len(eligible) == 1 else self.pick(group, eligible)
        self.balance.picked(port, group, eligible, member)
        flow = Flow(group, packet.destination, packet.dport, member)
        self.forward[key] = flow
        source = packet.destination if group.rewrite == 'mac' else member.address
        self.reverse[port.name, packet.protocol, source, flow.mport, packet.source, packet.sport] = flow
        return flow

    def towards_member(self, port, packet, flow):
        member, network = flow.member, port.network
        dport = flow.mport if flow.mport != packet.dport else None
        address = None if flow.group.rewrite == 'mac' else member.address
        packet = packet.changed(destination=address, dport=dport)
        if self.local(network, member.address):
            return self.to_neighbour(network, packet, member.address, member.mac)
        return packet

    def local(self, network, address):
        return any(address in subnet for subnet in network.subnets)

    def from_member(self, port, packet):
        """At the client's port: the member becomes the VIP again."""
        if not packet.version or packet.fragment:
            return packet
        flow = self.reverse.get((port.name, packet.protocol, packet.source, packet.sport, packet.destination, packet.dport))
        if flow is None:
            return packet
        return packet.changed(source=flow.vip, sport=flow.vport, src_mac=port.network.router_mac)

    # Switch and router.

    def switch(self, port, packet):
        if packet.raw[0] & MULTICAST_BIT:
            return self.flood(port, packet)
        known = self.macs.get((port.network.name, packet.dst_mac))
        if known is None:
            return self.flood(port, packet)
        if known is port:
            raise Drop('same-port')
        self.transmit(known, packet)

    def flood(self, port, packet):
        for other in self.topology.ports:
            if other.network is port.network and other is not port:
                self.transmit(other, packet)

    def transmit(self, port, packet):
        self.out.append((port, bytes(self.from_member(port, packet).raw)))

    def route(self, port, packet):
        if not packet.version:
            raise Drop('not-for-us')
        network = port.network
        if any(packet.destination in one.gateways for one in self.topology.networks.values()):
            return self.to_router_itself(port, packet)
        if packet.l3 != 14:
            raise Drop('vlan-not-allowed')
        egress, hop = self.next_hop(packet.destination)
        gateway = next(one for one in network.gateways if one.version == packet.version)
        if egress is None:
            self.refuse(port, 'no-route', answers.icmp_error(packet, answers.NO_ROUTE, gateway, network.router_mac))
        if packet.ttl <= 1:
            self.refuse(port, 'ttl-exceeded', answers.icmp_error(packet, answers.TIME_EXCEEDED, gateway, network.router_mac))
        packet = packet.changed(ttl=packet.ttl - 1, src_mac=egress.router_mac)
        packet = self.to_neighbour(egress, packet, hop, None)
        if packet is not None:
            self.deliver(egress, packet)

    def refuse(self, port, reason, answer):
        """Dropped, and the sender is told."""
        self.answer(port, answer)
        raise Drop(reason)

    def to_router_itself(self, port, packet):
        mac = port.network.router_mac
        if packet.protocol in (ICMP, ICMPV6) and packet.transport[0] == (8 if packet.version == 4 else 128):
            self.answer(port, answers.echo_reply(packet, mac))
        elif packet.protocol == TCP:
            self.refuse(port, 'gateway-local', answers.reset(packet, mac))
        elif packet.protocol == UDP:
            self.refuse(port, 'gateway-local', answers.icmp_error(packet, answers.PORT_UNREACHABLE, packet.destination, mac))
        else:
            raise Drop('gateway-local')

    def next_hop(self, destination):
        """(network, address of the next hop); the longest prefix wins, a connected subnet before a route of its length."""
        found = []
        for network in self.topology.networks.values():
            if not network.gateways:
                continue
            found += [(subnet.prefixlen, 1, network, destination) for subnet in network.subnets if destination in subnet]
            found += [(to.prefixlen, 0, network, via) for to, via in network.routes if destination in to]
        if not found:
            return None, None
        _, _, network, hop = max(found, key=lambda one: one[:2])
        return network, hop

    def to_neighbour(self, network, packet, address, fixed_mac):
        """With the neighbour's MAC, or None: it waits, and the neighbour is asked."""
        mac = fixed_mac or self.neighbours.get((network.name, address))
        if mac is not None:
            return packet.changed(dst_mac=mac)
        queue = self.waiting.setdefault((network.name, address), [])
        if not queue:
            gateway = next(one for one in network.gateways if one.version == address.version)
            build = answers.arp_request if address.version == 4 else answers.neighbour_solicitation
            for port in self.topology.ports:
                if port.network is network:
                    self.out.append((port, build(address, gateway, network.router_mac)))
        queue.append(packet)
        return None

    def deliver(self, network, packet):
        known = self.macs.get((network.name, packet.dst_mac))
        if known is not None:
            self.transmit(known, packet)
        else:
            for other in self.topology.ports:
                if other.network is network:
                    self.transmit(other, packet)
