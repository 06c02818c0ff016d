/**
 * The catalogue of groups: what `member add|weight|drain|fail|remove` mean. Each operation checks its input against
 * the membership in force and answers the membership that it asks for; the caller stores or publishes that and,
 * when it is in force, calls `accept`. Nothing changes before that.
 *
 * - weight: of new flows, in every criteria set that names the member; 0 is allowed in any state. A member that
 *   drains or has failed keeps doing so.
 * - drain: no new flows; running ones go on to their end or to the deadline.
 * - fail: not used from now on; the caller purges its connection records.
 * - remove: as drain, and out of the listing.
 * - add: a new member, or one that was removed, drains or has failed, which is active again; what the request
 *   leaves out stays as it was.
 */

import type { MemberAdd } from '../../api/shapes.ts';
import { findGroup, findMember, membersOf } from '../../config/model/group-members.ts';
import type { GroupConfig, MemberConfig, NetworkConfig } from '../../config/model/model.ts';
import { ConfigError, expectOneOf } from '../../config/model/problems.ts';
import { Refusal } from '../../config/model/refusal.ts';
import { checkNewMember } from '../../config/new-member.ts';
import { type MemberOverride, type Membership, overrideOf, withOverride } from './membership.ts';

export class Catalogue {
  private inForce: Membership;

  constructor(membership: Membership) {
    this.inForce = membership;
  }

  get current(): Membership {
    return this.inForce;
  }

  accept(membership: Membership): void {
    this.inForce = membership;
  }

  add(groupName: string, request: MemberAdd): Membership {
    const group = this.group(groupName);
    const existing = findMember(group, request.name);
    if (existing?.state === 'active') {
      const where =
        existing.port === undefined ? existing.address : `${existing.address} port ${existing.port}`;
      const message = `group ${groupName}: ${request.name} is an active member already, at ${where}`;
      throw new Refusal(409, message);
    }
    const others = group.criteria.map((set) => ({
      ...set,
      members: set.members.filter(({ name }) => name !== request.name),
    }));
    const wanted = {
      ...request,
      weight: request.weight ?? existing?.weight,
      mac: request.mac ?? (existing?.address === request.address ? existing.mac : undefined),
    };
    const network = this.current.effective.networks.find(({ name }) => name === group.network)!;
    const member = checkedMember(
      wanted,
      { ...group, criteria: others },
      network,
      this.current.effective.groups,
    );
    const { address, port, mac } = member;
    // Without a weight of its own it has those of its criteria sets, which may differ.
    const weight =
      request.weight ??
      (existing === undefined ? member.weight : this.override(groupName, request.name).weight);
    return this.with(groupName, request.name, { added: { address, port, mac }, weight, state: 'active' });
  }

  setWeight(groupName: string, memberName: string, weight: number): Membership {
    this.member(groupName, memberName);
    return this.with(groupName, memberName, { ...this.override(groupName, memberName), weight });
  }

  /** `deadlineMs`: wall clock, epoch milliseconds. */
  drain(groupName: string, memberName: string, drainDeadlineMs?: number): Membership {
    const { state } = this.member(groupName, memberName);
    if (state === 'failed') {
      throw new Refusal(409, `group ${groupName}: ${memberName} has failed, so nothing is left to drain`);
    }
    const before = this.override(groupName, memberName);
    return this.with(groupName, memberName, { ...before, state: 'draining', drainDeadlineMs });
  }

  fail(groupName: string, memberName: string): Membership {
    this.member(groupName, memberName);
    const before = this.override(groupName, memberName);
    return this.with(groupName, memberName, { ...before, state: 'failed', drainDeadlineMs: undefined });
  }

  remove(groupName: string, memberName: string): Membership {
    this.member(groupName, memberName);
    return this.with(groupName, memberName, { removed: true });
  }

  private override(groupName: string, memberName: string): MemberOverride {
    return overrideOf(this.current, groupName, memberName);
  }

  private with(groupName: string, memberName: string, override: MemberOverride): Membership {
    return withOverride(this.current, groupName, memberName, override);
  }

  private group(name: string) {
    const { effective } = this.current;
    const group = findGroup(effective, name);
    if (group !== undefined) return group;
    const known = effective.groups.map((other) => other.name);
    throw new Refusal(404, `group: found ${name}, expected ${expectOneOf(name, known)}`);
  }

  private member(groupName: string, memberName: string): MemberConfig {
    const group = this.group(groupName);
    const member = findMember(group, memberName);
    if (member !== undefined) return member;
    const known = membersOf(group).map(({ name }) => name);
    const expected = expectOneOf(memberName, known);
    throw new Refusal(404, `member of group ${groupName}: found ${memberName}, expected ${expected}`);
  }
}

function checkedMember(
  input: unknown,
  group: Parameters<typeof checkNewMember>[1],
  network: NetworkConfig,
  groups: readonly GroupConfig[],
): MemberConfig {
  try {
    return checkNewMember(input, group, network, groups);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new Refusal(400, `group ${group.name} cannot have this member`, error.problems);
  }
}
