/** `group reset`: the changes of the store after which a group is as the file says. */
import type { Configuration } from '../../config/model/model.ts';
import { Refusal } from '../../config/problems/refusal.ts';
import type { Change } from '../store/store.ts';
import { type Entries, groupOf, KEYS, tombstoneOf } from './stored-documents.ts';

/** `id`: the controller whose file it is. Refusal 404 if neither the store nor, for one that was removed, the file has it. */
export function groupReset(entries: Entries, name: string, file: Configuration, id: string): Change[] {
  const changes: Change[] = [KEYS.overrides, KEYS.pending, KEYS.policy, KEYS.scale]
    .map((prefix) => prefix + name)
    .filter((key) => entries.has(key))
    .map((key) => ({ key, deleted: true }));
  if (groupOf(entries, name) !== undefined) return changes;
  const group = file.groups.find((one) => one.name === name);
  if (group === undefined) {
    const removed = tombstoneOf(entries, name) === undefined ? 'no such group' : 'the group was removed';
    throw new Refusal(404, `group ${name}: ${removed}, and the file of ${id} does not have it`);
  }
  changes.push({ key: KEYS.group + name, value: JSON.parse(JSON.stringify(group)) });
  if (entries.has(KEYS.removed + name)) changes.push({ key: KEYS.removed + name, deleted: true });
  return changes;
}
