/** A YAML document together with the line numbers of its parts. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { Path, Problem } from './problems/problems.ts';

export interface Source {
  /** Plain data; undefined if the text is not valid YAML. */
  readonly value: unknown;
  readonly syntaxProblems: Problem[];
  /** Line of the value at a path, or of the deepest part of the path that exists. */
  lineOf(path: Path): number;
}

/** Whether an object is reached from itself; `above`: the objects that contain `value`, `done`: those without a circle. */
function containsItself(value: unknown, above: Set<unknown>, done: Set<unknown>): boolean {
  if (typeof value !== 'object' || value === null || done.has(value)) return false;
  if (above.has(value)) return true;
  above.add(value);
  for (const item of Object.values(value)) if (containsItself(item, above, done)) return true;
  above.delete(value);
  done.add(value);
  return false;
}

/** YAML 1.2, one document, with anchors and merge keys. Never throws. */
export function readSource(text: string): Source {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, merge: true, prettyErrors: false, logLevel: 'error' });
  const lineAt = (offset: number): number => lineCounter.linePos(offset).line;
  const syntaxProblems: Problem[] = document.errors.map((error) => ({
    path: '',
    line: lineAt(error.pos[0]),
    found: `a YAML error: ${error.message}`,
    expected: 'a YAML 1.2 document',
  }));

  const resolve = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);

  const lineOf = (path: Path): number => {
    let line = lineAt((document.contents as Node | null)?.range?.[0] ?? 0);
    let node = resolve(document.contents);
    for (const step of path) {
      let next: unknown;
      let start: number | undefined;
      if (isSeq(node) && typeof step === 'number') {
        next = node.items[step];
        start = (next as Node | undefined)?.range?.[0];
      } else if (isMap(node)) {
        const pair = node.items.find(({ key }) => (isScalar(key) ? key.value : key) === step);
        next = pair?.value;
        start = (pair?.key as Node | undefined)?.range?.[0];
      }
      if (start === undefined) break;
      line = lineAt(start);
      node = resolve(next);
    }
    return line;
  };

  let value: unknown;
  if (syntaxProblems.length === 0) {
    try {
      value = document.toJS();
      if (containsItself(value, new Set(), new Set())) throw new Error('an alias inside its own anchor');
    } catch (error) {
      // Aliases that expand beyond the parser's limit, or are undefined.
      const found = `a YAML error: ${(error as Error).message}`;
      syntaxProblems.push({ path: '', line: lineAt(0), found, expected: 'a YAML 1.2 document' });
    }
  }
  return { value, syntaxProblems, lineOf };
}
