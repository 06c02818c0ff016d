/**
 * How the process of a run directory gives way to the next one (`up --replace`): in two steps, so that its datapath
 * forwards until the successor has everything but the devices.
 *
 *   successor                                  running process
 *   holds the file `successor`
 *   prepares its datapath, sends SIGUSR2   →   ends its API, controller and agent, writes `handover`
 *   opens the store, has its groups        ←
 *   sends SIGUSR2 again                    →   ends its datapath, leaves tables and devices, removes `pid` and `lock`
 *   takes the run directory and the flows  ←
 *
 * A process that finds no successor, as one of an earlier version does not write the file, leaves at the first signal;
 * one of an earlier version always does. If the successor ends before the second signal, the running process starts its
 * control side again and runs on.
 */
import { ftruncateSync, rmSync, writeSync } from 'node:fs';
import { holdFile, releaseFile } from './held-file.ts';
import { readOwnFile } from './own-files.ts';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';
import { replaceFile } from './replace-file.ts';
import { AlreadyRunning, type RunDir } from './run-dir.ts';

/** Makes this process the successor, until the returned function is called. Throws AlreadyRunning if there is one. */
export function becomeSuccessor({ successorFile }: RunDir): () => void {
  const fd = holdFile(successorFile);
  if (fd === undefined) throw new AlreadyRunning('another process is replacing the running one');
  const { pid, startTicks } = identityOf(process.pid)!;
  ftruncateSync(fd);
  writeSync(fd, `${pid}\n${startTicks}\n`, 0);
  return () => releaseFile(successorFile, fd);
}

/** The running process that replaces this one; undefined: none. */
export function successorOf({ successorFile }: RunDir): ProcessIdentity | undefined {
  const [pid, startTicks] = (readOwnFile(successorFile) ?? '').split('\n').map(Number);
  const identity = { pid: pid ?? 0, startTicks: startTicks ?? 0 };
  return identity.pid > 0 && isRunning(identity) ? identity : undefined;
}

/** Says that everything but this process's datapath has ended. */
export const announceHandover = ({ handoverFile }: RunDir): void =>
  replaceFile(handoverFile, `${process.pid}\n`);

export const withdrawHandover = ({ handoverFile }: RunDir): void => rmSync(handoverFile, { force: true });

export const hasAnnounced = ({ handoverFile }: RunDir, { pid }: ProcessIdentity): boolean =>
  readOwnFile(handoverFile)?.trim() === String(pid);
