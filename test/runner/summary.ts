/**
 * uvu's closing summary, read from a test file's output.
 *
 *     Total:     3
 *     Passed:    3
 *     Skipped:   1
 *     Duration:  1.20ms
 *
 * How uvu counts: `Total` is the tests that were to run; skipped ones are not among them. So a good run has
 * Passed = Total, whatever Skipped says. Passed < Total with exit status 0 does happen: a `before` hook that
 * throws, a test that rejects with something that is no Error.
 */

export interface Summary {
  readonly total: number;
  readonly passed: number;
  readonly skipped: number;
}

const BLOCK = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)\n {2}Duration: /gm;

/** The summary, or in words why there is none to trust. */
export function parseSummary(output: string): Summary | string {
  const blocks = [...output.matchAll(BLOCK)];
  if (blocks.length !== 1) {
    return `${blocks.length} summaries in the output, expected one: did the file end early, or lack .run()?`;
  }
  const [total, passed, skipped] = blocks[0]!.slice(1).map(Number) as [number, number, number];
  return { total, passed, skipped };
}

/** What is wrong with a finished run, or null. */
export function problemOf(summary: Summary | string, exit: string): string | null {
  if (typeof summary === 'string') return `${summary} (${exit})`;
  const { total, passed } = summary;
  if (exit !== 'exit status 0') return `${exit}, ${passed} of ${total} tests passed`;
  if (total === 0) return 'no test ran';
  if (passed !== total)
    return `${passed} of ${total} tests passed, though ${exit}: a hook threw, or a non-Error`;
  return null;
}
