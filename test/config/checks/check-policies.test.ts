import { type Case, runCases } from '../one-change.ts';

const policy = (settings: unknown): Case[1] => [['groups.0.policy', settings]];
const scaling = (settings: unknown): Case[1] => [['groups.0.scaling', settings]];

/** The group `api` sends from `tier: web`, and scales its sources by a template like this. */
const sources = (template: object): Case[1] => [
  ['groups.0.from', { tier: 'web' }],
  ['templates', [{ name: 'web', network: 'app', command: 'serve', addresses: '10.1.0.64/29', ...template }]],
  ['groups.0.scaling', { sources: { template: 'web', maximum: 3 } }],
];

const cases: Case[] = [
  ['a kind alone', policy('inverse-load'), []],
  [
    'an unknown kind',
    policy('fastest'),
    [
      'groups[0].policy: found "fastest", expected one of even, inverse-load, latency-aware, or a mapping with such a kind',
    ],
  ],
  [
    'an unknown kind among settings',
    policy({ kind: 'fastest' }),
    ['groups[0].policy.kind: found "fastest", expected one of even, inverse-load, latency-aware'],
  ],
  [
    'several wrong settings at once',
    policy({ kind: 'even', interval: 1, damping: 1, slowstart: '3s', outlierEjection: { maximumShare: 2 } }),
    [
      'groups[0].policy.interval: found 1, expected a duration with its unit, such as 90s or 2m, from 100ms to 1h',
      'groups[0].policy.damping: found 1, expected a number from 0 to 0.99',
      'groups[0].policy.slowstart: found an unknown key "slowstart", expected one of kind, mode, perLoadBalancer, interval, onChange, metric, spread, localSpread, tolerance, flowLimit, staleAfter, slowStart, damping, hysteresis, floor, ceiling, outlierEjection (did you mean "slowStart"?)',
      'groups[0].policy.outlierEjection.maximumShare: found 2, expected a number from 0 to 1',
    ],
  ],
  [
    'settings of another kind',
    policy({ kind: 'latency-aware', spread: 3, flowLimit: 100 }),
    [
      'groups[0].policy.spread: found 3 with kind latency-aware, expected kind: inverse-load, as no other has a spread',
      'groups[0].policy.flowLimit: found 100 with kind latency-aware, expected kind: inverse-load, as no other has a flowLimit',
    ],
  ],
  [
    'weights of load balancers that agents compute',
    policy({ kind: 'inverse-load', mode: 'both', perLoadBalancer: true }),
    [
      'groups[0].policy.perLoadBalancer: found true with mode both, expected mode: distribute-rules, as agents compute for each of their load balancers anyway',
    ],
  ],
  [
    'stale before the next report',
    policy({ kind: 'even', interval: '10s' }),
    [
      'groups[0].policy.staleAfter: found 10s, the default, expected at least twice the interval of 10s, so that a report may be late',
    ],
  ],
  [
    'a floor above 1, a ceiling below',
    policy({ kind: 'even', floor: 1.5, ceiling: 0.5 }),
    [
      'groups[0].policy.floor: found 1.5, expected a number from 0 to 1',
      'groups[0].policy.ceiling: found 0.5, expected a number from 1 to 65535',
    ],
  ],
  [
    'scaling of nothing',
    scaling({}),
    ['groups[0].scaling: found neither members nor sources, expected one of them, or both'],
  ],
  [
    'scaling bounds that contradict each other',
    scaling({
      members: { template: 'app', minimum: 5, maximum: 3, step: 4, average: { above: 10, below: 10 } },
      sources: { template: 'web', maximum: 3, single: { above: 1, below: 2 } },
    }),
    [
      'groups[0].scaling.members.template: found "app", expected none, as there are none',
      'groups[0].scaling.members.minimum: found 5, expected at most the maximum of 3',
      'groups[0].scaling.members.step: found 4, expected at most the maximum of 3',
      'groups[0].scaling.members.average.below: found 10, expected less than above, which is 10',
      'groups[0].scaling.sources.template: found "web", expected none, as there are none',
      'groups[0].scaling.sources.single.below: found 2, expected less than above, which is 1',
    ],
  ],
  [
    'scaling without a template or a maximum',
    scaling({ members: { average: { above: 3 } } }),
    [
      'groups[0].scaling.members.template: found nothing, expected a name of at most 63 letters, digits, dots, hyphens and underscores, beginning with a letter or digit',
      'groups[0].scaling.members.maximum: found nothing, expected an integer from 1 to 4096',
    ],
  ],
  ['sources of the labels of `from`', sources({ labels: { tier: 'web', zone: 'a' } }), []],
  [
    'sources that the rules do not hold for',
    sources({ network: 'db', addresses: '10.2.0.64/29', labels: { zone: 'web' } }),
    [
      'groups[0].scaling.sources.template: found "web" on network db, expected a template on the group\'s network, app',
      'groups[0].scaling.sources.template: found "web" without tier: web, expected a template with the labels of the group\'s `from`',
    ],
  ],
  [
    'sources that members of another group scale by',
    [
      ...sources({ labels: { tier: 'web' } }),
      ['groups.1.scaling', { members: { template: 'web', maximum: 3 } }],
    ],
    [
      'groups[0].scaling.sources.template: found "web", by which the members of group night scale, expected a template of which nobody else decides how many VMs there are',
    ],
  ],
];

runCases('policies and scaling', cases);
