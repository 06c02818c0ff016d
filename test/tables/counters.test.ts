/** Statistics rows and port counters: exact, apart from each other, readable while others write. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DROP, DROP_REASONS, PORT, PORT_FIELDS, PortCounters } from '../../src/tables/port-counters.ts';
import { type MemberStats, NO_STATS, STAT, STAT_FIELDS } from '../../src/tables/stat-table.ts';
import { Random, runs, seed } from '../support/seed.ts';
import { statTable } from '../support/stat-table.ts';

const stats = suite('stat table');
const ports = suite('port counters');

stats('any additions agree with plain objects, row by row', () => {
  const random = new Random(seed, 1);
  const slots = 9;
  const table = statTable(slots);
  assert.is(table.slotCount, slots);
  const twin = Array.from({ length: slots }, () => ({ ...NO_STATS }));
  const names = Object.keys(NO_STATS) as (keyof MemberStats)[];
  for (let step = 0; step < runs(20_000); step++) {
    const slot = random.below(slots);
    const [packets, bytes] = [random.below(50), random.below(66_000)];
    const action = random.below(4);
    if (action === 0) {
      table.countForward(slot, packets, bytes);
      twin[slot].packets += packets;
      twin[slot].bytes += bytes;
    } else if (action === 1) {
      table.countReverse(slot, packets, bytes);
      twin[slot].replyPackets += packets;
      twin[slot].replyBytes += bytes;
    } else if (action === 2) {
      const name = random.pick(names);
      const amount = random.between(-1, 3);
      table.add(slot, STAT[name], amount);
      twin[slot][name] += amount;
    }
  }
  for (let slot = 0; slot < slots; slot++) assert.equal(table.read(slot), twin[slot], `row ${slot}`);
});

stats('counters are exact up to 2^53', () => {
  const table = statTable(1);
  table.countForward(0, 1, 2 ** 53 - 2);
  table.countForward(0, 1, 1);
  assert.is(table.read(0).bytes, Number.MAX_SAFE_INTEGER);
});

stats('every field has a place of its own in the row', () => {
  const places = Object.values(STAT);
  assert.is(new Set(places).size, places.length);
  assert.ok(places.every((place) => place >= 0 && place < STAT_FIELDS));
});

ports('every reason has a number, a name and a place of its own in the row', () => {
  assert.is(new Set(DROP_REASONS).size, DROP_REASONS.length);
  const numbers = Object.values(DROP);
  assert.equal(
    [...numbers].sort((a, b) => a - b),
    DROP_REASONS.map((_, i) => i),
  );
  assert.is(DROP.none, 0);
  assert.ok(PORT.drops + DROP_REASONS.length <= PORT_FIELDS, 'all reasons fit into a row');
  const others = Object.values(PORT).filter((place) => place !== PORT.drops);
  assert.ok(others.every((place) => place < PORT.drops));
  for (const [key, number] of Object.entries(DROP)) {
    const name = DROP_REASONS[number].replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    assert.is(name, key);
  }
});

ports('frames, bytes and drops are counted per port and read back by name', () => {
  const counters = new PortCounters(new Float64Array(3 * PORT_FIELDS));
  counters.countReceived(1, 60);
  counters.countReceived(1, 1_514);
  counters.countSent(2, 65_226);
  counters.add(1, PORT.answered, 1);
  counters.add(1, PORT.flooded, 2);
  counters.add(2, PORT.queuedSent, 3);
  for (let reason = 1; reason < DROP_REASONS.length; reason++) {
    for (let i = 0; i < reason; i++) counters.drop(1, reason);
  }
  const one = counters.read(1);
  assert.is(one.rxPackets, 2);
  assert.is(one.rxBytes, 1_574);
  assert.is(one.answered, 1);
  assert.is(one.flooded, 2);
  assert.equal(one.drops, Object.fromEntries(DROP_REASONS.slice(1).map((name, i) => [name, i + 1])));
  const two = counters.read(2);
  assert.equal(two, {
    rxPackets: 0,
    rxBytes: 0,
    txPackets: 1,
    txBytes: 65_226,
    answered: 0,
    flooded: 0,
    queuedSent: 3,
    errorsSuppressed: 0,
    drops: {},
  });
  counters.clear(1);
  assert.equal(counters.read(1), counters.read(0));
  assert.equal(counters.read(2), two, 'the neighbouring rows stay');
});

stats.run();
ports.run();
