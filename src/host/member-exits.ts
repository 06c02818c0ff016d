/** Members that failed or were removed when groups change, and which of their flows end. Pure. */

import { findMember, membersOf } from '../config/model/group-members.ts';
import type { GroupConfig } from '../config/model/model.ts';

export interface MemberExit {
  readonly group: string;
  readonly member: string;
  /** All of its flows end; or its datagrams move to other members while TCP flows run to their end. */
  readonly ends: 'all' | 'datagrams';
}

/** Members that failed and members that were removed between two states of the groups. */
export function memberExits(before: readonly GroupConfig[], after: readonly GroupConfig[]): MemberExit[] {
  const next = new Map(after.map((group) => [group.name, group]));
  return before.flatMap((group) => {
    const now = next.get(group.name);
    if (now === group) return [];
    return membersOf(group).flatMap((member): MemberExit[] => {
      const same = now === undefined ? undefined : findMember(now, member.name);
      const at = { group: group.name, member: member.name };
      // A removed group has no members to move flows to, so all its flows continue.
      if (now === undefined) return [];
      if (same === undefined) return [{ ...at, ends: 'datagrams' }];
      return same.state === 'failed' && member.state !== 'failed' ? [{ ...at, ends: 'all' }] : [];
    });
  });
}
