/**
 * Overrides: people's changes of a group's members, over the group as its file defines it.
 *
 * Theory of operation. The file names members; `member add|weight|drain|fail|remove` leaves an override per group and
 * member name. The members in force are the file's with their overrides applied, then those added at run time, in
 * the order in which they were added. In a group with several criteria sets an override applies to every set that
 * names the member, and an added member joins every set. In a group with priorities it joins one of them.
 *
 * When the file changes, an override stays if the file's entry for its member is the same as before, so a drain or a
 * failure outlives a reload that is about something else. If the entry was changed, added or removed, the file
 * wins and the override is dropped. To restore a failed member, add it again under its name or change its entry.
 */
import { isDeepStrictEqual } from 'node:util';
import { priorityOf } from '../../config/model/criteria-sets.ts';
import { findMember } from '../../config/model/group-members.ts';
import type { CriteriaConfig, GroupConfig, MemberConfig } from '../../config/model/model.ts';
import type { MemberState } from '../../tables/balancing/rule-spec.ts';

/** What people have changed about one member of one group. */
export interface MemberOverride {
  /** Removed; the other fields are then ignored. */
  readonly removed?: boolean;
  /** Added at run time, at this address. Takes precedence over the file's entry. */
  readonly added?: {
    readonly address: string;
    readonly port?: number;
    readonly mac?: string;
    /** Absent, or not there any more: the group's last priority. */
    readonly priority?: string;
  };
  readonly weight?: number;
  /** By source port: the weight at that port's load balancer. */
  readonly weightsByPort?: Readonly<Record<string, number>>;
  readonly state?: MemberState;
  /** Wall clock, epoch milliseconds: a draining member's remaining flows are dropped then. */
  readonly drainDeadlineMs?: number;
  /** Who made the last change, and when (wall clock, epoch milliseconds); for people. */
  readonly by?: string;
  readonly atMs?: number;
}

/** By member name, in the order of the changes. */
export type GroupOverrides = ReadonlyMap<string, MemberOverride>;

/** The overrides with this one in place of the member's previous one. */
export function withOverride(
  overrides: GroupOverrides,
  definition: GroupConfig,
  member: string,
  override: MemberOverride,
): GroupOverrides {
  const next = new Map(overrides);
  // A removed member that is added again goes to the end, like a new one.
  if (override.removed || next.get(member)?.removed) next.delete(member);
  const isDefined = findMember(definition, member) !== undefined;
  if (!override.removed || isDefined) next.set(member, override);
  return next;
}

/** With who has changed the member, if it still has an override. */
export function signed(
  overrides: GroupOverrides,
  member: string,
  { by, atMs }: Pick<MemberOverride, 'by' | 'atMs'>,
): GroupOverrides {
  const override = overrides.get(member);
  return override === undefined || by === undefined
    ? overrides
    : new Map(overrides).set(member, { ...override, by, atMs });
}

/** The overrides that outlive a change of the group's entry in the file. */
export const keptOverrides = (
  overrides: GroupOverrides,
  before: GroupConfig,
  after: GroupConfig,
): GroupOverrides => new Map([...overrides].filter(([member]) => isSameMember(member, before, after)));

export const isSameMember = (member: string, before: GroupConfig, after: GroupConfig): boolean =>
  isDeepStrictEqual(entriesOf(before, member), entriesOf(after, member));

/** The member's entries in all criteria sets of the group. */
function entriesOf(group: GroupConfig, member: string): MemberConfig[] {
  return group.criteria.flatMap(({ members }) => members.filter(({ name }) => name === member));
}

export function applyOverrides(group: GroupConfig, overrides: GroupOverrides): GroupConfig {
  if (overrides.size === 0) return group;
  return { ...group, criteria: group.criteria.map((set) => applyToSet(set, group, overrides)) };
}

/** Whether a member that people have added joins a set: each one, or the priority that they have named. */
function joins({ name }: CriteriaConfig, group: GroupConfig, member: string, priority?: string): boolean {
  if (name === undefined) return true;
  const own = priorityOf(group, member);
  const isKnown = group.criteria.some((set) => set.name === priority);
  return name === (own ?? (isKnown ? priority : group.criteria.at(-1)!.name));
}

function applyToSet(set: CriteriaConfig, group: GroupConfig, overrides: GroupOverrides): CriteriaConfig {
  const members: MemberConfig[] = [];
  for (const member of set.members) {
    const override = overrides.get(member.name);
    if (override === undefined) members.push(member);
    else if (!override.removed) members.push(overridden(member, override));
  }
  for (const [name, override] of overrides) {
    if (override.added === undefined || set.members.some((member) => member.name === name)) continue;
    if (!joins(set, group, name, override.added.priority)) continue;
    members.push(overridden({ name, ...override.added, weight: 1, state: 'active' }, override));
  }
  return { ...set, members };
}

function overridden(member: MemberConfig, override: MemberOverride): MemberConfig {
  const { address, port, mac } = override.added ?? member;
  return {
    name: member.name,
    address,
    port,
    mac,
    weight: override.weight ?? member.weight,
    state: override.state ?? member.state,
    ...(override.weightsByPort !== undefined && { weightsByPort: override.weightsByPort }),
    ...(override.drainDeadlineMs !== undefined && { drainDeadlineMs: override.drainDeadlineMs }),
  };
}
