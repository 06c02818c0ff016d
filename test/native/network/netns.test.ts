import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { namespaceExists, namespacePath, withNamespace } from '../../../src/native/network/netns.ts';

const test = suite('netns');

const name = `slt-${process.pid}-netns`;
const here = () => readlinkSync('/proc/thread-self/ns/net');

test.before(() => {
  execFileSync('ip', ['netns', 'add', name]);
});
test.after(() => {
  execFileSync('ip', ['netns', 'del', name]);
});

test('work runs inside, and the thread comes back', () => {
  const before = here();
  const inside = withNamespace(namespacePath(name), here);
  assert.is.not(inside, before);
  assert.is(here(), before);
});

test('the thread comes back when the work throws', () => {
  const before = here();
  assert.throws(
    () =>
      withNamespace(namespacePath(name), () => {
        throw new Error('work failed');
      }),
    /work failed/,
  );
  assert.is(here(), before);
});

test('asynchronous work is refused', () => {
  assert.throws(() => withNamespace(namespacePath(name), async () => 1), /asynchronous/);
});

test('a namespace that does not exist, a file that is none, a name that cannot be one', () => {
  assert.is(namespaceExists(name), true);
  assert.is(namespaceExists(`${name}-absent`), false);
  assert.throws(() => withNamespace(namespacePath(`${name}-absent`), here), /ENOENT/);
  assert.throws(() => withNamespace('/proc/self/status', here), /setns to \/proc\/self\/status: EINVAL/);
  for (const wrong of ['', '.', '..', 'a/b'])
    assert.throws(() => namespacePath(wrong), /expected a file name/);
});

test.run();
