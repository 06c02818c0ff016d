/** Problems of a configuration, each with its path, what was found and what was expected. */

/** Keys and list indices from the top of the document. */
export type Path = readonly (string | number)[];

export interface Problem {
  /** `groups[0].members[1].weight`; empty: the document as a whole. */
  path: string;
  /** Line in the file, from 1; absent where there is no file. */
  line?: number;
  found: string;
  expected: string;
}

export type Report = (path: Path, found: string, expected: string) => void;

/** An unusable configuration, with all its problems. */
export class ConfigError extends Error {
  readonly file: string;
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    super(problems.map((problem) => formatProblem(file, problem)).join('\n'));
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }
}

/** One line, in the `FILE:LINE: …` form that editors jump to. */
export function formatProblem(file: string, problem: Problem): string {
  const place = problem.line === undefined ? file : `${file}:${problem.line}`;
  const path = problem.path === '' ? '' : ` ${problem.path}:`;
  return `${place}:${path} found ${problem.found}, expected ${problem.expected}`;
}

export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[\w-]+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

const LONGEST_SHOWN = 60;

/** A value from the file, short enough for a message. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}

/** `one of app, db (did you mean "app"?)`. */
export function expectOneOf(found: string, known: readonly string[]): string {
  const near = nearest(found, known);
  const list = known.length === 0 ? 'none, as there are none' : `one of ${known.join(', ')}`;
  return near === undefined ? list : `${list} (did you mean ${JSON.stringify(near)}?)`;
}

/** The known word with the smallest edit distance, if that is small for the word's length. */
function nearest(found: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(1, Math.floor(found.length / 3)) + 1;
  for (const word of known) {
    const edits = editDistance(found.toLowerCase(), word.toLowerCase());
    if (edits < fewest) {
      fewest = edits;
      best = word;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(substituted, last[j]! + 1, row[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
