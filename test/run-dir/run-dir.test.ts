import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NotOurs } from '../../src/run-dir/own-files.ts';
import { identityOf, isRunning } from '../../src/run-dir/process-identity.ts';
import { AlreadyRunning, RunDir } from '../../src/run-dir/run-dir.ts';

const test = suite('run directory');

const NOBODY = 65_534;
/** Runs a command as another local user. */
const asNobody = (...command: string[]): string =>
  execFileSync(
    'setpriv',
    ['--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups', '--', ...command],
    {
      encoding: 'utf8',
    },
  );
const refused = (work: () => unknown, expected: RegExp): void => {
  try {
    work();
  } catch (error) {
    assert.instance(error, NotOurs);
    assert.match((error as Error).message, expected);
    return;
  }
  assert.unreachable();
};

let base: string;
let runDir: RunDir;
test.before.each(() => {
  base = mkdtempSync(join(tmpdir(), 'sluice-run-dir-'));
  runDir = new RunDir(join(base, 'run'));
});
test.after.each(() => rmSync(base, { recursive: true, force: true }));

test('a process is known by id and start time together', () => {
  const self = identityOf(process.pid)!;
  assert.ok(isRunning(self));
  assert.not.ok(isRunning({ ...self, startTicks: self.startTicks - 1 }), 'an earlier process of that id');
  assert.is(identityOf(4_194_305), undefined, 'beyond the largest process id');
});

test('a process that has ended and was not waited for yet does not run', async () => {
  // The shell starts a child that ends at once, and becomes a sleep that never waits for it.
  const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 20'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
    const zombie = Number(line.toString());
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.ok(existsSync(`/proc/${zombie}`), 'the test needs a zombie');
    assert.is(identityOf(zombie), undefined);
  } finally {
    parent.kill();
  }
});

test('it is made for its owner alone, and removed only when empty', () => {
  runDir.create();
  assert.is(statSync(runDir.path).mode & 0o777, 0o700);
  writeFileSync(runDir.logFile, '');
  runDir.removeIfEmpty();
  assert.ok(existsSync(runDir.path));
  rmSync(runDir.logFile);
  runDir.removeIfEmpty();
  assert.not.ok(existsSync(runDir.path));
  runDir.removeIfEmpty();
});

test('a directory that exists keeps its mode; a file in its place is an error', () => {
  assert.is(new RunDir(base).path, base);
  const before = statSync(base).mode;
  new RunDir(base).create();
  assert.is(statSync(base).mode, before);
  writeFileSync(runDir.path, '');
  assert.throws(() => runDir.create(), /EEXIST/);
});

test('a directory that another user has made beforehand is refused before anything in it is believed', async () => {
  chmodSync(base, 0o777);
  asNobody('mkdir', '-m', '755', runDir.path);
  asNobody('sh', '-c', `echo 1 > ${runDir.pidFile}`);
  refused(
    () => runDir.create(),
    /run: found user 65534 as its owner, expected 0: remove it, or choose another/,
  );
  refused(() => runDir.running(), /found user 65534/);
  await runDir.acquire().then(
    () => assert.unreachable(),
    (error) => assert.instance(error, NotOurs),
  );
  assert.is(readFileSync(runDir.pidFile, 'utf8'), '1\n');
});

test('a link of another user to a directory of ours is refused', () => {
  chmodSync(base, 0o777);
  mkdirSync(join(base, 'ours'), { mode: 0o700 });
  asNobody('ln', '-s', join(base, 'ours'), runDir.path);
  refused(() => runDir.create(), /found user 65534/);
  rmSync(runDir.path);
  symlinkSync(join(base, 'ours'), runDir.path);
  runDir.create();
});

test('a directory, pid or lock file that others may write to is refused', async () => {
  runDir.create();
  for (const mode of [0o770, 0o707, 0o1777]) {
    chmodSync(runDir.path, mode);
    refused(() => runDir.create(), /found mode .*, expected one without write access for group and others/);
  }
  chmodSync(runDir.path, 0o755);
  const self = identityOf(process.pid)!;
  writeFileSync(runDir.pidFile, `${self.pid}\n${self.startTicks}\nnow\n`);
  assert.is(runDir.running()?.pid, process.pid);
  chmodSync(runDir.pidFile, 0o666);
  refused(() => runDir.running(), /pid: found mode 0666/);
  chmodSync(runDir.pidFile, 0o600);
  chownSync(runDir.pidFile, NOBODY, NOBODY);
  refused(() => runDir.running(), /pid: found user 65534/);
  rmSync(runDir.pidFile);
  symlinkSync('/etc/passwd', runDir.pidFile);
  refused(() => runDir.running(), /pid: found a symbolic link/);
  rmSync(runDir.pidFile);
  writeFileSync(runDir.lockFile, '', { mode: 0o600 });
  chownSync(runDir.lockFile, NOBODY, NOBODY);
  await runDir.acquire().then(
    () => assert.unreachable(),
    (error) => assert.instance(error, NotOurs),
  );
});

test('another user cannot hold the lock', async () => {
  runDir.create();
  assert.throws(() => asNobody('flock', '-n', runDir.lockFile, 'true'), /Permission denied|Command failed/);
  const lock = await runDir.acquire();
  assert.throws(() => asNobody('flock', '-n', runDir.lockFile, 'true'), /Permission denied|Command failed/);
  lock.release();
  assert.not.ok(existsSync(runDir.lockFile));
});

test('a process whose files have been removed is found by the lock that it holds', async () => {
  runDir.create();
  const holder = spawn('flock', [runDir.lockFile, 'sleep', '30'], { stdio: 'ignore' });
  try {
    while (!existsSync(runDir.lockFile) || runDir.running() === undefined)
      await new Promise((resolve) => setTimeout(resolve, 20));
    rmSync(runDir.path, { recursive: true });
    assert.is(runDir.running()?.pid, holder.pid);
    runDir.create();
    await runDir.acquire().then(
      () => assert.unreachable(),
      (error) => {
        assert.instance(error, AlreadyRunning);
        assert.is((error as Error).message, `already running: pid ${holder.pid}`);
      },
    );
  } finally {
    holder.kill('SIGKILL');
    await once(holder, 'exit');
  }
});

test('who holds it is told, and it is free again after release', async () => {
  runDir.create();
  assert.is(runDir.running(), undefined);
  const lock = await runDir.acquire();
  const { pid, startedAt } = runDir.running()!;
  assert.is(pid, process.pid);
  assert.is(startedAt, lock.startedAt);
  try {
    await new RunDir(runDir.path).acquire();
    assert.unreachable();
  } catch (error) {
    assert.instance(error, AlreadyRunning);
    assert.is((error as Error).message, `already running: pid ${process.pid} since ${startedAt}`);
  }
  lock.release();
  assert.is(runDir.running(), undefined);
  (await runDir.acquire()).release();
});

test('of many that want it at the same moment one gets it', async () => {
  runDir.create();
  const tries = Array.from({ length: 20 }, () => new RunDir(runDir.path).acquire());
  const outcomes = await Promise.allSettled(tries);
  const locks = outcomes.filter((outcome) => outcome.status === 'fulfilled');
  assert.is(locks.length, 1);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') assert.instance(outcome.reason, AlreadyRunning);
    else outcome.value.release();
  }
});

test('another way to write the same path is the same directory', async () => {
  runDir.create();
  const lock = await runDir.acquire();
  rmSync(runDir.pidFile); // so that only the lock tells
  try {
    await new RunDir(join(base, '.', 'x', '..', 'run')).acquire();
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /^already starting or stopping: another process uses /);
  }
  lock.release();
});

test("a pid file whose process is gone, or whose number another process has now, doesn't stand in the way", async () => {
  runDir.create();
  const self = identityOf(process.pid)!;
  for (const left of [
    '4194305\n1\nlong ago\n',
    `${self.pid}\n${self.startTicks - 1}\nbefore\n`,
    '',
    'garbage',
  ]) {
    writeFileSync(runDir.pidFile, left);
    assert.is(runDir.running(), undefined, left);
    const lock = await runDir.acquire();
    assert.match(
      readFileSync(runDir.pidFile, 'utf8'),
      new RegExp(`^${self.pid}\n${self.startTicks}\n20.*Z\n$`),
    );
    lock.release();
  }
});

test('the tables lie in RAM, under a name that belongs to the directory', () => {
  runDir.create();
  const shm = new RunDir(mkdtempSync('/dev/shm/sluice-run-dir-'));
  try {
    assert.is(shm.tablesFile, join(shm.path, 'tables'));
  } finally {
    rmSync(shm.path, { recursive: true });
  }
  const other = new RunDir(join(base, 'other'));
  other.create();
  assert.is.not(runDir.tablesFile, other.tablesFile);
});

test.run();
