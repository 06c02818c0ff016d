// The README's first steps, as they stand there, in namespaces of their own; nothing outlives them.
// timeout: 400s
// serial
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { blocksOf, runAlone } from './word-by-word.ts';

const test = suite('README');

test('the first steps work, word by word', () => {
  const { status, text } = runAlone(blocksOf('README.md', 'First steps')[0]!, 360_000);
  assert.is(status, 0, text);
  assert.match(text, 'examples/one-host.yaml: ok');
  assert.match(text, /sluice h1: 3 ports, 1 group/);
  assert.match(text, 'Directory listing');
  assert.match(text, /app2 .*active/);
});

test.run();
