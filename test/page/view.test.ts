/** What the page computes without a browser. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { groupChanges, memberChanges } from '../../src/page/changes.ts';
import { Delta, type Rows } from '../../src/page/delta.ts';
import type { Self, StateFrame } from '../../src/page/frames.ts';
import { Growth } from '../../src/page/growth.ts';
import { FleetState } from '../../src/page/view/fleet-state.ts';
import { linesOf } from '../../src/page/view/history.ts';
import { busiest, layOut, shortened } from '../../src/page/view/picture.ts';
import { rowWindow } from '../../src/page/view/row-window.ts';
import { bitRate, duration, endpoint, short } from '../../src/page/view/units.ts';
import { groupLoad, memberRow } from '../support/page-bed.ts';

const test = suite('page: what it computes');

const self = { name: 'h1' } as Self;
const rows = (...groups: ReturnType<typeof groupLoad>[]): Rows => ({
  groups: groups.map((row) => [row.group, row]),
  senders: [],
  ports: [],
  hosts: [],
  drops: [],
  changes: [],
});

test('a browser that takes every frame has the state of one that comes later', () => {
  const delta = new Delta();
  const early = new FleetState();
  const states = [
    rows(groupLoad('a'), groupLoad('b')),
    rows(groupLoad('a', { failed: 1 }), groupLoad('b')),
    rows(groupLoad('b', { activeFlows: 3 }), groupLoad('__proto__')),
    rows(),
    rows(groupLoad('c')),
  ];
  for (const [at, state] of states.entries()) {
    early.take(JSON.parse(delta.take(at, self, state)) as StateFrame);
    const late = new FleetState();
    late.take(JSON.parse(delta.whole()) as StateFrame);
    const expected = state.groups.map(([, row]) => row);
    assert.equal(early.rows('groups'), expected);
    assert.equal(late.rows('groups'), expected);
    assert.is(late.at, at);
  }
});

test('a frame has what has changed, and nothing else', () => {
  const delta = new Delta();
  const groups = Array.from({ length: 1000 }, (_, i) => groupLoad(`g${i}`));
  delta.take(0, self, rows(...groups));
  const frame = JSON.parse(
    delta.take(1, self, rows(...groups.with(7, groupLoad('g7', { failed: 1 })))),
  ) as StateFrame;
  assert.is(frame.isWhole, false);
  assert.equal(frame.sections, { groups: { set: [['g7', groupLoad('g7', { failed: 1 })]], gone: [] } });
  assert.equal(
    (JSON.parse(delta.take(2, self, rows(...groups.with(7, groupLoad('g7', { failed: 1 }))))) as StateFrame)
      .sections,
    {},
  );
});

test('members that fail, are drained, weighed, added and removed are changes; load is none', () => {
  const before = new Map([
    ['a', memberRow('a')],
    ['b', memberRow('b')],
    ['c', memberRow('c')],
    ['d', memberRow('d')],
  ]);
  const now = [
    memberRow('a', { state: 'failed', health: 'connection refused' }),
    memberRow('b', { weight: 5 }),
    memberRow('d', { activeFlows: 9 }),
    memberRow('e'),
  ];
  const found = memberChanges('web', before, now, 42).map(({ member, what, isBad }) => [member, what, isBad]);
  assert.equal(found, [
    ['a', 'active → failed (connection refused)', true],
    ['b', 'weight 1 → 5', false],
    ['e', 'added, active, weight 1', false],
    ['c', 'removed', false],
  ]);
});

test('groups say how many of their members failed, and that they recovered', () => {
  const well = new Map([['web', groupLoad('web')]]);
  const failed = groupLoad('web', { active: 1, failed: 1 });
  assert.equal(
    groupChanges(well, [failed], 1).map(({ what, isBad }) => [what, isBad]),
    [
      ['failed members 0 → 1', true],
      ['active members 2 → 1', false],
    ],
  );
  const recovered = groupChanges(new Map([['web', failed]]), [groupLoad('web')], 2);
  assert.ok(recovered.every(({ isBad }) => !isBad));
  assert.equal(
    groupChanges(well, [], 3).map(({ what }) => what),
    ['removed'],
  );
});

test('rates are the growth by time; a counter that restarts and a new one read 0', () => {
  const growth = new Growth();
  growth.begin(1_000);
  assert.equal(growth.perSecond('a', [100, 5]), [0, 0]);
  growth.begin(3_000);
  assert.equal(growth.perSecond('a', [300, 4]), [100, 0]);
  assert.equal(growth.perSecond('b', [7]), [0]);
});

test('of any number of rows only those in sight and a few around exist', () => {
  for (const count of [0, 1, 5, 30, 1_000, 100_000]) {
    for (const top of [0, 17, 3_600, 36 * count, 1e9, -50]) {
      const { from, to } = rowWindow(count, top, 600, 36);
      assert.ok(0 <= from && from <= to && to <= count, `${count} ${top}`);
      assert.ok(to - from <= 30);
      const inSight = Math.min(count, Math.floor(Math.max(0, top) / 36));
      if (inSight < count) assert.ok(from <= inSight && inSight < to, `${count} ${top}: ${from} ${to}`);
    }
  }
});

test('lines have a gap where nobody looked, and begin where a member began', () => {
  const samples = [
    { at: 1_000, members: [['a', 1, 10, 0, 1]] },
    { at: 2_000, members: [['a', 2, 20, 0, 1]] },
    {
      at: 60_000,
      members: [
        ['a', 3, 30, 0, 1],
        ['b', 4, 40, 0, 1],
      ],
    },
  ] as Parameters<typeof linesOf>[0];
  assert.equal(linesOf(samples, 'newFlowsPerSecond', 8), {
    names: ['a', 'b'],
    data: [
      [1, 2, 3, 60],
      [10, 20, null, 30],
      [null, null, null, 40],
    ],
  });
});

test('a picture fits its width, boxes do not overlap, and more load is thicker', () => {
  const node = (id: string, heading?: string) => ({ id, label: id, note: '', heading });
  const left = ['a', 'b', 'c'].map((id) => node(id, id === 'c' ? 'h2' : 'h1'));
  const right = ['x', 'y'].map((id) => node(id));
  const links = [
    { from: 'a', to: 'x', load: 1 },
    { from: 'b', to: 'x', load: 100 },
    { from: 'nobody', to: 'x', load: 1 },
  ];
  for (const width of [320, 1200]) {
    const { boxes, paths, headings, height } = layOut([left, right], links, width);
    assert.equal(
      headings.map(({ text }) => text),
      ['h1', 'h2'],
    );
    assert.is(paths.length, 2);
    assert.ok(paths[1]!.thickness > 3 * paths[0]!.thickness);
    for (const box of boxes)
      assert.ok(box.x >= 0 && box.x + box.width <= width && box.y + box.height <= height);
    for (const a of boxes)
      for (const b of boxes)
        assert.ok(a === b || a.x !== b.x || a.y + a.height <= b.y || b.y + b.height <= a.y);
  }
  assert.equal(busiest(links, 'from', 1), { ids: ['b'], others: 2 });
  assert.is(shortened('a-long-name', 6), 'a-lon…');
});

test('figures are short', () => {
  assert.equal([0, 7, 999, 1000, 12_345, 999_600, 2.5e9].map(short), [
    '0',
    '7',
    '999',
    '1.00 k',
    '12.3 k',
    '1.00 M',
    '2.50 G',
  ]);
  assert.is(bitRate(0), '0 bit/s');
  assert.is(bitRate(125_000), '1.00 Mbit/s');
  assert.equal([0, 999, 61_000, 90_061_000].map(duration), ['0 s', '0 s', '1 min 1 s', '1 d 1 h']);
  assert.is(endpoint('fd00::1', 80), '[fd00::1]:80');
});

test.run();
