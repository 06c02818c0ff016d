import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseSummary, problemOf } from './summary.ts';

const test = suite('runner: summary');

const block = (total: number, passed: number, skipped: number) =>
  `• • \n\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1.20ms\n\n`;

test('reads the one summary, wherever other output stands', () => {
  assert.equal(parseSummary(`log\n${block(12, 11, 3)}late log\n`), { total: 12, passed: 11, skipped: 3 });
});

test('no summary, half a summary and two summaries are none', () => {
  for (const output of ['', '  Total:     3\n  Passed:    3\n', block(1, 1, 0) + block(1, 1, 0)]) {
    assert.type(parseSummary(output), 'string');
  }
});

test('only exit status 0 with every one of at least one test passed is good', () => {
  const ok = 'exit status 0';
  assert.is(problemOf({ total: 3, passed: 3, skipped: 2 }, ok), null);
  assert.match(problemOf({ total: 3, passed: 3, skipped: 0 }, 'exit status 1')!, 'exit status 1');
  assert.match(problemOf({ total: 3, passed: 3, skipped: 0 }, 'killed by SIGSEGV')!, 'SIGSEGV');
  assert.match(problemOf({ total: 3, passed: 2, skipped: 1 }, ok)!, '2 of 3');
  assert.match(problemOf({ total: 0, passed: 0, skipped: 5 }, ok)!, 'no test ran');
  assert.match(problemOf('0 summaries', ok)!, '0 summaries');
});

test.run();
