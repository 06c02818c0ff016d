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
    ['networks[1].mtu: found 575, expected an integer from 576 to 65535'],
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
      'networks[2].subnets[0]: found "10.1.0.0/16", which overlaps 10.1.0.0/24 of network app, expected subnets that do not overlap, as one router joins all networks with a gateway',
    ],
  ],
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
