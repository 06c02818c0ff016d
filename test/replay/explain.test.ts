// `replay --explain`: what is said of each frame of the golden captures is what happens to it.
// timeout: 180s
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readCaptureFile } from '../../src/io/captures/capture-file.ts';
import { type Explanation, replayCapture } from '../../src/replay/replay.ts';
import { sluice } from '../cli/run-sluice.ts';
import { CAPTURES } from './testbed.ts';

const test = suite('replay --explain');

interface Case {
  readonly file: string;
  readonly config: string;
  readonly port: string | null;
}

const CASES: Case[] = JSON.parse(readFileSync(`${CAPTURES}/input/cases.json`, 'utf8'));
const directory = mkdtempSync(join(tmpdir(), 'sluice-explain-'));
test.after(() => rmSync(directory, { recursive: true, force: true }));

function framesOf(path: string): string[] {
  const reader = readCaptureFile(path);
  const frames: string[] = [];
  for (let packet = reader.next(); packet !== null; packet = reader.next())
    frames.push(Buffer.from(packet.bytes).toString('hex'));
  return frames;
}

/** `part` is in `whole`, in its order. */
function isWithin(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const frame of whole) if (frame === part[at]) at++;
  return at === part.length;
}

for (const { file, config, port } of CASES) {
  test(`${file}: explained, the same frames leave, and each one is told of`, () => {
    const options = {
      pcapPath: `${CAPTURES}/input/${file}`,
      configPath: `${CAPTURES}/${config}`,
      port: port ?? undefined,
    };
    const [plain, explained] = [join(directory, `plain-${file}`), join(directory, `explained-${file}`)];
    const expected = replayCapture({ ...options, outPath: plain });
    const told: Explanation[] = [];
    const result = replayCapture({ ...options, outPath: explained, explain: (one) => told.push(one) });
    assert.equal(result, expected);
    assert.ok(readFileSync(explained).equals(readFileSync(plain)));

    assert.is(told.length, expected.framesIn - expected.leftOut);
    const sent = told.flatMap((one) => one.sent.map(({ frame }) => frame.hex));
    const left = framesOf(plain);
    assert.ok(isWithin(sent, left), 'what is told of has left, in this order');
    // Timers send, too: questions again, fragments that have waited.
    assert.ok(sent.length <= left.length);
    for (const { verdict, reason, frame, egress, packet } of told) {
      const where = `packet ${packet}: ${verdict}`;
      assert.is(reason !== null, verdict === 'dropped' && reason !== null, where);
      if (reason !== null) assert.ok((expected.drops[reason] ?? 0) > 0, `${where}, ${reason}`);
      if (verdict === 'delivered') assert.ok(frame !== null && egress !== null, where);
      if (verdict === 'waiting' || verdict === 'dropped') assert.is(frame, null, where);
    }
  });
}

test('as JSON Lines, a line per packet; as text, a paragraph', async () => {
  const { file, config, port } = CASES.find((one) => one.file === 'echo.pcapng') ?? CASES[0]!;
  const args = [
    ...['replay', '--pcap', `${CAPTURES}/input/${file}`, '-c', `${CAPTURES}/${config}`, '--explain'],
    ...(port === null ? [] : ['--port', port]),
  ];
  const json = await sluice([...args, '-o', 'json']);
  assert.is(json.code, 0, json.stderr);
  const lines = json.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Explanation);
  assert.equal(
    lines.map(({ packet }) => packet),
    lines.map((_, i) => i + 1),
  );
  assert.ok(lines.length > 0 && lines.every(({ steps, verdict }) => steps.length > 0 && verdict.length > 0));
  const text = await sluice(args);
  assert.is(text.code, 0, text.stderr);
  assert.match(text.stdout, /^packet 1, \d{4}-\d\d-\d\dT[^ ]+, at \S+: /);
  assert.match(text.stdout, `\npacket ${lines.length}, `);
});

test.run();
