import type { Command } from 'commander';
import type { FlowRow } from '../../../api/shapes.ts';
import { limitArgument } from '../../arguments.ts';
import { printRows } from '../../row-output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatFleetTable } from '../../table.ts';
import { humanBytes, humanDuration } from '../../units.ts';

const COLUMNS: readonly Column<FlowRow>[] = [
  { key: 'port' },
  { key: 'protocol' },
  { key: 'client' },
  { key: 'vip' },
  { key: 'member' },
  { key: 'destination', hide: 7 },
  { key: 'group', hide: 6 },
  { key: 'state' },
  { key: 'ageMs', hide: 5, text: (row) => humanDuration(row.ageMs) },
  { key: 'idleMs', hide: 9, text: (row) => humanDuration(row.idleMs) },
  { key: 'packets', hide: 3 },
  { key: 'bytes', hide: 8, text: (row) => humanBytes(row.bytes) },
  { key: 'replyPackets', hide: 2 },
  { key: 'replyBytes', hide: 4, text: (row) => humanBytes(row.replyBytes) },
  { key: 'why', hide: 1 },
];

export const formatFlows = (rows: readonly FlowRow[], maxWidth?: number): string =>
  formatFleetTable(rows, COLUMNS, maxWidth);

interface Options {
  port?: string;
  group?: string;
  member?: string;
  limit?: number;
}

export function addFlows(parent: Command): void {
  parent
    .command('flows')
    .description(
      'list connection records: five-tuple, chosen member and reason, state, age, idle time, counters',
    )
    .option('--port <port>', 'show only flows from this port')
    .option('--group <group>', 'show only flows to this group')
    .option('--member <member>', 'show only flows to members of this name')
    .option('--limit <count>', 'show at most COUNT flows', limitArgument)
    .action(async ({ port, group, member, limit }: Options, command: Command) => {
      const rows = apiOf(command).rows<FlowRow>('/v1/flows', { port, group, member, limit });
      await printRows(command, rows, COLUMNS);
    });
}
