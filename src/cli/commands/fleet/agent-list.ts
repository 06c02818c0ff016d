import type { Command } from 'commander';
import type { AgentRow } from '../../../api/fleet-shapes.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatTable } from '../../table.ts';
import { humanDuration } from '../../units.ts';

const COLUMNS: readonly Column<AgentRow>[] = [
  { key: 'host' },
  { key: 'peer' },
  { key: 'version' },
  { key: 'since' },
  { key: 'ports' },
  { key: 'groups' },
  { key: 'revision' },
  { key: 'sentRevision' },
  { key: 'localRevision' },
  { key: 'reports' },
  { key: 'missedReports' },
  { key: 'lastReportAgeMs', text: (row) => ageText(row.lastReportAgeMs) },
  { key: 'error' },
];

const ageText = (ms: number | null): string => (ms === null ? '-' : humanDuration(ms));

export const formatAgents = (rows: readonly AgentRow[]): string => formatTable(rows, COLUMNS);

export function addAgentList(parent: Command): void {
  parent
    .command('list')
    .description('the hosts that are attached to the controller: rules in force, reports')
    .action(async (_options: object, command: Command) => {
      await printResult(command, await apiOf(command).get<AgentRow[]>('/v1/agents'), formatAgents);
    });
}
