"""What must leave the host for each frame that comes in: slow, with dictionaries, one packet at a time.

The order of events is that of one packet: it is completed (checksums, segmentation), taken apart, balanced at
the port it came in by, switched or routed, and at a client's port turned back into what the client expects.
The only things the model does not decide are which member a new flow gets, and another client port where two
flows would collide; `chooser` is asked, and what it says is checked.
"""
import answers
import fragments
from flows import Balance, Flow
from offload import complete
from packet import ETH_ARP, ICMP, ICMPV6, TCP, UDP, Malformed, Packet, ipaddress, need
from quoted import translated_error
from resolution import Resolution
from topology import outside_mac

MULTICAST_BIT = 1
# DCCP, UDP-Lite, and IPv6 without an upper layer.
NOT_TRANSLATED = (33, 136, 59)
FIN, SYN, RST, ACK = 1, 2, 4, 16


class Drop(Exception):
    """The frame goes nowhere; the argument is the reason's name."""


class Model:
    """`chooser` has member(group, eligible) and client_port()."""

    def __init__(self, topology, chooser):
        self.topology, self.chooser = topology, chooser
        self.balance = Balance()
        self.forward, self.reverse, self.macs = {}, {}, {}
        self.resolution = Resolution(self)
        self.fragments = fragments.Fragments(Drop)
        self.answered = 0
        for port in topology.ports:
            if port.mac:
                self.macs[port.network.name, port.mac] = port
            for address in port.addresses:
                self.resolution.macs[port.network.name, address] = port.mac
        for network in topology.networks.values():
            for address in topology.known_outside(network):
                self.resolution.macs[network.name, address] = outside_mac(address)
                self.macs[network.name, outside_mac(address)] = topology.outside[network.name]

    # One frame in.

    def receive(self, port, frame, vnet, time_ns):
        """[(port, bytes)] that leave, and the reason if the frame was dropped."""
        self.out, self.time_ms = [], time_ns // 1_000_000
        try:
            for packet in complete(frame, vnet):
                packet.arrived, packet.port = Packet(frame), port
                if vnet[0] & 1 and packet.version:  # errors quote what would have been on the wire
                    packet.arrived.finish()
                self.ingress(port, packet)
        except (Malformed, Drop) as reason:
            self.send_released()
            return self.out, str(reason)
        self.send_released()
        return self.out, None

    def send_released(self):
        """Fragments that waited for one that has gone by now."""
        while self.fragments.released:
            direction, port, packet, state = self.fragments.released.pop(0)
            packet.released = state
            try:
                self.ingress(port, packet) if direction == 'from' else self.transmit(port, packet)
            except Drop as reason:
                self.fragments.drops.append(str(reason))

    def ingress(self, port, packet):
        """A flow whose first packet goes nowhere is none."""
        self.opened = None
        try:
            self.go_in(port, packet)
        except Drop:
            if self.opened:
                self.forget(self.opened)
            raise

    def go_in(self, port, packet):
        need(not packet.raw[6] & MULTICAST_BIT, 'bad-source-mac')
        self.macs.setdefault((port.network.name, packet.src_mac), port)
        if packet.version:
            self.check_addresses(packet)
            packet = self.balanced(port, packet)
            if packet is None:
                return
        if packet.ethertype == ETH_ARP and self.arp(port, packet):
            return
        if packet.version == 6 and packet.protocol == ICMPV6 and self.neighbour_discovery(port, packet):
            return
        if packet.dst_mac != port.network.router_mac:
            self.switch(port, packet)
        elif packet.version and port.network.gateways:
            self.route(port, packet)
        else:
            raise Drop('not-for-us')

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
        self.resolution.heard(port.network, sender, bytes(raw[l3 + 8:l3 + 14]))
        network = port.network
        if operation == 1 and sender != target and (target in network.gateways or self.is_vip(network, target)):
            self.answer(port, answers.arp_reply(packet, network.router_mac))
            return True
        return self.absorbed(port, packet)

    def neighbour_discovery(self, port, packet):
        kind = packet.transport[0]
        if kind == 133 and any(one.version == 6 for one in port.network.gateways):
            return self.router_solicitation(port, packet)
        if kind not in (135, 136):
            return False
        body = packet.transport
        valid = packet.ttl == 255 and body[1] == 0 and len(body) >= 24 and packet.wrongness() == 0
        target = ipaddress.ip_address(body[8:24]) if len(body) >= 24 else None
        options = body[24:]
        while valid and options:
            valid = len(options) >= 8 and options[1] > 0 and len(options) >= options[1] * 8
            if valid and options[0] == 2 and kind == 136:
                self.resolution.heard(port.network, target, options[2:8])
            options = options[options[1] * 8:] if valid else b''
        if not valid or target.is_multicast:
            raise Drop('bad-nd')
        network = port.network
        if kind == 135 and (target in network.gateways or self.is_vip(network, target)):
            reply = answers.neighbour_advertisement(packet, target, network.router_mac, target in network.gateways)
            self.answer(port, reply)
            return True
        return self.absorbed(port, packet)

    def router_solicitation(self, port, packet):
        """RFC 4861 6.1.1; never to other ports."""
        body = packet.transport
        options = body[8:]
        valid = packet.ttl == 255 and body[1] == 0 and len(body) >= 8 and packet.wrongness() == 0
        while valid and options:
            valid = len(options) >= 8 and options[1] > 0 and len(options) >= options[1] * 8
            valid = valid and not (options[0] == 1 and packet.source.is_unspecified)
            options = options[options[1] * 8:] if valid else b''
        if not valid:
            raise Drop('bad-nd')
        self.answer(port, answers.router_advertisement(packet, port.network))
        return True

    def absorbed(self, port, packet):
        """ARP and ND messages to the router itself end there."""
        if packet.dst_mac != port.network.router_mac:
            return False
        self.answered += 1
        return True

    def answer(self, port, frame):
        if frame is not None:
            self.answered += 1
            self.out.append((port, frame))

    def refuse(self, port, reason, answer):
        """Dropped, and the sender is told."""
        self.answer(port, answer)
        raise Drop(reason)

    def unserved(self, port, packet, reason):
        """Nobody here for this packet: a RST, or an ICMP error that quotes it as it arrived."""
        mac = port.network.router_mac
        if packet.fragment and (packet.headless or packet.protocol == TCP):
            raise Drop(reason)
        if packet.protocol == TCP:
            self.refuse(port, reason, answers.reset(packet, mac))
        self.refuse(port, reason, answers.icmp_error(packet.arrived, answers.PORT_UNREACHABLE, packet.destination, mac))

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
        """The packet as it goes on, or None when it has been answered or sent."""
        network = port.network
        if port.outside or not self.is_vip(network, packet.destination):
            return packet
        if packet.fragment:
            return self.fragment_to_vip(port, packet)
        return self.served(port, packet)

    def fragment_to_vip(self, port, packet):
        if self.fragments.admit('from', port, packet, self.time_ms) is None:
            return None
        try:
            going = self.served(port, packet)
        except Drop:
            if packet.piece[0] == 0:
                self.fragments.settle(packet, 'follow' if packet.protocol in (ICMP, ICMPV6) else 'refused')
            raise
        if packet.piece[0] == 0:
            self.fragments.settle(packet, 'follow')
        return going

    def served(self, port, packet):
        if packet.protocol in (ICMP, ICMPV6):
            return self.icmp_to_vip(port, packet)
        flow = self.forward.get(self.key(port, packet))
        if flow and flow.ended and packet.protocol == TCP and packet.raw[packet.l4 + 13] & (SYN | ACK | RST) == SYN:
            self.forget(flow)
            flow = None
        if flow is None:
            flow = self.new_flow(port, packet)
        flow.saw(packet, 'client')
        return self.towards_member(port, packet, flow)

    @staticmethod
    def key(port, packet):
        return port.name, packet.protocol, packet.source, packet.sport, packet.destination, packet.dport

    def forget(self, flow):
        del self.forward[flow.forward_key], self.reverse[flow.reverse_key]

    def icmp_to_vip(self, port, packet):
        if packet.fragment:
            reply = fragments.echo_reply(packet, port.network.router_mac, answers.HOP_LIMIT)
            if reply is None:
                raise Drop('no-connection')
            return self.answer(port, reply)
        if answers.is_echo(packet):
            self.answer(port, answers.echo_reply(packet, port.network.router_mac))
            return None
        found = translated_error(packet, lambda protocol, source, sport, destination, dport:
                                 self.forward.get((port.name, protocol, destination, dport, source, sport)), 'to-member')
        if found is None:
            raise Drop('no-connection')
        error, flow = found
        error.balanced = True
        return self.to_member_address(port, error, flow)

    def new_flow(self, port, packet):
        groups = self.rules(port, packet)
        if not groups or packet.headless:
            self.unserved(port, packet, 'no-connection')
        if packet.protocol in NOT_TRANSLATED:
            raise Drop('unsupported-protocol-to-vip')
        if packet.protocol == TCP and packet.raw[packet.l4 + 13] & (SYN | ACK | RST | FIN) != SYN:
            self.unserved(port, packet, 'no-connection')
        group = groups[0]
        for since, until, members in group.criteria:
            if (since is None or self.time_ms >= since) and (until is None or self.time_ms < until):
                break
        else:
            members = []
        eligible = [member for member in members if member.weight > 0 and member.address.version == packet.version]
        if not eligible:
            self.unserved(port, packet, 'no-member')
        member = eligible[0] if len(eligible) == 1 else self.chooser.member(group, eligible)
        self.balance.picked(port, group, eligible, member)
        flow = Flow(group, packet, member)
        source = flow.vip if group.rewrite == 'mac' else member.address
        for attempt in (packet.sport, None):
            flow.cport = self.chooser.client_port() if attempt is None and packet.sport is not None else attempt
            flow.reverse_key = (port.name, packet.protocol, source, flow.mport, packet.source, flow.cport)
            rival = self.reverse.get(flow.reverse_key)
            if rival and rival.ended:
                self.forget(rival)
            if flow.reverse_key not in self.reverse:
                break
        flow.forward_key = self.key(port, packet)
        self.forward[flow.forward_key] = self.reverse[flow.reverse_key] = self.opened = flow
        return flow

    def towards_member(self, port, packet, flow):
        dport = flow.mport if flow.mport != packet.dport else None
        sport = flow.cport if flow.cport != packet.sport else None
        address = None if flow.group.rewrite == 'mac' else flow.member.address
        packet = packet.changed(destination=address, dport=dport, sport=sport)
        packet.balanced, packet.flow = True, flow
        return self.to_member_address(port, packet, flow)

    def to_member_address(self, port, packet, flow):
        """On the client's own link to the member's MAC; else on to the router."""
        network, member = port.network, flow.member
        if not any(member.address in subnet for subnet in network.subnets):
            return packet
        packet = self.sized(port, packet, network)
        packet = self.resolution.addressed(network, packet, member.address, member.mac)
        if packet is not None:
            self.deliver(network, packet)
        return None

    def from_member(self, port, packet):
        """At the client's port: the member becomes the VIP again."""
        if not packet.version:
            return packet
        if packet.fragment:
            return self.fragment_from_member(port, packet)
        if packet.protocol in (ICMP, ICMPV6):
            return self.error_from_member(port, packet)
        flow = self.reverse.get(self.key(port, packet))
        return packet if flow is None else self.turned_back(port, packet, flow)

    def fragment_from_member(self, port, packet):
        """The packet to send, or None if it waits."""
        if port.outside or packet.balanced or packet.protocol in (ICMP, ICMPV6) or not self.is_endpoint(port.network, packet.source):
            return packet
        admitted = self.fragments.admit('to', port, packet, self.time_ms)
        if admitted in (None, 'pass'):
            return admitted and packet
        flow = self.reverse.get(self.key(port, packet))
        if packet.piece[0] == 0:
            self.fragments.settle(packet, 'follow' if flow else 'pass')
        elif flow is None:
            raise Drop('no-connection')
        return packet if flow is None else self.turned_back(port, packet, flow)

    def is_endpoint(self, network, address):
        return any(group.network is network and (address in group.vips or any(
            member.address == address for _, _, members in group.criteria for member in members)) for group in self.topology.groups)

    def turned_back(self, port, packet, flow):
        flow.saw(packet, 'member')
        flow.answered = True
        packet = self.homeward(packet, flow)
        dport = flow.client_port if flow.client_port != packet.dport else None
        return packet.changed(source=flow.vip, sport=flow.vport, dport=dport, src_mac=port.network.router_mac)

    def error_from_member(self, port, packet):
        found = translated_error(packet, lambda protocol, source, sport, destination, dport:
                                 self.reverse.get((port.name, protocol, destination, dport, source, sport)), 'to-client')
        if found is None:
            return packet
        error, flow = found
        error = self.homeward(error, flow)
        return error.changed(src_mac=port.network.router_mac) if packet.source == flow.member.address else error

    @staticmethod
    def homeward(packet, flow):
        """What comes by the router has lost the tags of its flow on the way."""
        return packet.under(flow.tags) if packet.routed and packet.l3 == 14 else packet

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
        packet = self.from_member(port, packet)
        if packet is None:
            return
        frames = [bytes(packet.raw)] if packet.mtu is None else fragments.cut(packet, packet.mtu)
        self.out += [(port, frame) for frame in frames]

    def deliver(self, network, packet):
        """What was balanced or routed may leave by any port, also the one it came in by."""
        known = self.macs.get((network.name, packet.dst_mac))
        for port in self.topology.ports if known is None else [known]:
            if port.network is network:
                self.transmit(port, packet)

    def route(self, port, packet):
        network = port.network
        if any(packet.destination in one.gateways for one in self.topology.networks.values()):
            return self.to_router_itself(port, packet)
        if packet.l3 != 14 and not packet.balanced:
            raise Drop('vlan-not-allowed')
        if packet.source.is_unspecified:  # RFC 1812 5.3.7, RFC 4291 2.5.2: never forwarded
            raise Drop('no-route')
        egress, hop = self.next_hop(packet.destination)
        gateway = next(one for one in network.gateways if one.version == packet.version)

        def refused(reason, kind, rest=0):
            self.refuse(port, reason, answers.icmp_error(packet.arrived, kind, gateway, network.router_mac, rest))

        if egress is None:
            refused('no-route', answers.NO_ROUTE)
        if packet.ttl <= 1:
            refused('ttl-exceeded', answers.TIME_EXCEEDED)
        packet = self.sized(port, packet, egress)
        packet = packet.changed(ttl=packet.ttl - 1, src_mac=egress.router_mac).under(packet.tags[-2:])
        packet.routed = True
        packet = self.resolution.addressed(egress, packet, hop, None)
        if packet is not None:
            self.deliver(egress, packet)

    def sized(self, port, packet, egress):
        """The packet as its size allows it to leave by a network: whole, to be cut, or not at all."""
        if packet.end - packet.l3 <= egress.mtu:
            return packet
        if fragments.may_fragment(packet):
            packet.mtu = egress.mtu
            return packet
        if packet.fragment and packet.piece[0] > 0:  # RFC 1122 3.2.2: errors are about first fragments
            raise Drop('mtu-exceeded')
        # Where there is no router to say it, the VIP does.
        speaker = next((one for one in port.network.gateways if one.version == packet.version), packet.arrived.destination)
        self.refuse(port, 'mtu-exceeded', answers.icmp_error(packet.arrived, answers.TOO_BIG, speaker, port.network.router_mac, egress.mtu))

    def to_router_itself(self, port, packet):
        if packet.fragment:
            if self.fragments.admit('from', port, packet, self.time_ms) is None:
                return
            reply = fragments.echo_reply(packet, port.network.router_mac, answers.HOP_LIMIT)
            if packet.piece[0] == 0:
                self.fragments.settle(packet, 'follow')
            if reply is None and packet.protocol in (TCP, UDP):
                self.unserved(port, packet, 'gateway-local')
            if reply is None:
                raise Drop('gateway-local')
            return self.answer(port, reply)
        if answers.is_echo(packet):
            self.answer(port, answers.echo_reply(packet, port.network.router_mac))
        elif packet.protocol in (TCP, UDP):
            self.unserved(port, packet, 'gateway-local')
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
