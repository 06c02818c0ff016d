import { runCases } from '../one-change.ts';

const member = (name: string, address = '10.1.0.21') => ({ name, address });
const group = (...priorities: object[]) => ({ name: 'g', network: 'app', vip: '10.50.0.2', priorities });

runCases('priorities', [
  [
    'by each condition, and everything else',
    [
      [
        'groups.[]',
        group(
          { name: 'a', when: { dscp: 46 }, members: [member('m1')], onEmpty: 'next' },
          { name: 'b', when: { dscp: [0, 63], vlanPriority: 7 }, members: [], onEmpty: 'drop' },
          { name: 'c', when: { sources: ['10.1.0.0/25'], sourcePorts: [80, '90-99'] }, members: [] },
          { name: 'd', when: { labels: { tier: 'web' } }, members: [member('m2')] },
          { name: 'e', members: [member('m3')] },
        ),
      ],
    ],
    [],
  ],
  [
    'beside members, and beside both others',
    [
      ['groups.0.priorities', [{ name: 'a', members: [] }]],
      ['groups.1.priorities', [{ name: 'a', members: [] }]],
      ['groups.1.members', []],
    ],
    [
      'groups[0]: found both members and priorities, expected one of the two',
      'groups[1]: found members, criteria and priorities, expected one of the three',
    ],
  ],
  [
    'names of priorities and of members twice',
    [
      [
        'groups.[]',
        group(
          { name: 'a', when: { dscp: 1 }, members: [member('m1'), member('m2', '10.1.0.22')] },
          { name: 'a', when: { dscp: 2 }, members: [member('m3'), member('m1', '10.1.0.23')] },
        ),
      ],
    ],
    [
      'groups[2].priorities[1].name: found "a", the same as groups[2].priorities[0].name, expected a name that no other priority of the group has',
      'groups[2].priorities[1].members[1].name: found "m1", the same as groups[2].priorities[0].members[0].name, expected a name that no member of another priority has',
    ],
  ],
  [
    'of middleboxes',
    [
      [
        'groups.[]',
        { name: 'fw', network: 'app', kind: 'middlebox', priorities: [{ name: 'a', members: [] }] },
      ],
    ],
    [
      'groups[2].priorities: found priorities of middleboxes, expected members, or criteria with their periods',
    ],
  ],
  [
    'one that no flow reaches',
    [['groups.[]', group({ name: 'all', members: [] }, { name: 'gold', when: { dscp: 46 }, members: [] })]],
    [
      'groups[2].priorities[1]: found "gold" behind groups[2].priorities[0], which takes every flow, expected `when` or `onEmpty: next` in the one before',
    ],
  ],
  [
    'conditions that cannot be met, and one without any',
    [
      [
        'groups.[]',
        group(
          { name: 'a', when: { sources: ['fd00::/64', '10.1.0.9/24'] }, members: [] },
          { name: 'b', when: { sourcePorts: ['9-8'] }, members: [] },
          { name: 'c', when: {}, members: [] },
          { name: 'd', when: { dscp: 64, vlanPriority: 8 }, members: [] },
        ),
      ],
    ],
    [
      'groups[2].priorities[0].when.sources[0]: found "fd00::/64", which is IPv6, expected an IPv4 prefix, as the VIP',
      'groups[2].priorities[0].when.sources[1]: found "10.1.0.9/24", which has host bits, expected 10.1.0.0/24',
      'groups[2].priorities[1].when.sourcePorts[0]: found "9-8", expected 8-9',
      'groups[2].priorities[2].when: found no condition, expected at least one, or no `when`',
      'groups[2].priorities[3].when.dscp: found 64, expected a DSCP from 0 to 63',
      'groups[2].priorities[3].when.vlanPriority: found 8, expected a priority from 0 to 7',
    ],
  ],
  [
    'members that do not fit',
    [
      [
        'groups.[]',
        group({
          name: 'a',
          members: [member('m1', '10.50.0.2'), member('m2', 'fd00:1::5'), member('m3', '10.1.0.100')],
        }),
      ],
    ],
    [
      'groups[2].priorities[0].members[0].address: found "10.50.0.2", which is the VIP, expected the member\'s own address',
      'groups[2].priorities[0].members[1].address: found "fd00:1::5", which is IPv6, expected an IPv4 address, as the VIP',
      'groups[2].priorities[0].members[2].address: found "10.1.0.100", the virtual address of groups[0].vip, expected an address that a member itself has',
    ],
  ],
]);
