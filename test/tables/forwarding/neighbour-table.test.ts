/** Neighbours: entries, their re-use, and the bounded queues of frames that wait for them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BucketIndex, NONE } from '../../../src/tables/common/bucket-index.ts';
import { NetworkAddress } from '../../../src/tables/common/network-address.ts';
import {
  IN_USE_MS,
  NEIGHBOUR,
  NEIGHBOUR_WORDS,
  NeighbourTable,
  UNUSED_MS,
  WAITING_PER_NEIGHBOUR,
  WAITING_TOTAL,
} from '../../../src/tables/forwarding/neighbour-table.ts';
import { addressWords } from '../../support/addresses.ts';
import { assertCovered, Random, runs, seed } from '../../support/seed.ts';

const PORTS = 8;
/** Has no share, so that these tests meet the table's own bounds. */
const CONFIGURED = PORTS - 1;

const neighbours = suite('neighbour table');

type Words = [number, number, number, number];

function tableOf(capacity: number): NeighbourTable {
  const table = new NeighbourTable(
    new Int32Array(capacity * NEIGHBOUR_WORDS),
    new Int32Array(BucketIndex.wordsNeeded(capacity)),
    PORTS,
    [1, 2],
  );
  table.initialise();
  return table;
}

const at = (network: number, [w0, w1, w2, w3]: Words): NetworkAddress =>
  new NetworkAddress().set(network, w0, w1, w2, w3);

const host = (number: number): Words => [0, 0, 0xffff, 0x0a010000 + number];

neighbours('an entry is found by network and address, and begins unresolved', () => {
  const table = tableOf(8);
  const one = table.intern(at(1, addressWords('10.1.0.21')), 500, CONFIGURED);
  const two = table.intern(at(2, addressWords('10.1.0.21')), 600, CONFIGURED);
  const six = table.intern(at(1, addressWords('fd00:1::15')), 700, CONFIGURED);
  assert.is(new Set([one, two, six]).size, 3);
  assert.is(table.intern(at(1, addressWords('10.1.0.21')), 900, CONFIGURED), one);
  assert.is(table.find(at(2, addressWords('10.1.0.21'))), two);
  assert.is(table.find(at(1, addressWords('fd00:1::15'))), six);
  assert.is(table.find(at(3, addressWords('10.1.0.21'))), NONE);
  assert.is(table.state(one), NEIGHBOUR.incomplete);
  assert.is(table.probesSent(one), 0);
  assert.is(table.changedMs(one), 500);
});

neighbours('what is set is read back, entry by entry', () => {
  const table = tableOf(3);
  const ids = [0, 1, 2].map((i) => table.intern(at(1, host(i)), 0, CONFIGURED));
  ids.forEach((id, i) => {
    table.setMac(id, 0x0200 + i, -i - 1);
    table.setState(id, NEIGHBOUR.reachable, 1_000 + i);
    table.setProbesSent(id, i);
  });
  ids.forEach((id, i) => {
    assert.is(table.macHigh(id), 0x0200 + i);
    assert.is(table.macLow(id), -i - 1);
    assert.is(table.state(id), NEIGHBOUR.reachable);
    assert.is(table.changedMs(id), 1_000 + i);
    assert.is(table.probesSent(id), i);
  });
});

neighbours('any sequence of entries, states, removals and ageing agrees with a Map', () => {
  const random = new Random(seed, 1);
  const capacity = 24;
  const table = tableOf(capacity);
  interface Entry {
    id: number;
    state: number;
    usedMs: number;
    port: number;
  }
  const twin = new Map<string, Entry>();
  const isBusy = ({ state, usedMs }: Entry, nowMs: number): boolean =>
    state === NEIGHBOUR.fixed ||
    state === NEIGHBOUR.incomplete ||
    (state !== NEIGHBOUR.failed && nowMs - usedMs < IN_USE_MS);
  const heldBy = (port: number): Entry[] => [...twin.values()].filter((entry) => entry.port === port);
  const outcomes = { evicted: 0, refused: 0, aged: 0, overShare: 0 };
  for (let step = 0; step < runs(60_000); step++) {
    const nowMs = step * 200;
    const network = random.below(2);
    const words = host(random.below(40));
    const text = `${network} ${words.join(' ')}`;
    const known = twin.get(text);
    assert.is(table.find(at(network, words)), known?.id ?? NONE);
    const action = random.below(11);
    if (action < 5) {
      const port = random.pick([0, 0, 0, 1, CONFIGURED]);
      const isOverShare = port !== CONFIGURED && heldBy(port).length >= capacity - twin.size;
      const id = table.intern(at(network, words), nowMs, port);
      if (known !== undefined) {
        assert.is(id, known.id);
        known.usedMs = nowMs;
      } else if (id === NONE) {
        assert.ok(isOverShare || twin.size === capacity, 'refused only when full, or the port has its share');
        const candidates = isOverShare ? heldBy(port) : [...twin.values()];
        assert.ok(
          candidates.every((entry) => isBusy(entry, nowMs)),
          'refused only when all are busy',
        );
        outcomes.refused++;
        if (isOverShare) outcomes.overShare++;
      } else {
        for (const [other, entry] of twin) {
          if (entry.id !== id) continue;
          assert.not(isBusy(entry, nowMs), 'a busy entry was evicted');
          if (isOverShare) assert.is(entry.port, port, 'a port beyond its share replaces its own');
          twin.delete(other);
          outcomes.evicted++;
        }
        twin.set(text, { id, state: NEIGHBOUR.incomplete, usedMs: nowMs, port });
        assert.is(table.state(id), NEIGHBOUR.incomplete);
        assert.is(table.macLow(id), 0, 'nothing of the previous owner');
      }
    } else if (known !== undefined && action < 8) {
      // Mostly busy states at times, so that the table refuses as well.
      const isTight = step % 10_000 < 5_000;
      known.state = isTight ? random.pick([1, 5, 5, 5, 2]) : random.pick([1, 2, 3, 4, 5]);
      table.setState(known.id, known.state, nowMs);
      table.setMac(known.id, 0x0200, 1 + step);
      table.setProbesSent(known.id, random.below(3));
    } else if (known !== undefined && action === 8) {
      table.remove(known.id);
      twin.delete(text);
      assert.is(table.state(known.id), NEIGHBOUR.free);
      table.remove(known.id);
    } else if (action === 9 && random.chance(10)) {
      table.age(nowMs, capacity);
      for (const [other, { id, state, usedMs }] of twin) {
        if (state === NEIGHBOUR.fixed || state === NEIGHBOUR.incomplete || nowMs - usedMs <= UNUSED_MS)
          continue;
        assert.is(table.state(id), NEIGHBOUR.free, 'nobody uses it any more');
        twin.delete(other);
        outcomes.aged++;
      }
    }
    assert.ok(table.highWater <= capacity);
    assert.is(table.shares.inUse, twin.size);
    for (const port of [0, 1, CONFIGURED]) assert.is(table.shares.of(port), heldBy(port).length);
    const asked = [...twin.values()].filter(({ id }) => table.probesSent(id) > 0).length;
    assert.is(table.asking, asked, 'those that are being asked, and nobody else');
  }
  for (const [outcome, times] of Object.entries(outcomes))
    assertCovered(times > 20, `${outcome}: ${times} times`);
});

neighbours('a full table gives up any entry that is not in use, wherever it stands', () => {
  const capacity = 1_024;
  for (const place of [0, 500, capacity - 1]) {
    const table = tableOf(capacity);
    for (let i = 0; i < capacity; i++) {
      const id = table.intern(at(1, host(i)), 0, CONFIGURED);
      table.setState(id, i === place ? NEIGHBOUR.reachable : NEIGHBOUR.fixed, 0);
    }
    // A bounded part of the table is looked at each time.
    let id: number = NONE;
    for (let ms = 0; ms < 8 && id === NONE; ms++) {
      id = table.intern(at(1, host(capacity)), IN_USE_MS + ms, CONFIGURED);
    }
    assert.is(id, place, `entry ${place} of ${capacity} is the only one to give up`);
    assert.is(table.find(at(1, host(place))), NONE);
  }
});

neighbours('one port gets half of the table, and the next one half of what that leaves', () => {
  const table = tableOf(64);
  const taken = (port: number): number => {
    let count = 0;
    while (table.intern(at(1, host(1_000 * port + count)), 0, port) !== NONE) count++;
    return count;
  };
  assert.equal([taken(0), taken(1), taken(2)], [32, 16, 8]);
});

/** All frames that wait, in order: [slot, offset, length, port]. */
function drain(table: NeighbourTable, id: number): number[][] {
  const frames: number[][] = [];
  for (let entry = table.dequeue(id); entry !== 0; entry = table.dequeue(id)) {
    frames.push([
      table.waitingSlot[entry],
      table.waitingOffset[entry],
      table.waitingLength[entry],
      table.waitingPort[entry],
    ]);
  }
  return frames;
}

neighbours('frames wait in order, up to a bound per neighbour', () => {
  const table = tableOf(4);
  const one = table.intern(at(1, host(1)), 0, CONFIGURED);
  const two = table.intern(at(1, host(2)), 0, CONFIGURED);
  for (let i = 0; i < WAITING_PER_NEIGHBOUR; i++) {
    assert.ok(table.enqueue(one, i, 100 + i, 60 + i, 3, false));
    assert.ok(table.enqueue(two, 50 + i, i, i, 4, false));
  }
  assert.not(table.enqueue(one, 99, 0, 0, 3, false));
  assert.equal(
    drain(table, one),
    Array.from({ length: WAITING_PER_NEIGHBOUR }, (_, i) => [i, 100 + i, 60 + i, 3]),
  );
  assert.is(table.dequeue(one), 0);
  assert.ok(table.enqueue(one, 7, 7, 7, 7, false), 'and there is room again');
  assert.equal(drain(table, one), [[7, 7, 7, 7]]);
  assert.is(drain(table, two).length, WAITING_PER_NEIGHBOUR);
});

neighbours('a port has its own places at a neighbour, and at most half of all places', () => {
  const table = tableOf(64);
  const ids = Array.from({ length: 64 }, (_, i) => table.intern(at(1, host(i)), 0, CONFIGURED));
  let waiting = 0;
  for (const id of ids) while (table.enqueue(id, 0, 0, 0, 0, false)) waiting++;
  assert.is(waiting, WAITING_TOTAL / 2, 'however many neighbours are asked');
  for (let i = 0; i < WAITING_PER_NEIGHBOUR; i++) {
    assert.ok(
      table.enqueue(ids[0], i, i, i, 1, false),
      'another port, at a neighbour where the first one waits',
    );
  }
  assert.not(table.enqueue(ids[0], 0, 0, 0, 1, false));
  assert.is(drain(table, ids[0]).length, 2 * WAITING_PER_NEIGHBOUR);
  assert.ok(table.enqueue(ids[40], 0, 0, 0, 0, false), 'there is room again');
});

neighbours('any sequence of waiting and leaving agrees with lists', () => {
  const random = new Random(seed, 2);
  const table = tableOf(64);
  const lists = new Map<number, number[][]>();
  for (let i = 0; i < 64; i++) lists.set(table.intern(at(1, host(i)), 0, CONFIGURED), []);
  let total = 0;
  const ofPort = [0, 0, 0];
  let refused = 0;
  for (let step = 0; step < runs(60_000); step++) {
    const id = random.below(64);
    const list = lists.get(id) ?? [];
    if (random.chance(step % 8_000 < 4_000 ? 80 : 40)) {
      const port = random.pick([0, 0, 0, 1, 2]);
      const isFull =
        ofPort[port] >= WAITING_TOTAL - total ||
        list.filter((frame) => frame[3] === port).length === WAITING_PER_NEIGHBOUR;
      assert.is(table.enqueue(id, step, step + 1, step + 2, port, (step & 1) === 1), !isFull);
      if (isFull) refused++;
      else {
        list.push([step, step + 1, step + 2, port]);
        ofPort[port]++;
        total++;
      }
    } else if (random.chance(95)) {
      const entry = table.dequeue(id);
      const expected = list.shift();
      assert.is(entry === 0, expected === undefined);
      if (expected === undefined) continue;
      total--;
      ofPort[expected[3]]--;
      assert.is(table.waitingSlot[entry], expected[0]);
      assert.is(table.waitingPort[entry], expected[3]);
      assert.is(table.waitingRouted[entry], expected[0] & 1, 'whether it had passed the router');
    } else {
      assert.equal(drain(table, id), list);
      total -= list.length;
      for (const frame of list) ofPort[frame[3]]--;
      list.length = 0;
    }
  }
  for (const [id, list] of lists) assert.equal(drain(table, id), list);
  assertCovered(refused > 0, 'the bounds were met');
});

neighbours('changes of state and MAC are told by the change counter', () => {
  const table = tableOf(2);
  const id = table.intern(at(1, host(1)), 0, CONFIGURED);
  const changed = (step: () => void): boolean => {
    const before = table.changes;
    step();
    return table.changes > before;
  };
  assert.ok(changed(() => table.setState(id, NEIGHBOUR.reachable, 0)));
  assert.ok(changed(() => table.setMac(id, 1, 2)));
  assert.ok(changed(() => table.remove(id)));
});

neighbours.run();
