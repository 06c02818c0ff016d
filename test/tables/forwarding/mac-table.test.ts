/**
 * The MAC table against a naive one. The naive one does not know which entries share a set, so it lets the table
 * give up one learned entry per new station, and nothing else.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NONE } from '../../../src/tables/common/bucket-index.ts';
import { MAC_AGE_MS, MAX_MACS_PER_PORT, MacTable } from '../../../src/tables/forwarding/mac-table.ts';
import { Random, runs, seed } from '../../support/seed.ts';

const macs = suite('MAC table');

const PORTS = 8;

const tableOf = (entries: number): MacTable => {
  const table = new MacTable(new Int32Array(MacTable.wordsNeeded(entries)), PORTS);
  table.initialise();
  return table;
};

interface Entry {
  port: number;
  fixed: boolean;
  seenMs: number;
}

/** `network high low` → port and whether it is fixed, as `forEach` tells. */
function contentOf(table: MacTable): Map<string, { port: number; fixed: boolean }> {
  const content = new Map<string, { port: number; fixed: boolean }>();
  table.forEach((network, high, low, port, fixed) => {
    const text = `${network} ${high} ${low}`;
    assert.not(content.has(text), `${text} is there twice`);
    content.set(text, { port, fixed });
  });
  return content;
}

/** Takes out of the twin what the table has given up; all must be learned, `most` at most. */
function dropLost(twin: Map<string, Entry>, table: MacTable, most: number): void {
  const content = contentOf(table);
  const lost = [...twin].filter(([text]) => !content.has(text));
  assert.ok(lost.length <= most, `${lost.length} entries lost, expected at most ${most}`);
  for (const [text, entry] of lost) {
    assert.not(entry.fixed, `fixed station ${text} was given up`);
    twin.delete(text);
  }
  for (const [text, { port, fixed }] of content) {
    assert.equal({ port, fixed }, { port: twin.get(text)?.port, fixed: twin.get(text)?.fixed }, text);
  }
}

function churn(entries: number, stations: number, steps: number, stream: number): void {
  const random = new Random(seed, stream);
  const table = tableOf(entries);
  const twin = new Map<string, Entry>();
  // Around the place where 32-bit milliseconds turn negative.
  let nowMs = (2 ** 31 - 20 * MAC_AGE_MS) | 0;
  for (let step = 0; step < steps; step++) {
    const network = random.below(3);
    const [high, low] = [random.pick([0x0200, 0xfeff]), random.below(stations) - (stations >> 1)];
    const text = `${network} ${high} ${low}`;
    const port = random.below(PORTS);
    const known = twin.get(text);
    const action = random.below(100);
    if (action < 50) {
      const isLearned = table.learn(network, high, low, port, nowMs);
      if (known === undefined) {
        if (isLearned) twin.set(text, { port, fixed: false, seenMs: nowMs });
        dropLost(twin, table, 1);
      } else if (!known.fixed) {
        known.port = port;
        known.seenMs = nowMs;
      }
    } else if (action < 52 && [...twin.values()].filter((entry) => entry.fixed).length < 10) {
      // More than a set holds are refused; which ones share a set is the table's business.
      if (table.fix(network, high, low, port)) twin.set(text, { port, fixed: true, seenMs: 0 });
      else twin.delete(text);
      dropLost(twin, table, 1);
    } else if (action < 54) {
      nowMs = (nowMs + random.below(MAC_AGE_MS / 4)) | 0;
      table.age(nowMs, random.below(4));
      dropLost(twin, table, entries);
    } else if (action === 54 && random.chance(10)) {
      table.forgetPort(port);
      for (const [station, entry] of twin) if (entry.port === port) twin.delete(station);
    }
    const isAged = known !== undefined && !known.fixed && ((nowMs - known.seenMs) | 0) > MAC_AGE_MS;
    const now = twin.get(text);
    const expected = now === undefined || (isAged && now === known && action >= 50) ? NONE : now.port;
    assert.is(table.find(network, high, low, nowMs), expected, `${text} at step ${step}`);
  }
  assert.equal([...contentOf(table).keys()].sort(), [...twin.keys()].sort());
}

macs('roomy', () => {
  churn(256, 30, runs(40_000), 1);
});

macs('crowded: stations displace each other, but never fixed ones', () => {
  churn(16, 60, runs(40_000), 2);
});

macs('a station moves with its frames', () => {
  const table = tableOf(16);
  table.learn(1, 0x0200, 7, 3, 0);
  assert.is(table.find(1, 0x0200, 7, 0), 3);
  table.learn(1, 0x0200, 7, 5, 10);
  assert.is(table.find(1, 0x0200, 7, 10), 5);
});

macs('the same MAC in two networks is two stations', () => {
  const table = tableOf(16);
  table.learn(1, 0x0200, 7, 3, 0);
  assert.is(table.find(2, 0x0200, 7, 0), NONE);
  table.learn(2, 0x0200, 7, 4, 0);
  assert.is(table.find(1, 0x0200, 7, 0), 3);
  assert.is(table.find(4095, 0x0200, 7, 0), NONE);
});

macs('a configured station stays where it is, whoever claims its MAC, and never ages', () => {
  const table = tableOf(16);
  assert.ok(table.fix(1, 0x0200, 7, 3));
  assert.ok(table.learn(1, 0x0200, 7, 5, 1_000));
  assert.is(table.find(1, 0x0200, 7, 1_000), 3);
  table.age(1_000 + 10 * MAC_AGE_MS, 100);
  assert.is(table.find(1, 0x0200, 7, 1_000 + 10 * MAC_AGE_MS), 3);
  assert.ok(table.fix(1, 0x0200, 7, 4), 'the port of a configured station may change');
  assert.is(table.find(1, 0x0200, 7, 1_000), 4);
  assert.is(contentOf(table).size, 1);
});

macs('a learned station is forgotten after five minutes without a frame, not before', () => {
  const table = tableOf(16);
  table.learn(1, 0x0200, 7, 3, 0);
  assert.is(table.find(1, 0x0200, 7, MAC_AGE_MS), 3);
  assert.is(table.find(1, 0x0200, 7, MAC_AGE_MS + 1), NONE);
  table.age(MAC_AGE_MS, 100);
  assert.is(contentOf(table).size, 1);
  table.age(MAC_AGE_MS + 1, 100);
  assert.is(contentOf(table).size, 0);
});

macs('the longest unseen one of a full set is given up', () => {
  const table = tableOf(4);
  for (let i = 0; i < 4; i++) table.learn(1, 0x0200, i, 1, 100 + i);
  table.learn(1, 0x0200, 0, 1, 200);
  assert.ok(table.learn(1, 0x0200, 9, 1, 300));
  assert.is(table.find(1, 0x0200, 1, 300), NONE);
  for (const low of [0, 2, 3, 9]) assert.is(table.find(1, 0x0200, low, 300), 1);
});

macs(
  'a configured station takes the place of a learned one, and is refused among four configured ones only',
  () => {
    const table = tableOf(4);
    for (let i = 0; i < 4; i++) table.learn(1, 0x0200, i, 1, 5_000 + i);
    for (let i = 0; i < 4; i++) assert.ok(table.fix(1, 0x0400, i, 2), `configured station ${i}`);
    assert.not(table.fix(1, 0x0400, 4, 2));
    for (let i = 0; i < 4; i++) assert.is(table.find(1, 0x0400, i, 5_000), 2);
  },
);

macs('a port that invents addresses stops at its bound', () => {
  const table = tableOf(4_096);
  for (let i = 0; i < MAX_MACS_PER_PORT; i++) assert.ok(table.learn(1, 0x0200, i, 1, 0));
  assert.not(table.learn(1, 0x0200, MAX_MACS_PER_PORT, 1, 0));
  assert.ok(table.learn(1, 0x0200, 5, 1, 10), 'known ones are still refreshed');
  assert.ok(table.learn(1, 0x0200, MAX_MACS_PER_PORT, 2, 0), 'another port is not held responsible');
  assert.ok(table.learn(1, 0x0200, 5, 2, 20), 'a station that moves away makes room');
  assert.ok(table.learn(1, 0x0200, MAX_MACS_PER_PORT + 1, 1, 20));
});

macs('stations that a port takes over from others count against its bound too', () => {
  const table = tableOf(4_096);
  for (let i = 0; i < 2 * MAX_MACS_PER_PORT; i++) table.learn(1, 0x0200, i, 2 + (i & 1), 0);
  for (let i = 0; i < 2 * MAX_MACS_PER_PORT; i++) table.learn(1, 0x0200, i, 1, 10);
  let held = 0;
  for (const { port } of contentOf(table).values()) if (port === 1) held++;
  assert.ok(held <= MAX_MACS_PER_PORT, `port 1 holds ${held} stations, bound ${MAX_MACS_PER_PORT}`);
});

macs('the bound of a port that went is free again', () => {
  const table = tableOf(4_096);
  for (let i = 0; i < MAX_MACS_PER_PORT; i++) table.learn(1, 0x0200, i, 1, 0);
  table.forgetPort(1);
  assert.is(contentOf(table).size, 0);
  assert.ok(table.learn(1, 0x0200, 9_999, 1, 0));
});

macs('a port cannot drive out the station of another, however many it aims at its set', () => {
  const table = tableOf(4);
  assert.ok(table.learn(1, 0x0200, 0, 2, 0));
  for (let i = 1; i < 200; i++) table.learn(1, 0x0400, i, 1, i);
  assert.is(table.find(1, 0x0200, 0, 200), 2);
  assert.ok(table.learn(1, 0x0600, 0, 3, 300));
  assert.is(table.find(1, 0x0200, 0, 300), 2);
  assert.is(table.find(1, 0x0600, 0, 300), 3, 'a third port has its place');
});

macs('every change of a way is told by the change counter; a refresh is none', () => {
  const table = tableOf(16);
  const changed = (step: () => void): boolean => {
    const before = table.changes;
    step();
    return table.changes > before;
  };
  assert.ok(
    changed(() => table.learn(1, 0x0200, 7, 3, 0)),
    'learned',
  );
  assert.not(
    changed(() => table.learn(1, 0x0200, 7, 3, 10)),
    'seen again',
  );
  assert.ok(
    changed(() => table.learn(1, 0x0200, 7, 4, 20)),
    'moved',
  );
  assert.ok(
    changed(() => table.fix(1, 0x0200, 7, 5)),
    'fixed',
  );
  assert.ok(
    changed(() => table.forgetPort(5)),
    'forgotten',
  );
  table.learn(1, 0x0200, 8, 3, 0);
  assert.ok(
    changed(() => table.age(MAC_AGE_MS + 1, 100)),
    'aged',
  );
});

macs.run();
