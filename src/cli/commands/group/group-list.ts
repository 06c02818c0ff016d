import type { Command } from 'commander';
import type { GroupRow } from '../../../api/shapes.ts';
import { printRows } from '../../row-output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, cellText, formatTable } from '../../table.ts';

const COLUMNS: readonly Column<GroupRow>[] = [
  { key: 'group' },
  { key: 'origin', hide: 6 },
  { key: 'network', hide: 2, text: ({ networks }) => cellText(networks) },
  { key: 'vip' },
  { key: 'protocol', hide: 5 },
  { key: 'port', text: ({ ports }) => cellText(ports) },
  { key: 'rewrite', hide: 1 },
  { key: 'algorithm', hide: 3 },
  { key: 'members' },
  { key: 'activeMembers' },
  { key: 'activeFlows' },
  { key: 'newFlows', hide: 4 },
];

export const formatGroups = (rows: readonly GroupRow[], maxWidth?: number): string =>
  formatTable(rows, COLUMNS, maxWidth);

export function addGroupList(parent: Command): void {
  parent
    .command('list')
    .description('list the groups with their virtual addresses and flows')
    .action(async (_options: object, command: Command) => {
      await printRows(command, apiOf(command).rows<GroupRow>('/v1/groups'), COLUMNS);
    });
}
