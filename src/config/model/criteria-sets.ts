/**
 * Criteria sets: which ones are in force, which one follows, and since when each has had a member. Of sets with periods the
 * first one whose period it is is in force; of priorities all are, each for the flows that meet its condition.
 */
import type { CriteriaConfig, GroupConfig, MemberConfig } from './model.ts';

type Criteria = Pick<GroupConfig, 'criteria'>;

interface Period {
  readonly fromMs?: number;
  readonly untilMs?: number;
  readonly name?: string;
}

/**
 * Identity of a set within its group: a priority's name; else `FROM/UNTIL` in epoch milliseconds, an open end empty. Names
 * have no slash.
 */
export const setKey = ({ fromMs, untilMs, name }: Period): string =>
  name ?? `${fromMs ?? ''}/${untilMs ?? ''}`;

interface Sets<Set> {
  readonly criteria: readonly Set[];
}

export const hasPriorities = ({ criteria }: Sets<Period>): boolean => criteria[0]?.name !== undefined;

/** All priorities, or the set whose period it is; none: no set is in force at this time. */
export function setsInForce<Set extends Period>(group: Sets<Set>, nowMs: number): readonly Set[] {
  if (hasPriorities(group)) return group.criteria;
  const set = setOfPeriod(group, nowMs);
  return set === undefined ? [] : [set];
}

const setOfPeriod = <Set extends Period>({ criteria }: Sets<Set>, nowMs: number): Set | undefined =>
  criteria.find(({ fromMs, untilMs }) => (fromMs ?? -Infinity) <= nowMs && nowMs < (untilMs ?? Infinity));

/** Members of the sets in force. */
export const membersInForce = (group: Criteria, nowMs: number): readonly MemberConfig[] =>
  setsInForce(group, nowMs).flatMap(({ members }) => members);

/**
 * Whether new flows find no member: those that the set in force is for, those of a priority that does not leave them to the
 * next one, or those of all priorities. A group outside its periods is not meant.
 */
export function isUnserved(group: Criteria, nowMs: number): boolean {
  const sets = setsInForce(group, nowMs);
  const isEmpty = ({ members }: CriteriaConfig): boolean =>
    !members.some(({ state, weight }) => state === 'active' && weight > 0);
  if (sets.length === 0) return false;
  return sets.every(isEmpty) || sets.some((set) => set.onEmpty !== 'next' && isEmpty(set));
}

/** The priority that a member belongs to. */
export const priorityOf = (group: Criteria, member: string): string | undefined =>
  hasPriorities(group)
    ? group.criteria.find(({ members }) => members.some(({ name }) => name === member))?.name
    : undefined;

/** When another set comes into force, or the one in force ends; Infinity: never. */
export function nextSetChangeMs(group: Criteria, nowMs: number): number {
  const now = setOfPeriod(group, nowMs);
  const bounds = group.criteria.flatMap(({ fromMs, untilMs }) => [fromMs ?? 0, untilMs ?? 0]);
  const later = bounds.filter((ms) => ms > nowMs && setOfPeriod(group, ms) !== now);
  return Math.min(Number.POSITIVE_INFINITY, ...later);
}

/** The sets in force, and the one that follows, as far as there are such. */
export function setsAhead(group: Criteria, nowMs: number): CriteriaConfig[] {
  const changeMs = nextSetChangeMs(group, nowMs);
  return [...setsInForce(group, nowMs), ...(changeMs === Infinity ? [] : setsInForce(group, changeMs))];
}

/**
 * When the set gave this member its first flows: the time from which on it has been in force, unless the set before it had
 * the member too. -Infinity: from the beginning, or as long as the group has had the member.
 */
export function memberSinceMs(group: Criteria, set: CriteriaConfig, name: string): number {
  const { fromMs } = set;
  if (fromMs === undefined) return Number.NEGATIVE_INFINITY;
  const before = membersInForce(group, fromMs - 1);
  return before.some((member) => member.name === name) ? Number.NEGATIVE_INFINITY : fromMs;
}
