import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DEBUG, debugAssert } from '../../../src/tables/common/debug.ts';

const bundle = suite('the bundle of the datapath thread');

bundle('has no debug assertions, which run elsewhere', () => {
  assert.is(DEBUG, true);
  assert.throws(() => debugAssert(false, 'one'), 'debug assertion: one');
  const url = new URL('../../../src/host/thread/worker.bundle.js', import.meta.url);
  const text = readFileSync(url, 'utf8');
  assert.ok(text.includes('class ConnectionTracking'), 'the datapath is in the bundle');
  for (const word of ['debugAssert', 'debug assertion', 'DEBUG']) assert.not.ok(text.includes(word), word);
});

bundle.run();
