/** Rows of `group list` and `group show`, for a host or a fleet: the group with given figures. */

import {
  hasPriorities,
  membersInForce,
  nextSetChangeMs,
  priorityOf,
  setsInForce,
} from '../config/model/criteria-sets.ts';
import { membersOf } from '../config/model/group-members.ts';
import { type GroupConfig, type MemberConfig, networksOf, type WhenConfig } from '../config/model/model.ts';
import { portRangeText, rangesOf } from '../config/model/port-ranges.ts';
import type {
  GroupDetail,
  GroupOrigin,
  GroupRow,
  MemberRow,
  PriorityRow,
  SelectionDetail,
  UpcomingRow,
} from './shapes.ts';

/** Totals and gauges, as in StatRow. */
export interface Counts {
  readonly activeFlows: number;
  readonly newFlows: number;
  readonly packets: number;
  readonly bytes: number;
  readonly replyPackets: number;
  readonly replyBytes: number;
  /** Absent, as the next: from a host of an earlier version. */
  readonly retransmissions?: number;
  /** Gauge, smoothed; 0 or null: not measured. */
  readonly windowBytes?: number | null;
}

type Sums = Required<Counts>;

export type MemberFigures = Omit<
  MemberRow,
  'member' | 'address' | 'port' | 'priority' | 'state' | 'drainDeadline'
>;

export interface GroupFigures {
  readonly origin: GroupOrigin;
  /** Includes removed members. */
  readonly total: Pick<Counts, 'activeFlows' | 'newFlows'>;
  /** How many load balancers enforce the group. */
  readonly loadBalancers: number;
  /** null: not known. */
  readonly upcoming: UpcomingRow[] | null;
  /** `member`: of the criteria set in force; undefined: this member is not in it. */
  ofMember(name: string, member: MemberConfig | undefined): MemberFigures;
}

export function groupRow(
  group: GroupConfig,
  { total, origin }: Pick<GroupFigures, 'total' | 'origin'>,
  nowMs: number,
): GroupRow {
  const members = membersInForce(group, nowMs);
  return {
    group: group.name,
    origin,
    network: group.network,
    networks: networksOf(group),
    vip: group.vip,
    protocol: group.protocol,
    port: group.port ?? null,
    ports: (rangesOf(group) ?? []).map(portRangeText),
    rewrite: group.rewrite,
    algorithm: group.algorithm,
    members: members.length,
    activeMembers: members.filter(({ state }) => state === 'active').length,
    activeFlows: total.activeFlows,
    newFlows: total.newFlows,
  };
}

export function groupDetail(group: GroupConfig, figures: GroupFigures, nowMs: number): GroupDetail {
  const [inForce] = setsInForce(group, nowMs);
  const row = (member: MemberConfig, isInForce: boolean): MemberRow => {
    const { name, address, port, state, drainDeadlineMs } = member;
    const priority = priorityOf(group, name) ?? null;
    const identity = { member: name, address, port: port ?? null, priority, state };
    const own = figures.ofMember(name, isInForce ? member : undefined);
    return { ...identity, drainDeadline: isoTime(drainDeadlineMs), ...own };
  };
  const members = membersInForce(group, nowMs);
  const others = membersOf(group).filter(({ name }) => !members.some((member) => member.name === name));
  const rows = [
    ...members.map((member) => row(member, true)),
    ...others.map((member) => row(member, false)).filter(({ activeFlows }) => activeFlows > 0),
  ];
  return {
    ...groupRow(group, figures, nowMs),
    kind: group.kind ?? 'service',
    chain: group.chain ?? null,
    ...selectionDetail(group),
    effectiveFrom: isoTime(inForce?.fromMs),
    effectiveUntil: isoTime(inForce?.untilMs),
    nextChange: isoTime(nextSetChangeMs(group, nowMs)),
    loadBalancers: figures.loadBalancers,
    upcoming: figures.upcoming,
    priorities: priorityRows(group, rows),
    members: rows,
  };
}

const priorityRows = (group: GroupConfig, rows: readonly MemberRow[]): PriorityRow[] =>
  (hasPriorities(group) ? group.criteria : []).map(({ name, when, onEmpty }) => {
    const own = rows.filter(({ priority }) => priority === name);
    return {
      priority: name!,
      when: when === undefined ? null : whenText(when),
      onEmpty: onEmpty ?? group.onEmpty,
      members: own.length,
      activeMembers: own.filter(({ state }) => state === 'active').length,
      ...totalsOf(own),
    };
  });

function totalsOf(rows: readonly MemberRow[]): Omit<Counts, 'retransmissions' | 'windowBytes'> {
  const { retransmissions, windowBytes, ...totals } = countsOf(rows);
  return totals;
}

/** A priority's conditions as people read them: `dscp 46, source 10.1.0.11/32, label tenant=a`; empty: any flow. */
export function whenText({ sources, sourcePorts, dscps, vlanPriorities, labels }: WhenConfig): string {
  const conditions: [name: string, values: readonly (string | number)[]][] = [
    ['dscp', dscps ?? []],
    ['VLAN priority', vlanPriorities ?? []],
    ['source', sources],
    ['source port', (sourcePorts ?? []).map(portRangeText)],
    ['label', Object.entries(labels ?? {}).map(([label, value]) => `${label}=${value}`)],
  ];
  return conditions
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => `${name} ${values.join(name === 'label' ? ' and ' : ' or ')}`)
    .join(', ');
}

/** null: not bound to a time, or never. */
const isoTime = (ms: number | undefined): string | null =>
  ms === undefined || ms === Infinity ? null : new Date(ms).toISOString();

/** The value that is there most often; of several, the first. */
export function mostCommon(counts: Iterable<readonly [value: number, count: number]>): number | undefined {
  const totals = new Map<number, number>();
  for (const [value, count] of counts) totals.set(value, (totals.get(value) ?? 0) + count);
  let [found, most]: [number | undefined, number] = [undefined, 0];
  for (const [value, count] of totals) if (count > most) [found, most] = [value, count];
  return found;
}

type SelectionKey = 'algorithm' | 'hash' | 'affinityMs' | 'udpScheduling' | 'drainFallback';
type Selection = Pick<GroupConfig, SelectionKey> & { readonly avoidSelf?: boolean };

export const selectionDetail = (selection: Selection): SelectionDetail => ({
  algorithm: selection.algorithm,
  hash: selection.hash ?? null,
  affinityMs: selection.affinityMs ?? null,
  avoidSelf: selection.avoidSelf ?? false,
  udpScheduling: selection.udpScheduling ?? 'per-flow',
  drainFallback: selection.drainFallback ?? false,
});

export const countsOf = (rows: readonly Counts[]): Sums => ({
  activeFlows: sum(rows, (row) => row.activeFlows),
  newFlows: sum(rows, (row) => row.newFlows),
  packets: sum(rows, (row) => row.packets),
  bytes: sum(rows, (row) => row.bytes),
  replyPackets: sum(rows, (row) => row.replyPackets),
  replyBytes: sum(rows, (row) => row.replyBytes),
  retransmissions: sum(rows, (row) => row.retransmissions ?? 0),
  windowBytes: meanWindow(rows),
});

/** Average of the measured windows, by packets from the member; null: none is measured. */
function meanWindow(rows: readonly Counts[]): number | null {
  const measured = rows.flatMap(({ windowBytes, replyPackets }) =>
    windowBytes ? [{ windowBytes, weight: Math.max(1, replyPackets) }] : [],
  );
  if (measured.length === 0) return null;
  const product = sum(measured, ({ windowBytes, weight }) => windowBytes * weight);
  return Math.round(product / sum(measured, ({ weight }) => weight));
}

export const sum = <Row>(rows: readonly Row[], value: (row: Row) => number): number =>
  rows.reduce((total, row) => total + value(row), 0);
