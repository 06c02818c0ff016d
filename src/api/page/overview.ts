/** Everything that a host or fleet carries at one moment, by group: for the page, which reads it once per second. */
import { membersInForce } from '../../config/model/criteria-sets.ts';
import { type GroupConfig, networksOf } from '../../config/model/model.ts';
import { portRangeText, rangesOf } from '../../config/model/port-ranges.ts';
import type { MemberState } from '../../tables/balancing/rule-spec.ts';
import type { Counts } from '../group-listings.ts';

/** A group with its load. */
export interface GroupLoad {
  group: string;
  networks: string[];
  vip: string[];
  protocol: string;
  /** `PORT` and `FIRST-LAST`; empty: any. */
  ports: string[];
  algorithm: string;
  /** Members of the criteria set in force. */
  members: number;
  active: number;
  draining: number;
  failed: number;
  activeFlows: number;
  newFlowsPerSecond: number;
  /** Both directions, Ethernet bytes. */
  bytesPerSecond: number;
}

/** What one load balancer sends to a group. */
export interface GroupSender {
  host: string;
  /** Empty: all of the host, which sums them up. */
  loadBalancer: string;
  group: string;
  activeFlows: number;
  bytesPerSecond: number;
}

export interface Overview {
  groups: GroupLoad[];
  /** Senders with load, the busiest first, at most MAX_SENDERS. */
  senders: GroupSender[];
}

/** More than a picture can show. */
export const MAX_SENDERS = 300;

export const busiestFirst = (
  a: Pick<GroupSender, 'activeFlows' | 'bytesPerSecond'>,
  b: Pick<GroupSender, 'activeFlows' | 'bytesPerSecond'>,
): number => b.bytesPerSecond - a.bytesPerSecond || b.activeFlows - a.activeFlows;

/** What a group is, without its load. */
export function groupFacts(
  group: GroupConfig,
  wallMs: number,
): Omit<GroupLoad, 'activeFlows' | 'newFlowsPerSecond' | 'bytesPerSecond'> {
  const members = membersInForce(group, wallMs);
  return {
    group: group.name,
    networks: networksOf(group),
    vip: [...group.vip],
    protocol: group.protocol,
    ports: (rangesOf(group) ?? []).map(portRangeText),
    algorithm: group.algorithm,
    members: members.length,
    ...countStates(members),
  };
}

/** How many members are in each state. */
function countStates(members: readonly { readonly state: MemberState }[]): Record<MemberState, number> {
  const counts = { active: 0, draining: 0, failed: 0 };
  for (const { state } of members) counts[state]++;
  return counts;
}

/** Bytes in both directions. */
export const bytesOf = ({ bytes, replyBytes }: Pick<Counts, 'bytes' | 'replyBytes'>): number =>
  bytes + replyBytes;
