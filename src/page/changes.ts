/** What has changed between two states of a group's members. */
import type { Change, MemberView } from './frames.ts';

type Seen = Pick<MemberView, 'member' | 'state' | 'weight' | 'health'>;

/** `nowMs`: wall clock. */
export function memberChanges(
  group: string,
  before: ReadonlyMap<string, Seen>,
  now: readonly Seen[],
  nowMs: number,
): Change[] {
  const changes: Change[] = [];
  const note = (member: string, what: string, isBad = false): void => {
    changes.push({ at: nowMs, group, member, what, isBad });
  };
  const left = new Set(before.keys());
  for (const { member, state, weight, health } of now) {
    const was = before.get(member);
    left.delete(member);
    if (was === undefined) note(member, `added, ${state}, weight ${weight}`);
    else {
      const why = state === 'failed' && health !== undefined ? ` (${health})` : '';
      if (was.state !== state) note(member, `${was.state} → ${state}${why}`, state === 'failed');
      if (was.weight !== weight) note(member, `weight ${was.weight} → ${weight}`);
    }
  }
  for (const member of left) note(member, 'removed');
  return changes;
}

type Counts = { group: string; members: number; active: number; draining: number; failed: number };

/** The same of whole groups: who was added, and how many members are in which state. */
export function groupChanges(
  before: ReadonlyMap<string, Counts>,
  now: readonly Counts[],
  nowMs: number,
): Change[] {
  const changes: Change[] = [];
  const note = (group: string, what: string, isBad = false): void => {
    changes.push({ at: nowMs, group, member: null, what, isBad });
  };
  const left = new Set(before.keys());
  for (const one of now) {
    const { group } = one;
    const was = before.get(group);
    left.delete(group);
    if (was === undefined) {
      note(group, `added with ${one.members} members`);
      continue;
    }
    for (const state of ['failed', 'draining', 'active'] as const)
      if (was[state] !== one[state])
        note(
          group,
          `${state} members ${was[state]} → ${one[state]}`,
          state === 'failed' && one.failed > was.failed,
        );
    if (was.members !== one.members) note(group, `members ${was.members} → ${one.members}`);
  }
  for (const group of left) note(group, 'removed');
  return changes;
}
