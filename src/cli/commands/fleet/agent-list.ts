import type { Command } from 'commander';
import type { AgentRow } from '../../../api/fleet-shapes.ts';
import { DAY_MS, daysText, WARN_DAYS } from '../../../config/certificates.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatTable } from '../../table.ts';
import { humanDuration } from '../../units.ts';

const COLUMNS: readonly Column<AgentRow>[] = [
  { key: 'host' },
  { key: 'state' },
  { key: 'peer', hide: 9 },
  { key: 'version', hide: 6 },
  { key: 'since', hide: 5 },
  { key: 'epoch', hide: 11 },
  { key: 'ports', hide: 8 },
  { key: 'groups', hide: 7 },
  { key: 'revision' },
  { key: 'sentRevision', hide: 4 },
  { key: 'localRevision', hide: 3 },
  { key: 'reports', hide: 2 },
  { key: 'missedReports', hide: 1 },
  {
    key: 'checkedMembers',
    hide: 12,
    text: ({ checkedMembers, membersToCheck }) =>
      checkedMembers === null || membersToCheck === 0 ? '-' : `${checkedMembers} of ${membersToCheck}`,
  },
  { key: 'lastReportAgeMs', text: (row) => ageText(row.lastReportAgeMs) },
  { key: 'certificateExpires', hide: 10, text: ({ certificateExpires }) => expiryText(certificateExpires) },
  { key: 'error' },
];

/** The date, with a warning shortly before it. */
function expiryText(expires: string | null): string {
  if (expires === null) return '-';
  const date = expires.slice(0, 10);
  const leftMs = Date.parse(expires) - Date.now();
  if (leftMs <= 0) return `${date} expired`;
  return leftMs > WARN_DAYS * DAY_MS ? date : `${date} in ${daysText(leftMs)}`;
}

const ageText = (ms: number | null): string => (ms === null ? '-' : humanDuration(ms));

export const formatAgents = (rows: readonly AgentRow[], maxWidth?: number): string =>
  formatTable(rows, COLUMNS, maxWidth);

export function addAgentList(parent: Command): void {
  parent
    .command('list')
    .description(
      'list the hosts that are or should be attached to the controller, with their rule revision and reports',
    )
    .action(async (_options: object, command: Command) => {
      await printResult(command, await apiOf(command).get<AgentRow[]>('/v1/agents'), formatAgents);
    });
}
