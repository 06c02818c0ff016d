// The committed conformance table is that of the rows, every row names tests that exist, and every verdict is good.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROWS } from './rows.ts';
import { isThere, namePattern, parseTestName, TABLE_FILE, tableText } from './table.ts';

const test = suite('conformance: table');

test('every row names at least one test, and each of them exists', () => {
  const missing = ROWS.flatMap(({ source, tests }) =>
    tests.filter((text) => !isThere(parseTestName(text))).map((text) => `${source}: ${text}`),
  );
  assert.equal(missing, []);
  assert.equal(
    ROWS.filter(({ tests }) => tests.length === 0),
    [],
  );
});

test('no requirement stands twice', () => {
  const names = ROWS.map(({ source, requirement }) => `${source}: ${requirement}`);
  assert.is(new Set(names).size, names.length);
});

test('native-notes/conformance.md is up to date, and all of it holds; scripts/conformance.sh makes it anew', () => {
  assert.fixture(
    readFileSync(TABLE_FILE, 'utf8'),
    tableText(ROWS, () => 'holds'),
  );
});

test('a name with something filled in is recognised, another is not', () => {
  const pattern = namePattern(`an MTU of \${mtu} (bytes)`);
  assert.match('an MTU of 9000 (bytes)', pattern);
  assert.not.match('an MTU of 9000 bytes', pattern);
});

test.run();
