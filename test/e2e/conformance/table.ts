/** The conformance table: rows and verdicts as text, and whether a row's tests are there at all. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKOUT } from '../../support/paths.ts';
import type { Row } from './rows.ts';

export const TABLE_FILE = join(CHECKOUT, 'native-notes/conformance.md');

export type Verdict = 'holds' | 'fails';

export interface TestName {
  /** Source file, relative to the checkout. */
  readonly source: string;
  /** As the source has it: it may contain `${…}`. */
  readonly name: string;
}

export function parseTestName(text: string): TestName {
  const [file, name] = text.split(' › ');
  if (file === undefined || name === undefined) throw new Error(`found "${text}", expected FILE › NAME`);
  return { source: `test/${file}.test.ts`, name };
}

/** Whether the source has a test of this name. */
export function isThere({ source, name }: TestName): boolean {
  const text = readFileSync(join(CHECKOUT, source), 'utf8').replaceAll("\\'", "'");
  return [`'${name}'`, `"${name}"`, `\`${name}\``].some((literal) => text.includes(literal));
}

/** Matches the test's name at run time, where `${…}` has become something. */
export function namePattern(name: string): RegExp {
  const fixed = name.split(/\$\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${fixed.join('.*')}$`);
}

const HEADER = `# Conformance: requirement by requirement

Made by \`scripts/conformance.sh\` from the results of the tests named here; the rows are in
\`test/e2e/conformance/rows.ts\`. Tests under \`e2e/\` have real network stacks at both ends, in namespaces (where
VMs tag: only real interfaces); the others send what no kernel would. "Pain" numbers are those of the ten failures that the issue trackers of other
load balancers keep telling about.

| Source | Requirement | Shown by | Verdict |
|---|---|---|---|
`;

const PARTS = '<br>';

/** A row's line of the table. */
export function lineOf({ source, requirement, tests }: Row, verdict: Verdict): string {
  const names = tests.map((text) => `\`${text.replaceAll('|', '\\|')}\``).join(PARTS);
  return `| ${source} | ${requirement} | ${names} | ${verdict} |\n`;
}

export const tableText = (rows: readonly Row[], verdictOf: (row: Row) => Verdict): string =>
  HEADER + rows.map((row) => lineOf(row, verdictOf(row))).join('');
