/** Start and reload steps that host and controller processes share. */

import type { Logger } from 'pino';
import type { Configuration, StoreConfig } from '../config/model/model.ts';
import { HostError } from '../config/problems/host-error.ts';
import { ConfigError } from '../config/problems/problems.ts';
import { openStore, type StoreContext } from '../controller/store/open-store.ts';
import type { Store, StoreLog } from '../controller/store/store.ts';
import { EventJournal } from '../events/journal.ts';
import type { RunDir } from '../run-dir/run-dir.ts';
import { systemRuntime } from '../runtime/system-runtime.ts';
import { checkedConfiguration } from './checked-configuration.ts';

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
