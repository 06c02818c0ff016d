import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pairedRatios, spreadOf } from './statistics.ts';

const statistics = suite('bench statistics');

statistics('median, least and greatest; nulls do not count', () => {
  assert.equal(spreadOf([3, null, 1, 2]), { median: 2, min: 1, max: 3, count: 3 });
  assert.equal(spreadOf([10, 9]), { median: 9.5, min: 9, max: 10, count: 2 });
  assert.is(spreadOf([null, null]), null);
  assert.is(spreadOf([]), null);
});

statistics('the median leaves as many values below as above', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 }), (values) => {
      const { median } = spreadOf(values)!;
      const below = values.filter((value) => value < median).length;
      const above = values.filter((value) => value > median).length;
      assert.ok(below <= values.length / 2 && above <= values.length / 2);
    }),
  );
});

statistics('ratios pair the rounds, so that a machine of varying speed does not show', () => {
  assert.equal(pairedRatios([10, 5, 20], [20, 10, 40]), [0.5, 0.5, 0.5]);
  assert.equal(pairedRatios([10, null, 20, 4], [5, 10, null, 0]), [2, null, null, null]);
  assert.equal(pairedRatios([1, 2], []), [null, null]);
});

statistics.run();
