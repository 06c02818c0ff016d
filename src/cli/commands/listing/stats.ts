import { type Command, Option } from 'commander';
import type { StatsBy } from '../../../api/routes.ts';
import type { PortRow, StatRow } from '../../../api/shapes.ts';
import { printRows } from '../../row-output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatFleetTable } from '../../table.ts';
import { humanBytes } from '../../units.ts';
import { PORT_COLUMNS } from './port-list.ts';

const COUNTERS: readonly Column<StatRow>[] = [
  { key: 'newFlows' },
  { key: 'activeFlows' },
  { key: 'packets', hide: 2 },
  { key: 'bytes', text: (row) => humanBytes(row.bytes) },
  { key: 'replyPackets', hide: 1 },
  { key: 'replyBytes', hide: 3, text: (row) => humanBytes(row.replyBytes) },
  { key: 'retransmissions', hide: 1 },
  {
    key: 'windowBytes',
    hide: 1,
    text: ({ windowBytes }) => (windowBytes === null ? '-' : humanBytes(windowBytes)),
  },
];

const GROUP_COLUMNS: readonly Column<StatRow>[] = [{ key: 'group' }, ...COUNTERS];
const MEMBER_COLUMNS: readonly Column<StatRow>[] = [{ key: 'group' }, { key: 'member' }, ...COUNTERS];

export const formatGroupStats = (rows: readonly StatRow[], maxWidth?: number): string =>
  formatFleetTable(rows, GROUP_COLUMNS, maxWidth);

export const formatMemberStats = (rows: readonly StatRow[], maxWidth?: number): string =>
  formatFleetTable(rows, MEMBER_COLUMNS, maxWidth);

const COLUMNS_BY = {
  group: GROUP_COLUMNS,
  member: MEMBER_COLUMNS,
  'load-balancer': [{ key: 'loadBalancer' }, ...COUNTERS],
} as const satisfies Record<Exclude<StatsBy, 'port'>, readonly Column<StatRow>[]>;

export function addStats(parent: Command): void {
  parent
    .command('stats')
    .description('show counters of flows, packets and bytes since the start')
    .addOption(
      new Option('--by <what>', 'what each line counts')
        .choices(['group', 'member', 'load-balancer', 'port'])
        .default('group'),
    )
    .action(async ({ by }: { by: StatsBy }, command: Command) => {
      const api = apiOf(command);
      if (by === 'port') {
        await printRows(command, api.rows<PortRow>('/v1/stats', { by }), PORT_COLUMNS);
      } else {
        await printRows(command, api.rows<StatRow>('/v1/stats', { by }), COLUMNS_BY[by]);
      }
    });
}
