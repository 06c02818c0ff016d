/** Service chains: flows that pass middleboxes on their way. */
import type { Row } from './row.ts';

export const CHAIN_ROWS: readonly Row[] = [
  {
    source: '[131-132], figure 17',
    requirement:
      'Traffic for a VIP goes to one of several firewall VMs first, whose port passes it on to the members; replies come back through the same one',
    tests: [
      'e2e/service-chains › each connection passes one firewall of each group in both directions',
      'e2e/service-chains › data goes through unharmed, in super-packets and without',
      'e2e/service-chains › a draining firewall keeps its connections, and gets no new ones',
      'e2e/service-chains › a firewall dies: its connections are reset, new ones pass the other; it comes back',
      'datapath/balancing/service-chains › a flow passes one middlebox of each group, then its member; replies come back the same way',
      'datapath/balancing/service-chains › a middlebox may send exactly what it was handed',
    ],
  },
];
