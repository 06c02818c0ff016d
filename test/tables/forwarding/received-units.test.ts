/** Which parts of a datagram have been seen, against a list of ranges. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  DUPLICATE,
  FRESH,
  MAX_UNITS,
  OVERLAP,
  ReceivedUnits,
  UNIT_WORDS,
} from '../../../src/tables/forwarding/received-units.ts';
import { check } from '../../support/seed.ts';

const seen = suite('received units');

type Range = readonly [from: number, to: number];

const range = (most: number): fc.Arbitrary<Range> =>
  fc
    .tuple(fc.integer({ min: 0, max: most - 1 }), fc.integer({ min: 1, max: most }))
    .map(([from, length]) => [from, Math.min(most, from + length)]);

/** Ranges that meet often: within a few words, or anywhere. */
const ranges = fc.oneof(
  fc.array(range(70), { maxLength: 40 }),
  fc.array(range(MAX_UNITS), { maxLength: 20 }),
  fc.array(
    fc.integer({ min: 0, max: 255 }).map((i): Range => [i * 32, (i + 1) * 32]),
    { maxLength: 40 },
  ),
);

function naive(known: readonly Range[], [from, to]: Range): number {
  const rivals = known.filter((other) => other[0] < to && from < other[1]);
  if (rivals.length === 0) return FRESH;
  return rivals.length === 1 && rivals[0][0] === from && rivals[0][1] === to ? DUPLICATE : OVERLAP;
}

seen('fresh, repeated and overlapping ranges are told apart, in any order', () => {
  check(
    fc.property(ranges, (list) => {
      const units = new ReceivedUnits(new Int32Array(3 * UNIT_WORDS));
      const known: Range[] = [];
      for (const one of list) {
        const expected = naive(known, one);
        assert.is(units.add(1, one[0], one[1]), expected, `${one} after ${known.join(' ')}`);
        if (expected === FRESH) known.push(one);
      }
    }),
    2_000,
  );
});

seen('datagrams do not touch each other, and one that is cleared leaves nothing behind', () => {
  check(
    fc.property(fc.array(range(MAX_UNITS), { minLength: 1, maxLength: 10 }), (list) => {
      const words = new Int32Array(3 * UNIT_WORDS);
      const units = new ReceivedUnits(words);
      units.add(0, 0, MAX_UNITS);
      units.add(2, 0, MAX_UNITS);
      const others = words.slice();
      let highest = 0;
      for (const [from, to] of list) if (units.add(1, from, to) === FRESH) highest = Math.max(highest, to);
      units.clear(1, highest);
      assert.equal(words, others);
    }),
  );
});

seen.run();
