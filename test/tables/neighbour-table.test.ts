/** Neighbours: entries, their re-use, and the bounded queues of frames that wait for them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BucketIndex, NONE } from '../../src/tables/bucket-index.ts';
import {
  NEIGHBOUR,
  NEIGHBOUR_WORDS,
  NeighbourTable,
  WAITING_PER_NEIGHBOUR,
  WAITING_TOTAL,
} from '../../src/tables/neighbour-table.ts';
import { addressWords } from '../support/addresses.ts';
import { Random, runs, seed } from '../support/seed.ts';

const neighbours = suite('neighbour table');

type Words = [number, number, number, number];

function tableOf(capacity: number): NeighbourTable {
  const table = new NeighbourTable(
    new Int32Array(capacity * NEIGHBOUR_WORDS),
    new Int32Array(BucketIndex.wordsNeeded(capacity)),
  );
  table.initialise();
  return table;
}

const host = (number: number): Words => [0, 0, 0xffff, 0x0a010000 + number];

neighbours('an entry is found by network and address, and begins unresolved', () => {
  const table = tableOf(8);
  const one = table.intern(1, ...addressWords('10.1.0.21'), 500);
  const two = table.intern(2, ...addressWords('10.1.0.21'), 600);
  const six = table.intern(1, ...addressWords('fd00:1::15'), 700);
  assert.is(new Set([one, two, six]).size, 3);
  assert.is(table.intern(1, ...addressWords('10.1.0.21'), 900), one);
  assert.is(table.find(2, ...addressWords('10.1.0.21')), two);
  assert.is(table.find(1, ...addressWords('fd00:1::15')), six);
  assert.is(table.find(3, ...addressWords('10.1.0.21')), NONE);
  assert.is(table.state(one), NEIGHBOUR.incomplete);
  assert.is(table.probesSent(one), 0);
  assert.is(table.changedMs(one), 500);
});

neighbours('what is set is read back, entry by entry', () => {
  const table = tableOf(3);
  const ids = [0, 1, 2].map((i) => table.intern(1, ...host(i), 0));
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

neighbours('any sequence of entries, states and removals agrees with a Map', () => {
  const random = new Random(seed, 1);
  const capacity = 24;
  const table = tableOf(capacity);
  const twin = new Map<string, { id: number; state: number }>();
  const busy = (state: number): boolean => state === NEIGHBOUR.fixed || state === NEIGHBOUR.incomplete;
  let evicted = 0;
  let refused = 0;
  for (let step = 0; step < runs(60_000); step++) {
    const network = random.below(2);
    const words = host(random.below(40));
    const text = `${network} ${words.join(' ')}`;
    const known = twin.get(text);
    assert.is(table.find(network, ...words), known?.id ?? NONE);
    const action = random.below(10);
    if (action < 5) {
      const id = table.intern(network, ...words, step);
      if (known !== undefined) assert.is(id, known.id);
      else if (id === NONE) {
        assert.is(twin.size, capacity, 'refused only when full');
        assert.ok(
          [...twin.values()].every(({ state }) => busy(state)),
          'refused only when all are busy',
        );
        refused++;
      } else {
        for (const [other, entry] of twin) {
          if (entry.id !== id) continue;
          assert.not(busy(entry.state), 'a busy entry was evicted');
          twin.delete(other);
          evicted++;
        }
        twin.set(text, { id, state: NEIGHBOUR.incomplete });
        assert.is(table.state(id), NEIGHBOUR.incomplete);
        assert.is(table.macLow(id), 0, 'nothing of the former owner');
      }
    } else if (known !== undefined && action < 8) {
      // Mostly busy states at times, so that the table refuses as well.
      const isTight = step % 10_000 < 5_000;
      known.state = isTight ? random.pick([1, 5, 5, 5, 2]) : random.pick([1, 2, 3, 4, 5]);
      table.setState(known.id, known.state, step);
      table.setMac(known.id, 0x0200, 1 + step);
    } else if (known !== undefined && action === 8) {
      table.remove(known.id);
      twin.delete(text);
      assert.is(table.state(known.id), NEIGHBOUR.free);
      table.remove(known.id);
    }
    assert.ok(table.highWater <= capacity);
  }
  assert.ok(evicted > 100 && refused > 100, `${evicted} evicted, ${refused} refused`);
});

neighbours('a full table gives up any entry that is not busy, wherever it stands', () => {
  const capacity = 1_024;
  for (const place of [0, 500, capacity - 1]) {
    const table = tableOf(capacity);
    for (let i = 0; i < capacity; i++) {
      const id = table.intern(1, ...host(i), 0);
      table.setState(id, i === place ? NEIGHBOUR.reachable : NEIGHBOUR.fixed, 0);
    }
    assert.is(
      table.intern(1, ...host(capacity), 0),
      place,
      `entry ${place} of ${capacity} is the only one to give up`,
    );
    assert.is(table.find(1, ...host(place)), NONE);
  }
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
  const one = table.intern(1, ...host(1), 0);
  const two = table.intern(1, ...host(2), 0);
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

neighbours('and up to a bound in all', () => {
  const table = tableOf(64);
  const perNeighbour = WAITING_PER_NEIGHBOUR;
  const full = WAITING_TOTAL / perNeighbour;
  const ids = Array.from({ length: full + 1 }, (_, i) => table.intern(1, ...host(i), 0));
  for (let i = 0; i < WAITING_TOTAL; i++)
    assert.ok(table.enqueue(ids[i % full], i, i, i, 0, false), `frame ${i}`);
  assert.not(table.enqueue(ids[full], 0, 0, 0, 0, false));
  drain(table, ids[3]);
  for (let i = 0; i < perNeighbour; i++) assert.ok(table.enqueue(ids[full], i, i, i, 0, false));
  assert.not(table.enqueue(ids[3], 0, 0, 0, 0, false));
});

neighbours('any sequence of waiting and leaving agrees with lists', () => {
  const random = new Random(seed, 2);
  const table = tableOf(32);
  const lists = new Map<number, number[][]>();
  for (let i = 0; i < 32; i++) lists.set(table.intern(1, ...host(i), 0), []);
  let total = 0;
  let refused = 0;
  for (let step = 0; step < runs(60_000); step++) {
    const id = random.below(32);
    const list = lists.get(id) ?? [];
    if (random.chance(step % 4_000 < 2_000 ? 70 : 40)) {
      const isFull = total === WAITING_TOTAL || list.length === WAITING_PER_NEIGHBOUR;
      assert.is(table.enqueue(id, step, step + 1, step + 2, step & 7, (step & 1) === 1), !isFull);
      if (isFull) refused++;
      else {
        list.push([step, step + 1, step + 2, step & 7]);
        total++;
      }
    } else if (random.chance(95)) {
      const entry = table.dequeue(id);
      const expected = list.shift();
      assert.is(entry === 0, expected === undefined);
      if (expected === undefined) continue;
      total--;
      assert.is(table.waitingSlot[entry], expected[0]);
      assert.is(table.waitingPort[entry], expected[3]);
      assert.is(table.waitingRouted[entry], expected[0] & 1, 'whether it had passed the router');
    } else {
      assert.equal(drain(table, id), list);
      total -= list.length;
      list.length = 0;
    }
  }
  for (const [id, list] of lists) assert.equal(drain(table, id), list);
  assert.ok(refused > 0, 'the bounds were met');
});

neighbours('changes of state and MAC are told by the change counter', () => {
  const table = tableOf(2);
  const id = table.intern(1, ...host(1), 0);
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
