/**
 * Where two configurations differ, entry by entry. Pure. Lists of things with names are compared by name, so that a path
 * says what it is about: `groups.api.members.app2.weight`.
 */
import { isDeepStrictEqual } from 'node:util';

export interface DifferentEntry {
  /** As in the file, with names in place of positions. */
  readonly path: readonly string[];
  /** undefined: there is none. */
  readonly a: unknown;
  readonly b: unknown;
}

export function differences(a: unknown, b: unknown, path: readonly string[] = []): DifferentEntry[] {
  if (isDeepStrictEqual(a, b)) return [];
  const [left, right] = [entriesOf(a), entriesOf(b)];
  if (left === undefined || right === undefined) return [{ path, a, b }];
  const keys = new Set([...left.keys(), ...right.keys()]);
  return [...keys].flatMap((key) => differences(left.get(key), right.get(key), [...path, key]));
}

/** By key or name; undefined: to be compared as a whole. */
function entriesOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (Array.isArray(value)) {
    const named = value.map((item) => (item as { name?: unknown } | null)?.name);
    if (!named.every((name) => typeof name === 'string') || new Set(named).size < named.length)
      return undefined;
    return new Map(value.map((item, at) => [named[at] as string, item]));
  }
  if (typeof value !== 'object' || value === null) return undefined;
  return new Map(Object.entries(value).filter(([, entry]) => entry !== undefined));
}

/** A group as its file has it: members in place of one set of criteria without a period, priorities in place of named sets. */
export function asInFile<Group extends { readonly criteria: readonly object[] }>({
  criteria,
  ...group
}: Group): object {
  const [set] = criteria as readonly {
    fromMs?: number;
    untilMs?: number;
    name?: string;
    members: readonly object[];
  }[];
  if (set?.name !== undefined) return { ...group, priorities: criteria };
  const isPlain = criteria.length === 1 && set!.fromMs === undefined && set!.untilMs === undefined;
  return { ...group, ...(isPlain ? { members: set!.members } : { criteria }) };
}
