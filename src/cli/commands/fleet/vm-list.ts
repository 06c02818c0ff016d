import type { Command } from 'commander';
import type { VmRow } from '../../../api/fleet-shapes.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatTable } from '../../table.ts';

const COLUMNS: readonly Column<VmRow>[] = [
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

export const formatVms = (rows: readonly VmRow[]): string => formatTable(rows, COLUMNS);

export function addVmList(parent: Command): void {
  parent
    .command('list')
    .description('the VMs: where they run, of which template and group')
    .action(async (_options: object, command: Command) => {
      await printResult(command, await apiOf(command).get<VmRow[]>('/v1/vms'), formatVms);
    });
}
