/** What has happened to groups and members between two states, and who or what decided it. */
import { isDeepStrictEqual } from 'node:util';
import { membersOf } from '../../config/model/group-members.ts';
import type { MemberConfig } from '../../config/model/model.ts';
import { ownEntry } from '../../config/model/own-entry.ts';
import type { NewEvent } from '../../events/event.ts';
import type { GroupState, GroupStates } from './group-states.ts';

/** `by`: who has made the change, if it was a person; absent for what this controller reads at its election. */
export function groupEvents(before: GroupStates, after: GroupStates, by = ''): NewEvent[] {
  const events: NewEvent[] = [];
  for (const [name, state] of after) {
    const previous = before.get(name);
    if (previous === state) continue;
    if (previous !== undefined) events.push(...memberEvents(previous, state, by));
    else
      events.push({
        type: 'group.added',
        subject: name,
        reason: 'file',
        actor: by,
        details: { members: membersOf(state.group).map((member) => member.name) },
      });
  }
  for (const name of before.keys())
    if (!after.has(name)) events.push({ type: 'group.removed', subject: name, reason: 'file', actor: by });
  return events;
}

function memberEvents(before: GroupState, after: GroupState, by: string): NewEvent[] {
  const { name: group } = after.group;
  const previous = new Map(membersOf(before.group).map((member) => [member.name, member]));
  const events: NewEvent[] = [];
  const current = membersOf(after.group);
  for (const member of current) {
    const was = previous.get(member.name);
    const happened = was === undefined ? added(member) : changed(was, member);
    for (const one of happened)
      events.push(withCause(one, group, member.name, causeOf(before, after, member.name, by)));
  }
  const names = new Set(current.map(({ name }) => name));
  for (const name of previous.keys()) {
    if (names.has(name)) continue;
    events.push(withCause({ type: 'member.removed' }, group, name, causeOf(before, after, name, by)));
  }
  return events;
}

type Happened = Pick<NewEvent, 'type' | 'details'>;

const added = ({ address, weight, state }: MemberConfig): Happened[] => [
  { type: 'member.added', details: { address, weight, state } },
];

function changed(was: MemberConfig, is: MemberConfig): Happened[] {
  const happened: Happened[] = [];
  if (is.state !== was.state) {
    if (is.state === 'failed') happened.push({ type: 'member.failed' });
    else if (is.state === 'draining') happened.push({ type: 'member.draining', details: deadlineOf(is) });
    else happened.push({ type: was.state === 'failed' ? 'member.recovered' : 'member.active' });
  }
  if (is.weight !== was.weight)
    happened.push({ type: 'member.weight', details: { before: was.weight, after: is.weight } });
  return happened;
}

const deadlineOf = ({ drainDeadlineMs }: MemberConfig): NewEvent['details'] =>
  drainDeadlineMs === undefined ? {} : { deadline: new Date(drainDeadlineMs).toISOString() };

interface Cause {
  readonly reason: string;
  readonly actor: string;
}

const HEALTH_CHECKS = 'health checks';

/** Findings of health checks are above commands, and those above the file. */
function causeOf(before: GroupState, after: GroupState, member: string, by: string): Cause {
  const [found, wasFound] = [ownEntry(after.health, member), ownEntry(before.health, member)];
  const isOther = wasFound === undefined || found?.isDraining !== wasFound.isDraining;
  if (found !== undefined && isOther) return { reason: found.detail, actor: HEALTH_CHECKS };
  if (found === undefined && wasFound !== undefined) return { reason: 'healthy again', actor: HEALTH_CHECKS };
  const [override, wasOverride] = [after.overrides.get(member), before.overrides.get(member)];
  if (isDeepStrictEqual(override, wasOverride)) return { reason: 'file', actor: by };
  return { reason: override === undefined ? 'reset' : 'command', actor: override?.by ?? by };
}

function withCause({ type, details }: Happened, group: string, member: string, cause: Cause): NewEvent {
  const event = { type, subject: `${group}/${member}`, ...cause, details };
  if (cause.actor !== HEALTH_CHECKS) return event;
  if (type === 'member.failed')
    return { ...event, line: `group ${group}: ${member} has failed: ${cause.reason}`, level: 'warn' };
  if (type === 'member.draining')
    return { ...event, line: `group ${group}: ${member} drains: ${cause.reason}` };
  return { ...event, line: `group ${group}: ${member} is healthy again` };
}
