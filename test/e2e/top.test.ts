// `sluice top` in a terminal and as a batch, beside real traffic.
// timeout: 180s
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Background, start, until } from '../support/command.ts';
import { Testbed } from '../support/testbed.ts';

const test = suite('e2e: top');

const IN_TERMINAL = join(import.meta.dirname, '../../../test/support/clients/in-terminal.py');

let bed: Testbed;
let traffic: { stop(): Promise<void> };
test.before(async () => {
  bed = await Testbed.create();
  traffic = await bed.keepAsking('c1', '10.1.0.100', 80);
});
test.after(async () => {
  await traffic?.stop();
  bed?.close();
});

interface Picture {
  readonly time: string;
  readonly view: string;
  readonly rows: readonly Record<string, unknown>[];
}

test('a batch prints as many pictures as asked for, with rates of what runs', async () => {
  const text = (await bed.sluice('top', '-b', '-n', '2', '--interval', '500ms')).stdout;
  const pictures = text.trimEnd().split('\n\n');
  assert.is(pictures.length, 2, text);
  for (const one of pictures)
    assert.match(one, /^sluice top .*\nconnections \d+ of .*\ngroups \(\d+\) by BYTES\/S/);
  const json = (
    await bed.sluice('top', '-b', '-n', '2', '--interval', '1', '--view', 'members', '-o', 'json')
  ).stdout;
  const samples = json
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Picture);
  assert.is(samples.length, 2);
  const busy = samples[1]!.rows.find((row) => row.group === 'web' && Number(row.packetsPerSecond) > 0);
  assert.ok(busy !== undefined, json);
});

const inTerminal = (columns: number, rows: number): Background =>
  start(
    'python3',
    IN_TERMINAL,
    `${columns}`,
    `${rows}`,
    process.execPath,
    ...bed.cli('top', '--interval', '500ms'),
  );

test('keys change the view, and the terminal is left as it was, by q, by Ctrl-C and by SIGTERM', async () => {
  for (const end of ['q', '\\x03', 'signal 15']) {
    const top = inTerminal(70, 12);
    await until('groups', () => /groups \(\d+\) by BYTES\/S/.test(top.stdout));
    top.child.stdin!.write('p\n');
    await until('ports', () => /ports \(\d+\) by/.test(top.stdout));
    top.child.stdin!.write('/\n');
    top.child.stdin!.write('s1\n');
    await until('a filter', () => /\/s1_/.test(top.stdout));
    top.child.stdin!.write('\\r\n');
    top.child.stdin!.write(`${end}\n`);
    await until('its end', () => /\nterminal /.test(top.stdout));
    assert.match(top.stdout, /terminal as before/, end);
    const entered = top.stdout.lastIndexOf('\x1b[?1049h');
    const left = top.stdout.lastIndexOf('\x1b[?1049l');
    assert.ok(entered >= 0 && left > entered, 'back on the normal screen');
    assert.ok(
      top.stdout.lastIndexOf('\x1b[?25h') > top.stdout.lastIndexOf('\x1b[?25l'),
      'the cursor is back',
    );
  }
});

test.run();
