/** Looks up groups, and members across a group's criteria sets, in a configuration. */

import { expectOneOf } from '../problems/problems.ts';
import { Refusal } from '../problems/refusal.ts';
import type { Configuration, GroupConfig, MemberConfig } from './model.ts';

export function findGroup(configuration: Configuration, name: string): GroupConfig | undefined {
  return configuration.groups.find((group) => group.name === name);
}

/** The member as its first criteria set has it; sets may differ in weight. */
export function findMember(group: GroupConfig, name: string): MemberConfig | undefined {
  return membersOf(group).find((member) => member.name === name);
}

/** Each member once, in order of appearance over the criteria sets. */
export function membersOf(group: GroupConfig): MemberConfig[] {
  const members = new Map<string, MemberConfig>();
  for (const set of group.criteria) {
    for (const member of set.members) if (!members.has(member.name)) members.set(member.name, member);
  }
  return [...members.values()];
}

/** Refusal 404 if no group has a member of this name. */
export function refuseUnknownMember(groups: readonly GroupConfig[], name: string): void {
  const known = [...new Set(groups.flatMap(membersOf).map((member) => member.name))];
  if (!known.includes(name))
    throw new Refusal(404, `member: found ${name}, expected ${expectOneOf(name, known)}`);
}
