/** The file of a host's last rules: what is read is what was written last, wherever the process was killed. */

import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RuleDocument, RuleJournal } from '../../src/agent/rule-journal.ts';
import { check } from '../support/seed.ts';

const test = suite('rule journal');

const directory = mkdtempSync(join(tmpdir(), 'sluice-journal-'));
const path = join(directory, 'rules.json');
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

type Groups = [name: string, definition: string, weight?: number][];
const document = (revision: number, groups: Groups): RuleDocument => ({
  epoch: 1,
  revision,
  clock: { atMs: revision, receivedMs: revision },
  tombstones: undefined,
  groups: new Map(
    groups.map(([name, definition, weight]) => [
      name,
      weight === undefined
        ? { definition }
        : { definition, balancers: [{ loadBalancer: 'port a', weights: { m: weight } }] },
    ]),
  ),
});
/** With the order of the groups. */
const plain = (rules: RuleDocument | undefined) => rules && { ...rules, groups: [...rules.groups] };
const readAnew = () => plain(new RuleJournal(path).read());

const anyGroups = fc.uniqueArray(
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.string(), fc.option(fc.nat(9), { nil: undefined })),
  { selector: ([name]) => name, maxLength: 5 },
);

test('any series of rules reads back as its last one, groups in their order', () => {
  check(
    fc.property(fc.array(anyGroups, { minLength: 1, maxLength: 12 }), fc.nat(12), (series, restartAt) => {
      rmSync(path, { force: true });
      let journal = new RuleJournal(path);
      series.forEach((groups, at) => {
        if (at === restartAt) {
          journal = new RuleJournal(path);
          journal.read();
        }
        const written = document(at, groups as Groups);
        journal.write(written);
        assert.equal(readAnew(), plain(written));
      });
    }),
  );
});

test('a file that was cut off anywhere has the rules before the cut; a later change is written whole', () => {
  const series = [0, 1, 2, 3].map((at) =>
    document(at, [
      ['a', `definition ${at}`],
      ['b', 'stays'],
    ]),
  );
  rmSync(path, { force: true });
  const journal = new RuleJournal(path);
  const ends = series.map((rules) => {
    journal.write(rules);
    return statSync(path).size;
  });
  const whole = readFileSync(path);
  for (let size = ends[0]!; size <= whole.length; size++) {
    writeFileSync(path, whole.subarray(0, size), { mode: 0o600 });
    const last = series[ends.findLastIndex((end) => end <= size)]!;
    const next = new RuleJournal(path);
    assert.equal(plain(next.read()), plain(last), `${size} bytes`);
    const after = document(9, [['b', 'stays']]);
    next.write(after);
    assert.equal(readAnew(), plain(after), `${size} bytes, and then`);
  }
  truncateSync(path, 5);
  assert.throws(
    () => new RuleJournal(path).read(),
    /rules\.json: found .*, expected the last rules of a host/,
  );
});

test('a change writes what it changes; the file does not grow for ever', () => {
  const many = (changed: string): Groups =>
    Array.from({ length: 2_000 }, (_, at) => [`g${at}`, at === 7 ? changed : 'x'.repeat(100)]);
  rmSync(path, { force: true });
  const journal = new RuleJournal(path);
  journal.write(document(0, many('0')));
  const base = statSync(path).size;
  let longest = 0;
  for (let revision = 1; revision < 2_000; revision++) {
    const before = statSync(path).size;
    const rules = document(revision, many(String(revision)));
    journal.write(rules);
    const { size } = statSync(path);
    assert.ok(size - before < 300, `${size - before} bytes for one group`);
    longest = Math.max(longest, size);
  }
  assert.ok(longest <= 2.1 * base, `${longest} bytes of changes and ${base} of groups`);
});

test('damage in the middle is said, and a file that is gone is written anew', () => {
  rmSync(path, { force: true });
  const journal = new RuleJournal(path);
  for (const revision of [0, 1, 2]) journal.write(document(revision, [['a', `definition ${revision}`]]));
  const bytes = readFileSync(path);
  bytes[bytes.indexOf('definition 1')] = 0x58;
  writeFileSync(path, bytes);
  assert.throws(() => new RuleJournal(path).read(), /expected the last rules of a host/);
  rmSync(path);
  const last = document(3, [['a', 'definition 3']]);
  journal.write(last);
  assert.equal(readAnew(), plain(last));
  appendFileSync(path, 'torn');
  assert.equal(readAnew(), plain(last));
});

test.run();
