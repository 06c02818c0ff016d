import type { Command } from 'commander';
import type { VmRow } from '../../../api/fleet-shapes.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatTable } from '../../table.ts';

const COLUMNS: readonly Column<VmRow>[] = [
  { key: 'instance' },
  { key: 'template' },
  { key: 'group', hide: 5 },
  { key: 'host' },
  { key: 'addresses' },
  { key: 'phase' },
  { key: 'since', hide: 4 },
  { key: 'failures', hide: 3 },
  { key: 'replaces', hide: 2 },
  { key: 'waitsFor', hide: 1 },
];

export const formatVms = (rows: readonly VmRow[], maxWidth?: number): string =>
  formatTable(rows, COLUMNS, maxWidth);

export function addVmList(parent: Command): void {
  parent
    .command('list')
    .description('list the VMs started from templates, with template, group, host and phase')
    .action(async (_options: object, command: Command) => {
      await printResult(command, await apiOf(command).get<VmRow[]>('/v1/vms'), formatVms);
    });
}
