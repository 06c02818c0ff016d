/** Documents name files of this repository: each of them exists. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, matchesGlob } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = new URL('../../../', import.meta.url).pathname;

/** A path from the repository's root, not part of a longer one such as `dist/src/…`. */
const PATH = /(?<![\w./-])(?:src|test|scripts|examples|docs|native-notes)\/[\w./*-]*[\w*]/g;
/** `[text](target)`, without the fragment; targets on the web are left out. */
const LINK = /\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g;

const SKIPPED = new Set(['.git', 'node_modules', 'dist']);

/** Files and folders of the repository, relative to its root. */
function pathsIn(folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? [path, ...pathsIn(path)] : [path];
  });
}

const known = new Set(pathsIn());
const documents = [...known].filter((path) => path.endsWith('.md'));

/** Modules may be named without their ending. */
const exists = (path: string): boolean =>
  path.includes('*')
    ? [...known].some((file) => matchesGlob(file, path))
    : [path, `${path}.ts`, `${path}.test.ts`].some((name) => known.has(name));

const paths = suite('paths in documents');

paths('there are documents that name files', () => {
  const named = documents.flatMap((file) => readFileSync(join(ROOT, file), 'utf8').match(PATH) ?? []);
  assert.ok(named.length > 50, `${named.length} paths in ${documents.length} documents`);
});

for (const document of documents) {
  paths(document, () => {
    const missing: string[] = [];
    for (const [i, line] of readFileSync(join(ROOT, document), 'utf8').split('\n').entries()) {
      const linked = [...line.matchAll(LINK)].map(([, target]) => join(dirname(document), target!));
      const text = line.replaceAll(LINK, '');
      for (const path of [...(text.match(PATH) ?? []), ...linked.map((path) => path.replace(/\/$/, ''))]) {
        if (!exists(path)) missing.push(`${document}:${i + 1}: ${path}`);
      }
    }
    assert.equal(missing, []);
  });
}

paths.run();
