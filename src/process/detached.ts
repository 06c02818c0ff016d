/**
 * A detached process: `node MAIN.js CONFIG_PATH RUN_DIR [replace] [lose-flows]`, started with an IPC channel and the
 * log file as stderr. It gets the checked configuration over the channel, and reports what it waits for, and once the
 * result of its start.
 */

import type { Configuration } from '../config/model/model.ts';
import { messageOf } from '../config/problems/host-error.ts';
import { exitCodeOf, type RunOptions } from './run-process.ts';

/** Longest wait for etcd while the starting command waits. */
const STORE_TIMEOUT_MS = 20_000;

/** Sent by a detached process over IPC before its result: what it waits for. */
export interface StartProgress {
  readonly kind: 'waiting';
  readonly what: string;
}

/** Sent once over IPC by a detached process to the command that started it. */
export type StartOutcome =
  | { readonly kind: 'ready'; readonly summary: string }
  | { readonly kind: 'failed'; readonly exitCode: number; readonly message: string };

/** Sets the process's exit code. */
export async function runDetached(run: (options: RunOptions) => Promise<number>): Promise<void> {
  const [configPath, runDir, ...flags] = process.argv.slice(2);
  if (configPath === undefined || runDir === undefined) {
    throw new Error('found no configuration and run directory, expected both as arguments');
  }
  try {
    const onReady = (summary: string): void => {
      report({ kind: 'ready', summary }).then(release);
    };
    const configuration = await handedConfiguration();
    process.exitCode = await run({
      configPath,
      configuration,
      runDir,
      replace: flags.includes('replace'),
      loseFlows: flags.includes('lose-flows'),
      onReady,
      onWaiting: (what) => void report({ kind: 'waiting', what }),
      storeTimeoutMs: STORE_TIMEOUT_MS,
    });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    await report({ kind: 'failed', exitCode: process.exitCode, message: messageOf(error) });
    release();
  }
}

/** Undefined: the process has no channel, or its starter has ended, so it reads the file itself. */
const handedConfiguration = (): Promise<Configuration | undefined> =>
  new Promise((resolve) => {
    if (!process.connected) resolve(undefined);
    process.once('message', (message) => resolve(message as Configuration));
    process.once('disconnect', () => resolve(undefined));
  });

/** Resolves when the message is sent, or the receiver has ended. */
const report = (outcome: StartOutcome | StartProgress): Promise<void> =>
  new Promise((resolve) => {
    if (process.connected) process.send!(outcome, () => resolve());
    else resolve();
  });

const release = (): void => {
  if (process.connected) process.disconnect();
};
