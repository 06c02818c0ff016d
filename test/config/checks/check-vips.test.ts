import { type Case, runCases } from '../one-change.ts';

const NETWORK = 'the network address of its subnet, expected a host address inside 10.1.0.0/24';
const OTHER = {
  name: 'other',
  network: 'app',
  vip: '10.1.0.101',
  members: [{ name: 'm', address: '10.1.0.100', port: 80 }],
};

const cases: Case[] = [
  [
    "a subnet's own address as VIP",
    [['groups.0.vip', '10.1.0.0']],
    [`groups[0].vip: found "10.1.0.0", ${NETWORK}`],
  ],
  [
    'the address of all its hosts, also of another network that the router joins',
    [
      ['groups.0.vip', '10.1.0.255'],
      ['groups.1.vip', '10.2.0.255'],
    ],
    [
      'groups[0].vip: found "10.1.0.255", the broadcast address of its subnet, expected a host address inside 10.1.0.0/24',
      'groups[1].vip: found "10.2.0.255", the broadcast address of its subnet, expected a host address inside 10.2.0.0/24',
    ],
  ],
  [
    'of a network without gateway the subnets of others do not count',
    [
      [
        'groups.[]',
        { ...OTHER, network: 'lone', vip: '10.1.0.255', members: [{ name: 'm', address: '10.1.0.0' }] },
      ],
    ],
    [
      'groups[2].members[0].address: found "10.1.0.0", the network address of its subnet, expected a host address inside 10.1.0.0/16',
    ],
  ],
  [
    'a member that names a subnet',
    [['groups.0.members.1.address', '10.1.0.0']],
    [`groups[0].members[1].address: found "10.1.0.0", ${NETWORK}`],
  ],
  [
    "a member that is another group's VIP, in either order and in criteria sets",
    [
      ['groups.[]', OTHER],
      ['groups.0.members.1.address', '10.1.0.101'],
      ['groups.1.criteria.1.members.0.address', '10.1.0.100'],
      ['groups.1.criteria.0.members.0.address', '10.1.0.100'],
    ],
    [
      'groups[0].members[1].address: found "10.1.0.101", the virtual address of groups[2].vip, expected an address that a member itself has',
      'groups[1].criteria[0].members[0].address: found "10.1.0.100", the virtual address of groups[0].vip, expected an address that a member itself has',
      'groups[1].criteria[1].members[0].address: found "10.1.0.100", the virtual address of groups[0].vip, expected an address that a member itself has',
      'groups[2].members[0].address: found "10.1.0.100", the virtual address of groups[0].vip, expected an address that a member itself has',
    ],
  ],
  ['the same address on a network that no router joins', [['groups.[]', { ...OTHER, network: 'lone' }]], []],
  [
    "a VM's own address, of which a group balances a port, may be a member",
    [
      [
        'groups.[]',
        {
          ...OTHER,
          vip: '10.1.0.11',
          port: 80,
          protocol: 'tcp',
          rewrite: 'port',
          members: [{ name: 'm', address: '10.1.0.11', port: 8080 }],
        },
      ],
      ['groups.0.members.1.address', '10.1.0.11'],
    ],
    [],
  ],
];

runCases('virtual addresses that can work', cases);
