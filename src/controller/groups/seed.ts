/**
 * How a controller's file meets the store: what a new leader, or a reload, writes.
 *
 * Theory of operation. The store has the groups; files seed them and change them. Each controller notes under
 * files/ID what its own file said about each group when it last compared, so that a file only speaks where it has
 * changed since then:
 *
 * - a group that the store has not is taken from the file;
 * - a group that the file says differently from what it said last time becomes what the file says now. Overrides of
 *   members whose entries have changed, come or gone are forgotten, others stay (membership.ts); a policy that was
 *   set at run time stays unless the file's policy has changed;
 * - a group that the file named last time and names no more is removed, with all that belongs to it;
 * - everything else stays as the store has it. So a controller that takes over with a file that was not kept up to
 *   date changes nothing, and one that leads for the first time only fills gaps.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Configuration, GroupConfig } from '../../config/model/model.ts';
import { ownEntry } from '../../config/model/own-entry.ts';
import type { Change } from '../store/store.ts';
import { type Entries, type FileDocument, groupOf, KEYS, overridesChange, overridesOf } from './documents.ts';
import { keptOverrides } from './membership.ts';

/** Changes that bring the store up to the file; none if there is nothing to do. */
export function seedChanges(configuration: Configuration, entries: Entries, id: string): Change[] {
  const key = KEYS.file + id;
  const before = (entries.get(key) as FileDocument | undefined)?.groups ?? {};
  const now = Object.fromEntries(configuration.groups.map((group) => [group.name, digestOf(group)]));
  const changes: Change[] = [];
  for (const group of configuration.groups) {
    const stored = groupOf(entries, group.name);
    const said = ownEntry(before, group.name);
    const isNews = stored === undefined || (said !== undefined && said !== now[group.name]);
    if (isNews) changes.push(...replaceGroup(group, stored, entries));
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
  return changes;
}

const removeGroup = (name: string, entries: Entries): Change[] =>
  [KEYS.group, KEYS.overrides, KEYS.health, KEYS.policy]
    .map((prefix) => prefix + name)
    .filter((key) => entries.has(key))
    .map((key) => ({ key, deleted: true }));

/** As the store gives it back: without keys that have no value. */
const plain = (group: GroupConfig): GroupConfig => JSON.parse(JSON.stringify(group));

const digestOf = (group: GroupConfig): string =>
  createHash('sha256').update(JSON.stringify(group)).digest('base64url').slice(0, 16);
