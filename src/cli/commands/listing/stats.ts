import { type Command, Option } from 'commander';
import type { PortRow, StatRow } from '../../../api/shapes.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatFleetTable } from '../../table.ts';
import { humanBytes } from '../../units.ts';
import { formatPorts } from './port-list.ts';

const COUNTERS: readonly Column<StatRow>[] = [
  { key: 'newFlows' },
  { key: 'activeFlows' },
  { key: 'packets', hide: 2 },
  { key: 'bytes', text: (row) => humanBytes(row.bytes) },
  { key: 'replyPackets', hide: 1 },
  { key: 'replyBytes', hide: 3, text: (row) => humanBytes(row.replyBytes) },
];

export const formatGroupStats = (rows: readonly StatRow[], maxWidth?: number): string =>
  formatFleetTable(rows, [{ key: 'group' }, ...COUNTERS], maxWidth);

export const formatMemberStats = (rows: readonly StatRow[], maxWidth?: number): string =>
  formatFleetTable(rows, [{ key: 'group' }, { key: 'member' }, ...COUNTERS], maxWidth);

export function addStats(parent: Command): void {
  parent
    .command('stats')
    .description('show counters of flows, packets and bytes since the start')
    .addOption(
      new Option('--by <what>', 'what each line counts')
        .choices(['group', 'member', 'port'])
        .default('group'),
    )
    .action(async ({ by }: { by: 'group' | 'member' | 'port' }, command: Command) => {
      const api = apiOf(command);
      if (by === 'port') {
        await printResult(command, await api.get<PortRow[]>('/v1/stats', { by }), formatPorts);
      } else {
        const format = by === 'group' ? formatGroupStats : formatMemberStats;
        await printResult(command, await api.get<StatRow[]>('/v1/stats', { by }), format);
      }
    });
}
