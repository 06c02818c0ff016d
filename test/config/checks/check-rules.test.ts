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
