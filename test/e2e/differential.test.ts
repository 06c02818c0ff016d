// The scenes of test/differential, played with Sluice and with the kernel: every difference is known and explained.
// timeout: 240s
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compareAll, problemsOf, TABLE_FILE, tableText } from '../differential/table.ts';

const test = suite('e2e: differential');

test('the same scenes with Sluice and with the kernel; native-notes/differential.md tells the differences', async () => {
  const comparisons = await compareAll();
  assert.equal(problemsOf(comparisons), []);
  assert.fixture(tableText(comparisons), readFileSync(TABLE_FILE, 'utf8'));
});

test.run();
