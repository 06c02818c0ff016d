/**
 * First half of the check: does each part have the shape that the schema requires?
 *
 * A file with a wrong weight and an unknown network must get both reported. So the malformed parts are reported and
 * then cut out, and the second half (checks/check-*.ts) examines the rest: a Lenient view, in which every
 * value has the right type and any value may be missing.
 */
import { z } from 'zod';
import { ownEntry } from '../model/own-entry.ts';
import { expectOneOf, type Path, type Report, show } from '../problems/problems.ts';

/** T with any part missing; list positions are kept. */
export type Lenient<T> = T extends readonly (infer Item)[]
  ? (Lenient<Item> | undefined)[]
  : T extends object
    ? { [Key in keyof T]?: Lenient<T[Key]> }
    : T;

/** True if the key is in the file but its value was cut out: it is already reported, and not absent. */
export const isCutOut = <T extends object>(part: T, key: keyof T): boolean =>
  key in part && part[key] === undefined;

export interface Shape<Schema extends z.ZodType> {
  view: Lenient<z.input<Schema>>;
  /** With defaults filled in; absent if there are problems. */
  value?: z.output<Schema>;
}

export function checkShape<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  report: Report,
): Shape<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { view: value as Lenient<z.input<Schema>>, value: parsed.data };
  const wrong = new Set<string>();
  for (const issue of parsed.error.issues) reportIssue(issue, schema, value, report, wrong);
  return { view: (cutOut(value, [], wrong) ?? {}) as Lenient<z.input<Schema>> };
}

function reportIssue(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  value: unknown,
  report: Report,
  wrong: Set<string>,
): void {
  const path = issue.path as Path;
  const inside = issue.code === 'invalid_union' ? insideOnly(issue) : undefined;
  if (inside !== undefined) {
    for (const one of inside)
      reportIssue({ ...one, path: [...path, ...one.path] }, schema, value, report, wrong);
    return;
  }
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) {
      report([...path, key], `an unknown key ${show(key)}`, expectOneOf(key, keysAt(schema, path, key)));
      wrong.add(keyOf([...path, key]));
    }
    return;
  }
  if (wrong.has(keyOf(path))) return; // one problem per value
  wrong.add(keyOf(path));
  const found = valueAt(value, path);
  report(path, show(found), expectation(issue, found));
}

/** The problems inside a union's value if it has the outer shape of one alternative, that is, a mapping's keys. */
function insideOnly(issue: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue[] | undefined {
  const isInside = (one: z.core.$ZodIssue): boolean =>
    one.code === 'unrecognized_keys' || typeof one.path[0] === 'string';
  return issue.errors.find((issues) => issues.every(isInside));
}

function expectation(issue: z.core.$ZodIssue, found: unknown): string {
  if (issue.code === 'invalid_type') {
    if (issue.expected === 'object' || issue.expected === 'record') return 'a mapping';
    if (issue.expected === 'array') return 'a list';
    if (isQuoted(issue.expected, found)) return `${issue.message}, without quotes`;
  }
  return issue.message;
}

/** A number or boolean that was written in quotes and is therefore text. */
const isQuoted = (expected: string, found: unknown): boolean =>
  typeof found === 'string' &&
  (expected === 'boolean'
    ? /^(true|false)$/
    : expected === 'int' || expected === 'number'
      ? /^-?\d+(\.\d+)?$/
      : /^$./
  ).test(found);

/** Keys that the schema allows at a path, over all alternatives except those that allow the misfit. */
function keysAt(top: z.ZodType, path: Path, misfit: string): string[] {
  let level = alternatives(top);
  for (const step of path) {
    level = level.flatMap((schema) => {
      if (schema instanceof z.ZodArray) return alternatives(schema.element);
      const next =
        schema instanceof z.ZodObject ? ownEntry<z.core.$ZodType>(schema.shape, `${step}`) : undefined;
      return next === undefined ? [] : alternatives(next);
    });
  }
  const keys = level.flatMap((schema) =>
    schema instanceof z.ZodObject && !Object.hasOwn(schema.shape, misfit) ? Object.keys(schema.shape) : [],
  );
  return [...new Set(keys)];
}

/** A schema without its wrappers; several for a union. */
function alternatives(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return alternatives(schema.unwrap());
  }
  return schema instanceof z.ZodUnion ? schema.options.flatMap(alternatives) : [schema];
}

/** A copy of plain data without the parts at the given paths; removed list items leave a hole. */
function cutOut(value: unknown, path: Path, wrong: ReadonlySet<string>): unknown {
  if (wrong.has(keyOf(path))) return undefined;
  if (Array.isArray(value)) return value.map((item, i) => cutOut(item, [...path, i], wrong));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, cutOut(item, [...path, key], wrong)]),
  );
}

function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) found = (found as Record<string | number, unknown> | null | undefined)?.[step];
  return found;
}

const keyOf = (path: Path): string => JSON.stringify(path);
