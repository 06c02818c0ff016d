/**
 * The process that holds a run directory's lock, found through /proc, even if the directory and all its files have
 * been removed: the kernel still names the open file.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

const DELETED = ' (deleted)';

/** `lockFile` as the kernel names it. Processes of other users, and of other mount namespaces, are skipped. */
export function lockHolder(lockFile: string): number | undefined {
  const own = process.geteuid!();
  const mounts = readlinkSync('/proc/self/ns/mnt');
  for (const pid of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      if (statSync(`/proc/${pid}`).uid !== own || readlinkSync(`/proc/${pid}/ns/mnt`) !== mounts) continue;
      if (holdsLock(pid, lockFile)) return Number(pid);
    } catch {
      // The process has ended, or is not accessible.
    }
  }
  return undefined;
}

function holdsLock(pid: string, lockFile: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
    if (target !== lockFile && target !== `${lockFile}${DELETED}`) return false;
    return /^lock:.*FLOCK/m.test(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'));
  });
}
