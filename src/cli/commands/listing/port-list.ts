import type { Command } from 'commander';
import type { PortRow } from '../../../api/shapes.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatFleetTable } from '../../table.ts';
import { humanBytes } from '../../units.ts';

const COLUMNS: readonly Column<PortRow>[] = [
  { key: 'port' },
  { key: 'network' },
  { key: 'netns', text: (row) => row.netns || '-' },
  { key: 'interface' },
  { key: 'mac' },
  { key: 'addresses' },
  { key: 'state' },
  { key: 'rxPackets' },
  { key: 'rxBytes', text: (row) => humanBytes(row.rxBytes) },
  { key: 'txPackets' },
  { key: 'txBytes', text: (row) => humanBytes(row.txBytes) },
  { key: 'drops' },
];

export const formatPorts = (rows: readonly PortRow[]): string => formatFleetTable(rows, COLUMNS);

export function addPortList(parent: Command): void {
  parent
    .command('list')
    .description('the ports with their addresses and counters; rx is what their VMs sent')
    .action(async (_options: object, command: Command) => {
      await printResult(command, await apiOf(command).get<PortRow[]>('/v1/ports'), formatPorts);
    });
}
