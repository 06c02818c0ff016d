// What the commands' own tests (test/e2e) cannot see: races, leftovers, a datapath that dies.
// timeout: 120s
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Status } from '../../src/api/shapes.ts';
import { down } from '../../src/process/down.ts';
import { up } from '../../src/process/up.ts';
import { RunDir } from '../../src/run-dir/run-dir.ts';
import { quietly, sleep, TestRun } from '../support/host-processes.ts';

const test = suite('life cycle');

const TWO = [
  { name: 'a', address: '10.1.0.11' },
  { name: 'b', address: '10.1.0.12' },
];

let run: TestRun;
let count = 0;
test.before.each(() => {
  run = new TestRun(`l${++count}`);
});
test.after.each(() => run.close());

const upDetached = () =>
  quietly(() => up({ configPath: run.configPath, runDir: run.runDir, detach: true, replace: false }));

test('of several ups at the same moment one succeeds, and the others leave it alone', async () => {
  run.configure(TWO);
  const { result, stdout, stderr } = await quietly(() =>
    Promise.all(
      Array.from({ length: 4 }, () =>
        up({ configPath: run.configPath, runDir: run.runDir, detach: true, replace: false }),
      ),
    ),
  );
  assert.equal(result.sort(), [0, 1, 1, 1]);
  assert.match(stdout, /^sluice h1: 2 ports, 0 groups, engine (uring|syscall), pid \d+\n$/);
  assert.is(stderr.match(/sluice: already (running|starting)/g)?.length, 3, stderr);
  run.ping('a', '10.1.0.12');
});

test('a run directory that was made goes with the host if nothing is in it', async () => {
  run.configure(TWO);
  const host = await run.start();
  assert.ok(existsSync(join(run.runDir, 'state.json')));
  host.kill('SIGTERM');
  assert.equal(await once(host, 'exit'), [0, null]);
  assert.not.ok(existsSync(run.runDir), 'no log was written into it');
  assert.equal(run.namespaces(), []);
});

test('after a kill -9 the namespaces that are wanted again keep their processes; the others go', async () => {
  run.configure(TWO);
  const host = await run.start();
  const vm = spawn('ip', ['netns', 'exec', run.netns('a'), 'sleep', '100'], { stdio: 'ignore' });
  host.kill('SIGKILL');
  await once(host, 'exit');
  assert.equal(run.namespaces(), ['a', 'b']);
  const tables = readdirSync('/dev/shm').filter((name) => name.startsWith('sluice-'));
  run.configure([TWO[0]!, { name: 'c', address: '10.1.0.13' }]);
  const { result, stderr } = await upDetached();
  assert.is(result, 0, stderr);
  assert.equal(run.namespaces(), ['a', 'c']);
  run.ping('a', '10.1.0.13');
  assert.is(vm.exitCode, null);
  assert.is((await quietly(() => down({ runDir: run.runDir }))).result, 0);
  assert.equal(run.namespaces(), []);
  const left = readdirSync('/dev/shm').filter((name) => tables.includes(name));
  assert.ok(left.length < tables.length || tables.length === 0, 'the table file is gone');
  vm.kill();
});

test('a run directory of another user: neither up nor down believes its files, or deletes what they name', async () => {
  run.configure(TWO);
  const victim = join(run.directory, 'victim');
  mkdirSync(victim);
  chmodSync(run.directory, 0o777);
  const state = JSON.stringify({ namespaces: [], files: [], directories: [victim] });
  const make = `mkdir ${run.runDir} && cat > ${run.runDir}/state.json`;
  execFileSync(
    'setpriv',
    ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--', 'sh', '-c', make],
    {
      input: state,
    },
  );
  const started = await upDetached();
  assert.is(started.result, 1);
  assert.match(started.stderr, /run: found user 65534 as its owner, expected 0/);
  // With that user's rights, and not even with these what Sluice does not make.
  const stopped = await quietly(() => down({ runDir: run.runDir }));
  assert.match(stopped.stderr, /found ".*victim", which Sluice does not make; it is left alone/);
  assert.ok(existsSync(victim));
  assert.is(process.geteuid!(), 0);
  rmSync(run.runDir, { recursive: true, force: true });
});

test('a host whose run directory has been removed is stopped by down, and nothing is left', async () => {
  run.configure(TWO);
  const host = await run.start();
  const exit = once(host, 'exit');
  rmSync(run.runDir, { recursive: true });
  // The check of the configuration finds its interfaces, or else the run directory its process.
  assert.is.not((await upDetached()).result, 0);
  assert.is(new RunDir(run.runDir).running()?.pid, host.pid);
  const { result, stderr } = await quietly(() => down({ runDir: run.runDir }));
  assert.is(result, 0, stderr);
  assert.equal(await exit, [0, null]);
  assert.equal(run.namespaces(), []);
  assert.ok(
    !existsSync(run.runDir) || readdirSync(run.runDir).join() === 'sluice.log',
    'a log of the second up',
  );
});

test('an empty state.json keeps neither up nor down from their work', async () => {
  run.configure(TWO);
  mkdirSync(run.runDir, { mode: 0o700 });
  writeFileSync(join(run.runDir, 'state.json'), '');
  const { result, stderr } = await upDetached();
  assert.is(result, 0, stderr);
  assert.match(
    readFileSync(join(run.runDir, 'sluice.log'), 'utf8'),
    /warn {2}.*state\.json is empty: set aside/,
  );
  assert.is((await quietly(() => down({ runDir: run.runDir }))).result, 0);
  writeFileSync(join(run.runDir, 'state.json'), '');
  const second = await quietly(() => down({ runDir: run.runDir }));
  assert.is(second.result, 0);
  assert.match(second.stderr, /state\.json is empty: set aside/);
});

test('a configuration that cannot be used: 2, its problems, and no run directory', async () => {
  run.configure([{ name: 'a', address: '10.9.0.1' }]);
  const { result, stdout, stderr } = await upDetached();
  assert.is(result, 2);
  assert.is(stdout, '');
  assert.match(stderr, /config\.yaml:1: ports\[0\]\.addresses\[0\]: found "10\.9\.0\.1\/24"/);
  assert.not.ok(existsSync(run.runDir));
});

test('a host process that is killed while it starts does not leave its up waiting', async () => {
  run.configure(Array.from({ length: 20 }, (_, i) => ({ name: `p${i}`, address: `10.1.0.${20 + i}` })));
  const starting = upDetached();
  while (run.namespaces().length < 3) await sleep(5);
  process.kill(hostPidOf(run.configPath), 'SIGKILL');
  const { result, stderr } = await starting;
  assert.is(result, 1);
  assert.match(stderr, /^sluice: the process ended with signal SIGKILL; the end of .*sluice\.log:/m);
  const cleared = await quietly(() => down({ runDir: run.runDir }));
  assert.is(cleared.result, 0, cleared.stderr);
  assert.equal(run.namespaces(), []);
});

for (const [bug, reason] of [
  ['ends', /fatal the datapath has ended, and the host with it: it ended with code 1/],
  ['throws', /fatal the process has failed\nError: a bug on the main thread/],
] as const) {
  test(`after a bug (${bug}) VMs and interfaces stay, as after a kill, and the next up goes on`, async () => {
    run.configure(TWO);
    process.env.DYING_HOST = bug;
    const host = run.spawn('dist/test/process/dying-host.js');
    delete process.env.DYING_HOST;
    let log = '';
    host.stderr!.on('data', (chunk) => {
      log += chunk;
    });
    assert.equal(await once(host, 'exit'), [1, null]);
    assert.match(log, reason);
    assert.match(log, 'all state is left for the next process');
    assert.equal(run.namespaces(), ['a', 'b']);
    await run.start();
    run.ping('a', '10.1.0.12');
  });
}

test('SIGHUP reloads the file that it was started with; a wrong one changes nothing', async () => {
  run.configure(TWO);
  const host = await run.start();
  const status = async () => (await run.api<Status>('GET', '/v1/status')).body;
  run.configure([...TWO, { name: 'c', address: '10.1.0.13' }]);
  host.kill('SIGHUP');
  for (let tries = 0; (await status()).ports !== 3; tries++) {
    assert.ok(tries < 100, 'reloaded');
    await sleep(20);
  }
  run.ping('a', '10.1.0.13');
  const { revision } = await status();
  run.configure([{ name: 'a', address: '10.9.0.1' }]);
  host.kill('SIGHUP');
  await sleep(300);
  assert.is((await status()).revision, revision);
  assert.is((await status()).ports, 3);
});

test('down over the API answers first', async () => {
  run.configure(TWO);
  const host = await run.start();
  const ended = once(host, 'exit');
  assert.equal(await run.api('POST', '/v1/down'), { status: 200, body: {} });
  assert.equal(await ended, [0, null]);
  assert.equal(run.namespaces(), []);
});

function hostPidOf(configPath: string): number {
  const isHost = (pid: string): boolean => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words.some((word) => word.endsWith('host-main.js')) && words.includes(configPath);
    } catch {
      return false;
    }
  };
  return Number(readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && isHost(pid)));
}

test.run();
