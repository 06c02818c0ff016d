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
  { key: 'congestionPercent', hide: 1 },
  { key: 'ageMs', hide: 3, text: (row) => (row.ageMs === null ? '-' : humanDuration(row.ageMs)) },
];

export const formatPolicyMembers = (members: readonly PolicyMemberRow[], maxWidth?: number): string =>
  `${formatTable(members, COLUMNS, maxWidth)}${differingWeights(members)}`;
