import type { Command } from 'commander';
import type { RuleRow } from '../../../api/shapes.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, cellText, formatFleetTable } from '../../table.ts';
import { humanDuration } from '../../units.ts';

const COLUMNS: readonly Column<RuleRow>[] = [
  { key: 'loadBalancer' },
  { key: 'group' },
  { key: 'vip' },
  { key: 'protocol' },
  { key: 'port' },
  { key: 'sources' },
  { key: 'sourcePort' },
  { key: 'rewrite' },
  { key: 'algorithm' },
  { key: 'hash' },
  { key: 'affinityMs', text: ({ affinityMs }) => cellText(affinityMs && humanDuration(affinityMs)) },
  { key: 'avoidSelf' },
  { key: 'udpScheduling' },
  { key: 'drainFallback' },
  { key: 'effectiveFrom' },
  { key: 'effectiveUntil' },
  { key: 'members' },
  { key: 'revision' },
];

export const formatRules = (rows: readonly RuleRow[]): string => formatFleetTable(rows, COLUMNS);

export function addRuleList(parent: Command): void {
  parent
    .command('list')
    .description('the rules that each load balancer enforces, one line per criteria set')
    .option('--port <port>', 'only those of the load balancer of this port')
    .action(async ({ port }: { port?: string }, command: Command) => {
      await printResult(command, await apiOf(command).get<RuleRow[]>('/v1/rules', { port }), formatRules);
    });
}
