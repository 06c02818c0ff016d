"""The host that a configuration file describes, as the model needs it."""
import ipaddress
from dataclasses import dataclass, field

import yaml


@dataclass
class Network:
    name: str
    vni: int
    mtu: int
    subnets: list
    gateways: list
    routes: list
    router_mac: str


@dataclass
class Port:
    name: str
    network: Network
    mac: str = None
    addresses: list = field(default_factory=list)
    labels: dict = field(default_factory=dict)
    outside: bool = False


@dataclass
class Member:
    name: str
    address: object
    port: int
    weight: int
    mac: str = None


@dataclass
class Group:
    name: str
    network: Network
    vips: list
    protocol: object
    port: object
    sources: list
    source_port: object
    labels: object
    rewrite: str
    on_empty: str
    criteria: list  # (from ms or None, until ms or None, [Member])


PROTOCOLS = {None: None, 'any': None, 'tcp': 6, 'udp': 17, 'sctp': 132, 'icmp': 1}


def router_mac(vni):
    """Locally administered; the last three bytes are the VNI."""
    return '02:53:4c:' + ':'.join(f'{byte:02x}' for byte in vni.to_bytes(3, 'big'))


def outside_mac(address):
    """The MAC that replay assumes for an address that is on no port of this host."""
    if address.version == 4:
        low = address.packed
    else:
        words = [address.packed[at:at + 4] for at in (0, 4, 8, 12)]
        low = bytes(a ^ b ^ c ^ d for a, b, c, d in zip(*words))
    return ('02:04:' if address.version == 4 else '02:06:') + ':'.join(f'{byte:02x}' for byte in low)


def moment(value):
    """YAML gives a datetime for an ISO time; None stays None."""
    return None if value is None else int(value.timestamp() * 1000)


def listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]


class Topology:
    def __init__(self, path):
        with open(path) as file:
            config = yaml.safe_load(file)
        address, prefix = ipaddress.ip_address, ipaddress.ip_network
        self.networks = {}
        for item in config['networks']:
            self.networks[item['name']] = Network(
                item['name'], item['vni'], item.get('mtu', 1500), [prefix(text) for text in listed(item.get('subnets'))],
                [address(text) for text in listed(item.get('gateway'))],
                [(prefix(route['to']), address(route['via'])) for route in item.get('routes', [])], router_mac(item['vni']))
        self.ports = [
            Port(item['name'], self.networks[item['network']], item['mac'],
                 [ipaddress.ip_interface(text).ip for text in item.get('addresses', [])], item.get('labels', {}))
            for item in config['ports']]
        self.outside = {}
        for network in self.networks.values():
            self.outside[network.name] = Port('outside:' + network.name, network, outside=True)
            self.ports.append(self.outside[network.name])
        self.groups = [self.group(item) for item in config['groups']]

    def group(self, item):
        criteria = item.get('criteria') or [{'members': item['members']}]
        match = item.get('match', {})
        return Group(
            item['name'], self.networks[item['network']], [ipaddress.ip_address(vip) for vip in listed(item['vip'])],
            PROTOCOLS[item.get('protocol')], item.get('port'), [ipaddress.ip_network(text) for text in match.get('sources', [])],
            match.get('sourcePort'), item.get('from'), item.get('rewrite', 'address'), item.get('onEmpty', 'reject'),
            [(moment(one.get('from')), moment(one.get('until')), [self.member(member) for member in one['members']])
             for one in criteria])

    @staticmethod
    def member(item):
        return Member(item['name'], ipaddress.ip_address(item['address']), item.get('port'), item.get('weight', 1), item.get('mac'))

    def port_of(self, network, address):
        """The configured port that owns an address, or None."""
        for port in self.ports:
            if port.network is network and address in port.addresses:
                return port
        return None

    def holder(self, network, address):
        """The network in which an address lies, seen from `network`: itself, or one that the router joins to it."""
        if any(address in subnet for subnet in network.subnets):
            return network
        return next((one for one in self.networks.values()
                     if one.gateways and any(address in subnet for subnet in one.subnets)), None)

    def known_outside(self, network):
        """Addresses of members and next hops in this network that are on no port: replay presets their MACs."""
        wanted = [(one, via) for one in self.networks.values() for _, via in one.routes]
        wanted += [(group.network, member.address)
                   for group in self.groups for _, _, members in group.criteria for member in members]
        return [address for seen_from, address in wanted
                if self.holder(seen_from, address) is network and self.port_of(network, address) is None]

    def by_name(self, name):
        return next(port for port in self.ports if port.name == name)
