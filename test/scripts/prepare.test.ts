import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Result, run } from '../support/command.ts';
import { CHECKOUT } from '../support/paths.ts';

const test = suite('scripts: requirements, installation, freshness of the build');

let directory: string;
test.before.each(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-scripts-'));
});
test.after.each(() => rmSync(directory, { recursive: true }));

/** Runs bash with the scripts' library loaded; SLUICE_ROOT and what is first in PATH lie in the test's directory. */
function withLibrary(program: string): Promise<Result> {
  const load = ['common', 'install', 'build']
    .map((name) => `. ${CHECKOUT}/scripts/lib/${name}.sh`)
    .join('\n');
  const sandbox = `SLUICE_ROOT=${directory} PATH=${directory}/bin:$PATH`;
  return run('bash', '-c', `set -euo pipefail\n${load}\n${sandbox}\n${program}`, 'the-script');
}

/** Puts a command first in PATH. */
function command(name: string, body: string): void {
  mkdirSync(join(directory, 'bin'), { recursive: true });
  writeFileSync(join(directory, 'bin', name), `#!/bin/bash\n${body}\n`);
  chmodSync(join(directory, 'bin', name), 0o755);
}

function file(path: string, ageSeconds: number): void {
  mkdirSync(join(directory, path, '..'), { recursive: true });
  writeFileSync(join(directory, path), '');
  const time = Date.now() / 1000 - ageSeconds;
  utimesSync(join(directory, path), time, time);
}

test('a Node.js that is too old: what was found, where, and what is expected', async () => {
  command('node', 'echo v18.19.1');
  const { status, stderr } = await withLibrary('require_node');
  assert.is(status, 1);
  assert.match(stderr, 'Node.js v18.19.1 found');
  assert.match(stderr, 'expected ≥ 20.19.0');
});

test('versions are compared by number, not by text', async () => {
  for (const [found, status] of [
    ['20.19.0', 0],
    ['20.20.2', 0],
    ['100.0.0', 0],
    ['20.9.0', 1],
    ['9.99.0', 1],
  ] as const) {
    assert.is((await withLibrary(`version_at_least ${found} 20.19.0`)).status, status, found);
  }
});

test('not root: says who it is', async () => {
  command('id', 'if [ "$1" = -u ]; then echo 1000; else echo alice; fi');
  const { status, stderr } = await withLibrary('require_root');
  assert.is(status, 1);
  assert.match(stderr, 'must run as root, found user alice');
});

test('commands that are there ask nothing of apt', async () => {
  command('apt-get', 'echo apt was asked >&2; exit 9');
  assert.equal(await withLibrary('ensure_commands bash cat'), { status: 0, stdout: '', stderr: '' });
});

test('missing commands: one update and one installation of their packages', async () => {
  // Its "installation" makes the commands, as a package would.
  command(
    'apt-get',
    `echo "$*" >>${directory}/asked
case " $* " in *' install '*) for c in nothing-like-it nor-this; do
  printf '#!/bin/sh\\n' >${directory}/bin/$c; chmod 755 ${directory}/bin/$c; done ;; esac`,
  );
  const { status, stderr } = await withLibrary(
    `ensure_commands cat nothing-like-it nor-this; cat ${directory}/asked >&2`,
  );
  assert.is(status, 0, stderr);
  const asked = stderr.split('\n').filter((line) => line.startsWith('-y'));
  assert.is(asked.length, 2, stderr);
  assert.match(asked[0]!, / update$/);
  assert.match(asked[1]!, / install --no-install-recommends nothing-like-it nor-this$/);
});

test('an installation that fails, or brings no such command, is told', async () => {
  command('apt-get', 'case " $* " in *" install "*) echo E: no such package; exit 100 ;; esac');
  const failed = await withLibrary('ensure_commands nothing-like-it');
  assert.is(failed.status, 1);
  assert.match(failed.stderr, 'E: no such package');
  assert.match(failed.stderr, 'could not install nothing-like-it');
  command('apt-get', 'exit 0');
  const useless = await withLibrary('ensure_commands nothing-like-it');
  assert.is(useless.status, 1);
  assert.match(useless.stderr, 'nothing-like-it still missing');
});

test('no policy of service starts is left behind, whatever apt says', async () => {
  command('apt-get', 'exit 100');
  const program =
    'install_without_starting some-package || test ! -e /usr/sbin/policy-rc.d || ls -l /usr/sbin/policy-rc.d';
  const before = (await run('ls', '/usr/sbin/policy-rc.d')).status;
  await withLibrary(program);
  assert.is((await run('ls', '/usr/sbin/policy-rc.d')).status, before);
});

test('npm packages are current while the lock file is not newer than what is installed', async () => {
  assert.is((await withLibrary('npm_is_current')).status, 1, 'nothing installed');
  file('package-lock.json', 100);
  file('node_modules/.package-lock.json', 50);
  assert.is((await withLibrary('npm_is_current')).status, 0);
  file('package-lock.json', 10);
  assert.is((await withLibrary('npm_is_current')).status, 1, 'a newer lock file');
});

test('a node_modules that is a link belongs to someone else and is let be', async () => {
  symlinkSync('/somewhere/else', join(directory, 'node_modules'));
  command('npm', 'echo npm was asked >&2; exit 9');
  assert.equal(await withLibrary('ensure_npm'), { status: 0, stdout: '', stderr: '' });
});

test('the build is current until a source changes, appears or goes', async () => {
  const sources = [
    'src/a.ts',
    'src/wire/b.ts',
    'test/c.ts',
    'tsconfig.json',
    'package-lock.json',
    'scripts/lib/bundle.mjs',
  ];
  const settle = async () => {
    for (const path of sources) file(path, 100);
    await run('find', directory, '-type', 'd', '-exec', 'touch', '-d', '-100 seconds', '{}', '+');
    file('dist/.built', 50);
  };
  await settle();
  assert.is((await withLibrary('build_is_current')).status, 0);
  for (const path of sources) {
    await settle();
    file(path, 10);
    assert.is((await withLibrary('build_is_current')).status, 1, path);
  }
  await settle();
  rmSync(join(directory, 'src/wire/b.ts'));
  assert.is((await withLibrary('build_is_current')).status, 1, 'a source that went');
  await settle();
  rmSync(join(directory, 'dist'), { recursive: true });
  assert.is((await withLibrary('build_is_current')).status, 1, 'no build');
});

test('a step shows what it runs only when that fails, and passes its status on', async () => {
  const good = await withLibrary("step 'good step' sh -c 'echo noise'");
  assert.match(good.stderr, '✓ good step');
  assert.is(good.stderr.includes('noise'), false);
  const bad = await withLibrary("step 'bad step' sh -c 'echo reason; exit 7'");
  assert.is(bad.status, 7);
  assert.match(bad.stderr, '✗ bad step');
  assert.match(bad.stderr, 'reason');
  assert.equal(await withLibrary("QUIET=1 step 'quiet step' true"), { status: 0, stdout: '', stderr: '' });
});

test('wrong usage of the demo: 2, before anything is installed or made', async () => {
  for (const [args, message] of [
    [['--hosts', '2'], 'found --hosts 2, expected 1 or 3'],
    [['--seconds', 'many'], 'found --seconds many, expected a whole number from 1'],
    [['--hosts'], 'found nothing after --hosts, expected a value'],
    [['--bogus'], "found '--bogus', expected --hosts N"],
  ] as const) {
    const { status, stderr } = await run('bash', `${CHECKOUT}/scripts/demo.sh`, ...args);
    assert.is(status, 2, stderr);
    assert.match(stderr, message);
  }
});

test.run();
