import { type Case, runCases } from '../one-change.ts';

const cases: Case[] = [
  ['ports that share a load balancer', [['datapath', { loadBalancers: { edge: ['web1', 'web2'] } }]], []],
  [
    'a load balancer of unknown ports, and a port in two',
    [['datapath', { loadBalancers: { edge: ['web1', 'web3'], inner: ['web1'] } }]],
    [
      'datapath.loadBalancers.edge[1]: found "web3", expected the name of a port: one of web1, web2 (did you mean "web1"?)',
      'datapath.loadBalancers.inner[0]: found "web1", the same as datapath.loadBalancers.edge[0], expected each port in one load balancer',
    ],
  ],
  [
    'neither a scope nor sets',
    [['datapath', { loadBalancers: 'ports' }]],
    ['datapath.loadBalancers: found "ports", expected one of port, network, host, or { NAME: [PORT, …] }'],
  ],
  [
    'duplicate port name',
    [
      ['ports.1.name', 'web1'],
      ['ports.1.mac', '02:00:00:00:00:01'],
    ],
    ['ports[1].name: found "web1", the same as ports[0].name, expected a name that no other port has'],
  ],
  [
    'same namespace and default interface',
    [['ports.1.netns', 'web1']],
    [
      'ports[1].netns: found "eth0 in web1", the same as ports[0].netns, expected an interface that no other port has',
    ],
  ],
  [
    'same namespace, another interface',
    [
      ['ports.1.netns', 'web1'],
      ['ports.1.interface', 'eth1'],
    ],
    [],
  ],
  [
    'loopback as interface',
    [['ports.1.interface', 'lo']],
    [
      "ports[1].interface: found \"lo\", expected an interface name of 1 to 15 printable ASCII characters without space, '/', ':' or '%'; not lo",
    ],
  ],
  [
    'namespace with a slash',
    [['ports.1.netns', '../x']],
    [
      'ports[1].netns: found "../x", expected a namespace name of 1 to 128 letters, digits and "_.@:+-", not beginning with "@:+-"',
    ],
  ],
  [
    'duplicate MAC in another spelling',
    [
      ['ports.0.mac', '02:00:00:00:00:0a'],
      ['ports.1.mac', '02-00-00-00-00-0A'],
    ],
    [
      'ports[1].mac: found "02-00-00-00-00-0A", the same as ports[0].mac, expected a MAC that no other port of the network has',
    ],
  ],
  [
    'the same MAC on isolated networks',
    [
      ['ports.0.mac', '02:00:00:00:00:0a'],
      ['ports.1', { name: 'web2', network: 'lone', netns: 'web2', mac: '02:00:00:00:00:0a' }],
    ],
    [],
  ],
  [
    'a floating address that two ports may send from, and a prefix',
    [
      ['ports.0.allowedAddresses', ['10.1.0.200', 'fd00:1::200', 'fe80::/10']],
      ['ports.1.allowedAddresses', ['10.1.0.200/32', '10.88.0.0/16']],
    ],
    [],
  ],
  [
    "allowed addresses that are a gateway's, another port's, have host bits, or are none",
    [
      ['ports.0.allowedAddresses', ['10.1.0.1', '10.1.0.5/24', '224.0.0.18']],
      ['ports.1.allowedAddresses', ['10.1.0.11']],
    ],
    [
      'ports[0].allowedAddresses[0]: found "10.1.0.1", the same as networks[0].gateway, expected an address that no gateway and no port has',
      'ports[0].allowedAddresses[1]: found "10.1.0.5/24", which has host bits, expected 10.1.0.0/24',
      'ports[0].allowedAddresses[2]: found "224.0.0.18", expected a unicast address or a prefix, such as 10.1.0.200 or 10.1.0.192/28',
      'ports[1].allowedAddresses[0]: found "10.1.0.11", the same as ports[0].addresses[0], expected an address that no gateway and no port has',
    ],
  ],
  [
    'a virtual MAC that two ports may send from',
    [
      ['ports.0.allowedMacs', ['00:00:5e:00:01:33', '00-00-5E-00-02-33']],
      ['ports.1.allowedMacs', ['00:00:5e:00:01:33']],
    ],
    [],
  ],
  [
    "allowed MACs that are a port's, a logical router's, multicast",
    [
      ['ports.0.mac', '02:00:00:00:01:0b'],
      ['ports.0.allowedMacs', ['01:00:5e:00:00:12']],
      ['ports.1.allowedMacs', ['02:00:00:00:01:0B', '02:53:4c:00:00:01']],
    ],
    [
      'ports[0].allowedMacs[0]: found "01:00:5e:00:00:12", expected a unicast MAC address such as 02:00:00:00:01:0b',
      'ports[1].allowedMacs[0]: found "02:00:00:00:01:0B", the same as ports[0].mac, expected a MAC that is no port\'s own',
      'ports[1].allowedMacs[1]: found "02:53:4c:00:00:01", expected a MAC that no logical router has',
    ],
  ],
  [
    'guards that are not yes or no, EtherTypes that are lengths',
    [
      ['ports.0.dhcpGuard', 'off'],
      ['ports.0.allowedEtherTypes', [0x88b5, 60]],
    ],
    [
      'ports[0].dhcpGuard: found "off", expected true or false',
      'ports[0].allowedEtherTypes[1]: found 60, expected an EtherType from 1536 to 65535',
    ],
  ],
  [
    'address of another port',
    [['ports.1.addresses.0', '10.1.0.11/24']],
    [
      'ports[1].addresses[0]: found "10.1.0.11", the same as ports[0].addresses[0], expected an address of its own',
    ],
  ],
  [
    'the same address on an isolated network',
    [
      ['ports.1.network', 'lone'],
      ['ports.1.addresses.0', '10.1.0.11/16'],
    ],
    [],
  ],
  [
    'address outside',
    [['ports.1.addresses.0', '10.2.0.12/24']],
    [
      'ports[1].addresses[0]: found "10.2.0.12/24", outside the subnets of network app, expected an address inside 10.1.0.0/24 or fd00:1::/64',
    ],
  ],
  [
    'address without prefix length',
    [['ports.1.addresses.0', '10.1.0.12']],
    [
      'ports[1].addresses[0]: found "10.1.0.12", expected a unicast address with its prefix length, such as 10.1.0.11/24',
    ],
  ],
  [
    'uplinks',
    [
      [
        'uplinks',
        [
          { name: 'up0', interface: 'ens1', networks: ['app', { name: 'dbb', vlan: 2 }] },
          { name: 'up0', interface: 'ens1', networks: ['lone'] },
        ],
      ],
    ],
    [
      'uplinks[0].networks[0]: found "app" without a VLAN, expected { name, vlan }, as the uplink carries several networks',
      'uplinks[0].networks[1]: found "dbb", expected the name of a network: one of app, db, lone (did you mean "db"?)',
      'uplinks[1].name: found "up0", the same as uplinks[0].name, expected a name that no port and no other uplink has',
      'uplinks[1].interface: found "ens1", the same as uplinks[0].interface, expected an interface that no other uplink has',
    ],
  ],
  [
    'unknown store',
    [['store', { kind: 'redis' }]],
    ['store.kind: found "redis", expected one of file, etcd'],
  ],
  [
    'store with a key of the other kind',
    [['store', { kind: 'file', dir: '/x', endpoints: [] }]],
    ['store.endpoints: found an unknown key "endpoints", expected one of kind, dir'],
  ],
  [
    'store with keys that would lie among those of others',
    [['store', { kind: 'etcd', endpoints: ['192.0.2.1:2379'], prefix: '/sluice' }]],
    ['store.prefix: found "/sluice", expected a key prefix between slashes'],
  ],
  [
    'listener without port',
    [['listen', { http: '127.0.0.1' }]],
    ['listen.http: found "127.0.0.1", expected ADDRESS:PORT or [IPV6]:PORT'],
  ],
  [
    'controller by name and by a broken address',
    [
      ['controllers', ['c1.example.net:7400', '192.0.2.256:7400']],
      ['tls', { ca: 'ca.pem', cert: 'h1.pem', key: 'h1.key' }],
    ],
    ['controllers[1]: found "192.0.2.256:7400", expected HOST:PORT, ADDRESS:PORT or [IPV6]:PORT'],
  ],
  ['TLS without key', [['tls', { ca: 'a', cert: 'b' }]], ['tls.key: found nothing, expected a file name']],
];

runCases('ports and uplinks', cases);
