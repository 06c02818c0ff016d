/**
 * What the store's documents amount to: the groups with their members, states and configured weights. The same
 * documents give the same state at every controller, leader or not. Weights that policies compute are not here.
 *
 * A group is made of its definition, the policy that was set at run time, people's overrides, and over all of them
 * what health checks found: a member that they failed is failed whatever else is said about it, and is what it was
 * before once they revive it.
 *
 * Groups whose documents are the same as before are the same objects as before.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Configuration, GroupConfig, MemberConfig } from '../../config/model/model.ts';
import { ownEntry } from '../../config/model/own-entry.ts';
import { expectOneOf } from '../../config/model/problems.ts';
import { Refusal } from '../../config/model/refusal.ts';
import { type Entries, type HealthDocument, KEYS, named, overridesOf } from './documents.ts';
import { applyOverrides, type GroupOverrides, type Membership } from './membership.ts';

export interface FleetState {
  /** By name. */
  readonly groups: ReadonlyMap<string, FleetGroup>;
}

export interface FleetGroup {
  /** With members, states and configured weights in force. */
  readonly group: GroupConfig;
  /** Before health checks had their say. */
  readonly beforeHealth: GroupConfig;
  readonly definition: GroupConfig;
  readonly overrides: GroupOverrides;
  readonly health: HealthDocument['failed'];
  readonly isPolicyOfRuntime: boolean;
  /** What it was made of: the values of its documents. */
  readonly documents: readonly unknown[];
}

const PARTS = [KEYS.group, KEYS.policy, KEYS.overrides, KEYS.health] as const;

export function fleetState(entries: Entries, before?: FleetState): FleetState {
  const groups = new Map<string, FleetGroup>();
  for (const [name, definition] of named<GroupConfig>(entries, KEYS.group)) {
    const documents = PARTS.map((prefix) => entries.get(prefix + name));
    const former = before?.groups.get(name);
    const isSame = former?.documents.every((document, at) => isSameDocument(document, documents[at]));
    groups.set(name, isSame ? former! : fleetGroup(name, definition, documents, entries));
  }
  return { groups };
}

/** One that was read anew, or was written here first, is another object with the same content. */
const isSameDocument = (a: unknown, b: unknown): boolean => a === b || isDeepStrictEqual(a, b);

function fleetGroup(
  name: string,
  stored: GroupConfig,
  documents: readonly unknown[],
  entries: Entries,
): FleetGroup {
  const policy = documents[1] as GroupConfig['policy'];
  const definition = policy === undefined ? stored : { ...stored, policy };
  const overrides = overridesOf(entries, name);
  const health = (documents[3] as HealthDocument | undefined)?.failed ?? {};
  const beforeHealth = applyOverrides(definition, overrides);
  const group = withStates(beforeHealth, (member) =>
    ownEntry(health, member.name) === undefined ? member.state : 'failed',
  );
  const isPolicyOfRuntime = policy !== undefined;
  return { group, beforeHealth, definition, overrides, health, isPolicyOfRuntime, documents };
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

/** Refusal 404 if there is none of this name. */
export function existingGroup(state: FleetState, name: string): FleetGroup {
  const group = state.groups.get(name);
  if (group !== undefined) return group;
  throw new Refusal(404, `group: found ${name}, expected ${expectOneOf(name, [...state.groups.keys()])}`);
}

/** The same as the catalogue sees it: what people say, over the controller's own networks. */
export function membershipOf(state: FleetState, configuration: Configuration): Membership {
  const groups = [...state.groups.values()];
  return {
    configuration: { ...configuration, groups: groups.map(({ definition }) => definition) },
    overrides: new Map(groups.map(({ definition, overrides }) => [definition.name, overrides])),
    effective: { ...configuration, groups: groups.map(({ beforeHealth }) => beforeHealth) },
  };
}
