/**
 * The documents that controllers keep in the store, one per key, as JSON.
 *
 *   groups/NAME     the group as in the file that last changed it (config/model/model.ts, GroupConfig)
 *   overrides/NAME  people's changes of its members, in order (member-overrides.ts)
 *   pending/NAME    changes of its members with a time that has not come yet (pending-changes.ts)
 *   health/NAME     members that health checks found failed
 *   policies/NAME   the policy that was set at run time, in place of the file's
 *   scales/NAME     the number of members set by people, kept until it is set to `auto`
 *   instances/ID    the VM manager's record of a VM (vm-manager/vm-record.ts)
 *   removed/NAME    tombstone: the group was removed, and files that have it do not bring it back (file-changes.ts)
 *   hosts/NAME      a host that should be attached (agents/expected-hosts.ts)
 *   files/ID        digests of the groups in controller ID's file when it was last compared (file-changes.ts)
 */
import type { GroupConfig } from '../../config/model/model.ts';
import type { Change } from '../store/store.ts';
import type { VmRecord } from '../vm-manager/vm-record.ts';
import type { GroupOverrides, MemberOverride } from './member-overrides.ts';
import type { PendingChange, PendingDocument } from './pending-changes.ts';

export const KEYS = {
  group: 'groups/',
  overrides: 'overrides/',
  pending: 'pending/',
  health: 'health/',
  policy: 'policies/',
  scale: 'scales/',
  vm: 'instances/',
  removed: 'removed/',
  host: 'hosts/',
  file: 'files/',
} as const;

export type Entries = ReadonlyMap<string, unknown>;

export interface OverridesDocument {
  readonly members: readonly ({ readonly name: string } & MemberOverride)[];
}

export interface ScaleDocument {
  readonly count: number;
}

export interface HealthDocument {
  /** By member. */
  readonly failed: Readonly<Record<string, FailedMember>>;
}

export interface FailedMember {
  /** Wall clock, epoch milliseconds. */
  readonly sinceMs: number;
  /** The checks' result, for people. */
  readonly detail: string;
  /** It keeps failing and recovering, and is held back (health/flap-damping.ts). */
  readonly isHeld?: boolean;
  /** It asks for no new flows: it drains. */
  readonly isDraining?: boolean;
}

export interface Tombstone {
  /** Wall clock, epoch milliseconds. */
  readonly atMs: number;
  /** The leader's epoch. */
  readonly epoch: number;
  /** Who removed it, for people. */
  readonly by: string;
  /** Controllers whose file was seen without the group since: one that has it again means it. */
  readonly knownTo: readonly string[];
}

export interface HostDocument {
  readonly version: string;
  /** Names; they decide whether a change concerns it. */
  readonly networks: readonly string[];
  /** Wall clock, epoch milliseconds: when its stream broke. Absent: it was attached when this was written. */
  readonly awaySinceMs?: number;
  /** Rules that it had in force then. */
  readonly epoch?: number;
  readonly revision?: number;
}

export interface FileDocument {
  /** By group: digest of its entry in the file. */
  readonly groups: Readonly<Record<string, string>>;
}

/** Documents under the prefix with the rest of their keys, in the order of the store. */
export function* named<Value>(entries: Entries, prefix: string): Generator<readonly [string, Value]> {
  for (const [key, value] of entries) {
    if (key.startsWith(prefix)) yield [key.slice(prefix.length), value as Value];
  }
}

export const vmRecords = (entries: Entries): VmRecord[] =>
  [...named<VmRecord>(entries, KEYS.vm)].map(([, record]) => record);

export const groupOf = (entries: Entries, name: string): GroupConfig | undefined =>
  entries.get(KEYS.group + name) as GroupConfig | undefined;

export const tombstoneOf = (entries: Entries, name: string): Tombstone | undefined =>
  entries.get(KEYS.removed + name) as Tombstone | undefined;

export function overridesOf(entries: Entries, group: string): GroupOverrides {
  const document = entries.get(KEYS.overrides + group) as OverridesDocument | undefined;
  return new Map((document?.members ?? []).map(({ name, ...override }) => [name, override]));
}

export const pendingOf = (entries: Entries, group: string): readonly PendingChange[] =>
  (entries.get(KEYS.pending + group) as PendingDocument | undefined)?.changes ?? [];

export function overridesChange(group: string, overrides: GroupOverrides): Change {
  const key = KEYS.overrides + group;
  if (overrides.size === 0) return { key, deleted: true };
  const members = [...overrides].map(([name, override]) => ({ name, ...override }));
  return { key, value: { members } satisfies OverridesDocument };
}

export function healthChange(group: string, failed: HealthDocument['failed']): Change {
  const key = KEYS.health + group;
  if (Object.keys(failed).length === 0) return { key, deleted: true };
  return { key, value: { failed } satisfies HealthDocument };
}

/** `pending`: in the order of their times. */
export function pendingDocumentChange(group: string, pending: readonly PendingChange[]): Change {
  const key = KEYS.pending + group;
  if (pending.length === 0) return { key, deleted: true };
  const value: PendingDocument = { changes: pending };
  // As the store returns it: without keys whose value is undefined.
  return { key, value: JSON.parse(JSON.stringify(value)) };
}
