import type { Command } from 'commander';
import type { RouterRow } from '../../../api/shapes.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatFleetTable } from '../../table.ts';

const COLUMNS: readonly Column<RouterRow>[] = [
  { key: 'router' },
  { key: 'networks' },
  { key: 'gateways' },
  { key: 'routes', hide: 1 },
];

export const formatRouters = (rows: readonly RouterRow[], maxWidth?: number): string =>
  formatFleetTable(rows, COLUMNS, maxWidth);

export function addRouterList(parent: Command): void {
  parent
    .command('list')
    .description('list the logical routers with their networks, gateway addresses and static routes')
    .action(async (_options: object, command: Command) => {
      await printResult(command, await apiOf(command).get<RouterRow[]>('/v1/routers'), formatRouters);
    });
}
