import type { Command } from 'commander';
import type { RuleRow } from '../../../api/shapes.ts';
import { printRows } from '../../row-output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, cellText, formatFleetTable } from '../../table.ts';
import { humanDuration } from '../../units.ts';

const COLUMNS: readonly Column<RuleRow>[] = [
  { key: 'loadBalancer' },
  { key: 'group' },
  { key: 'vip' },
  { key: 'protocol' },
  { key: 'port', text: ({ ports }) => cellText(ports) },
  { key: 'sources', hide: 7 },
  { key: 'sourcePort', hide: 6, text: ({ sourcePorts }) => cellText(sourcePorts) },
  { key: 'mac', hide: 0 },
  { key: 'rewrite', hide: 10 },
  { key: 'algorithm', hide: 11 },
  { key: 'hash', hide: 5 },
  { key: 'affinityMs', hide: 4, text: ({ affinityMs }) => cellText(affinityMs && humanDuration(affinityMs)) },
  { key: 'avoidSelf', hide: 3 },
  { key: 'udpScheduling', hide: 2 },
  { key: 'drainFallback', hide: 1 },
  { key: 'priority', hide: 9 },
  { key: 'when', hide: 8 },
  { key: 'effectiveFrom', hide: 8 },
  { key: 'effectiveUntil', hide: 9 },
  { key: 'members' },
  { key: 'revision', hide: 12 },
];

export const formatRules = (rows: readonly RuleRow[], maxWidth?: number): string =>
  formatFleetTable(rows, COLUMNS, maxWidth);

export function addRuleList(parent: Command): void {
  parent
    .command('list')
    .description('list the rules that each load balancer enforces, one line per criteria set or priority')
    .option('--port <port>', "show only the rules of this port's load balancer")
    .action(async ({ port }: { port?: string }, command: Command) => {
      await printRows(command, apiOf(command).rows<RuleRow>('/v1/rules', { port }), COLUMNS);
    });
}
