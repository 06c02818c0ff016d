/** What becomes of running flows when groups change. Pure. */

import { findMember, membersOf } from '../config/model/group-members.ts';
import type { GroupConfig } from '../config/model/model.ts';

export interface MemberExit {
  readonly group: string;
  readonly member: string;
  /** All of its flows end, or its datagrams move on while TCP flows run to their end. */
  readonly ends: 'all' | 'datagrams';
}

/** Members that have failed since, and members that are gone. */
export function memberExits(before: readonly GroupConfig[], after: readonly GroupConfig[]): MemberExit[] {
  const next = new Map(after.map((group) => [group.name, group]));
  return before.flatMap((group) => {
    const now = next.get(group.name);
    if (now === group) return [];
    return membersOf(group).flatMap((member): MemberExit[] => {
      const same = now === undefined ? undefined : findMember(now, member.name);
      const at = { group: group.name, member: member.name };
      // With the whole group gone, there is no member to move on to: what runs goes on.
      if (now === undefined) return [];
      if (same === undefined) return [{ ...at, ends: 'datagrams' }];
      return same.state === 'failed' && member.state !== 'failed' ? [{ ...at, ends: 'all' }] : [];
    });
  });
}
