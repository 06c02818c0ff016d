/**
 * Which hosts need a group: those with a port that its rules hold for, and, where members keep the VIP as their own
 * address, those with a member, whose port must be let send as the VIP.
 */

import { membersOf } from '../../config/model/group-members.ts';
import type { GroupConfig } from '../../config/model/model.ts';

/** What a host says about one of its ports. */
export interface HostPort {
  readonly network: string;
  /** With their prefix lengths. */
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export function isConcerned(ports: readonly HostPort[], group: GroupConfig): boolean {
  const onNetwork = ports.filter(({ network }) => network === group.network);
  if (onNetwork.some(({ labels }) => matchesLabels(group.from, labels))) return true;
  return group.rewrite !== 'address' && onNetwork.some((port) => holdsMember(port, group));
}

const keys = new WeakMap<GroupConfig, string>();

/** Groups with the same key concern the same hosts; undefined: it also depends on the members. */
export function interestKey(group: GroupConfig): string | undefined {
  if (group.rewrite !== 'address') return undefined;
  let key = keys.get(group);
  if (key === undefined) {
    key = JSON.stringify([group.network, group.from]);
    keys.set(group, key);
  }
  return key;
}

/** Whether a port with these labels is one that `from` selects; absent: each is. */
export const matchesLabels = (
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>>,
): boolean => Object.entries(selector ?? {}).every(([label, value]) => labels[label] === value);

function holdsMember({ addresses }: HostPort, group: GroupConfig): boolean {
  const own = new Set(addresses.map((prefix) => prefix.slice(0, prefix.indexOf('/'))));
  return membersOf(group).some(({ address }) => own.has(address));
}
