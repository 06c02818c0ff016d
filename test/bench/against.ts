/**
 * Builds of other revisions of this repository, to be measured beside the present one.
 *
 * Each is a git worktree of its own under dist/against, named after its commit. It is built by its own scripts, once: a
 * later run finds it as it is. `removeRevisions` ends them all.
 */
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { UsageError } from './options.ts';
import { run } from './process.ts';

export interface Revision {
  /** As the user calls it. */
  readonly ref: string;
  /** Abbreviated commit. */
  readonly commit: string;
  /** Its checkout, built. */
  readonly root: string;
}

const COMMIT_DIGITS = 12;
/** npm packages are installed and compiled, too, where the lock file is another one. */
const BUILD_TIMEOUT_MS = 15 * 60_000;

const directoryOf = (root: string): string => join(root, 'dist', 'against');

/** Hooks are for people who work in a checkout. */
const git = (checkout: string, ...args: string[]): Promise<string> =>
  run('git', ['-C', checkout, '-c', 'core.hooksPath=/dev/null', ...args]);

/** Throws UsageError if there is no such revision, and Error, with what was said, if it cannot be built. */
export async function buildRevision(
  root: string,
  ref: string,
  say: (text: string) => void,
): Promise<Revision> {
  const hash = await commitOf(root, ref);
  const commit = hash.slice(0, COMMIT_DIGITS);
  const checkout = join(directoryOf(root), commit);
  if (!(await isWhole(checkout, hash))) {
    rmSync(checkout, { recursive: true, force: true });
    // --force: it may still be registered although its directory has gone.
    await git(root, 'worktree', 'add', '--force', '--detach', checkout, hash);
  }
  shareModules(root, checkout);
  say(`building ${ref} (${commit}), unless it was built before`);
  // Any call of the command installs and compiles what is missing.
  await run(join(checkout, 'scripts', 'sluice'), ['--help'], { timeoutMs: BUILD_TIMEOUT_MS });
  return { ref, commit, root: checkout };
}

/** Removes all builds of other revisions. */
export async function removeRevisions(root: string): Promise<void> {
  const directory = directoryOf(root);
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
  await git(root, 'worktree', 'prune');
  rmSync(directory, { recursive: true });
}

async function commitOf(root: string, ref: string): Promise<string> {
  try {
    return (await git(root, 'rev-parse', '--verify', '--end-of-options', `${ref}^{commit}`)).trim();
  } catch (error) {
    const why = (error as Error).message;
    throw new UsageError(`--against: found "${ref}", expected a revision of this repository (${why})`);
  }
}

/** False also for a checkout that was interrupted, or that somebody has changed. */
async function isWhole(checkout: string, hash: string): Promise<boolean> {
  if (!existsSync(join(checkout, '.git'))) return false;
  try {
    const head = (await git(checkout, 'rev-parse', 'HEAD')).trim();
    return head === hash && (await git(checkout, 'status', '--porcelain', '--untracked-files=no')) === '';
  } catch {
    return false;
  }
}

/** The same packages are installed once; with others, the revision installs its own. */
function shareModules(root: string, checkout: string): void {
  const [ours, theirs] = [root, checkout].map((at) => readFileSync(join(at, 'package-lock.json'), 'utf8'));
  const link = join(checkout, 'node_modules');
  if (ours === theirs && !existsSync(link)) symlinkSync(relative(checkout, join(root, 'node_modules')), link);
}
