import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse, stringify } from 'yaml';
import { parseConfiguration } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems/problems.ts';
import { base } from './one-change.ts';

/** Paths of every value in plain data. */
function* pathsOf(value: unknown, path: (string | number)[] = []): Generator<(string | number)[]> {
  if (path.length > 0) yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    yield* pathsOf(item, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

const allPaths = [...pathsOf(parse(base))];
const someValue = fc.oneof(
  fc.constantFrom(
    null,
    '',
    'app',
    'app1',
    '10.1.0.100',
    '10.1.0.11/24',
    'fd00:1::5',
    '2m',
    0,
    1,
    -1,
    1e9,
    true,
    [],
    {},
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

const robustness = suite('robustness');

robustness(
  'whatever stands anywhere: a configuration, or problems whose paths and lines lie in the file',
  () => {
    let refused = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...allPaths), someValue), { minLength: 1, maxLength: 3 }),
        (edits) => {
          const root: unknown = parse(base);
          for (const [path, value] of edits) {
            let node = root as Record<string | number, unknown> | null | undefined;
            for (const step of path.slice(0, -1)) {
              const next = node?.[step];
              node = typeof next === 'object' ? (next as Record<string | number, unknown> | null) : undefined;
            }
            if (node !== undefined && node !== null) node[path.at(-1)!] = value;
          }
          const text = stringify(root);
          try {
            parseConfiguration(text);
          } catch (error) {
            if (!(error instanceof ConfigError)) throw error;
            refused++;
            const lines = text.split('\n').length;
            assert.ok(error.problems.length > 0);
            for (const { line, found, expected } of error.problems) {
              assert.ok(line !== undefined && line >= 1 && line <= lines, `line ${line} of ${lines}`);
              assert.ok(found !== '' && expected !== '');
            }
          }
        },
      ),
      { numRuns: 500 },
    );
    assert.ok(refused > 100, `only ${refused} files were refused: the edits change too little`);
  },
);

robustness('whatever the text: a configuration or a ConfigError', () => {
  fc.assert(
    fc.property(fc.nat(base.length), fc.nat(6), fc.string({ maxLength: 6 }), (at, remove, insert) => {
      try {
        parseConfiguration(base.slice(0, at) + insert + base.slice(at + remove));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});

robustness.run();
