/** Changes by people: what they see of them, and when they take effect. */
import type { Row } from './row.ts';

export const CHANGE_ROWS: readonly Row[] = [
  {
    source: '[76], [100]',
    requirement:
      'A drain ends, for whoever waits, when no flow of the member is left on any host, and not before',
    tests: [
      'cli/drained › drained: each host has confirmed, has answered, and has no flow left',
      'cli/drained › no flows are counted, but a host could still have some: not drained',
      'e2e/members › drain: no new flows, running ones go on, the listing says so',
      'e2e/fleet › a member that drains keeps its connections, and gets no new one from any host',
    ],
  },
  {
    source: '[63], [76], [100]',
    requirement: 'The way in and the way out of a member, and its weight, by time: at T, or little by little',
    tests: [
      'e2e/timed › a weight at T: the shares are the old ones until then, and the new ones after',
      'e2e/timed › a ramp passes through every weight in between, goes on after a kill, and ends at the last',
      'e2e/timed › the way in and the way out: a member gets new flows from T on, another until T',
      'e2e/timed › cancel: nothing happens at T; a time in the past is refused',
      'controller/timed-changes › a ramp goes on at the next leader, from where it was, and reaches its end',
      'controller/groups/pending-changes › a ramp goes up by one at a time, evenly',
    ],
  },
  {
    source: '[49]',
    requirement:
      'One load balancer of a group has other weights than the rest, by hand, without the others being touched',
    tests: [
      'e2e/members › a weight by hand for one load balancer: its port has other shares than the rest, until it is reset',
      'host/publishing/hand-weights › a policy goes on for the other members, and for other groups',
    ],
  },
];
