/** The members of a group as its policy sees them: for `policy show` and `group watch`. */
import type { PolicyMemberRow } from '../../../api/fleet-shapes.ts';
import { type Column, formatTable } from '../../table.ts';
import { humanBytes, humanDuration, humanRate } from '../../units.ts';

const milliseconds = (ms: number | null): string => (ms === null ? '-' : `${ms.toFixed(2)}ms`);

const COLUMNS: readonly Column<PolicyMemberRow>[] = [
  { key: 'member' },
  { key: 'state' },
  { key: 'configuredWeight' },
  { key: 'weight' },
  { key: 'activeFlows' },
  { key: 'newFlowsPerSecond', text: (row) => humanRate(row.newFlowsPerSecond) },
  { key: 'bytesPerSecond', text: (row) => humanBytes(row.bytesPerSecond) },
  { key: 'synTimeMs', text: (row) => milliseconds(row.synTimeMs) },
  { key: 'rttMs', text: (row) => milliseconds(row.rttMs) },
  { key: 'congestionPercent' },
  { key: 'ageMs', text: (row) => (row.ageMs === null ? '-' : humanDuration(row.ageMs)) },
];

export const formatPolicyMembers = (members: readonly PolicyMemberRow[]): string =>
  formatTable(members, COLUMNS);
