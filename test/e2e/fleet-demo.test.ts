// scripts/demo.sh --hosts 3, as a user runs it.
// timeout: 300s
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { output, run, start } from '../support/command.ts';
import { claimName } from '../support/host.ts';
import { CHECKOUT } from '../support/paths.ts';

const test = suite('e2e: the demo of three hosts');

const DEMO = join(CHECKOUT, 'scripts/demo.sh');

test('flows follow weights on every host, weights follow the load, and nothing is left behind', async () => {
  const { name, clear } = claimName();
  const demo = start(DEMO, '--hosts', '3', '--name', name);
  try {
    const status = await demo.ended;
    const { stdout, stderr } = demo;
    assert.is(status, 0, stdout + stderr);
    assert.is(stdout.match(/exactly as the weights say/g)?.length, 5, stdout);
    assert.match(stdout, /c5 again, with h3 back: s1 10 {2}s2 20 {2}s3 10 {2}s4 20 {2}s5 10 {2}s6 0/);
    assert.not.match(await output('ip', 'netns', 'list'), name);
    for (const host of ['h1', 'h2', 'h3']) assert.not.ok(existsSync(`/run/${name}-${host}`), host);
  } finally {
    clear();
  }
});

test('it shows one host or three', async () => {
  const { status, stderr } = await run(DEMO, '--hosts', '2');
  assert.is(status, 2);
  assert.match(stderr, /found --hosts 2, expected 1 or 3/);
});

test.run();
