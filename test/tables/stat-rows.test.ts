/** Statistics rows are taken and given back, and the journal tells the reader of every change. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NONE } from '../../src/tables/common/bucket-index.ts';
import { STAT, STAT_FIELDS } from '../../src/tables/stat-table.ts';
import { Random, runs, seed } from '../support/seed.ts';
import { statTable } from '../support/stat-table.ts';

const rows = suite('statistics rows');
const journal = suite('statistics journal');

const noted = (table: ReturnType<typeof statTable>): number[] => {
  const slots: number[] = [];
  table.takeNoted((slot) => slots.push(slot));
  return slots;
};

rows('each load balancer and member has one row, which begins at zero', () => {
  const table = statTable(8);
  const one = table.acquire(0, 0);
  assert.is(table.acquire(0, 0), one);
  const other = table.acquire(1, 0);
  assert.is.not(other, one);
  assert.equal([table.balancerOf(other), table.memberOf(other)], [1, 0]);
  assert.is(table.find(0, 1), NONE);
  assert.is(table.highWater, 2);
  assert.ok(table.hasRowOf(0));
  assert.not(table.hasRowOf(1));
});

rows('a row that the reader has done with is free, unless something has been counted since', () => {
  const table = statTable(8);
  const slot = table.acquire(3, 5);
  table.add(slot, STAT.packets, 1);
  noted(table);
  table.renew();
  const seen = table.notedAt(slot);
  table.add(slot, STAT.packets, 1);
  table.release(slot, seen);
  assert.is(table.find(3, 5), slot, 'counted meanwhile');
  table.add(slot, STAT.records, 1);
  table.release(slot, table.notedAt(slot));
  assert.is(table.find(3, 5), slot, 'a connection counts there');
  table.add(slot, STAT.records, -1);
  table.release(slot, table.notedAt(slot));
  assert.is(table.find(3, 5), NONE);
  assert.is(table.balancerOf(slot), NONE);
  table.release(slot, table.notedAt(slot));
  assert.is(table.acquire(4, 6), slot);
  assert.is(table.read(slot).packets, 0);
  assert.is(table.acquire(4, 7), slot + 1, 'a row that is given back twice is free once');
});

rows('in a full table a row without records gives way; if all have some, there is none', () => {
  const table = statTable(5);
  const slots = [0, 1, 2, 3].map((member) => table.acquire(0, member));
  assert.equal(slots, [0, 1, 2, 3], 'the last row is never given out');
  for (const slot of slots) table.add(slot, STAT.records, 1);
  assert.is(table.acquire(0, 9), NONE);
  table.add(2, STAT.records, -1);
  assert.is(table.acquire(0, 9), 2);
  assert.is(table.find(0, 2), NONE);
  assert.is(table.acquire(0, 1), 1);
});

rows('any order of taking and giving back agrees with a map', () => {
  const random = new Random(seed, 2);
  const table = statTable(64);
  const twin = new Map<string, number>();
  for (let step = 0; step < runs(20_000); step++) {
    const [balancer, member] = [random.below(6), random.below(12)];
    const key = `${balancer} ${member}`;
    if (random.chance(2)) {
      const slot = table.acquire(balancer, member);
      const known = twin.get(key);
      if (known === undefined) {
        assert.not([...twin.values()].includes(slot), `row ${slot} is another's`);
        assert.is(table.read(slot).packets, 0);
        twin.set(key, slot);
      } else assert.is(slot, known);
      table.add(slot, STAT.packets, 1);
    } else {
      const slot = twin.get(key);
      assert.is(table.find(balancer, member), slot ?? NONE);
      if (slot !== undefined) table.release(slot, table.notedAt(slot));
      twin.delete(key);
    }
  }
  for (let balancer = 0; balancer < 6; balancer++) {
    for (let member = 0; member < 12; member++) {
      assert.is(table.find(balancer, member), twin.get(`${balancer} ${member}`) ?? NONE);
    }
  }
});

journal('a row is named once, however often it is counted in, until the reader has taken its entry', () => {
  const table = statTable(8);
  const [one, other] = [table.acquire(0, 0), table.acquire(0, 1)];
  for (let i = 0; i < 1_000; i++) table.add(i % 2 === 0 ? one : other, STAT.packets, 1);
  assert.equal(noted(table), [one, other]);
  assert.equal(noted(table), []);
  table.renew();
  table.add(other, STAT.packets, 1);
  assert.equal(noted(table), [other]);
});

journal('it goes round its ring for ever, and names every row that was counted in', () => {
  const random = new Random(seed, 3);
  const slots = 13;
  const table = statTable(slots);
  for (let slot = 0; slot < slots - 1; slot++) table.acquire(0, slot);
  const last = new Float64Array(slots);
  for (let round = 0; round < runs(5_000); round++) {
    const due = new Set<number>();
    table.renew();
    for (let i = random.below(30); i > 0; i--) {
      const slot = random.below(slots - 1);
      table.add(slot, STAT.bytes, 1 + random.below(1_500));
      due.add(slot);
    }
    const named = noted(table);
    assert.is(new Set(named).size, named.length);
    for (const slot of named) last[slot] = table.fields[slot * STAT_FIELDS + STAT.bytes]!;
    for (const slot of due) assert.is(last[slot], table.fields[slot * STAT_FIELDS + STAT.bytes]);
  }
});

rows.run();
journal.run();
