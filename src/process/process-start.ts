/** Start and reload steps that host and controller processes share. */

import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Configuration, StoreConfig } from '../config/model/model.ts';
import { HostError } from '../config/problems/host-error.ts';
import { ConfigError } from '../config/problems/problems.ts';
import { openStore, type StoreContext } from '../controller/store/open-store.ts';
import type { Store, StoreLog } from '../controller/store/store.ts';
import { EventJournal } from '../events/journal.ts';
import { MadeThings, type TapCopies } from '../run-dir/made-things.ts';
import { HAND_OVER_SIGNAL, isRunning, type ProcessIdentity } from '../run-dir/process-identity.ts';
import { AlreadyRunning, type RunDir, type RunDirLock } from '../run-dir/run-dir.ts';
import type { UndoStack } from '../run-dir/undo-stack.ts';
import { sleep } from '../runtime/runtime.ts';
import { systemRuntime } from '../runtime/system-runtime.ts';
import { checkedConfiguration } from './checked-configuration.ts';

/** A process abandons its stop after 10 s. */
const HAND_OVER_TIMEOUT_MS = 15_000;
/** VMs have no network meanwhile. */
const HAND_OVER_POLL_MS = 1;

/**
 * Rejects with AlreadyRunning if a process runs there, unless `replace` is set. `state`: the things that the
 * previous process left behind, when it was killed or handed over.
 */
export async function takeRunDir(
  { runDir, log, replace }: { runDir: RunDir; log: Logger; replace: boolean },
  undo: UndoStack,
): Promise<{ lock: RunDirLock; state: MadeThings }> {
  runDir.create();
  undo.push('remove the run directory', () => runDir.removeIfEmpty());
  const copies = replace ? await requestHandOver(runDir) : undefined;
  const lock = await acquireFrom(runDir, copies !== undefined);
  undo.push('release the run directory', () => lock.release());
  return { lock, state: MadeThings.load(runDir, copies, (text) => log.warn(text)) };
}

/** A predecessor releases the lock shortly after it has removed its file. */
async function acquireFrom(runDir: RunDir, hasPredecessor: boolean): Promise<RunDirLock> {
  for (let attempts = hasPredecessor ? 500 : 0; ; attempts--) {
    try {
      return await runDir.acquire();
    } catch (error) {
      if (attempts === 0 || !(error instanceof AlreadyRunning)) throw error;
      await sleep(systemRuntime, HAND_OVER_POLL_MS);
    }
  }
}

/** Sends the signal, and waits until the process has left the run directory, which is its last action. */
async function leaves(runDir: RunDir, running: ProcessIdentity): Promise<boolean> {
  const giveUpAt = systemRuntime.monotonicMs() + HAND_OVER_TIMEOUT_MS;
  process.kill(running.pid, HAND_OVER_SIGNAL);
  while (isRunning(running) && existsSync(runDir.lockFile)) {
    if (systemRuntime.monotonicMs() > giveUpAt) return false;
    await sleep(systemRuntime, HAND_OVER_POLL_MS);
  }
  return true;
}

/** Waits until the running process, if any, has ended; returns duplicates of its device descriptors. */
async function requestHandOver(runDir: RunDir): Promise<TapCopies | undefined> {
  const running = runDir.running();
  if (running === undefined) return undefined;
  const copies = MadeThings.load(runDir).copyTaps(running.pid);
  if (await leaves(runDir, running)) return copies;
  throw new Error(
    `pid ${running.pid}, which runs here, did not hand over within ${HAND_OVER_TIMEOUT_MS / 1000} s`,
  );
}

/** The command that waits for this process to start. */
export interface StartPatience {
  /** Reports what the start is waiting for. */
  readonly onWaiting?: (what: string) => void;
  /** Longest wait for etcd; absent: as long as it takes. */
  readonly storeTimeoutMs?: number;
  /** Aborted when the process must end during its start. */
  readonly ended?: AbortSignal;
}

/**
 * Opens the store, which for etcd waits as long as etcd is away; the Error then contains the last attempt's problem.
 */
export async function openStoreInTime(
  config: StoreConfig,
  log: Logger,
  certificates: Omit<StoreContext, 'signal'>,
  { onWaiting, storeTimeoutMs, ended }: StartPatience,
): Promise<Store> {
  if (config.kind === 'file') return openStore(config, log, systemRuntime, certificates);
  const where = `etcd at ${config.endpoints.join(', ')}`;
  onWaiting?.(where);
  let lastWarning = '';
  const listening: StoreLog = {
    info: (message) => log.info(message),
    warn: (message) => {
      lastWarning = message;
      log.warn(message);
    },
  };
  const limits = [
    ...(ended === undefined ? [] : [ended]),
    ...(storeTimeoutMs === undefined ? [] : [AbortSignal.timeout(storeTimeoutMs)]),
  ];
  const signal = AbortSignal.any(limits);
  try {
    return await openStore(config, listening, systemRuntime, { ...certificates, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    if (ended?.aborted) throw new Error(`ended while waiting for ${where}`);
    const why = lastWarning === '' ? '' : `; ${lastWarning}`;
    throw new Error(`${where}: no answer within ${storeTimeoutMs! / 1000} s${why}`);
  }
}

/** Throws HostError with every problem of the file. */
export function loadForReload(path: string): Configuration {
  try {
    return checkedConfiguration(path, 'offline');
  } catch (error) {
    if (error instanceof ConfigError) throw new HostError(400, `${path} cannot be used`, error.problems);
    throw error;
  }
}

export function reportAll(problems: readonly string[], log: Logger): void {
  for (const problem of problems) log.error(problem);
}

/** In the directory of a file store, which outlives run directories; else in the run directory. */
export function eventJournal(
  { host }: Configuration,
  store: StoreConfig | undefined,
  runDir: RunDir,
  log: Logger,
): EventJournal {
  const directory = store?.kind === 'file' ? store.dir : runDir.path;
  return new EventJournal({ directory, host, runtime: systemRuntime, log });
}
