/**
 * Group states: the groups that the stored documents define, with their members, states and configured weights. The
 * same documents give the same states at every controller, leader or not. Weights that policies compute are not
 * part of them.
 *
 * A group consists of its definition, the policy set at run time, people's overrides and, above all of them, the
 * findings of health checks: a member that they failed is failed whatever the rest says, one that asks to drain drains, and returns to its
 * previous state once they revive it.
 *
 * A group whose documents have not changed stays the same object.
 */

import { isDeepStrictEqual } from 'node:util';
import { findMember } from '../../config/model/group-members.ts';
import type { GroupConfig, MemberConfig } from '../../config/model/model.ts';
import { ownEntry } from '../../config/model/own-entry.ts';
import { expectOneOf } from '../../config/problems/problems.ts';
import { Refusal } from '../../config/problems/refusal.ts';
import { applyOverrides, type GroupOverrides } from './member-overrides.ts';
import type { PendingChange } from './pending-changes.ts';
import {
  type Entries,
  type FailedMember,
  type HealthDocument,
  KEYS,
  named,
  overridesOf,
  pendingOf,
  type ScaleDocument,
} from './stored-documents.ts';

/** By name. */
export type GroupStates = ReadonlyMap<string, GroupState>;

export interface GroupState {
  /** With members, states and configured weights in force. */
  readonly group: GroupConfig;
  /** The same without the findings of health checks. */
  readonly beforeHealth: GroupConfig;
  /** As in the file, with the policy set at run time, if any. */
  readonly definition: GroupConfig;
  readonly overrides: GroupOverrides;
  readonly health: HealthDocument['failed'];
  readonly isPolicyOfRuntime: boolean;
  /** The number of members set by people, which replaces the thresholds; absent: thresholds decide. */
  readonly heldCount: number | undefined;
  /** Changes whose time has not come; by their times. */
  readonly pending: readonly PendingChange[];
  /** The values of its stored documents, as they were compared last. */
  documents: readonly unknown[];
}

/** The last does not change what is in force. */
const PARTS = [KEYS.group, KEYS.policy, KEYS.overrides, KEYS.health, KEYS.scale, KEYS.pending] as const;

/** `before`: previous states, whose unchanged groups are reused. */
export function groupStates(entries: Entries, ...before: readonly GroupStates[]): GroupStates {
  const groups = new Map<string, GroupState>();
  for (const [name, definition] of named<GroupConfig>(entries, KEYS.group)) {
    const documents = PARTS.map((prefix) => entries.get(prefix + name));
    const states = before.flatMap((all) => all.get(name) ?? []);
    const state = states.find((one) => hasDocuments(one, documents));
    // The next comparison is with these objects: most documents are the same objects then.
    if (state !== undefined) state.documents = documents;
    const inForce = states.find((one) => hasDocuments(one, documents.slice(0, -1)));
    const pending = pendingOf(entries, name);
    if (state !== undefined) groups.set(name, state);
    else if (inForce !== undefined) groups.set(name, { ...inForce, pending, documents });
    else groups.set(name, { ...groupState(name, definition, documents, entries), pending });
  }
  return groups;
}

/** As far as `documents` goes. */
const hasDocuments = (state: GroupState, documents: readonly unknown[]): boolean =>
  documents.every((document, at) => isSameDocument(document, state.documents[at]));

/** A document that was read again, or was first written here, is another object with the same content. */
const isSameDocument = (a: unknown, b: unknown): boolean => a === b || isDeepStrictEqual(a, b);

function groupState(
  name: string,
  stored: GroupConfig,
  documents: readonly unknown[],
  entries: Entries,
): Omit<GroupState, 'pending'> {
  const policy = documents[1] as GroupConfig['policy'];
  const definition = policy === undefined ? stored : { ...stored, policy };
  const overrides = overridesOf(entries, name);
  const health = (documents[3] as HealthDocument | undefined)?.failed ?? {};
  const beforeHealth = applyOverrides(definition, overrides);
  const group = withStates(beforeHealth, (member) => stateAfter(member, ownEntry(health, member.name)));
  const isPolicyOfRuntime = policy !== undefined;
  const heldCount = (documents[4] as ScaleDocument | undefined)?.count;
  return { group, beforeHealth, definition, overrides, health, isPolicyOfRuntime, heldCount, documents };
}

function stateAfter({ state }: MemberConfig, found: FailedMember | undefined): MemberConfig['state'] {
  if (found === undefined) return state;
  return found.isDraining === true && state !== 'failed' ? 'draining' : 'failed';
}

function withStates(
  group: GroupConfig,
  stateOf: (member: MemberConfig) => MemberConfig['state'],
): GroupConfig {
  const criteria = group.criteria.map((set) => ({
    ...set,
    members: set.members.map((member) => {
      const state = stateOf(member);
      return state === member.state ? member : { ...member, state, drainDeadlineMs: undefined };
    }),
  }));
  return { ...group, criteria };
}

/** A change of its members, its policy or its number of VMs by a command makes it one of commands. */
export const originOf = ({ overrides, isPolicyOfRuntime }: GroupState): 'file' | 'command' =>
  overrides.size > 0 || isPolicyOfRuntime ? 'command' : 'file';

/** Refusal 404 if no group has this name. */
export function existingGroup(groups: GroupStates, name: string): GroupState {
  const group = groups.get(name);
  if (group !== undefined) return group;
  throw new Refusal(404, `group: found ${name}, expected ${expectOneOf(name, [...groups.keys()])}`);
}

/** Who has failed the member, if not health checks. */
export function failedBy({ beforeHealth, overrides }: GroupState, member: string): string | undefined {
  if (findMember(beforeHealth, member)?.state !== 'failed') return undefined;
  const override = overrides.get(member);
  if (override?.state !== 'failed') return 'failed in the file';
  const at = override.atMs === undefined ? '' : ` on ${new Date(override.atMs).toISOString()}`;
  return `member fail${override.by === undefined ? '' : ` by ${override.by}`}${at}`;
}
