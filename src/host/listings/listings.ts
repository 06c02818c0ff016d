/**
 * Listings of `port list`, `group list`, `group show`, `rule list` and `stats`, from configuration and
 * tables.
 */

import { countsOf, groupRow, selectionDetail, sum, whenText } from '../../api/group-listings.ts';
import type { GroupOrigin, GroupRow, PortRow, RouterRow, RuleRow, StatRow } from '../../api/shapes.ts';
import { membersOf } from '../../config/model/group-members.ts';
import { type Configuration, type PortConfig, routerOf } from '../../config/model/model.ts';
import { portRangeText } from '../../config/model/port-ranges.ts';
import { uplinkLegs } from '../../config/model/uplink-legs.ts';
import {
  type MemberSpec,
  membersForNewFlows,
  type PortRange,
  type RuleSpec,
} from '../../tables/balancing/rule-spec.ts';
import type { PortCounters } from '../../tables/port-counters.ts';
import type { QueueLosses } from '../ports/queue-losses.ts';
import type { UplinkView } from '../ports/uplinks.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';
import type { BuiltSnapshot } from '../publishing/snapshot-builder.ts';
import type { StatCollector } from '../stat-collector.ts';

export function portRows(
  configuration: Configuration,
  ids: DatapathIds,
  counters: PortCounters,
  isUp: (port: string) => boolean,
  losses: QueueLosses,
): PortRow[] {
  return configuration.ports.map((port) => {
    const { rxPackets, rxBytes, txPackets, txBytes, drops: read } = counters.read(ids.findPort(port)!);
    const drops = { ...read };
    losses.addTo(drops, port.name);
    return {
      port: port.name,
      network: port.network,
      netns: port.netns,
      interface: port.interface,
      mac: port.mac,
      addresses: port.addresses,
      allowedAddresses: port.allowedAddresses,
      allowedMacs: port.allowedMacs,
      guards: guardNames(port),
      state: isUp(port.name) ? 'up' : 'gone',
      rxPackets,
      rxBytes,
      txPackets,
      txBytes,
      drops,
    };
  });
}

function guardNames({ antiSpoofing, guards }: PortConfig): string[] {
  const names = {
    'anti-spoofing': antiSpoofing,
    dhcp: guards.dhcp,
    ra: guards.routerAdvertisements,
    'reserved-multicast': guards.reservedMulticast,
  };
  return Object.entries(names).flatMap(([name, isOn]) => (isOn ? [name] : []));
}

/** One row per logical router, in the order of its first network. */
export function routerRows({ networks }: Configuration): RouterRow[] {
  const rows = new Map<string, RouterRow>();
  for (const network of networks) {
    const router = routerOf(network);
    if (router === undefined) continue;
    const row = rows.get(router) ?? { router, networks: [], gateways: [], routes: [] };
    rows.set(router, row);
    row.networks.push(network.name);
    row.gateways.push(...network.gateway);
    row.routes.push(...network.routes.map(({ to, via }) => `${to} via ${via}`));
  }
  return [...rows.values()];
}

/** One row per uplink: the sums over the networks that it carries. */
export function uplinkRows(
  { uplinks = [] }: Configuration,
  ids: DatapathIds,
  counters: PortCounters,
  view: (uplink: string) => UplinkView,
): PortRow[] {
  return uplinks.map((uplink) => {
    const legs = uplinkLegs({ uplinks: [uplink] });
    const rows = legs.map((leg) => counters.read(ids.findUplinkLeg(leg)!));
    const { state, mac, lostFrames } = view(uplink.name);
    const drops: Record<string, number> = lostFrames === 0 ? {} : { 'receive-buffer-full': lostFrames };
    for (const row of rows)
      for (const [reason, frames] of Object.entries(row.drops)) drops[reason] = (drops[reason] ?? 0) + frames;
    return {
      port: uplink.name,
      network: legs
        .map(({ network, vlan }) => (vlan === undefined ? network : `${network} vlan ${vlan}`))
        .join(', '),
      netns: '',
      interface: uplink.interface,
      mac,
      addresses: [],
      allowedAddresses: [],
      allowedMacs: [],
      guards: uplink.reservedMulticastGuard ? ['reserved-multicast'] : [],
      state,
      rxPackets: sum(rows, (row) => row.rxPackets),
      rxBytes: sum(rows, (row) => row.rxBytes),
      txPackets: sum(rows, (row) => row.txPackets),
      txBytes: sum(rows, (row) => row.txBytes),
      drops,
    };
  });
}

export function* groupRows(
  { groups }: Configuration,
  { ids, collector }: Statistics,
  originOf: (group: string) => GroupOrigin,
  nowMs: number,
): Generator<GroupRow> {
  for (const group of groups) {
    const counted = ids.membersOf(group.name).filter((id) => collector.has(id));
    const total = countsOf(counted.map((id) => collector.of(id).stats));
    yield groupRow(group, { total, origin: originOf(group.name) }, nowMs);
  }
}

/** Current counters of the host's load balancers. */
export interface Statistics {
  readonly ids: DatapathIds;
  readonly collector: Pick<StatCollector, 'of' | 'has' | 'members'>;
}

/** One row per load balancer, rule and criteria set, as in force in the datapath. */
export function* ruleRows(
  { loadBalancers, snapshot }: BuiltSnapshot,
  ids: DatapathIds,
  loadBalancerIds?: ReadonlySet<number>,
): Generator<RuleRow> {
  for (const { spec, compiled } of loadBalancers) {
    if (loadBalancerIds !== undefined && !loadBalancerIds.has(spec.id)) continue;
    for (const { rules } of compiled) {
      for (const rule of rules) {
        if (rule.isHop) continue; // matches no packets
        yield* criteriaRows(spec.name, rule, ids.groupName(rule.group) ?? '', snapshot.revision);
      }
    }
  }
}

const criteriaRows = (loadBalancer: string, rule: RuleSpec, group: string, revision: number): RuleRow[] =>
  rule.criteria.map(({ fromMs, untilMs, name, when, members }) => ({
    loadBalancer,
    group,
    vip: rule.vip,
    protocol: rule.protocol,
    port: singlePort(rule.ports),
    ports: (rule.ports ?? []).map(portRangeText),
    sources: [...rule.sources],
    sourcePort: singlePort(rule.sourcePorts),
    sourcePorts: (rule.sourcePorts ?? []).map(portRangeText),
    mac: [...(rule.macs ?? [])],
    rewrite: rule.rewrite,
    ...selectionDetail(rule),
    priority: name ?? null,
    when: when === undefined ? null : when === 'never' ? when : whenText(when),
    effectiveFrom: isoTime(fromMs),
    effectiveUntil: isoTime(untilMs),
    members: membersText(members, rule),
    revision,
  }));

/** null: any, or several. */
function singlePort(ranges: readonly PortRange[] = []): number | null {
  const [range] = ranges;
  return ranges.length === 1 && range![0] === range![1] ? range![0] : null;
}

/** `name=weight`, with the state of members that are not active, and whether they still receive flows. */
function membersText(members: readonly MemberSpec[], { drainFallback }: RuleSpec): string[] {
  const serving = membersForNewFlows(members, drainFallback);
  return members.map(({ name, weight, state }, i) => {
    if (state === 'active') return `${name}=${weight}`;
    const isServing = weight > 0 && serving[i]!.state === 'active';
    return `${name}=${weight} (${state}${isServing ? ', serves' : ''})`;
  });
}

const isoTime = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString();

/** One row per load balancer: what it has sent to all members since the host started. */
export function* balancerStatRows(
  { loadBalancers }: Pick<BuiltSnapshot, 'loadBalancers'>,
  collector: Pick<StatCollector, 'ofBalancer'>,
): Generator<StatRow> {
  for (const { spec } of loadBalancers) {
    yield { loadBalancer: spec.name, ...countsOf([collector.ofBalancer(spec.id)]) };
  }
}

/**
 * A group's sums include removed members while the host runs; members without flows are listed with zeros. Groups of the
 * configuration come first, in its order.
 */
export function* statRows(
  { groups }: Configuration,
  { ids, collector }: Statistics,
  by: 'group' | 'member',
): Generator<StatRow> {
  const counted = new Map<string, Map<string, number[]>>();
  for (const id of collector.members) {
    const { group, member } = ids.memberOf(id)!;
    const ofGroup = counted.get(group) ?? new Map<string, number[]>();
    counted.set(group, ofGroup.set(member, [...(ofGroup.get(member) ?? []), id]));
  }
  const totals = (numbers: readonly number[]) => countsOf(numbers.map((id) => collector.of(id).stats));
  const rowsOf = function* (group: string, members: readonly string[]): Generator<StatRow> {
    const ofGroup = counted.get(group);
    counted.delete(group);
    if (by === 'group') yield { group, ...totals([...(ofGroup?.values() ?? [])].flat()) };
    else {
      const all = new Set([...members, ...(ofGroup?.keys() ?? [])]);
      for (const member of all) yield { group, member, ...totals(ofGroup?.get(member) ?? []) };
    }
  };
  for (const group of groups)
    yield* rowsOf(group.name, by === 'group' ? [] : membersOf(group).map(({ name }) => name));
  for (const group of [...counted.keys()]) yield* rowsOf(group, []);
}
