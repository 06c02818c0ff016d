import type { Command } from 'commander';
import type { FlowRow } from '../../../api/shapes.ts';
import { limitArgument } from '../../arguments.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatFleetTable } from '../../table.ts';
import { humanBytes, humanDuration } from '../../units.ts';

const COLUMNS: readonly Column<FlowRow>[] = [
  { key: 'port' },
  { key: 'protocol' },
  { key: 'client' },
  { key: 'vip' },
  { key: 'member' },
  { key: 'destination' },
  { key: 'group' },
  { key: 'state' },
  { key: 'ageMs', text: (row) => humanDuration(row.ageMs) },
  { key: 'idleMs', text: (row) => humanDuration(row.idleMs) },
  { key: 'packets' },
  { key: 'bytes', text: (row) => humanBytes(row.bytes) },
  { key: 'replyPackets' },
  { key: 'replyBytes', text: (row) => humanBytes(row.replyBytes) },
  { key: 'why' },
];

export const formatFlows = (rows: readonly FlowRow[]): string => formatFleetTable(rows, COLUMNS);

interface Options {
  port?: string;
  group?: string;
  member?: string;
  limit?: number;
}

export function addFlows(parent: Command): void {
  parent
    .command('flows')
    .description('connection records: five-tuple, chosen member and why, state, age, idle time, counters')
    .option('--port <port>', 'only flows from this port')
    .option('--group <group>', 'only flows to this group')
    .option('--member <member>', 'only flows to members of this name')
    .option('--limit <count>', 'at most so many', limitArgument)
    .action(async ({ port, group, member, limit }: Options, command: Command) => {
      const rows = await apiOf(command).get<FlowRow[]>('/v1/flows', { port, group, member, limit });
      await printResult(command, rows, formatFlows);
    });
}
