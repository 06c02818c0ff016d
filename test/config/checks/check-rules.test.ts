import { type Case, runCases } from '../one-change.ts';

const rule = { network: 'app', vip: '10.1.0.100', members: [] };
const otherRule =
  'a tuple of its own, or `from` selectors that differ in the value of a label or in their number of labels';

const cases: Case[] = [
  [
    'two groups for one VIP',
    [['groups.[]', { ...rule, name: 'b' }]],
    [
      `groups[2].vip: found "10.1.0.100" with the same protocol, port and match as groups[0], expected ${otherRule}`,
    ],
  ],
  ['told apart by protocol', [['groups.[]', { ...rule, name: 'b', protocol: 'udp' }]], []],
  ['told apart by port', [['groups.[]', { ...rule, name: 'b', port: 80 }]], []],
  ['told apart by source', [['groups.[]', { ...rule, name: 'b', match: { sources: ['10.1.0.0/25'] } }]], []],
  ['told apart by network', [['groups.[]', { ...rule, name: 'b', network: 'lone' }]], []],
  [
    'told apart by a label',
    [
      ['groups.0.from', { tier: 'web' }],
      ['groups.[]', { ...rule, name: 'b', from: { tier: 'app' } }],
    ],
    [],
  ],
  [
    'not told apart by different labels',
    [
      ['groups.0.from', { tier: 'web' }],
      ['groups.[]', { ...rule, name: 'b', from: { zone: 'a' } }],
    ],
    [
      `groups[2].vip: found "10.1.0.100" with the same protocol, port and match as groups[0], expected ${otherRule}`,
    ],
  ],
  [
    'fewer ports come first: a single port, a list, a range, all of them',
    [
      ['groups.[]', { ...rule, name: 'b', port: 80 }],
      ['groups.[]', { ...rule, name: 'c', ports: [80, 443] }],
      ['groups.[]', { ...rule, name: 'd', ports: ['1-1000'] }],
    ],
    [],
  ],
  [
    'as many ports in lists that overlap',
    [
      ['groups.[]', { ...rule, name: 'b', ports: ['8000-8009'] }],
      ['groups.[]', { ...rule, name: 'c', ports: ['8010-8019'] }],
      ['groups.[]', { ...rule, name: 'd', ports: [80, '8001-8009'] }],
    ],
    [
      `groups[4].vip: found "10.1.0.100" with the same protocol, port and match as groups[2], expected ${otherRule}`,
    ],
  ],
  [
    'one port as port and as list',
    [
      ['groups.[]', { ...rule, name: 'b', port: 80 }],
      ['groups.[]', { ...rule, name: 'c', ports: [80, '80-80'] }],
    ],
    [
      `groups[3].vip: found "10.1.0.100" with the same protocol, port and match as groups[2], expected ${otherRule}`,
    ],
  ],
  [
    'told apart by source ports and MACs',
    [
      ['groups.[]', { ...rule, name: 'b', match: { sourcePorts: ['1024-65535'] } }],
      ['groups.[]', { ...rule, name: 'c', match: { sourcePorts: ['1-1023'] } }],
      ['groups.[]', { ...rule, name: 'd', match: { mac: ['02:00:00:00:00:01'] } }],
      ['groups.[]', { ...rule, name: 'e', match: { mac: ['02:00:00:00:00:02'] } }],
    ],
    [],
  ],
  [
    'a MAC in common, in another spelling',
    [
      ['groups.[]', { ...rule, name: 'b', match: { mac: ['02:00:00:00:00:0a'] } }],
      ['groups.[]', { ...rule, name: 'c', match: { mac: ['02:00:00:00:00:02', '02-00-00-00-00-0A'] } }],
    ],
    [
      `groups[3].vip: found "10.1.0.100" with the same protocol, port and match as groups[2], expected ${otherRule}`,
    ],
  ],
  [
    'a network in common',
    [
      ['groups.[]', { ...rule, vip: '10.60.0.1', name: 'b', network: ['app', 'db'] }],
      ['groups.[]', { ...rule, vip: '10.60.0.1', name: 'c', network: 'db' }],
    ],
    [
      `groups[3].vip: found "10.60.0.1" with the same protocol, port and match as groups[2], expected ${otherRule}`,
    ],
  ],
  [
    'ports twice, backwards, and with icmp',
    [
      ['groups.0.port', 80],
      ['groups.0.ports', [80, '90-81']],
      ['groups.0.match', { sourcePort: 5, sourcePorts: ['9-8'] }],
      ['groups.[]', { ...rule, vip: '10.1.0.101', name: 'b', protocol: 'icmp', ports: [80] }],
      ['groups.1.vip', '10.1.0.102'],
    ],
    [
      'groups[0].ports: found both port and ports, expected one of the two',
      'groups[0].ports[1]: found "90-81", expected 81-90',
      'groups[0].match.sourcePorts: found both sourcePort and sourcePorts, expected one of the two',
      'groups[0].match.sourcePorts[0]: found "9-8", expected 8-9',
      'groups[2].ports: found a list, expected no port, as ICMP has none',
    ],
  ],
  [
    'a source prefix in common',
    [
      ['groups.0.match', { sources: ['10.1.0.0/25', '10.1.0.128/25'] }],
      ['groups.[]', { ...rule, name: 'b', match: { sources: ['10.1.0.128/25'] } }],
    ],
    [
      `groups[2].vip: found "10.1.0.100" with the same protocol, port and match as groups[0], expected ${otherRule}`,
    ],
  ],
];

runCases('rules of different groups', cases);
