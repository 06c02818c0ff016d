/** Events of weights that policies change, with the loads that they have seen. */
import type { NewEvent } from '../../events/event.ts';
import type { MemberGlobal } from '../../messages/messages.ts';
import type { WeightChange } from './group-weights.ts';

/** Members of an event; more are counted. */
const MAX_MEMBERS = 32;

export function weightEvent({ group, policy, before, after, loads }: WeightChange): NewEvent {
  const names = [...after.keys()].filter((name) => after.get(name) !== before.get(name));
  const members = names.slice(0, MAX_MEMBERS).map((name) => {
    const weights = { before: before.get(name) ?? null, after: after.get(name)! };
    return [name, { ...weights, ...figuresOf(loads.get(name)) }] as const;
  });
  return {
    type: 'weights.changed',
    subject: group,
    reason: 'load',
    actor: `policy ${policy}`,
    details: { changed: names.length, members: Object.fromEntries(members) },
  };
}

/** Those of the figures that are not 0. */
const figuresOf = (load: MemberGlobal | undefined): Record<string, unknown> =>
  Object.fromEntries(Object.entries(load ?? {}).filter(([key, figure]) => key !== 'name' && figure !== 0));
