/**
 * Changes of the store that a controller's file asks for: at the start of its term, and at a reload.
 *
 * Theory of operation. The store holds the groups; files add and change them. Each controller notes under files/ID
 * the digest of each group in its own file when it last compared, so that a file counts only where it has changed
 * since:
 *
 * - a group that is missing in the store is taken from the file, unless it was removed: a removal leaves a tombstone, and
 *   a file that still has the group, or one of a controller that was away, does not bring it back. A file that was seen
 *   without the group since, and has it again, does;
 * - a group whose entry in the file has changed since is replaced by that entry. Overrides of members whose
 *   entries were changed, added or removed are dropped, others stay (member-overrides.ts), and so for their pending
 *   changes; a policy that was set at
 *   run time stays unless the file's policy has changed, and so does a number of members unless its scaling has;
 * - a group that is no longer in the file is removed, with all documents that belong to it;
 * - everything else stays as stored. So a controller that takes over with an outdated file changes nothing, and one
 *   that leads for the first time only fills gaps.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Configuration, GroupConfig } from '../../config/model/model.ts';
import { ownEntry } from '../../config/model/own-entry.ts';
import type { Change } from '../store/store.ts';
import { isSameMember, keptOverrides } from './member-overrides.ts';
import {
  type Entries,
  type FileDocument,
  groupOf,
  KEYS,
  named,
  overridesChange,
  overridesOf,
  pendingDocumentChange,
  pendingOf,
  type Tombstone,
  tombstoneOf,
} from './stored-documents.ts';

/** A controller's file that is compared now. */
export interface ComparedFile {
  /** The controller whose file this is. */
  readonly id: string;
  /** The leader's, which is the same controller. */
  readonly epoch: number;
  readonly wallMs: number;
  /** Who requested the comparison; absent: the controller itself, at its election. */
  readonly by?: string;
}

export function fileChanges(configuration: Configuration, entries: Entries, file: ComparedFile): Change[] {
  const key = KEYS.file + file.id;
  const before = (entries.get(key) as FileDocument | undefined)?.groups ?? {};
  const now = Object.fromEntries(configuration.groups.map((group) => [group.name, storedForm(group).digest]));
  const changes: Change[] = [];
  for (const group of configuration.groups) {
    if (isBuried(entries, group.name, file.id)) continue;
    const stored = groupOf(entries, group.name);
    const noted = ownEntry(before, group.name);
    const isChanged = stored === undefined || (noted !== undefined && noted !== now[group.name]);
    if (isChanged) changes.push(...replaceGroup(group, stored, entries));
  }
  for (const name of Object.keys(before)) {
    if (!Object.hasOwn(now, name) && groupOf(entries, name) !== undefined)
      changes.push(...removeGroup(name, entries));
  }
  const removed = changes.filter((change) => 'deleted' in change && change.key.startsWith(KEYS.group));
  const names = removed.map((change) => change.key.slice(KEYS.group.length));
  changes.push(...tombstoneChanges(now, names, entries, file));
  if (!isDeepStrictEqual(before, now)) changes.push({ key, value: { groups: now } satisfies FileDocument });
  return changes;
}

/** The group was removed, and the file of controller `id` was not seen without it since. */
function isBuried(entries: Entries, group: string, id: string): boolean {
  const tombstone = tombstoneOf(entries, group);
  return tombstone !== undefined && !tombstone.knownTo.includes(id);
}

/** New tombstones, removals of those whose group the file restores, and the groups that this file now contains. */
function tombstoneChanges(
  inFile: Readonly<Record<string, string>>,
  removed: readonly string[],
  entries: Entries,
  { id, epoch, wallMs, by }: ComparedFile,
): Change[] {
  const changes: Change[] = [];
  const standing = [...named<Tombstone>(entries, KEYS.removed)];
  for (const [name, tombstone] of standing) {
    const key = KEYS.removed + name;
    const isKnown = tombstone.knownTo.includes(id);
    if (Object.hasOwn(inFile, name)) {
      if (isKnown) changes.push({ key, deleted: true });
    } else if (!isKnown && !removed.includes(name)) {
      changes.push({ key, value: { ...tombstone, knownTo: [...tombstone.knownTo, id] } });
    }
  }
  for (const name of removed) {
    const value: Tombstone = { atMs: wallMs, epoch, by: by ?? `the file of ${id}`, knownTo: [id] };
    changes.push({ key: KEYS.removed + name, value });
  }
  const oldest = standing.sort(([, a], [, b]) => a.atMs - b.atMs);
  const surplus = oldest.slice(0, Math.max(0, standing.length + removed.length - MAX_TOMBSTONES));
  const dropped = new Map(surplus.map(([name]) => [KEYS.removed + name, true]));
  return [
    ...changes.filter((change) => !dropped.has(change.key)),
    ...[...dropped.keys()].map((key) => ({ key, deleted: true as const })),
  ];
}

function replaceGroup(group: GroupConfig, stored: GroupConfig | undefined, entries: Entries): Change[] {
  const { value } = storedForm(group);
  if (isDeepStrictEqual(stored, value)) return [];
  const changes: Change[] = [{ key: KEYS.group + group.name, value }];
  if (stored === undefined) return changes;
  const overrides = overridesOf(entries, group.name);
  const kept = keptOverrides(overrides, stored, value);
  if (kept.size < overrides.size) changes.push(overridesChange(group.name, kept));
  const pending = pendingOf(entries, group.name);
  const keptPending = pending.filter(({ member }) => isSameMember(member, stored, value));
  if (keptPending.length < pending.length) changes.push(pendingDocumentChange(group.name, keptPending));
  const policyKey = KEYS.policy + group.name;
  if (entries.has(policyKey) && !isDeepStrictEqual(stored.policy, value.policy)) {
    changes.push({ key: policyKey, deleted: true });
  }
  const scaleKey = KEYS.scale + group.name;
  if (entries.has(scaleKey) && !isDeepStrictEqual(stored.scaling, value.scaling)) {
    changes.push({ key: scaleKey, deleted: true });
  }
  return changes;
}

const removeGroup = (name: string, entries: Entries): Change[] =>
  [KEYS.group, KEYS.overrides, KEYS.pending, KEYS.health, KEYS.policy, KEYS.scale]
    .map((prefix) => prefix + name)
    .filter((key) => entries.has(key))
    .map((key) => ({ key, deleted: true }));

/** The oldest are dropped. */
export const MAX_TOMBSTONES = 1024;

interface StoredForm {
  /** As the store returns it: without keys whose value is undefined. */
  readonly value: GroupConfig;
  readonly digest: string;
}

/** By the file's group, which never changes: a start and a reload ask twice. */
const storedForms = new WeakMap<GroupConfig, StoredForm>();

function storedForm(group: GroupConfig): StoredForm {
  const known = storedForms.get(group);
  if (known !== undefined) return known;
  const text = JSON.stringify(group);
  const digest = createHash('sha256').update(text).digest('base64url').slice(0, 16);
  const form = { value: JSON.parse(text) as GroupConfig, digest };
  storedForms.set(group, form);
  return form;
}
