import { runCases } from '../one-change.ts';

runCases('groups that serve several networks', [
  ['networks that the router joins', [['groups.1.network', ['app', 'db']]], []],
  [
    'twice the same, and one that does not exist',
    [['groups.1.network', ['app', 'app', 'web']]],
    [
      'groups[1].network[1]: found "app", the same as groups[1].network[0], expected each network once',
      'groups[1].network[2]: found "web", expected the name of a network: one of app, db, lone',
    ],
  ],
  [
    'a network without a router',
    [['groups.1.network', ['app', 'lone']]],
    [
      'groups[1].network[1]: found "lone", expected a network that a router joins with app, where the members are',
    ],
  ],
  [
    'a virtual address of the second network',
    [['groups.0.network', ['db', 'app']]],
    [
      'groups[0].network[1]: found "app", whose subnets contain 10.1.0.100, expected app first in the list, or a virtual address outside its subnets',
    ],
  ],
  [
    'members that keep the virtual address',
    [
      ['groups.1.network', ['app', 'db']],
      ['groups.1.rewrite', 'mac'],
    ],
    [
      'groups[1].network: found 2 networks with rewrite: mac, expected rewrite: address, as other networks reach the members through the router',
    ],
  ],
]);
