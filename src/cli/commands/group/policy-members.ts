/** Members with the loads and weights in their policy's input: for `policy show` and `group watch`. */
import type { PolicyMemberRow } from '../../../api/fleet-shapes.ts';
import { type Column, formatTable } from '../../table.ts';
import { humanBytes, humanDuration, humanRate } from '../../units.ts';
import { differingWeights } from './differing-weights.ts';

const milliseconds = (ms: number | null): string => (ms === null ? '-' : `${ms.toFixed(2)}ms`);

const COLUMNS: readonly Column<PolicyMemberRow>[] = [
  { key: 'member' },
  { key: 'state' },
  { key: 'configuredWeight', hide: 2 },
  { key: 'weight' },
  { key: 'activeFlows' },
  { key: 'newFlowsPerSecond', text: (row) => humanRate(row.newFlowsPerSecond) },
  { key: 'bytesPerSecond', hide: 4, text: (row) => humanBytes(row.bytesPerSecond) },
  { key: 'synTimeMs', text: (row) => milliseconds(row.synTimeMs) },
  { key: 'rttMs', text: (row) => milliseconds(row.rttMs) },
  {
    key: 'windowBytes',
    hide: 6,
    text: ({ windowBytes }) => (windowBytes === null ? '-' : humanBytes(windowBytes)),
  },
  { key: 'retransmissionsPerSecond', hide: 5, text: (row) => humanRate(row.retransmissionsPerSecond) },
  { key: 'congestionPercent', hide: 1 },
  { key: 'ageMs', hide: 3, text: (row) => (row.ageMs === null ? '-' : humanDuration(row.ageMs)) },
];

/** Of groups whose members report their load. */
const REPORTED: Column<PolicyMemberRow> = {
  key: 'reportedLoad',
  text: ({ reportedLoad }) => (reportedLoad === null ? '-' : String(reportedLoad)),
};

export function formatPolicyMembers(members: readonly PolicyMemberRow[], maxWidth?: number): string {
  const isReported = members.some(({ reportedLoad }) => reportedLoad !== undefined);
  const table = formatTable(members, isReported ? [...COLUMNS, REPORTED] : COLUMNS, maxWidth);
  return `${table}${differingWeights(members)}${members.map(unusable).join('')}`;
}

/** Why a member's load is not known: what it answers, or why it does not. */
const unusable = ({ member, reportedLoad, reports = [] }: PolicyMemberRow): string =>
  reportedLoad === null
    ? `${member} reports no load: ${reports.length === 0 ? 'nobody has asked it yet' : reports.map(({ host, detail }) => `${host}: ${detail}`).join('; ')}\n`
    : '';
