import { type Case, runCases } from '../one-change.ts';

const good = { name: 'app', network: 'app', command: ['/bin/true'], addresses: '10.1.0.128/25' };
const of = (change: object): [string, unknown] => ['templates', [{ ...good, ...change }]];

const cases: Case[] = [
  ['a template', [of({})], []],
  [
    'a line for the shell, a group, pools of both families',
    [of({ command: 'exec true', group: 'api', addresses: ['10.1.0.50-10.1.0.59', 'fd00:1::1:0/112'] })],
    [],
  ],
  [
    'an empty command',
    [of({ command: [] })],
    [
      'templates[0].command: found an empty list, expected a list of program and arguments, or a line for /bin/sh',
    ],
  ],
  [
    'no such network, no such group',
    [of({ network: 'ap', group: 'apis' })],
    [
      'templates[0].network: found "ap", expected the name of a network: one of app, db, lone (did you mean "app"?)',
      'templates[0].group: found "apis", expected the name of a group: one of api, night (did you mean "api"?)',
    ],
  ],
  [
    'a pool that reaches outside, and one backwards',
    [of({ addresses: ['10.1.0.250-10.1.1.5', '10.1.0.9-10.1.0.2'] })],
    [
      'templates[0].addresses[0]: found "10.1.0.250-10.1.1.5", which reaches outside the subnets of network app, expected host addresses inside 10.1.0.0/24 or fd00:1::/64',
      'templates[0].addresses[1]: found "10.1.0.9-10.1.0.2", expected a prefix or a range of addresses, such as 10.1.0.128/25 or 10.1.0.50-10.1.0.99',
    ],
  ],
  [
    'a pool of another family than the group',
    [of({ group: 'api', addresses: 'fd00:1::1:0/112' })],
    ['templates[0].group: found "api", whose VIP is IPv4, expected a group of a pool\'s family: IPv6'],
  ],
  [
    'the same name twice',
    [['templates', [good, good]]],
    [
      'templates[1].name: found "app", the same as templates[0].name, expected a name that no other template has',
    ],
  ],
];

runCases('configuration: templates', cases);
