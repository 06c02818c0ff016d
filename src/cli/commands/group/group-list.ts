import type { Command } from 'commander';
import type { GroupRow } from '../../../api/shapes.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatTable } from '../../table.ts';

const COLUMNS: readonly Column<GroupRow>[] = [
  { key: 'group' },
  { key: 'network' },
  { key: 'vip' },
  { key: 'protocol' },
  { key: 'port' },
  { key: 'rewrite' },
  { key: 'algorithm' },
  { key: 'members' },
  { key: 'activeMembers' },
  { key: 'activeFlows' },
  { key: 'newFlows' },
];

export const formatGroups = (rows: readonly GroupRow[]): string => formatTable(rows, COLUMNS);

export function addGroupList(parent: Command): void {
  parent
    .command('list')
    .description('the groups with their virtual addresses and flows')
    .action(async (_options: object, command: Command) => {
      await printResult(command, await apiOf(command).get<GroupRow[]>('/v1/groups'), formatGroups);
    });
}
