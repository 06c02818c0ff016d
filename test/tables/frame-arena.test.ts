import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  FRAME_HEADROOM_BYTES,
  FrameArena,
  MAX_FRAME_BYTES,
  NO_SLOT,
  SLOT_BYTES,
} from '../../src/tables/frame-arena.ts';

const test = suite('frame arena');

const arenaOf = (slotCount: number) => new FrameArena(new ArrayBuffer(slotCount * SLOT_BYTES), slotCount);

test('a slot holds a 64 KB GSO frame with its Ethernet header behind the headroom', () => {
  assert.ok(MAX_FRAME_BYTES >= 65_535 + 14);
  assert.is(SLOT_BYTES % 64, 0);
  assert.is.not(SLOT_BYTES % 4096, 0, 'slots must not all start on the same cache sets');
});

test('frames of different slots do not overlap and lie inside the memory', () => {
  const arena = arenaOf(3);
  const offsets = [0, 1, 2].map((slot) => arena.frameOffset(slot));
  assert.equal(offsets, [
    FRAME_HEADROOM_BYTES,
    SLOT_BYTES + FRAME_HEADROOM_BYTES,
    2 * SLOT_BYTES + FRAME_HEADROOM_BYTES,
  ]);
  assert.is(offsets[2]! + MAX_FRAME_BYTES, arena.bytes.length);
});

test('memory that is too small is refused, with what was given and what is needed', () => {
  assert.throws(
    () => new FrameArena(new ArrayBuffer(SLOT_BYTES), 2),
    (error: Error) =>
      error instanceof RangeError &&
      error.message.includes(`${SLOT_BYTES} bytes given`) &&
      error.message.includes(`${2 * SLOT_BYTES} needed`),
  );
});

test('an empty arena hands out NO_SLOT, and goes on when a slot comes home', () => {
  const arena = arenaOf(2);
  const first = arena.take();
  const second = arena.take();
  assert.is(arena.take(), NO_SLOT);
  arena.release(first);
  assert.is(arena.take(), first);
  assert.is(arena.take(), NO_SLOT);
  arena.release(second);
  assert.is(arena.freeCount, 1);
});

test('the slot released last, still in the cache, is taken first', () => {
  const arena = arenaOf(4);
  const slots = [arena.take(), arena.take(), arena.take()];
  for (const slot of slots) arena.release(slot);
  assert.is(arena.take(), slots[2]);
});

test('a slot is free only after its last reference', () => {
  const arena = arenaOf(1);
  const slot = arena.take();
  arena.retain(slot);
  arena.retain(slot);
  arena.release(slot);
  arena.release(slot);
  assert.is(arena.referencesOf(slot), 1);
  assert.is(arena.take(), NO_SLOT);
  arena.release(slot);
  assert.is(arena.take(), slot);
});

test('any sequence of take, retain and release agrees with a Map of counts', () => {
  const operations = fc.array(fc.tuple(fc.constantFrom('take', 'retain', 'release'), fc.nat()), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), operations, (slotCount, steps) => {
      const arena = arenaOf(slotCount);
      const counts = new Map<number, number>();
      for (const [operation, random] of steps) {
        const held = [...counts.keys()];
        const slot = held[random % held.length];
        if (operation === 'take') {
          const taken = arena.take();
          assert.is(taken === NO_SLOT, held.length === slotCount);
          if (taken === NO_SLOT) continue;
          assert.is(counts.has(taken), false, `slot ${taken} was handed out twice`);
          assert.ok(taken >= 0 && taken < slotCount);
          counts.set(taken, 1);
        } else if (slot !== undefined) {
          const count = counts.get(slot)! + (operation === 'retain' ? 1 : -1);
          if (operation === 'retain') arena.retain(slot);
          else arena.release(slot);
          if (count === 0) counts.delete(slot);
          else counts.set(slot, count);
        }
        assert.is(arena.freeCount, slotCount - counts.size);
        for (const [heldSlot, count] of counts) assert.is(arena.referencesOf(heldSlot), count);
      }
    }),
    { numRuns: 200 },
  );
});

test.run();
