/** Which flows a group is for, and which of its members serve them. */
import type { Row } from './row.ts';

const PRIORITIES = 'e2e/priorities › ';
const MATCHING = 'e2e/matching › ';

export const MATCH_ROWS: readonly Row[] = [
  {
    source: 'specification [140], [141], figure 20',
    requirement:
      'One VIP with subgroups: the LB assesses a flow’s priority, also by whom the web server got the request from, and balances over the matching subgroup',
    tests: [
      `${PRIORITIES}marked flows go to the gold members in their exact shares, all others to the rest`,
      `${PRIORITIES}the web server's client decides: who is marked on the way to it is served by gold members behind it`,
      `${PRIORITIES}gold is empty: its flows go on to the next priority, and back`,
      `${PRIORITIES}by labels, source ports and sources; whoever meets no condition is refused at once`,
      'datapath/balancing/priorities › any priorities, any flow: as the naive twin says',
    ],
  },
  {
    source: 'rules',
    requirement:
      'Rules match lists and ranges of ports, source ports, MACs, and ports of several networks; the most specific one decides',
    tests: [
      `${MATCHING}ports: 80 and 8000 to 8010 are one group, all other ports another`,
      `${MATCHING}source ports: privileged and others`,
      `${MATCHING}source MAC: one VM has a group of its own`,
      `${MATCHING}one VIP for the ports of two networks, which is in neither of them`,
      'tables/balancing/rule-table › any rules, any packet: the most specific rule that matches',
    ],
  },
];
