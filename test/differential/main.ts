/** Plays the scenes and writes native-notes/differential.md; exit status 1 if a difference is unexplained. */
import { writeFileSync } from 'node:fs';
import { compareAll, problemsOf, TABLE_FILE, tableText } from './table.ts';

const comparisons = await compareAll();
const text = tableText(comparisons);
writeFileSync(TABLE_FILE, text);
process.stdout.write(text);
const problems = problemsOf(comparisons);
for (const problem of problems) console.error(`unexplained: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
