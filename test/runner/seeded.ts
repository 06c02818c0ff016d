/** Which test files draw random numbers from the seed: those that import test/support/seed.ts, themselves or by others. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { discover, type TestFile } from './discover.ts';

const SEED_MODULE = 'test/support/seed.ts';
const RELATIVE_IMPORT = /(?:from|import)\s+'(\.[^']+\.ts)'/g;

export function seededFiles(root: string): TestFile[] {
  const known = new Map<string, boolean>();
  const isSeeded = (source: string): boolean => {
    const answer = known.get(source);
    if (answer !== undefined) return answer;
    known.set(source, source === SEED_MODULE); // for cycles
    const seeded = source === SEED_MODULE || importsOf(root, source).some(isSeeded);
    known.set(source, seeded);
    return seeded;
  };
  return discover(root).filter(({ source }) => isSeeded(source));
}

function importsOf(root: string, source: string): string[] {
  const path = join(root, source);
  if (!existsSync(path)) return [];
  const imports = readFileSync(path, 'utf8').matchAll(RELATIVE_IMPORT);
  return [...imports].map(([, to]) => relative(root, join(dirname(path), to!)));
}
