/** Priorities of a group: names, conditions that fit the group, and that each can be reached. */
import { type Path, pathText, type Report, show } from '../problems/problems.ts';
import type { ConfigInput } from '../schema/schema.ts';
import { isCutOut, type Lenient } from '../schema/shape.ts';
import { checkRanges, checkSources } from './check-rules.ts';
import { Claims } from './topology.ts';

type GroupView = Lenient<NonNullable<ConfigInput['groups']>[number]>;

/** `vips`: canonical. */
export function checkPriorities(group: GroupView, vips: readonly string[], path: Path, report: Report): void {
  if (group.kind === 'middlebox' && group.priorities !== undefined) {
    report([...path, 'priorities'], 'priorities of middleboxes', 'members, or criteria with their periods');
  }
  const names = new Claims();
  const members = new Claims();
  /** The first priority that takes every flow. */
  let last: Path | undefined;
  for (const [k, priority] of (group.priorities ?? []).entries()) {
    if (priority === undefined) continue;
    const at = [...path, 'priorities', k];
    const { name, when, onEmpty } = priority;
    if (name !== undefined)
      names.claim(name, name, [...at, 'name'], 'a name that no other priority of the group has', report);
    const ofPriority = new Set<string>();
    for (const [m, member] of (priority.members ?? []).entries()) {
      // Twice in one priority is reported with its members.
      if (member?.name === undefined || ofPriority.has(member.name)) continue;
      ofPriority.add(member.name);
      const expected = 'a name that no member of another priority has';
      members.claim(member.name, member.name, [...at, 'members', m, 'name'], expected, report);
    }
    if (last !== undefined) {
      const found = `${show(name)} behind ${pathText(last)}, which takes every flow`;
      report(at, found, '`when` or `onEmpty: next` in the one before');
    }
    if (!('when' in priority) && onEmpty !== 'next' && !isCutOut(priority, 'onEmpty')) last ??= at;
    if (when === undefined) continue;
    if (Object.keys(when).length === 0) report([...at, 'when'], 'no condition', 'at least one, or no `when`');
    checkSources(when.sources, vips, [...at, 'when', 'sources'], report);
    checkRanges(when.sourcePorts, [...at, 'when', 'sourcePorts'], report);
    if (group.protocol === 'icmp' && (when.sourcePorts ?? []).length > 0)
      report([...at, 'when', 'sourcePorts'], show(when.sourcePorts), 'no port, as ICMP has none');
  }
}
