/** Builds of other revisions, in a repository made for it: its `scripts/sluice` notes each call in the file `calls`. */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildRevision, removeRevisions } from './against.ts';
import { UsageError } from './options.ts';

const against = suite('bench: builds of other revisions');

const say = (): void => {};

interface Repository {
  readonly root: string;
  git(...args: string[]): string;
}

/** Two commits, the first of them tagged `old`: it has another lock file. */
function repository(): Repository {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-against-')));
  const identity = [
    '-c',
    'user.name=Test',
    '-c',
    'user.email=test@example.org',
    '-c',
    'core.hooksPath=/dev/null',
  ];
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', root, ...identity, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
  git('init', '--quiet');
  mkdirSync(join(root, 'scripts'));
  mkdirSync(join(root, 'node_modules'));
  writeFileSync(join(root, '.gitignore'), 'node_modules\ndist\ncalls\n');
  const script = '#!/bin/sh\necho "$1" >>"$(dirname "$0")/../calls"\n';
  writeFileSync(join(root, 'scripts', 'sluice'), script, { mode: 0o755 });
  for (const tag of ['old', 'new']) {
    writeFileSync(join(root, 'package-lock.json'), `{ "of": "${tag}" }\n`);
    git('add', '.');
    git('commit', '--quiet', '--message', tag);
    git('tag', tag);
  }
  return { root, git };
}

const callsOf = (checkout: string): string => readFileSync(join(checkout, 'calls'), 'utf8');

let made: Repository;
against.before.each(() => {
  made = repository();
});
against.after.each(() => rmSync(made.root, { recursive: true }));

against('a revision is checked out and built beside the present one, which stays as it is', async () => {
  const { root, git } = made;
  const { ref, commit, root: checkout } = await buildRevision(root, 'old', say);
  assert.equal({ ref, commit }, { ref: 'old', commit: git('rev-parse', 'old').slice(0, 12) });
  assert.is(checkout, join(root, 'dist', 'against', commit));
  assert.is(readFileSync(join(checkout, 'package-lock.json'), 'utf8'), '{ "of": "old" }\n');
  assert.is(callsOf(checkout), '--help\n');
  assert.is(git('status', '--porcelain'), '');
  assert.is(git('rev-parse', 'HEAD'), git('rev-parse', 'new'));
});

against('npm packages are shared where the lock files are the same, and only there', async () => {
  const { root } = made;
  const same = await buildRevision(root, 'HEAD', say);
  const link = join(same.root, 'node_modules');
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.is(realpathSync(link), join(root, 'node_modules'));
  const other = await buildRevision(root, 'old', say);
  assert.not(existsSync(join(other.root, 'node_modules')));
});

against('what was built before is taken as it is; what is not whole is made anew', async () => {
  const { root } = made;
  const { root: checkout } = await buildRevision(root, 'old', say);
  await buildRevision(root, 'old', say);
  assert.is(callsOf(checkout), '--help\n--help\n', 'the same checkout');
  appendFileSync(join(checkout, 'package-lock.json'), 'changed');
  await buildRevision(root, 'old', say);
  assert.is(callsOf(checkout), '--help\n', 'another checkout');
  assert.is(readFileSync(join(checkout, 'package-lock.json'), 'utf8'), '{ "of": "old" }\n');
  rmSync(checkout, { recursive: true });
  await buildRevision(root, 'old', say);
  assert.is(callsOf(checkout), '--help\n', 'its directory had gone');
});

against('what does not exist, or does not build, is told', async () => {
  const { root, git } = made;
  for (const ref of ['nonesuch', '--all', '']) {
    try {
      await buildRevision(root, ref, say);
      assert.unreachable(`"${ref}" was built`);
    } catch (error) {
      assert.instance(error, UsageError);
      assert.match((error as Error).message, `--against: found "${ref}", expected a revision`);
    }
  }
  writeFileSync(join(root, 'scripts', 'sluice'), '#!/bin/sh\necho "no compiler" >&2\nexit 1\n');
  git('commit', '--all', '--quiet', '--message', 'broken');
  try {
    await buildRevision(root, 'HEAD', say);
    assert.unreachable('a broken revision was built');
  } catch (error) {
    assert.not.instance(error, UsageError);
    assert.match((error as Error).message, 'no compiler');
  }
});

against('all builds are removed, and git knows it', async () => {
  const { root, git } = made;
  await removeRevisions(root);
  await buildRevision(root, 'old', say);
  await buildRevision(root, 'new', say);
  assert.is(git('worktree', 'list').split('\n').length, 3);
  await removeRevisions(root);
  assert.not(existsSync(join(root, 'dist', 'against')));
  assert.is(git('worktree', 'list').split('\n').length, 1);
  assert.ok(existsSync(join(root, 'node_modules')), 'a link has been followed');
});

against.run();
