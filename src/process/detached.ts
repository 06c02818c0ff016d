/**
 * A detached process of its own: `node MAIN.js CONFIG_PATH RUN_DIR [replace]`, started with an IPC channel and the log file as
 * stderr. It tells over the channel how its start went, once.
 */
import { messageOf } from '../config/model/host-error.ts';
import type { StartOutcome } from './host-messages.ts';
import { exitCodeOf, type RunOptions } from './run-process.ts';

/** Ends with the process's exit code set. */
export async function runDetached(run: (options: RunOptions) => Promise<number>): Promise<void> {
  const [configPath, runDir, replace] = process.argv.slice(2);
  if (configPath === undefined || runDir === undefined) {
    throw new Error('found no configuration and run directory, expected both as arguments');
  }
  try {
    const onReady = (summary: string): void => {
      tell({ kind: 'ready', summary }).then(release);
    };
    process.exitCode = await run({ configPath, runDir, replace: replace === 'replace', onReady });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    await tell({ kind: 'failed', exitCode: process.exitCode, message: messageOf(error) });
    release();
  }
}

/** Resolves when the message is out, or nobody listens any more. */
const tell = (outcome: StartOutcome): Promise<void> =>
  new Promise((resolve) => {
    if (process.connected) process.send!(outcome, () => resolve());
    else resolve();
  });

const release = (): void => {
  if (process.connected) process.disconnect();
};
