import type { Command } from 'commander';
import type { FirewallRow } from '../../../api/shapes.ts';
import { printRows } from '../../row-output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, cellText, formatFleetTable } from '../../table.ts';

const COLUMNS: readonly Column<FirewallRow>[] = [
  { key: 'firewall' },
  { key: 'rule', text: ({ rule }) => rule ?? '(default)' },
  { key: 'verdict' },
  { key: 'direction', hide: 5 },
  { key: 'protocol', hide: 6 },
  { key: 'match', hide: 4 },
  { key: 'sources', hide: 3 },
  { key: 'destinations', hide: 2 },
  { key: 'log', hide: 1 },
  { key: 'hits', text: ({ hits }) => cellText(hits) },
  { key: 'ports', hide: 7 },
];

export const formatFirewalls = (rows: readonly FirewallRow[], maxWidth?: number): string =>
  formatFleetTable(rows, COLUMNS, maxWidth);

export function addFirewallList(parent: Command): void {
  parent
    .command('list')
    .description(
      'list the rules of firewalls; hits counts flows that a rule has allowed, or packets that it has denied',
    )
    .option('--port <port>', "show only the firewalls in this port's chain")
    .action(async ({ port }: { port?: string }, command: Command) => {
      await printRows(command, apiOf(command).rows<FirewallRow>('/v1/firewalls', { port }), COLUMNS);
    });
}
