/**
 * Changes of the store that a controller's file asks for: at the start of its term, and at a reload.
 *
 * Theory of operation. The store holds the groups; files add and change them. Each controller notes under files/ID
 * the digest of each group in its own file when it last compared, so that a file counts only where it has changed
 * since:
 *
 * - a group that is missing in the store is taken from the file;
 * - a group whose entry in the file has changed since becomes what the file says now. Overrides of members whose
 *   entries were changed, added or removed are dropped, others stay (member-overrides.ts); a policy that was set at
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
import { keptOverrides } from './member-overrides.ts';
import {
  type Entries,
  type FileDocument,
  groupOf,
  KEYS,
  overridesChange,
  overridesOf,
} from './stored-documents.ts';

/** `id`: the controller whose file this is. */
export function fileChanges(configuration: Configuration, entries: Entries, id: string): Change[] {
  const key = KEYS.file + id;
  const before = (entries.get(key) as FileDocument | undefined)?.groups ?? {};
  const now = Object.fromEntries(configuration.groups.map((group) => [group.name, digestOf(group)]));
  const changes: Change[] = [];
  for (const group of configuration.groups) {
    const stored = groupOf(entries, group.name);
    const noted = ownEntry(before, group.name);
    const isChanged = stored === undefined || (noted !== undefined && noted !== now[group.name]);
    if (isChanged) changes.push(...replaceGroup(group, stored, entries));
  }
  for (const name of Object.keys(before)) {
    if (!Object.hasOwn(now, name)) changes.push(...removeGroup(name, entries));
  }
  if (!isDeepStrictEqual(before, now)) changes.push({ key, value: { groups: now } satisfies FileDocument });
  return changes;
}

function replaceGroup(group: GroupConfig, stored: GroupConfig | undefined, entries: Entries): Change[] {
  const value = plain(group);
  if (isDeepStrictEqual(stored, value)) return [];
  const changes: Change[] = [{ key: KEYS.group + group.name, value }];
  if (stored === undefined) return changes;
  const overrides = overridesOf(entries, group.name);
  const kept = keptOverrides(overrides, stored, value);
  if (kept.size < overrides.size) changes.push(overridesChange(group.name, kept));
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
  [KEYS.group, KEYS.overrides, KEYS.health, KEYS.policy, KEYS.scale]
    .map((prefix) => prefix + name)
    .filter((key) => entries.has(key))
    .map((key) => ({ key, deleted: true }));

/** As the store returns it: without keys whose value is undefined. */
const plain = (group: GroupConfig): GroupConfig => JSON.parse(JSON.stringify(group));

const digestOf = (group: GroupConfig): string =>
  createHash('sha256').update(JSON.stringify(group)).digest('base64url').slice(0, 16);
