/**
 * Every capture of test/captures/input, replayed, must give the stored expectation byte for byte; and what did not
 * leave must have been answered or dropped for the stored reasons. The expectations come from the model in
 * test/oracle and from real kernels, never from Sluice.
 *
 * With SLUICE_REGENERATE=1 an expectation that differs is put before the model again: if the model agrees with what
 * was found, it is stored, and what changed is printed; if not, the test fails as before.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { replayCapture } from '../../src/replay/replay.ts';
import { CHECKOUT } from '../support/paths.ts';
import { CAPTURES } from './testbed.ts';

interface Case {
  readonly file: string;
  readonly about: string;
  readonly config: string;
  readonly port: string | null;
}

interface Outcome {
  frames: number;
  sent: number;
  answered: number;
  drops: Record<string, number>;
}

const CASES: Case[] = JSON.parse(readFileSync(`${CAPTURES}/input/cases.json`, 'utf8'));
const directory = mkdtempSync(join(tmpdir(), 'sluice-golden-'));

function replayed({ file, config, port }: Case): { bytes: Buffer; path: string; outcome: Outcome } {
  const path = join(directory, file);
  const result = replayCapture({
    pcapPath: `${CAPTURES}/input/${file}`,
    configPath: `${CAPTURES}/${config}`,
    port: port ?? undefined,
    outPath: path,
  });
  const drops = Object.fromEntries(Object.entries(result.drops).sort());
  const { framesIn: frames, framesOut: sent, answered } = result;
  return { bytes: readFileSync(path), path, outcome: { frames, sent, answered, drops } };
}

function expected({ file }: Case): { bytes: Buffer; outcome: Outcome | undefined } {
  const path = `${CAPTURES}/expected/${file}`;
  if (!existsSync(path)) return { bytes: Buffer.alloc(0), outcome: undefined };
  return { bytes: readFileSync(path), outcome: JSON.parse(readFileSync(`${path}.json`, 'utf8')) };
}

/** The model's opinion of an output, in words; stores it as the expectation if asked to and if there is no objection. */
function judged({ file }: Case, path: string): { agrees: boolean; text: string } {
  const store = process.env.SLUICE_REGENERATE === '1' ? ['--store'] : [];
  const command = [join(CHECKOUT, 'test/oracle/expect.py'), file, path, ...store];
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', command, { encoding: 'utf8' });
  return { agrees: status === 0, text: stdout + stderr };
}

/** The beginning of a long text, in lines that fit a screen. */
const excerpt = (text: string): string =>
  text
    .split('\n')
    .slice(0, 12)
    .map((line) => (line.length > 160 ? `${line.slice(0, 160)}…` : line))
    .join('\n');

const test = suite('golden captures');

test.after(() => rmSync(directory, { recursive: true }));

for (const one of CASES) {
  test(`${one.file}: ${one.about}`, () => {
    const found = replayed(one);
    const wanted = expected(one);
    const isSame = found.bytes.equals(wanted.bytes);
    if (isSame && JSON.stringify(found.outcome) === JSON.stringify(wanted.outcome)) return;
    const { agrees, text } = judged(one, found.path);
    if (agrees && process.env.SLUICE_REGENERATE === '1') {
      process.stdout.write(`\n${one.file}: stored anew\n${text}`);
      assert.ok(found.bytes.equals(expected(one).bytes), 'the stored bytes are those found');
      return;
    }
    if (!isSame) throw new Error(`other frames than in test/captures/expected/${one.file}\n${excerpt(text)}`);
    assert.equal(found.outcome, wanted.outcome);
  });
}

test('the same input gives the same bytes', () => {
  const weights = CASES.find(({ file }) => file === 'weights.pcapng')!;
  assert.equal(replayed(weights).bytes, replayed(weights).bytes);
});

test.run();
