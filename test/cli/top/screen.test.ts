import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Rates, type TopRow } from '../../../src/cli/top/rates.ts';
import { afterKey, picture, type ScreenState, shownRows, stateOf } from '../../../src/cli/top/screen.ts';

const test = suite('top');

const group = (name: string, activeFlows: number, bytesPerSecond: number): TopRow => ({
  group: name,
  vip: '10.1.0.100',
  members: '2/3',
  activeFlows,
  newFlowsPerSecond: 1.25,
  packetsPerSecond: 120,
  bytesPerSecond,
  replyBytesPerSecond: 0,
});

const ROWS = [group('api', 4, 1_000), group('web', 2, 90_000), group('db', 9, 50)];

const press = (state: ScreenState, ...keys: string[]): ScreenState => {
  let now = state;
  for (const key of keys) {
    const next = afterKey(now, key, shownRows(now, ROWS));
    assert.is.not(next, 'quit');
    now = next as ScreenState;
  }
  return now;
};

const names = (state: ScreenState): unknown[] => shownRows(state, ROWS).map((row) => row.group);

test('rates are growth by time; a new row has none, and a counter that begins anew counts from 0', () => {
  const rates = new Rates();
  const row = (key: string, bytes: number) => ({
    key,
    cells: { group: key },
    counters: { bytesPerSecond: bytes },
  });
  rates.of([row('a', 100)], 1_000);
  assert.equal(rates.of([row('a', 600), row('b', 50)], 3_000), [
    { group: 'a', bytesPerSecond: 250 },
    { group: 'b', bytesPerSecond: 0 },
  ]);
  assert.equal(rates.of([row('a', 10)], 4_000), [{ group: 'a', bytesPerSecond: 0 }]);
});

test('the busiest first; keys sort by another column and reverse the order', () => {
  const state = stateOf('groups');
  assert.equal(names(state), ['web', 'api', 'db']);
  assert.equal(names(press(state, 'r')), ['db', 'api', 'web']);
  const byFlows = press(state, '<', '<', '<');
  assert.is(byFlows.sortedBy, 'activeFlows');
  assert.equal(names(byFlows), ['db', 'api', 'web']);
  assert.equal(names(press(state, '\x1b[C', '\x1b[C')), ['api', 'db', 'web'], 'names from A to Z');
});

test('a filter is typed, corrected and left', () => {
  const state = press(stateOf('groups'), '/', 'A', 'P', 'x', '\x7f');
  assert.equal(names(state), ['api']);
  assert.ok(state.isTyping);
  const done = press(state, '\r', 'q'.replace('q', 'j'));
  assert.not(done.isTyping);
  assert.equal(names(press(done, '\x1b')), ['web', 'api', 'db']);
});

test('Enter shows the members of the selected group, Esc goes back, letters change the view', () => {
  const inside = press(stateOf('groups'), '\x1b[B', '\r');
  assert.equal([inside.view, inside.group], ['members', 'api']);
  assert.equal(press(inside, '\x1b').view, 'groups');
  assert.equal(press(inside, 'p').view, 'ports');
  assert.is(press(inside, 'm').group, undefined);
  assert.is(afterKey(inside, 'q', []), 'quit');
  assert.is(afterKey(press(inside, '/'), '\x03', []), 'quit', 'Ctrl-C also while typing');
});

test('pictures fit the terminal, keep the selected row in sight, and name what they hide', () => {
  const many = Array.from({ length: 100 }, (_, i) => group(`g${i}`, i, i));
  for (const [width, height] of [
    [80, 24],
    [40, 8],
    [20, 5],
  ] as const) {
    for (const selected of [0, 50, 99]) {
      const state = { ...stateOf('groups'), selected };
      const { lines, selectedLine } = picture(state, ['heading'], shownRows(state, many), { width, height });
      assert.ok(lines.length <= height, `${lines.length} lines`);
      for (const line of lines) assert.ok(line.length <= width, line);
      assert.match(lines[selectedLine]!, new RegExp(`^g${99 - selected}\\b`));
    }
  }
  const wide = picture(stateOf('groups'), [], shownRows(stateOf('groups'), ROWS), { width: 200, height: 10 });
  assert.match(
    wide.lines.join('\n'),
    /^groups \(3\) by BYTES\/S {2}\? help\nGROUP +VIP .*\nweb .* 90 kB +0 B/,
  );
  const help = picture(press(stateOf('groups'), '?'), [], ROWS, { width: 80, height: 20 });
  assert.match(help.lines.join('\n'), /Space +pause/);
});

test.run();
