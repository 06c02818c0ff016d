/**
 * Which hosts need a group: hosts with a port that its rules apply to, on its networks or one that the host's router
 * joins to it; and, where members keep the VIP as their own address, hosts with a member, whose port must be allowed
 * to send as the VIP.
 */

import { membersOf } from '../../config/model/group-members.ts';
import { type GroupConfig, networksOf } from '../../config/model/model.ts';

/** A host's description of one of its ports. */
export interface HostPort {
  readonly network: string;
  /** With their prefix lengths. */
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Networks that the host's router joins with the port's, including the port's own; absent: none. */
  readonly routedTo?: ReadonlySet<string>;
}

export function isConcerned(ports: readonly HostPort[], group: GroupConfig): boolean {
  const reaches = (port: HostPort): boolean =>
    networksOf(group).includes(port.network) || port.routedTo?.has(group.network) === true;
  if (ports.some((port) => reaches(port) && matchesLabels(group.from, port.labels))) return true;
  const onNetwork = ports.filter(({ network }) => network === group.network);
  return group.rewrite !== 'address' && onNetwork.some((port) => holdsMember(port, group));
}

const keys = new WeakMap<GroupConfig, string>();

/** Groups with the same key concern the same hosts; undefined: it also depends on the members. */
export function interestKey(group: GroupConfig): string | undefined {
  if (group.rewrite !== 'address') return undefined;
  let key = keys.get(group);
  if (key === undefined) {
    key = JSON.stringify([networksOf(group), group.from]);
    keys.set(group, key);
  }
  return key;
}

/** Whether `from` selects a port with these labels; absent: it selects every port. */
export const matchesLabels = (
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>>,
): boolean => Object.entries(selector ?? {}).every(([label, value]) => labels[label] === value);

function holdsMember({ addresses }: HostPort, group: GroupConfig): boolean {
  const own = new Set(addresses.map((prefix) => prefix.slice(0, prefix.indexOf('/'))));
  return membersOf(group).some(({ address }) => own.has(address));
}
