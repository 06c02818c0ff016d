// The scenes of test/differential, played with Sluice, with the kernel and with Open vSwitch: every difference is known and explained.
// timeout: 360s
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compareAll, problemsOf, TABLE_FILE, tableText } from '../differential/table.ts';

const test = suite('e2e: differential');

test('the same scenes with Sluice, the kernel and Open vSwitch; native-notes/differential.md tells the differences', async () => {
  const comparisons = await compareAll();
  assert.equal(problemsOf(comparisons), []);
  assert.fixture(tableText(comparisons), readFileSync(TABLE_FILE, 'utf8'));
});

test.run();
