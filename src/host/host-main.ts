/**
 * Entry of a detached host process: `node host-main.js CONFIG_PATH RUN_DIR`, started by `up` with an IPC channel
 * and the log file as stderr.
 */
import { messageOf } from './host-error.ts';
import type { StartOutcome } from './host-messages.ts';
import { exitCodeOf, runHostProcess } from './host-process.ts';

const [configPath, runDir] = process.argv.slice(2);
if (configPath === undefined || runDir === undefined) {
  throw new Error('host-main: found no configuration and run directory, expected both as arguments');
}

/** Resolves when the message is out, or nobody listens any more. */
const tell = (outcome: StartOutcome): Promise<void> =>
  new Promise((resolve) => {
    if (process.connected) process.send!(outcome, () => resolve());
    else resolve();
  });

const letGo = (): void => {
  if (process.connected) process.disconnect();
};

try {
  const onReady = (summary: string): void => {
    tell({ kind: 'ready', summary }).then(letGo);
  };
  process.exitCode = await runHostProcess({ configPath, runDir, onReady });
} catch (error) {
  process.exitCode = exitCodeOf(error);
  await tell({ kind: 'failed', exitCode: process.exitCode, message: messageOf(error) });
  letGo();
}
