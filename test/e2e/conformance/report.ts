/**
 * report.js [PART-OF-A-PATH…]: runs every test file that a row of the conformance table names, and writes the table
 * with the verdicts. With arguments only the rows that name such files are judged anew; the others stand as they are
 * in the table. Exit status 1 if a row does not hold.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { discover } from '../../runner/discover.ts';
import { runFile } from '../../runner/run-file.ts';
import { parseSummary } from '../../runner/summary.ts';
import { CHECKOUT } from '../../support/paths.ts';
import { ROWS, type Row } from './rows.ts';
import { isThere, lineOf, namePattern, parseTestName, TABLE_FILE, tableText, type Verdict } from './table.ts';

/** Names of the failed tests of a file; undefined: it ended without saying. */
type Failures = readonly string[] | undefined;

async function failuresOf(source: string): Promise<Failures> {
  const file = discover(CHECKOUT).find((found) => found.source === source);
  if (file === undefined || file.missing) throw new Error(`${source}: found no compiled test`);
  const { output, problem, seconds } = await runFile(file.compiled, { timeoutMs: file.timeoutMs });
  console.error(`  ${problem === null ? 'passed' : 'FAILED'}  ${source} (${seconds.toFixed(1)} s)`);
  if (problem === null) return [];
  console.error(output);
  if (typeof parseSummary(output) === 'string') return undefined;
  return [...output.matchAll(/^ +FAIL {2}.*? {2}"(.*)"$/gm)].map((match) => match[1]!);
}

const parts = process.argv.slice(2);
const sourcesOf = ({ tests }: Row): string[] => tests.map((text) => parseTestName(text).source);
const before = existsSync(TABLE_FILE) ? readFileSync(TABLE_FILE, 'utf8') : '';

/** The row stands in the table as good, and none of its tests was asked for. */
function stands(row: Row): boolean {
  const isAskedFor = sourcesOf(row).some((source) => parts.some((part) => source.includes(part)));
  return parts.length > 0 && !isAskedFor && before.includes(lineOf(row, 'holds'));
}

const judged = ROWS.filter((row) => !stands(row));
const results = new Map<string, Failures>();
for (const source of new Set(judged.flatMap(sourcesOf))) results.set(source, await failuresOf(source));

function holds(text: string): boolean {
  const test = parseTestName(text);
  const failures = results.get(test.source);
  const pattern = namePattern(test.name);
  return isThere(test) && failures !== undefined && !failures.some((name) => pattern.test(name));
}

const verdictOf = (row: Row): Verdict =>
  !judged.includes(row) || row.tests.every(holds) ? 'holds' : 'fails';
const failed = ROWS.filter((row) => verdictOf(row) === 'fails');
writeFileSync(TABLE_FILE, tableText(ROWS, verdictOf));
console.log(`${ROWS.length} rows, ${ROWS.length - failed.length} hold, ${failed.length} fail: ${TABLE_FILE}`);
for (const { source, requirement } of failed) console.log(`fails: ${source}: ${requirement}`);
process.exitCode = failed.length === 0 ? 0 : 1;
