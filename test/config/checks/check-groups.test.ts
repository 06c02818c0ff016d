import { type Case, runCases } from '../one-change.ts';

const cases: Case[] = [
  [
    'duplicate group name',
    [['groups.1.name', 'api']],
    ['groups[1].name: found "api", the same as groups[0].name, expected a name that no other group has'],
  ],
  [
    'VIP of a port',
    [['groups.0.vip', '10.1.0.11']],
    [
      'groups[0].vip: found "10.1.0.11", the same as ports[0].addresses[0], expected an address that no port or gateway has (or rewrite: port)',
    ],
  ],
  [
    'VIP of a gateway of a routed network',
    [['groups.0.vip', '10.2.0.1']],
    [
      'groups[0].vip: found "10.2.0.1", the same as networks[1].gateway, expected an address that no port or gateway has (or rewrite: port)',
    ],
  ],
  [
    'a member for each datagram, where that has no meaning',
    [
      ['groups.0.protocol', 'tcp'],
      ['groups.0.rewrite', 'mac'],
      ['groups.0.algorithm', 'maglev'],
      ['groups.0.affinity', { timeout: '1h' }],
      ['groups.0.udpRepick', '10s'],
      ['groups.0.udpScheduling', 'per-datagram'],
    ],
    [
      'groups[0].rewrite: found "mac" with per-datagram, expected address, as replies must tell their members',
      'groups[0].algorithm: found "maglev" with per-datagram, expected one that does not hash the flow',
      'groups[0].affinity: found affinity with per-datagram, expected none of it, as datagrams keep no member',
      'groups[0].udpRepick: found udpRepick with per-datagram, expected none of it, as datagrams keep no member',
      'groups[0].udpScheduling: found "per-datagram" with protocol tcp, expected protocol: udp, or per-flow',
    ],
  ],
  [
    'a member for each datagram of a UDP group, and draining ones that still serve',
    [
      ['groups.0.protocol', 'udp'],
      ['groups.0.udpScheduling', 'per-datagram'],
      ['groups.0.drainFallback', true],
    ],
    [],
  ],
  [
    'VIP of a port with rewrite port',
    [
      [
        'groups.0',
        {
          name: 'api',
          network: 'app',
          vip: '10.1.0.11',
          rewrite: 'port',
          members: [
            { name: 'a', address: '10.1.0.11', port: 8080 },
            { name: 'b', address: '10.1.0.11', port: 8081 },
          ],
        },
      ],
    ],
    [],
  ],
  [
    'rewrite port without ports, to another address',
    [['groups.0.rewrite', 'port']],
    [
      'groups[0].members[0].address: found "10.1.0.21", expected 10.1.0.100, as rewrite: port leaves the address',
      'groups[0].members[1].port: found nothing, expected a port, as rewrite: port changes nothing else',
      'groups[0].members[1].address: found "10.1.0.22", expected 10.1.0.100, as rewrite: port leaves the address',
    ],
  ],
  [
    'rewrite mac to a member beyond a router',
    [
      ['groups.0.rewrite', 'mac'],
      ['groups.0.members.1.address', '10.2.0.5'],
    ],
    [
      'groups[0].members[1].address: found "10.2.0.5", outside the subnets of network app, expected an address on the network, or a mac, as rewrite: mac needs one',
    ],
  ],
  [
    'rewrite mac with a mac',
    [
      ['groups.0.rewrite', 'mac'],
      ['groups.0.members.1', { name: 'app2', address: '10.2.0.5', mac: '02:00:00:00:00:05' }],
    ],
    [],
  ],
  [
    'VIP twice',
    [['groups.0.vip', ['fd00:1::64', 'FD00:1::0064', '10.1.0.100']]],
    ['groups[0].vip[1]: found "FD00:1::0064", the same as groups[0].vip[0], expected each address once'],
  ],
  [
    'VIP is no address',
    [['groups.0.vip', 'api.example.net']],
    ['groups[0].vip: found "api.example.net", expected an IPv4 or IPv6 unicast address'],
  ],
  [
    'one VIP of a list is no address',
    [['groups.0.vip', ['10.1.0.100', '10.1.0']]],
    ['groups[0].vip[1]: found "10.1.0", expected an IPv4 or IPv6 unicast address'],
  ],
  [
    'VIP is a number',
    [['groups.0.vip', 10]],
    ['groups[0].vip: found 10, expected an address or a list of addresses'],
  ],
  [
    'member of the other family',
    [['groups.0.members.1.address', 'fd00:1::22']],
    ['groups[0].members[1].address: found "fd00:1::22", which is IPv6, expected an IPv4 address, as the VIP'],
  ],
  [
    'member is the VIP',
    [['groups.0.members.1.address', '10.1.0.100']],
    [
      'groups[0].members[1].address: found "10.1.0.100", which is the VIP, expected the member\'s own address',
    ],
  ],
  [
    'member twice',
    [['groups.0.members.1', { name: 'app1', address: '10.1.0.21', port: 8080 }]],
    [
      'groups[0].members[1].name: found "app1", the same as groups[0].members[0].name, expected a name that no other member has',
      'groups[0].members[1].address: found "10.1.0.21", the same as groups[0].members[0].address, expected each destination once',
    ],
  ],
  [
    'same address, another port',
    [['groups.0.members.1', { name: 'app2', address: '10.1.0.21', port: 8081 }]],
    [],
  ],
  [
    'weight with a fraction',
    [['groups.0.members.1.weight', 1.5]],
    ['groups[0].members[1].weight: found 1.5, expected an integer from 0 to 65535'],
  ],
  [
    'weight below 0',
    [['groups.0.members.1.weight', -1]],
    ['groups[0].members[1].weight: found -1, expected an integer from 0 to 65535'],
  ],
  [
    'neither members nor criteria',
    [['groups.0.members', undefined]],
    [
      'groups[0]: found neither members nor criteria nor priorities, expected members, or criteria with their periods, or priorities with their conditions',
    ],
  ],
  [
    'an algorithm that there is not',
    [['groups.0.algorithm', 'round-robin']],
    [
      'groups[0].algorithm: found "round-robin", expected one of weighted-round-robin, least-connections, random-two-choices, maglev',
    ],
  ],
  [
    'hash with maglev',
    [
      ['groups.0.algorithm', 'maglev'],
      ['groups.0.hash', 'source-address'],
    ],
    [],
  ],
  [
    'hash without maglev',
    [
      ['groups.0.hash', 'five-tuple'],
      ['groups.1.algorithm', 'least-connections'],
      ['groups.1.hash', 'source-address'],
    ],
    [
      'groups[0].hash: found "five-tuple" with weighted-round-robin, expected algorithm: maglev, as no other hashes',
      'groups[1].hash: found "source-address" with least-connections, expected algorithm: maglev, as no other hashes',
    ],
  ],
  [
    'hash with an algorithm that there is not',
    [
      ['groups.0.algorithm', 'ring'],
      ['groups.0.hash', 'five-tuple'],
    ],
    [
      'groups[0].algorithm: found "ring", expected one of weighted-round-robin, least-connections, random-two-choices, maglev',
    ],
  ],
  [
    'affinity for too long, without unit, and of an unknown kind',
    [
      ['groups.0.affinity', { timeout: '8d' }],
      ['groups.1.affinity', { timeout: 3, by: 'port' }],
    ],
    [
      'groups[0].affinity.timeout: found "8d", expected a duration with its unit, such as 90s or 2m, from 1s to 7d',
      'groups[1].affinity.timeout: found 3, expected a duration with its unit, such as 90s or 2m, from 1s to 7d',
      'groups[1].affinity.by: found an unknown key "by", expected one of timeout',
    ],
  ],
  ['no members yet', [['groups.0.members', []]], []],
  [
    'period that ends before it begins',
    [['groups.1.criteria.1.until', '2026-12-01T13:00:00Z']],
    [
      'groups[1].criteria[1].until: found "2026-12-01T13:00:00Z", expected a time after 2026-12-01T13:00:00Z, where the period begins',
    ],
  ],
  [
    'time without zone',
    [['groups.1.criteria.1.from', '2026-12-01T13:00:00']],
    [
      'groups[1].criteria[1].from: found "2026-12-01T13:00:00", expected an ISO 8601 time with its zone, such as 2026-12-01T13:00:00Z',
    ],
  ],
  [
    'one member, two addresses',
    [['groups.1.criteria.1.members.0.address', '10.1.0.29']],
    [
      'groups[1].criteria[1].members[0].address: found "app1" with 10.1.0.29, expected 10.1.0.21, as at groups[1].criteria[0].members[0]',
    ],
  ],
  [
    'port with icmp',
    [
      ['groups.0.protocol', 'icmp'],
      ['groups.0.port', 7],
      ['groups.0.match', { sourcePort: 7 }],
    ],
    [
      'groups[0].members[0].port: found 8080, expected no port, as ICMP has none',
      'groups[0].port: found 7, expected no port, as ICMP has none',
      'groups[0].match.sourcePort: found 7, expected no port, as ICMP has none',
    ],
  ],
  [
    'sources of the other family',
    [['groups.0.match', { sources: ['fd00:1::/64'] }]],
    ['groups[0].match.sources[0]: found "fd00:1::/64", which is IPv6, expected an IPv4 prefix, as the VIP'],
  ],
  [
    'sources with host bits',
    [['groups.0.match', { sources: ['10.1.0.7/24'] }]],
    ['groups[0].match.sources[0]: found "10.1.0.7/24", which has host bits, expected 10.1.0.0/24'],
  ],
];

runCases('groups', cases);
