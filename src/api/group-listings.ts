/** Rows of `group list` and `group show`, for a host or a fleet: the group with given figures. */

import { membersOf } from '../config/model/group-members.ts';
import type { GroupConfig } from '../config/model/model.ts';
import type { GroupDetail, GroupRow, MemberRow, SelectionDetail } from './shapes.ts';

/** Totals and gauges, as in StatRow. */
export interface Counts {
  readonly activeFlows: number;
  readonly newFlows: number;
  readonly packets: number;
  readonly bytes: number;
  readonly replyPackets: number;
  readonly replyBytes: number;
}

export type MemberFigures = Omit<
  MemberRow,
  'member' | 'address' | 'port' | 'state' | 'weight' | 'drainDeadline'
>;

export interface GroupFigures {
  /** Includes removed members. */
  readonly total: Pick<Counts, 'activeFlows' | 'newFlows'>;
  ofMember(name: string): MemberFigures;
}

export function groupRow(group: GroupConfig, { total }: Pick<GroupFigures, 'total'>): GroupRow {
  const members = membersOf(group);
  return {
    group: group.name,
    network: group.network,
    vip: group.vip,
    protocol: group.protocol,
    port: group.port ?? null,
    rewrite: group.rewrite,
    algorithm: group.algorithm,
    members: members.length,
    activeMembers: members.filter(({ state }) => state === 'active').length,
    activeFlows: total.activeFlows,
    newFlows: total.newFlows,
  };
}

export function groupDetail(group: GroupConfig, figures: GroupFigures): GroupDetail {
  const members = membersOf(group).map((member): MemberRow => {
    const { name, address, port, state, weight, drainDeadlineMs } = member;
    const drainDeadline = drainDeadlineMs === undefined ? null : new Date(drainDeadlineMs).toISOString();
    const identity = { member: name, address, port: port ?? null, state, weight, drainDeadline };
    return { ...identity, ...figures.ofMember(name) };
  });
  return { ...groupRow(group, figures), ...selectionDetail(group), members };
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

export const countsOf = (rows: readonly Counts[]): Counts => ({
  activeFlows: sum(rows, (row) => row.activeFlows),
  newFlows: sum(rows, (row) => row.newFlows),
  packets: sum(rows, (row) => row.packets),
  bytes: sum(rows, (row) => row.bytes),
  replyPackets: sum(rows, (row) => row.replyPackets),
  replyBytes: sum(rows, (row) => row.replyBytes),
});

export const sum = <Row>(rows: readonly Row[], value: (row: Row) => number): number =>
  rows.reduce((total, row) => total + value(row), 0);
