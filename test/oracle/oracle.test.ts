// timeout: 240s
/**
 * The judges judged: inputs are what make.py writes, expectations are what the model says now, and tshark and
 * tcprewrite, which share no code with either, find nothing to object to.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CHECKOUT } from '../support/paths.ts';

const TESTS = join(CHECKOUT, 'test');

interface Verdict {
  readonly file: string;
  readonly judge?: string;
  readonly about?: string;
  readonly frames?: number;
  readonly problems: readonly string[];
}

/** Debian's Python: scapy is a Debian package. */
function python(script: string, ...args: string[]): { status: number | null; stdout: string } {
  const { status, stdout, stderr, error } = spawnSync('/usr/bin/python3', [join(TESTS, script), ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (error !== undefined) throw error;
  if (stderr.includes('Traceback')) throw new Error(stderr);
  return { status, stdout };
}

const verdicts = (script: string, ...args: string[]): Verdict[] =>
  python(script, ...args)
    .stdout.split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Verdict);

const stored = readdirSync(join(TESTS, 'captures/input')).filter((name) => /\.pcap(ng)?$/.test(name));
const test = suite('oracle');

test('make.py writes the stored inputs, byte for byte', () => {
  const { status, stdout } = python('captures/make.py', '--check');
  assert.is(stdout, '');
  assert.is(status, 0);
});

const models = verdicts('oracle/expect.py', '--stored');

test('the model has judged every capture', () => {
  assert.equal(models.map(({ file }) => file).sort(), [...stored].sort());
});

for (const { file, problems } of models) {
  test(`model: ${file}`, () => assert.equal(problems, []));
}

const others = verdicts('oracle/judges.py');

test('tshark has seen every expectation', () => {
  const seen = others.filter(({ judge }) => judge === 'tshark').map(({ file }) => file);
  assert.equal(seen.sort(), [...stored].sort());
});

test('tcprewrite has translated conversations', () => {
  const translated = others.filter(({ judge }) => judge === 'tcprewrite');
  assert.ok(translated.length >= 2);
  for (const { file, frames } of translated) assert.ok(frames! > 10, `${file}: ${frames} frames`);
});

for (const { file, judge, problems } of others) {
  test(`${judge}: ${file}`, () => assert.equal(problems, []));
}

test.run();
