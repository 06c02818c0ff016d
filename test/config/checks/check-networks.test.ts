import { type Case, runCases } from '../one-change.ts';

const cases: Case[] = [
  [
    'duplicate network name',
    [['networks.1.name', 'app']],
    [
      'networks[1].name: found "app", the same as networks[0].name, expected a name that no other network has',
    ],
  ],
  [
    'duplicate VNI',
    [['networks.1.vni', 1]],
    ['networks[1].vni: found 1, the same as networks[0].vni, expected a VNI that no other network has'],
  ],
  ['VNI 0', [['networks.1.vni', 0]], ['networks[1].vni: found 0, expected an integer from 1 to 16777215']],
  [
    'MTU too small',
    [['networks.1.mtu', 575]],
    ['networks[1].mtu: found 575, expected an integer from 576 to 65521'],
  ],
  ['MTU fine without IPv6', [['networks.1.mtu', 576]], []],
  [
    'MTU too small for IPv6',
    [['networks.0.mtu', 1279]],
    ['networks[0].mtu: found 1279, expected at least 1280, as the network has an IPv6 subnet'],
  ],
  [
    'subnet with host bits',
    [['networks.1.subnets.0', '10.2.0.1/24']],
    ['networks[1].subnets[0]: found "10.2.0.1/24", which has host bits, expected 10.2.0.0/24'],
  ],
  [
    'overlap within a network',
    [['networks.2.subnets.[]', '10.1.4.0/22']],
    [
      'networks[2].subnets[1]: found "10.1.4.0/22", which overlaps 10.1.0.0/16 of network lone, expected subnets of one network that do not overlap',
    ],
  ],
  [
    'overlap of isolated networks becomes one when both are routed',
    [['networks.2.gateway', '10.1.200.1']],
    [
      'networks[2].subnets[0]: found "10.1.0.0/16", which overlaps 10.1.0.0/24 of network app, expected subnets that do not overlap, as one router joins both networks',
    ],
  ],
  [
    'networks of different routers overlap',
    [
      ['routers', [{ name: 'blue' }, { name: 'green' }]],
      ['networks.0.router', 'blue'],
      ['networks.1.router', 'blue'],
      ['networks.2.router', 'green'],
      ['networks.2.gateway', '10.1.200.1'],
    ],
    [],
  ],
  [
    'networks of one router do not overlap',
    [
      ['routers', [{ name: 'blue' }]],
      ['networks.0.router', 'blue'],
      ['networks.1.router', 'blue'],
      ['networks.2.router', 'blue'],
      ['networks.2.gateway', '10.1.200.1'],
    ],
    [
      'networks[2].subnets[0]: found "10.1.0.0/16", which overlaps 10.1.0.0/24 of network app, expected subnets that do not overlap, as one router joins both networks',
    ],
  ],
  [
    'every problem of routers',
    [
      ['routers', [{ name: 'blue' }, { name: 'blue' }]],
      ['networks.0.router', 'bleu'],
      ['networks.2.router', 'blue'],
    ],
    [
      'networks[0].router: found "bleu", expected the name of a router: one of blue (did you mean "blue"?)',
      'networks[1].router: found nothing, expected the name of a router: one of blue',
      'networks[2].router: found a router in a network without gateway, expected a gateway, the address of the router',
      'routers[1].name: found "blue", the same as routers[0].name, expected a name that no other router has',
    ],
  ],
  [
    'a link-local gateway needs no subnet, and is its own network only',
    [
      ['networks.0.gateway', ['10.1.0.1', 'fe80::1']],
      ['networks.1.gateway', ['10.2.0.1', 'fe80::1']],
      ['ports.0.addresses', ['10.1.0.11/24', 'fe80::2/64']],
      ['ports.1.addresses', ['10.1.0.12/24', 'fe80::3/64']],
    ],
    [],
  ],
  [
    'a port with the link-local address of its gateway',
    [['networks.0.gateway', ['10.1.0.1', 'fe80::2']]],
    [
      'ports[1].addresses[1]: found "fe80::2", the same as networks[0].gateway[1], expected an address of its own',
    ],
  ],
  [
    'a port with the subnet-router anycast address',
    [
      ['networks.0.gateway', ['10.1.0.1', 'fd00:1::1']],
      ['ports.0.addresses.[]', 'fd00:1::/64'],
    ],
    [
      'ports[0].addresses[1]: found "fd00:1::", the subnet-router anycast address of its subnet, expected another address inside fd00:1::/64',
    ],
  ],
  ['the first address of a subnet without IPv6 router', [['ports.0.addresses.[]', 'fd00:1::/64']], []],
  [
    'router advertisements without IPv6 gateway',
    [['networks.0.routerAdvertisements', true]],
    [
      'networks[0].routerAdvertisements: found router advertisements in a network without IPv6 gateway, expected an IPv6 address among the gateways',
    ],
  ],
  [
    'router advertisements whose lifetime ends before the next one',
    [
      ['networks.0.gateway', ['10.1.0.1', 'fe80::1']],
      ['networks.0.routerAdvertisements', { lifetime: '5m' }],
    ],
    [
      'networks[0].routerAdvertisements.lifetime: found "5m", expected a lifetime of 0s, or of at least the interval, 10m',
    ],
  ],
  [
    'router advertisements of a router that is no default router',
    [
      ['networks.0.gateway', ['10.1.0.1', 'fe80::1']],
      ['networks.0.routerAdvertisements', { lifetime: '0s', interval: '20m', autonomous: true }],
    ],
    [],
  ],
  ['router advertisements off', [['networks.0.routerAdvertisements', false]], []],
  [
    'gateway outside',
    [['networks.1.gateway', '10.3.0.1']],
    [
      'networks[1].gateway: found "10.3.0.1", outside the subnets of network db, expected an address inside 10.2.0.0/24',
    ],
  ],
  [
    'gateway is the network address',
    [['networks.1.gateway', '10.2.0.0']],
    [
      'networks[1].gateway: found "10.2.0.0", the network address of its subnet, expected a host address inside 10.2.0.0/24',
    ],
  ],
  [
    'gateway of a network without subnets',
    [['networks.1.subnets', []]],
    [
      'networks[1].gateway: found "10.2.0.1", outside the subnets of network db, expected a subnet that contains it',
    ],
  ],
  [
    'point-to-point subnets have neither network nor broadcast address',
    [['networks.1.subnets', ['10.2.0.0/31']]],
    [],
  ],
  [
    'route without gateway',
    [['networks.2.routes', [{ to: '10.9.0.0/16', via: '10.1.2.3' }]]],
    [
      'networks[2].routes[0]: found a route in a network without gateway, expected a gateway, as routes belong to the logical router',
    ],
  ],
  [
    'next hop outside',
    [['networks.1.routes', [{ to: '10.9.0.0/16', via: '10.1.0.5' }]]],
    [
      'networks[1].routes[0].via: found "10.1.0.5", outside the subnets of network db, expected an address inside 10.2.0.0/24',
    ],
  ],
  [
    'next hop is the gateway',
    [['networks.1.routes', [{ to: '10.9.0.0/16', via: '10.2.0.1' }]]],
    [
      'networks[1].routes[0].via: found "10.2.0.1", the same as networks[1].gateway, expected the address of another router',
    ],
  ],
  [
    'next hop of the other family',
    [['networks.1.routes', [{ to: 'fd09::/16', via: '10.2.0.5' }]]],
    ['networks[1].routes[0].via: found "10.2.0.5" as next hop of fd09::/16, expected an IPv6 address'],
  ],
  [
    'one prefix routed twice',
    [
      [
        'networks.1.routes',
        [
          { to: '10.9.0.0/16', via: '10.2.0.5' },
          { to: '10.9.0.0/16', via: '10.2.0.6' },
        ],
      ],
    ],
    [
      'networks[1].routes[1].to: found "10.9.0.0/16", the same as networks[1].routes[0].to, expected one route per prefix',
    ],
  ],
  [
    'multicast gateway',
    [['networks.1.gateway', '224.0.0.1']],
    ['networks[1].gateway: found "224.0.0.1", expected an IPv4 or IPv6 unicast address'],
  ],
];

runCases('networks', cases);
