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
      'group: found an unknown key "group", expected one of host, datapath, networks, routers, ports, firewalls, groups, templates, uplinks, listen, controllers, user, store, tls (did you mean "groups"?)',
    ],
  ],
  [
    'unknown key like nothing known',
    [['ports.0.colour', 'red']],
    [
      'ports[0].colour: found an unknown key "colour", expected one of name, network, netns, interface, mac, addresses, antiSpoofing, allowedAddresses, allowedMacs, allowedEtherTypes, dhcpGuard, raGuard, reservedMulticastGuard, labels, chain, mark',
    ],
  ],
  [
    'numbers and truth values in quotes',
    [
      ['groups.0.port', '80'],
      ['datapath', { maxConnections: '1024', failFast: 'true', busyPollUs: 'soon' }],
    ],
    [
      'groups[0].port: found "80", expected a port from 1 to 65535, without quotes',
      'datapath.maxConnections: found "1024", expected an integer from 16 to 16777216, without quotes',
      'datapath.failFast: found "true", expected true or false, without quotes',
      'datapath.busyPollUs: found "soon", expected an integer from 0 to 1000000',
    ],
  ],
  [
    'unknown keys that every object of JavaScript has',
    [
      ['constructor', 1],
      ['ports.0.toString', 1],
    ],
    [
      'ports[0].toString: found an unknown key "toString", expected one of name, network, netns, interface, mac, addresses, antiSpoofing, allowedAddresses, allowedMacs, allowedEtherTypes, dhcpGuard, raGuard, reservedMulticastGuard, labels, chain, mark',
      'constructor: found an unknown key "constructor", expected one of host, datapath, networks, routers, ports, firewalls, groups, templates, uplinks, listen, controllers, user, store, tls',
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
