/** Criteria sets by time: which one is in force, which one follows, and since when each has had a member. */
import type { CriteriaConfig, GroupConfig, MemberConfig } from './model.ts';

type Criteria = Pick<GroupConfig, 'criteria'>;

interface Period {
  readonly fromMs?: number;
  readonly untilMs?: number;
}

/** Identity of a set within its group: `FROM/UNTIL` in epoch milliseconds, an open end empty. */
export const setKey = ({ fromMs, untilMs }: Period): string => `${fromMs ?? ''}/${untilMs ?? ''}`;

/** Undefined: no set is in force at this time. */
export const setInForce = <Set extends Period>(
  { criteria }: { readonly criteria: readonly Set[] },
  nowMs: number,
): Set | undefined =>
  criteria.find(({ fromMs, untilMs }) => (fromMs ?? -Infinity) <= nowMs && nowMs < (untilMs ?? Infinity));

/** Members of the set in force; none if no set is. */
export const membersInForce = (group: Criteria, nowMs: number): readonly MemberConfig[] =>
  setInForce(group, nowMs)?.members ?? [];

/** When another set comes into force, or the one in force ends; Infinity: never. */
export function nextSetChangeMs(group: Criteria, nowMs: number): number {
  const now = setInForce(group, nowMs);
  const bounds = group.criteria.flatMap(({ fromMs, untilMs }) => [fromMs ?? 0, untilMs ?? 0]);
  const later = bounds.filter((ms) => ms > nowMs && setInForce(group, ms) !== now);
  return Math.min(Number.POSITIVE_INFINITY, ...later);
}

/** The set in force, and the one that follows it, as far as there are such. */
export function setsAhead(group: Criteria, nowMs: number): CriteriaConfig[] {
  const changeMs = nextSetChangeMs(group, nowMs);
  const sets = [setInForce(group, nowMs), changeMs === Infinity ? undefined : setInForce(group, changeMs)];
  return sets.filter((set) => set !== undefined);
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
