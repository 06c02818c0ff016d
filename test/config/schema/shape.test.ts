import { type Case, runCases } from '../one-change.ts';

const cases: Case[] = [
  ['nothing wrong', [], []],
  [
    'host missing',
    [['host', undefined]],
    [
      'host: found nothing, expected a name of at most 63 letters, digits, dots, hyphens and underscores, beginning with a letter or digit',
    ],
  ],
  [
    'a list instead of a mapping',
    [['networks.0', ['app']]],
    [
      'networks[0]: found a list, expected a mapping',
      'ports[0].network: found "app", expected the name of a network: one of db, lone',
      'ports[1].network: found "app", expected the name of a network: one of db, lone',
      'groups[0].network: found "app", expected the name of a network: one of db, lone',
      'groups[1].network: found "app", expected the name of a network: one of db, lone',
    ],
  ],
  ['a mapping instead of a list', [['groups', { api: {} }]], ['groups: found a mapping, expected a list']],
  [
    'unknown top-level key',
    [['group', []]],
    [
      'group: found an unknown key "group", expected one of host, datapath, networks, ports, groups, templates, uplinks, listen, controllers, store, tls (did you mean "groups"?)',
    ],
  ],
  [
    'unknown key like nothing known',
    [['ports.0.colour', 'red']],
    [
      'ports[0].colour: found an unknown key "colour", expected one of name, network, netns, interface, mac, addresses, antiSpoofing, allowedAddresses, allowedEtherTypes, dhcpGuard, raGuard, reservedMulticastGuard, labels',
    ],
  ],
  [
    'duration without unit',
    [['datapath', { udpIdle: '120' }]],
    ['datapath.udpIdle: found "120", expected a duration with its unit, such as 90s or 2m, from 100ms to 7d'],
  ],
  [
    'duration out of range',
    [['datapath', { udpIdle: '8d' }]],
    ['datapath.udpIdle: found "8d", expected a duration with its unit, such as 90s or 2m, from 100ms to 7d'],
  ],
];

runCases('shape', cases);
