import type { Command } from 'commander';
import type { PortRow } from '../../../api/shapes.ts';
import { printRows } from '../../row-output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatFleetTable } from '../../table.ts';
import { humanBytes } from '../../units.ts';

export const PORT_COLUMNS: readonly Column<PortRow>[] = [
  { key: 'port' },
  { key: 'network' },
  { key: 'netns', hide: 2, text: (row) => row.netns || '-' },
  { key: 'interface', hide: 1 },
  { key: 'mac', hide: 5 },
  { key: 'addresses' },
  { key: 'state' },
  { key: 'rxPackets', hide: 4 },
  { key: 'rxBytes', hide: 7, text: (row) => humanBytes(row.rxBytes) },
  { key: 'txPackets', hide: 3 },
  { key: 'txBytes', hide: 6, text: (row) => humanBytes(row.txBytes) },
  { key: 'drops', hide: 8 },
];

export const formatPorts = (rows: readonly PortRow[], maxWidth?: number): string =>
  formatFleetTable(rows, PORT_COLUMNS, maxWidth);

export function addPortList(parent: Command): void {
  parent
    .command('list')
    .description(
      'list the ports with their addresses and counters; rx counts frames from the VM, tx frames to it',
    )
    .action(async (_options: object, command: Command) => {
      await printRows(command, apiOf(command).rows<PortRow>('/v1/ports'), PORT_COLUMNS);
    });
}
