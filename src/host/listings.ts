/** What `port list`, `group list`, `group show`, `rule list` and `stats` say, from configuration and tables. */

import type {
  GroupDetail,
  GroupRow,
  MemberRow,
  PortRow,
  RuleRow,
  SelectionDetail,
  StatRow,
} from '../api/shapes.ts';
import type { Configuration, GroupConfig } from '../config/model.ts';
import { membersOf } from '../controller/membership.ts';
import type { PortCounters } from '../tables/port-counters.ts';
import type { RuleSpec } from '../tables/rule-spec.ts';
import type { HostReport, MemberReport } from './agent.ts';
import type { DatapathIds } from './datapath-ids.ts';
import type { BuiltSnapshot } from './snapshot-builder.ts';

export function portRows(
  configuration: Configuration,
  ids: DatapathIds,
  counters: PortCounters,
  isUp: (port: string) => boolean,
): PortRow[] {
  return configuration.ports.map((port) => {
    const { rxPackets, rxBytes, txPackets, txBytes, drops } = counters.read(ids.findPort(port)!);
    return {
      port: port.name,
      network: port.network,
      netns: port.netns,
      interface: port.interface,
      mac: port.mac,
      addresses: port.addresses,
      state: isUp(port.name) ? 'up' : 'gone',
      rxPackets,
      rxBytes,
      txPackets,
      txBytes,
      drops,
    };
  });
}

export const groupRows = (configuration: Configuration, report: HostReport): GroupRow[] =>
  configuration.groups.map((group) => groupRow(group, report));

export function groupDetail(group: GroupConfig, report: HostReport): GroupDetail {
  const members = membersOf(group).map((member): MemberRow => {
    const rows = report.members.filter(
      ({ owner }) => owner.group === group.name && owner.member === member.name,
    );
    return {
      member: member.name,
      address: member.address,
      port: member.port ?? null,
      state: member.state,
      weight: member.weight,
      ...totalsOf(rows),
      newFlowsPerSecond: sum(rows, (row) => row.newFlowsPerSecond),
      bytesPerSecond: sum(rows, (row) => row.bytesPerSecond),
    };
  });
  return { ...groupRow(group, report), ...selectionDetail(group), members };
}

function groupRow(group: GroupConfig, report: HostReport): GroupRow {
  const members = membersOf(group);
  const rows = report.members.filter(({ owner }) => owner.group === group.name);
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
    activeFlows: sum(rows, ({ stats }) => stats.activeFlows),
    newFlows: sum(rows, ({ stats }) => stats.newFlows),
  };
}

function selectionDetail({
  algorithm,
  hash,
  affinityMs,
  avoidSelf,
}: GroupConfig | RuleSpec): SelectionDetail {
  return { algorithm, hash: hash ?? null, affinityMs: affinityMs ?? null, avoidSelf: avoidSelf ?? false };
}

/** One row per LB, rule and criteria set, as the datapath has them. */
export function ruleRows(
  built: BuiltSnapshot,
  ids: DatapathIds,
  loadBalancerIds?: ReadonlySet<number>,
): RuleRow[] {
  return built.loadBalancers
    .filter(({ spec }) => loadBalancerIds === undefined || loadBalancerIds.has(spec.id))
    .flatMap(({ spec, rules }) =>
      rules.flatMap((rule) =>
        criteriaRows(spec.name, rule, ids.groupName(rule.group) ?? '', built.snapshot.revision),
      ),
    );
}

const criteriaRows = (loadBalancer: string, rule: RuleSpec, group: string, revision: number): RuleRow[] =>
  rule.criteria.map(({ fromMs, untilMs, members }) => ({
    loadBalancer,
    group,
    vip: rule.vip,
    protocol: rule.protocol,
    port: rule.port ?? null,
    sources: [...rule.sources],
    sourcePort: rule.sourcePort ?? null,
    rewrite: rule.rewrite,
    ...selectionDetail(rule),
    effectiveFrom: isoTime(fromMs),
    effectiveUntil: isoTime(untilMs),
    members: members.map(({ name, weight, state }) =>
      state === 'active' ? `${name}=${weight}` : `${name}=${weight} (${state})`,
    ),
    revision,
  }));

const isoTime = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString();

/** Rows of members that have gone are kept in a group's sums while the host runs. */
export function statRows(report: HostReport, by: 'group' | 'member'): StatRow[] {
  const parts = new Map<string, MemberReport[]>();
  for (const member of report.members) {
    const { owner } = member;
    const key = by === 'group' ? owner.group : `${owner.group}\0${owner.member}`;
    const part = parts.get(key);
    if (part === undefined) parts.set(key, [member]);
    else part.push(member);
  }
  return [...parts.values()].map((rows) => {
    const totals = totalsOf(rows);
    const { group, member } = rows[0]!.owner;
    return by === 'group' ? { group, ...totals } : { group, member, ...totals };
  });
}

const totalsOf = (rows: readonly MemberReport[]) => ({
  activeFlows: sum(rows, ({ stats }) => stats.activeFlows),
  newFlows: sum(rows, ({ stats }) => stats.newFlows),
  packets: sum(rows, ({ stats }) => stats.packets),
  bytes: sum(rows, ({ stats }) => stats.bytes),
  replyPackets: sum(rows, ({ stats }) => stats.replyPackets),
  replyBytes: sum(rows, ({ stats }) => stats.replyBytes),
});

const sum = <Row>(rows: readonly Row[], value: (row: Row) => number): number =>
  rows.reduce((total, row) => total + value(row), 0);
