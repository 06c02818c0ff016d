/**
 * Runs every test file that a row of the conformance table names, and writes the table with the verdicts.
 * Exit status 1 if a row does not hold.
 */
import { writeFileSync } from 'node:fs';
import { discover } from '../../runner/discover.ts';
import { runFile } from '../../runner/run-file.ts';
import { parseSummary } from '../../runner/summary.ts';
import { CHECKOUT } from '../../support/paths.ts';
import { ROWS, type Row } from './rows.ts';
import { isThere, namePattern, parseTestName, TABLE_FILE, tableText, type Verdict } from './table.ts';

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

const names = new Map<string, Failures>();
const sources = new Set(ROWS.flatMap(({ tests }) => tests.map((text) => parseTestName(text).source)));
for (const source of sources) names.set(source, await failuresOf(source));

function holds(text: string): boolean {
  const test = parseTestName(text);
  const failures = names.get(test.source);
  const pattern = namePattern(test.name);
  return isThere(test) && failures !== undefined && !failures.some((name) => pattern.test(name));
}

const verdictOf = ({ tests }: Row): Verdict => (tests.every(holds) ? 'holds' : 'fails');
const failed = ROWS.filter((row) => verdictOf(row) === 'fails');
writeFileSync(TABLE_FILE, tableText(ROWS, verdictOf));
console.log(`${ROWS.length} rows, ${ROWS.length - failed.length} hold, ${failed.length} fail: ${TABLE_FILE}`);
for (const { source, requirement } of failed) console.log(`fails: ${source}: ${requirement}`);
process.exitCode = failed.length === 0 ? 0 : 1;
