import { type Case, runCases } from '../one-change.ts';

const HEALTH = 'groups.0.health';
const TCP = { kind: 'tcp' };

const cases: Case[] = [
  ['a network that is known as a whole', [[HEALTH, { kind: 'tcp', port: 80 }]], []],
  [
    'no port anywhere',
    [[HEALTH, TCP]],
    ['groups[0].health.port: found nothing, expected a port, as neither the group nor member app2 has one'],
  ],
  [
    'the port of the group',
    [
      [HEALTH, TCP],
      ['groups.0.port', 80],
    ],
    [],
  ],
  ['echo needs no port', [[HEALTH, { kind: 'icmp' }]], []],
  [
    'a path for a connection',
    [[HEALTH, { kind: 'tcp', port: 80, path: '/x' }]],
    ['groups[0].health.path: found path with kind: tcp, expected kind: http, as no other asks for a path'],
  ],
  [
    'a port for an echo',
    [[HEALTH, { kind: 'icmp', port: 80 }]],
    ['groups[0].health.port: found 80, expected no port, as ICMP has none'],
  ],
  [
    'an impossible quorum and a wrong path',
    [[HEALTH, { kind: 'http', port: 80, quorum: 'most', path: 'healthz' }]],
    [
      'groups[0].health.quorum: found "most", expected majority, any, all, or a number of hosts',
      'groups[0].health.path: found "healthz", expected a path that begins with /, without blanks',
    ],
  ],
  [
    'a VM on the network whose address only it knows',
    [
      [HEALTH, { kind: 'icmp' }],
      ['ports.1.addresses', []],
    ],
    [
      'groups[0].health: found no IPv4 address of network app to probe from, expected an address of 10.1.0.0/24 as probeAddress of the network, one that nobody else has (only a host that knows every address of the network chooses one itself)',
    ],
  ],
  [
    'the same with an address for probes',
    [
      [HEALTH, { kind: 'icmp' }],
      ['ports.1.addresses', []],
      ['networks.0.probeAddress', '10.1.0.250'],
    ],
    [],
  ],
  [
    'a probe address of a port, and one outside',
    [
      [HEALTH, { kind: 'icmp' }],
      ['networks.0.probeAddress', ['10.1.0.11', 'fd00:2::1']],
    ],
    [
      'networks[0].probeAddress[0]: found "10.1.0.11", the same as ports[0].addresses[0], expected an address of its own',
      'networks[0].probeAddress[1]: found "fd00:2::1", outside the subnets of network app, expected an address inside 10.1.0.0/24 or fd00:1::/64',
    ],
  ],
  [
    'a VIP at the probe address',
    [['networks.0.probeAddress', '10.1.0.100']],
    [
      'groups[0].vip: found "10.1.0.100", the same as networks[0].probeAddress, expected an address that no port or gateway has (or rewrite: port)',
    ],
  ],
];

runCases('configuration: health checks', cases);
