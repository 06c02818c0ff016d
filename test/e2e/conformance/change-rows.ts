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
];
