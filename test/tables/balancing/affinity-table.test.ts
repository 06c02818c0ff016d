/** The affinity table against a naive one, which knows no sets: what it has lost must have been counted as evicted. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AffinityTable, MAX_AFFINITY_MS } from '../../../src/tables/balancing/affinity-table.ts';
import { NONE } from '../../../src/tables/common/bucket-index.ts';
import { addressWords } from '../../support/addresses.ts';
import { affinityKey } from '../../support/affinity-keys.ts';
import { boundedDifferencesHigh } from '../../support/chance.ts';
import { Random, runs, seed } from '../../support/seed.ts';

const affinities = suite('affinity table');

const KEY = [17, 42] as const;

type Words = [number, number, number, number];

/** Client `i`: every third one by IPv6. */
function client(i: number): Words {
  const [high, low] = [i >> 16, i & 0xffff];
  const four = `10.${high}.${low >> 8}.${low & 255}`;
  return addressWords(i % 3 === 0 ? `fd00:1::${high.toString(16)}:${low.toString(16)}` : four) as Words;
}

function tableOf(rows: number, key: readonly [number, number] = KEY): AffinityTable {
  const table = new AffinityTable(new Int32Array(AffinityTable.wordsNeeded(rows)), key);
  table.initialise();
  return table;
}

/** The statistics row that a client has, or NONE. */
function memberOf(table: AffinityTable, of: Words, nowMs: number, balancer = 0, group = 0): number {
  const row = table.find(affinityKey(of, balancer, group), nowMs);
  return row === NONE ? NONE : table.member(row);
}

function churn(rows: number, clients: number, steps: number, stream: number): AffinityTable {
  const random = new Random(seed, stream);
  const table = tableOf(rows, [random.word(), random.word()]);
  const twin = new Map<string, { member: number; place: number; untilMs: number }>();
  const timeoutMs = [60_000, 5_000, MAX_AFFINITY_MS];
  let elapsedMs = 0;
  let lost = 0;
  for (let step = 0; step < steps; step++) {
    // The 32-bit clock turns over, twice per 49 days; a step of a busy host is short, a long one is aged over.
    elapsedMs += random.chance(1) ? 40_000 : random.below(50);
    const nowMs = (2 ** 31 - steps * 10 + elapsedMs) | 0;
    const [balancer, group, of] = [random.below(3), random.below(3), random.below(clients)];
    const key = `${balancer} ${group} ${of}`;
    const known = twin.get(key);
    const row = table.find(affinityKey(client(of), balancer, group), nowMs);
    if (known !== undefined && known.untilMs > elapsedMs) {
      if (row === NONE) {
        lost++;
        twin.delete(key);
      } else {
        assert.is(table.member(row), known.member, key);
        assert.is(table.place(row), known.place, key);
      }
    } else {
      assert.is(row, NONE, `${key} has ended or was never written`);
    }
    const place = random.below(100);
    const untilMs = elapsedMs + timeoutMs[group]!;
    const action = random.below(100);
    if (action < 40) {
      const member = random.below(1_000_000);
      table.put(affinityKey(client(of), balancer, group), member, place, nowMs, timeoutMs[group]!, balancer);
      twin.set(key, { member, place, untilMs });
    } else if (action < 70 && row !== NONE) {
      table.refresh(row, place, (nowMs + timeoutMs[group]!) | 0);
      Object.assign(twin.get(key)!, { place, untilMs });
    } else if (action < 90) {
      table.age(nowMs, random.below(4));
    }
    assert.ok(table.inUse >= 0 && table.inUse <= table.capacity);
  }
  assert.ok(lost <= table.evicted, `${lost} rows lost, ${table.evicted} evicted`);
  return table;
}

affinities('a table with room for all loses nobody; a small one only what it says', () => {
  for (let run = 0; run < runs(5); run++) {
    // 9 × 30 clients over 16 384 sets: five of them share one in fewer than one of a million runs.
    assert.is(churn(65_536, 30, 20_000, run).evicted, 0);
    assert.ok(churn(64, 60, 20_000, 100 + run).evicted > 0);
    churn(4, 5, 5_000, 200 + run);
  }
});

affinities('clients, load balancers and groups are told apart', () => {
  const table = tableOf(1_024);
  const [one, other] = [client(1), client(2)];
  table.put(affinityKey(one, 1, 2), 77, 0, 0, 1_000, 1);
  assert.is(memberOf(table, one, 0, 1, 2), 77);
  assert.is(memberOf(table, other, 0, 1, 2), NONE);
  assert.is(memberOf(table, one, 0, 2, 1), NONE);
  assert.is(memberOf(table, one, 0, 1, 3), NONE);
  assert.is(memberOf(table, one, 0, 0, 2), NONE);
  table.put(affinityKey(one, 65_535, 65_535), 78, 0, 0, 1_000, 1);
  assert.is(memberOf(table, one, 0, 65_535, 65_535), 78);
  assert.is(memberOf(table, one, 0, 1, 2), 77);
});

affinities('a row holds for its time, and anew from each refresh', () => {
  const table = tableOf(4);
  table.put(affinityKey(client(1), 0, 0), 7, 3, 0, 1_000, 0);
  assert.is(memberOf(table, client(1), 999), 7);
  assert.is(memberOf(table, client(1), 1_000), NONE);
  table.refresh(table.find(affinityKey(client(1), 0, 0), 999), 4, 1_999);
  assert.is(table.place(table.find(affinityKey(client(1), 0, 0), 1_998)), 4);
  assert.is(memberOf(table, client(1), 1_999), NONE);
});

affinities('what has ended is taken over without being counted, and goes by ageing', () => {
  const table = tableOf(4);
  for (let i = 0; i < 4; i++) table.put(affinityKey(client(i), 0, 0), i, 0, 0, 1_000 + i, 0);
  assert.is(table.inUse, 4);
  table.put(affinityKey(client(9), 0, 0), 9, 0, 1_001, 1_000, 0);
  assert.is(table.evicted, 0);
  assert.is(memberOf(table, client(9), 1_001), 9);
  assert.is(table.inUse, 4);
  table.age(1_001, 1);
  assert.is(table.inUse, 3, 'one of the two that had ended was taken over, the other aged');
  table.age(5_000, 1);
  assert.is(table.inUse, 0);
});

affinities('ended rows do not come back when the clock has turned over', () => {
  const table = tableOf(4);
  table.put(affinityKey(client(1), 0, 0), 7, 0, 0, MAX_AFFINITY_MS, 0);
  let nowMs = 0;
  // 60 days in steps of an hour, each with a batch.
  for (let hour = 0; hour < 60 * 24; hour++) {
    nowMs = (nowMs + 3_600_000) | 0;
    table.age(nowMs, 1);
    if ((hour + 1) * 3_600_000 > MAX_AFFINITY_MS) assert.is(memberOf(table, client(1), nowMs), NONE);
  }
});

affinities('a full set gives up the row that would have ended first, and counts it', () => {
  const table = tableOf(4);
  for (let i = 0; i < 4; i++) table.put(affinityKey(client(i), 0, 0), i, 0, 10 * i, 1_000, 0);
  table.refresh(table.find(affinityKey(client(0), 0, 0), 50), 0, 1_050);
  table.put(affinityKey(client(9), 0, 0), 9, 0, 60, 1_000, 0);
  assert.is(table.evicted, 1);
  assert.equal(
    [0, 1, 2, 3, 9].map((i) => memberOf(table, client(i), 60)),
    [0, NONE, 2, 3, 9],
  );
});

affinities('whoever floods displaces its own rows, while it has any', () => {
  const table = tableOf(256);
  for (let i = 0; i < 20; i++) table.put(affinityKey(client(i), 1, 0), i, 0, 0, 60_000, 1);
  const held = [...Array(20).keys()].filter((i) => memberOf(table, client(i), 0, 1) === i);
  assert.is(held.length, 20);
  for (let i = 0; i < 100_000; i++)
    table.put(affinityKey(client(1_000 + i), 2, 0), 0, 0, i >> 1, 1_000_000, 2);
  const left = held.filter((i) => memberOf(table, client(i), 50_000, 1) === i);
  assert.is(left.length, 20);
  assert.ok(table.evicted > 99_000);
});

affinities('a flood takes no row of a port that has one in the set, and a fifth port gets none', () => {
  const table = tableOf(4);
  table.put(affinityKey(client(1), 1, 0), 1, 0, 0, 60_000, 1);
  for (let i = 0; i < 1_000; i++) table.put(affinityKey(client(100 + i), 2, i), 2, 0, i, 1_000_000, 2);
  assert.is(memberOf(table, client(1), 1_000, 1), 1);
  for (const port of [3, 4, 5]) table.put(affinityKey(client(port), port, 0), port, 0, 2_000, 60_000, port);
  assert.equal(
    [1, 3, 4, 5].map((port) => memberOf(table, client(port), 2_000, port)),
    [1, 3, 4, NONE],
  );
});

affinities('rows of a flood spread over all sets, whatever the key', () => {
  const random = new Random(seed, 5);
  for (let run = 0; run < 10; run++) {
    const table = tableOf(4_096, [random.word(), random.word()]);
    for (let i = 0; i < 2_048; i++) table.put(affinityKey(client(i), 0, 0), i, 0, 0, 60_000, 0);
    // Half full: of 1024 sets with two rows each on average, few have more than four: 76.6 rows too many on average.
    const most = boundedDifferencesHigh(76.6, 2_048);
    assert.ok(table.evicted <= most, `${table.evicted} of 2048 evicted, expected at most ${most}`);
  }
});

affinities('initialise empties what was in use', () => {
  const table = tableOf(64);
  for (let i = 0; i < 200; i++) table.put(affinityKey(client(i), 0, 0), i, 0, 0, 1_000, 0);
  assert.ok(table.evicted > 0);
  table.initialise();
  assert.is(table.inUse, 0);
  assert.is(table.evicted, 0);
  for (let i = 0; i < 200; i++) assert.is(memberOf(table, client(i), 1), NONE);
});

affinities.run();
