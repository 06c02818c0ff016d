/**
 * People's changes of members: `member add|weight|drain|fail|remove`. Each checks its input against the groups as
 * they are and returns the group's new overrides, for the caller to store; nothing else changes.
 *
 * - weight: of new flows, in every criteria set that names the member; 0 is allowed in any state. A draining or
 *   failed member stays so.
 *   For the load balancer of one port: instead of the group's weight and of any policy's.
 * - drain: no new flows; running ones continue to their end or to the deadline.
 * - fail: not used from now on, and its flows are dropped.
 * - remove: as drain, and no longer listed.
 * - reset: as in the file again; a member that the file does not have goes.
 * - add: a new member, or one that is removed, draining or failed, which becomes active again; fields that the
 *   request omits keep their values.
 */
import type { MemberAdd } from '../../api/shapes.ts';
import { hasPriorities, priorityOf } from '../../config/model/criteria-sets.ts';
import { findMember, membersOf } from '../../config/model/group-members.ts';
import type { GroupConfig, MemberConfig, NetworkConfig } from '../../config/model/model.ts';
import { checkNewMember } from '../../config/new-member.ts';
import { ConfigError, expectOneOf } from '../../config/problems/problems.ts';
import { Refusal } from '../../config/problems/refusal.ts';
import { existingGroup, type GroupState, type GroupStates } from './group-states.ts';
import { type GroupOverrides, type MemberOverride, withOverride } from './member-overrides.ts';

/** Of one member. */
const MAX_PORT_WEIGHTS = 256;

export class MemberChanges {
  private readonly groups: GroupStates;
  private readonly networks: readonly NetworkConfig[];

  constructor(groups: GroupStates, networks: readonly NetworkConfig[]) {
    this.groups = groups;
    this.networks = networks;
  }

  add(groupName: string, request: MemberAdd): GroupOverrides {
    const state = existingGroup(this.groups, groupName);
    const group = state.beforeHealth;
    const existing = findMember(group, request.name);
    if (existing?.state === 'active') {
      const where =
        existing.port === undefined ? existing.address : `${existing.address} port ${existing.port}`;
      const message = `group ${groupName}: ${request.name} is an active member already, at ${where}`;
      throw new Refusal(409, message);
    }
    const { priority = overrideOf(state, request.name).added?.priority, ...described } = request;
    refusePriority(group, request);
    const { address, port, mac, weight: checkedWeight } = this.checked(group, described, existing);
    // A member with different weights in its criteria sets keeps them: no override of the weight.
    const weight =
      request.weight ?? (existing === undefined ? checkedWeight : overrideOf(state, request.name).weight);
    const added = { address, port, mac, ...(priority !== undefined && { priority }) };
    const { weightsByPort } = overrideOf(state, request.name);
    return changed(state, request.name, { added, weight, weightsByPort, state: 'active' });
  }

  setWeight(groupName: string, memberName: string, weight: number): GroupOverrides {
    const { state } = this.find(groupName, memberName);
    return changed(state, memberName, { ...overrideOf(state, memberName), weight });
  }

  /** At the load balancer of this port alone; undefined: what the others have, again. */
  setWeightAt(groupName: string, memberName: string, port: string, weight?: number): GroupOverrides {
    const { state } = this.find(groupName, memberName);
    const { weightsByPort = {}, ...rest } = overrideOf(state, memberName);
    const { [port]: previous, ...others } = weightsByPort;
    const ofPorts = weight === undefined ? others : { ...others, [port]: weight };
    const count = Object.keys(ofPorts).length;
    if (count > MAX_PORT_WEIGHTS) {
      const message = `group ${groupName}, member ${memberName}: found ${count} ports with a weight of their own, expected at most ${MAX_PORT_WEIGHTS}`;
      throw new Refusal(409, message);
    }
    if (count > 0) return changed(state, memberName, { ...rest, weightsByPort: ofPorts });
    const { by, atMs, ...override } = rest;
    if (Object.keys(override).length > 0) return changed(state, memberName, rest);
    const next = new Map(state.overrides);
    next.delete(memberName);
    return next;
  }

  /** `drainDeadlineMs`: wall clock, epoch milliseconds. */
  drain(groupName: string, memberName: string, drainDeadlineMs?: number): GroupOverrides {
    const { state, member } = this.find(groupName, memberName);
    if (member.state === 'failed') {
      throw new Refusal(409, `group ${groupName}: ${memberName} has failed, so nothing is left to drain`);
    }
    const before = overrideOf(state, memberName);
    return changed(state, memberName, { ...before, state: 'draining', drainDeadlineMs });
  }

  fail(groupName: string, memberName: string): GroupOverrides {
    const { state } = this.find(groupName, memberName);
    const before = overrideOf(state, memberName);
    return changed(state, memberName, { ...before, state: 'failed', drainDeadlineMs: undefined });
  }

  remove(groupName: string, memberName: string): GroupOverrides {
    const { state } = this.find(groupName, memberName);
    return changed(state, memberName, { removed: true });
  }

  reset(groupName: string, memberName: string): GroupOverrides {
    const { overrides } = existingGroup(this.groups, groupName);
    if (!overrides.has(memberName)) this.find(groupName, memberName);
    const next = new Map(overrides);
    next.delete(memberName);
    return next;
  }

  private checked(group: GroupConfig, request: MemberAdd, existing: MemberConfig | undefined): MemberConfig {
    const others = group.criteria.map((set) => ({
      ...set,
      members: set.members.filter(({ name }) => name !== request.name),
    }));
    const wanted = {
      ...request,
      weight: request.weight ?? existing?.weight,
      mac: request.mac ?? (existing?.address === request.address ? existing.mac : undefined),
    };
    const network = this.networks.find(({ name }) => name === group.network)!;
    const groups = [...this.groups.values()].map(({ beforeHealth }) => beforeHealth);
    try {
      return checkNewMember(wanted, { ...group, criteria: others }, network, groups);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new Refusal(400, `group ${group.name} cannot have this member`, error.problems);
    }
  }

  /** The group and the member's first entry; Refusal 404 if either does not exist. */
  private find(groupName: string, memberName: string): { state: GroupState; member: MemberConfig } {
    const state = existingGroup(this.groups, groupName);
    const member = findMember(state.beforeHealth, memberName);
    if (member !== undefined) return { state, member };
    const known = membersOf(state.beforeHealth).map(({ name }) => name);
    const expected = expectOneOf(memberName, known);
    throw new Refusal(404, `member of group ${groupName}: found ${memberName}, expected ${expected}`);
  }
}

/** Refuses a priority that the group does not have, or another one than that of the member in the file. */
function refusePriority(group: GroupConfig, { name, priority }: MemberAdd): void {
  if (priority === undefined) return;
  const where = `priority of group ${group.name}: found ${JSON.stringify(priority)}`;
  if (!hasPriorities(group))
    throw new Refusal(400, `${where}, expected none, as the group has no priorities`);
  const known = group.criteria.map((set) => set.name!);
  if (!known.includes(priority)) throw new Refusal(400, `${where}, expected ${expectOneOf(priority, known)}`);
  const own = priorityOf(group, name);
  if (own !== undefined && own !== priority)
    throw new Refusal(409, `${where} for ${name}, expected ${own}, which the member belongs to`);
}

const overrideOf = ({ overrides }: GroupState, member: string): MemberOverride => overrides.get(member) ?? {};

const changed = (
  { overrides, definition }: GroupState,
  member: string,
  override: MemberOverride,
): GroupOverrides => withOverride(overrides, definition, member, override);
