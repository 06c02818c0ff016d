import type { Command } from 'commander';
import type { InstanceRow } from '../../../api/fleet-shapes.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatTable } from '../../table.ts';

const COLUMNS: readonly Column<InstanceRow>[] = [
  { key: 'instance' },
  { key: 'template' },
  { key: 'group' },
  { key: 'host' },
  { key: 'addresses' },
  { key: 'phase' },
  { key: 'since' },
  { key: 'failures' },
  { key: 'replaces' },
  { key: 'waitsFor' },
];

export const formatInstances = (rows: readonly InstanceRow[]): string => formatTable(rows, COLUMNS);

export function addVmList(parent: Command): void {
  parent
    .command('list')
    .description('the instances: where they run, of which template and group')
    .action(async (_options: object, command: Command) => {
      await printResult(command, await apiOf(command).get<InstanceRow[]>('/v1/vms'), formatInstances);
    });
}
