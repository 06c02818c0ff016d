// The scripts that users start with.
// timeout: 420s
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { output, run, start, until } from '../support/command.ts';
import { claimName } from '../support/host.ts';
import { CHECKOUT } from '../support/paths.ts';
import { parseAnswers, shares, WEB_SHARES } from '../support/testbed.ts';

const test = suite('e2e: scripts');

const script = (name: string) => join(CHECKOUT, 'scripts', name);
const testbed = (action: string, name: string) => run(script('testbed/testbed'), action, name);
const namespaces = async (name: string) =>
  (await output('ip', 'netns', 'list')).split('\n').filter((line) => line.startsWith(`${name}-`));

async function assertGone(name: string): Promise<void> {
  assert.equal(await namespaces(name), []);
  assert.is(existsSync(`/run/${name}/api.sock`), false);
  assert.is(existsSync(`/run/${name}-testbed`), false);
}

test('scripts/sluice passes arguments and exit status, and is quiet', async () => {
  const help = await run(script('sluice'), '--help');
  assert.is(help.status, 0, help.stderr);
  assert.match(help.stdout, 'member');
  assert.is(help.stderr, '');
  assert.is((await run(script('sluice'), 'fly')).status, 2);
  assert.is((await run(script('sluice'), 'status', '--run-dir', '/run/there-is-none')).status, 1);
});

test('three hosts come up, reach each other, and go without a trace', async () => {
  const { name, clear } = claimName();
  const hosts = (action: string) => run(script('testbed/hosts'), action, name);
  try {
    const { status, stderr } = await hosts('up');
    assert.is(status, 0, stderr);
    const curl = ['curl', '-sSf', '--max-time', '5', '-H', 'Connection: close', 'http://10.1.0.100/?[1-10]'];
    const text = await output('ip', 'netns', 'exec', `${name}-c5`, ...curl);
    assert.equal(shares(parseAnswers(text)), { s1: 1, s2: 2, s3: 1, s4: 2, s5: 1, s6: 3 });
    assert.match((await hosts('status')).stdout, /up0 +app +- +up0/);
    assert.is((await hosts('down')).status, 0);
    assert.equal(await namespaces(name), []);
    for (const directory of ['h1', 'h2', 'h3', 'testbed'])
      assert.is(existsSync(`/run/${name}-${directory}`), false, directory);
  } finally {
    await hosts('down');
    clear();
  }
});

test('testbeds come up, work side by side, and go without a trace', async () => {
  const claims = [claimName(), claimName()] as const;
  const names = [claims[0].name, claims[1].name] as const;
  try {
    for (const name of names) {
      const { status, stderr } = await testbed('up', name);
      assert.is(status, 0, stderr);
    }
    for (const name of names) {
      const curl = [
        'curl',
        '-sSf',
        '--max-time',
        '5',
        '-H',
        'Connection: close',
        'http://10.1.0.100/?[1-10]',
      ];
      const text = await output('ip', 'netns', 'exec', `${name}-c1`, ...curl);
      assert.equal(shares(parseAnswers(text)), WEB_SHARES, name);
    }
    assert.match((await testbed('status', names[0])).stdout, 'c1');

    const again = await testbed('up', names[0]);
    assert.is(again.status, 1);
    assert.match(again.stderr, `is testbed ${names[0]} up`);

    assert.is((await testbed('down', names[0])).status, 0);
    await assertGone(names[0]);
    assert.is((await namespaces(names[1])).length, 9);
    assert.is((await testbed('down', names[1])).status, 0);
    await assertGone(names[1]);
  } finally {
    for (const claim of claims) claim.clear();
  }
});

test('the demo runs, measures, and cleans up', async () => {
  const { name, clear } = claimName();
  const demo = start(script('demo.sh'), '--name', name, '--seconds', '1');
  try {
    const status = await demo.ended;
    const { stdout, stderr } = demo;
    assert.is(status, 0, stdout + stderr);
    assert.is(stdout.match(/exactly as the weights say/g)?.length, 3, stdout);
    assert.match(stdout, /show a server's own address: 0 of \d{3,}/);
    assert.is(stdout.match(/\d\.\d\d Gbit\/s/g)?.length, 4, stdout);
    assert.match(stdout, /delivered: to s\d of sl.* \(web\/s\d\)/);
    await assertGone(name);
  } finally {
    clear();
  }
});

test('the demo cleans up when it is interrupted', async () => {
  const { name, clear } = claimName();
  const demo = start('setsid', script('demo.sh'), '--name', name);
  try {
    await until('the demo to measure', () => demo.stdout.includes('Throughput'), 90_000);
    // As a terminal does: to the script and all that it runs, which setsid made a process group of their own.
    process.kill(-demo.child.pid!, 'SIGINT');
    assert.is(await demo.ended, 130, demo.stdout + demo.stderr);
    await assertGone(name);
  } finally {
    demo.child.kill('SIGKILL');
    clear();
  }
});

test('help, and what was not understood', async () => {
  for (const name of ['demo.sh', 'test.sh', 'testbed/testbed']) {
    const help = await run(script(name), '--help');
    assert.is(help.status, 0, name);
    assert.ok(help.stdout.split('\n').length > 5, help.stdout);
  }
  assert.is((await run(script('demo.sh'), '--fly')).status, 2);
  assert.is((await run(script('testbed/testbed'), 'fly')).status, 2);
  const unclear = await run(script('demo.sh'), '--seconds', 'many');
  assert.is(unclear.status, 2);
  assert.match(unclear.stderr, 'found --seconds many, expected');
});

test.run();
