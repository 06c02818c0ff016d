/** `sluice down`: stops the process of a run directory, or cleans up after one that was killed. */
import { existsSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { resolve } from 'node:path';
import { messageOf } from '../config/problems/host-error.ts';
import { actingAs, forbidNewPrivileges } from '../native/processes/privileges.ts';
import { MadeThings } from '../run-dir/made-things.ts';
import { endProcess, type ProcessIdentity } from '../run-dir/process-identity.ts';
import { RunDir } from '../run-dir/run-dir.ts';
import { EXIT_FAILED, EXIT_OK } from './run-process.ts';

export interface DownOptions {
  readonly runDir: string;
}

/** A process abandons its own stop after 10 s; one that still runs after this time is killed. */
const STOP_TIMEOUT_MS = 15_000;
const KILL_TIMEOUT_MS = 2_000;
/** A hanging process is killed without a stop request. */
const ANSWER_TIMEOUT_MS = 1_000;

/** Resolves with the exit code: 1 also if there was nothing to stop and nothing to remove. */
export async function down({ runDir: path }: DownOptions): Promise<number> {
  forbidNewPrivileges();
  try {
    const runDir = new RunDir(resolve(path));
    for (const note of await asItsOwner(runDir, () => bringDownTelling(runDir)))
      process.stderr.write(`sluice: ${note}\n`);
    runDir.removeIfEmpty();
    return EXIT_OK;
  } catch (error) {
    process.stderr.write(`sluice: ${messageOf(error)}\n`);
    return EXIT_FAILED;
  }
}

/** Root acts with the rights of the directory's owner: a controller's user, or the user who created it. */
async function asItsOwner<Result>({ path }: RunDir, work: () => Promise<Result>): Promise<Result> {
  const owner = statSync(path, { throwIfNoEntry: false });
  const isOthers = owner !== undefined && owner.uid !== 0 && process.geteuid!() === 0;
  return isOthers ? actingAs(owner, work) : work();
}

/** The same, with a note about changes lost with the run directory. */
async function bringDownTelling(runDir: RunDir): Promise<string[]> {
  const hadChanges = await hasChanges(runDir);
  const notes = await bringDown(runDir);
  if (!hadChanges || existsSync(runDir.storeDir)) return notes;
  const kept = 'a store of its own (store: { kind: file, dir: … }) keeps them';
  return [...notes, `changes by commands are lost with the run directory; ${kept}`];
}

/** Returns notes for the user. */
async function bringDown(runDir: RunDir): Promise<string[]> {
  const running = runDir.running();
  const notes: string[] = [];
  if (running !== undefined && !(await stopProcess(running))) {
    notes.push(`pid ${running.pid} did not stop within ${STOP_TIMEOUT_MS / 1000} s and was killed`);
  }
  if (!existsSync(runDir.path)) {
    if (running === undefined) throw new Error(`no host runs at ${runDir.path}`);
    return notes;
  }
  const lock = await runDir.acquire();
  try {
    const state = MadeThings.load(runDir, undefined, (text) => notes.push(text));
    if (state.isEmpty && running === undefined && notes.length === 0)
      throw new Error(`no host runs at ${runDir.path}`);
    if (!state.isEmpty) {
      const problems = state.clear();
      if (problems.length > 0) throw new Error(problems.join('\n'));
      notes.push('removed what a killed host had left');
    }
  } finally {
    lock.release();
    runDir.removeIfEmpty();
  }
  return notes;
}

/** False if the process had to be killed. */
async function stopProcess(running: ProcessIdentity): Promise<boolean> {
  if (await endProcess(running, 'SIGTERM', STOP_TIMEOUT_MS)) return true;
  if (await endProcess(running, 'SIGKILL', KILL_TIMEOUT_MS)) return false;
  throw new Error(`pid ${running.pid} could not be killed`);
}

/** Whether commands have changed groups of the running process; a process that does not answer is not asked twice. */
function hasChanges({ apiSocket }: RunDir): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request(
      { socketPath: apiSocket, path: '/v1/groups', timeout: ANSWER_TIMEOUT_MS },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', () => resolve(false));
        response.on('end', () => resolve(text.includes('"origin":"command"')));
      },
    );
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', () => resolve(false));
    call.end();
  });
}
