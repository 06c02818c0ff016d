/**
 * Who belongs to each group now: the configuration file, and over it what people changed at run time.
 *
 * Theory of operation. The file names members; `member add|weight|drain|fail|remove` leaves an *override* per
 * group and member name. Effective members are the file's with their overrides applied, then those added at run
 * time, in the order in which they came. A group with several criteria sets has an override apply to every set
 * that names the member, and an added member joins every set.
 *
 * Reload: an override stays while the file says the same about its member as before (also when it says nothing),
 * so a drain or a failure outlives a reload that is about something else. Where the file's entry has changed,
 * come or gone, the file wins and the override is forgotten. To take a member back that has failed, add it again
 * under its name, or change its entry.
 *
 * Everything here is immutable: a change makes a new Membership, which shares what did not change. So a change
 * that the datapath refuses is undone by dropping it, and an unchanged group is the same object as before.
 */
import { isDeepStrictEqual } from 'node:util';
import { findGroup, findMember } from '../../config/model/group-members.ts';
import type { Configuration, CriteriaConfig, GroupConfig, MemberConfig } from '../../config/model/model.ts';
import type { MemberState } from '../../tables/balancing/rule-spec.ts';

/** What people have changed about one member of one group. */
export interface MemberOverride {
  /** Taken out; nothing else counts. */
  readonly removed?: boolean;
  /** Added at run time: where it is. Wins over the file's entry. */
  readonly added?: { readonly address: string; readonly port?: number; readonly mac?: string };
  readonly weight?: number;
  readonly state?: MemberState;
  /** Wall clock, epoch milliseconds: a draining member's remaining flows are dropped then. */
  readonly drainDeadlineMs?: number;
}

export type GroupOverrides = ReadonlyMap<string, MemberOverride>;

export interface Membership {
  /** As in the file. */
  readonly configuration: Configuration;
  /** By group, then by member. */
  readonly overrides: ReadonlyMap<string, GroupOverrides>;
  /** The configuration with effective members in its groups. */
  readonly effective: Configuration;
}

const NO_OVERRIDES: GroupOverrides = new Map();

export function initialMembership(configuration: Configuration): Membership {
  return { configuration, overrides: new Map(), effective: configuration };
}

export function overrideOf(membership: Membership, group: string, member: string): MemberOverride {
  return membership.overrides.get(group)?.get(member) ?? {};
}

/** A membership in which the member's override is another one. */
export function withOverride(
  membership: Membership,
  group: string,
  member: string,
  override: MemberOverride,
): Membership {
  const ofGroup = new Map(membership.overrides.get(group));
  // A member that is added again goes to the end, as a new one does.
  if (override.removed || (ofGroup.get(member)?.removed ?? false)) ofGroup.delete(member);
  const inFile = findMember(findGroup(membership.configuration, group)!, member) !== undefined;
  if (!override.removed || inFile) ofGroup.set(member, override);
  const overrides = new Map(membership.overrides).set(group, ofGroup);
  return withEffective(membership.configuration, overrides, membership);
}

/** The membership after a reload; see above for what is kept. */
export function reloadMembership(membership: Membership, configuration: Configuration): Membership {
  const overrides = new Map<string, GroupOverrides>();
  for (const group of configuration.groups) {
    const before = findGroup(membership.configuration, group.name);
    if (before === undefined) continue;
    const kept = keptOverrides(membership.overrides.get(group.name) ?? NO_OVERRIDES, before, group);
    if (kept.size > 0) overrides.set(group.name, kept);
  }
  return withEffective(configuration, overrides, membership);
}

/** The overrides that outlive a change of the group's entry in the file. */
export const keptOverrides = (
  overrides: GroupOverrides,
  before: GroupConfig,
  after: GroupConfig,
): GroupOverrides =>
  new Map(
    [...overrides].filter(([member]) =>
      isDeepStrictEqual(entriesOf(before, member), entriesOf(after, member)),
    ),
  );

/** What a group's file entry says about a member, in whichever criteria sets. */
function entriesOf(group: GroupConfig, member: string): MemberConfig[] {
  return group.criteria.flatMap(({ members }) => members.filter(({ name }) => name === member));
}

function withEffective(
  configuration: Configuration,
  overrides: ReadonlyMap<string, GroupOverrides>,
  before: Membership,
): Membership {
  const groups = configuration.groups.map((group) => {
    const effective = applyOverrides(group, overrides.get(group.name) ?? NO_OVERRIDES);
    const former = findGroup(before.effective, group.name);
    return isDeepStrictEqual(former, effective) ? former! : effective;
  });
  return { configuration, overrides, effective: { ...configuration, groups } };
}

export function applyOverrides(group: GroupConfig, overrides: GroupOverrides): GroupConfig {
  if (overrides.size === 0) return group;
  return { ...group, criteria: group.criteria.map((set) => applyToSet(set, overrides)) };
}

function applyToSet(set: CriteriaConfig, overrides: GroupOverrides): CriteriaConfig {
  const members: MemberConfig[] = [];
  for (const member of set.members) {
    const override = overrides.get(member.name);
    if (override === undefined) members.push(member);
    else if (!override.removed) members.push(overridden(member, override));
  }
  for (const [name, override] of overrides) {
    if (override.added === undefined || set.members.some((member) => member.name === name)) continue;
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
    ...(override.drainDeadlineMs !== undefined && { drainDeadlineMs: override.drainDeadlineMs }),
  };
}
