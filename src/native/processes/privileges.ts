/**
 * Privileges that a process gives up for good.
 *
 * no_new_privs, capability sets and the bounding set belong to threads: a call here holds for the calling thread, and for
 * threads and processes that it makes afterwards. Node has threads of its own before any JavaScript runs; they are
 * reached by starting the process under these limits (process/up.ts), by a change of user, which libc makes in all
 * threads, or by a filter of system calls (system-call-filter.ts), which the kernel gives to all threads with
 * no_new_privs.
 */
import * as native from '../bindings.ts';
import { checked, EPERM, lastErrno } from '../system-error.ts';
import type { User } from './users.ts';

const PR_SET_PDEATHSIG = 1;
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;
const SIGKILL = 9;
const MAX_CAPABILITY = 63;

/** Numbers of linux/capability.h. */
export const CAPABILITIES = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  FSETID: 4,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  NET_BIND_SERVICE: 10,
  NET_ADMIN: 12,
  NET_RAW: 13,
  IPC_LOCK: 14,
  SYS_CHROOT: 18,
  SYS_PTRACE: 19,
  SYS_ADMIN: 21,
} as const;

export type Capability = keyof typeof CAPABILITIES;

/** From now on no program that is run gives this thread's descendants more than it has (set-user-ID, file capabilities). */
export const forbidNewPrivileges = (): void => {
  checked('PR_SET_NO_NEW_PRIVS', native.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
};

/**
 * Root keeps these capabilities, in all sets, and programs that it runs get no others. Without effect for other users,
 * which have none.
 */
export function keepCapabilities(names: readonly Capability[]): void {
  if (process.geteuid!() !== 0) return;
  const kept = names.map((name) => CAPABILITIES[name] as number);
  for (let capability = 0; capability <= MAX_CAPABILITY; capability++) {
    // Negative: the kernel does not know it.
    if (kept.includes(capability) || native.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 1) continue;
    const result = native.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    // In a container that has withheld CAP_SETPCAP the container's own bounds hold.
    if (result < 0 && lastErrno() === EPERM) break;
    checked(`PR_CAPBSET_DROP ${capability}`, result);
  }
  native.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  setCapabilities(kept);
}

/** Of those that the thread has, keeps these. */
function setCapabilities(kept: readonly number[]): void {
  const header = Buffer.alloc(8); // version, thread: 0, this one
  header.writeUInt32LE(LINUX_CAPABILITY_VERSION_3, 0);
  const sets = Buffer.alloc(24); // effective, permitted, inheritable; twice, 32 capabilities each
  checked('capget', native.capget(header, sets));
  for (const half of [0, 1]) {
    const mask = kept.reduce((bits, n) => (n >> 5 === half ? bits | (1 << (n & 31)) : bits), 0) >>> 0;
    for (const set of [0, 4]) {
      const at = 12 * half + set;
      sets.writeUInt32LE((sets.readUInt32LE(at) & mask) >>> 0, at);
    }
    sets.writeUInt32LE(0, 12 * half + 8);
  }
  checked('capset', native.capset(header, sets));
}

/** All threads become the user's, for good, and lose all capabilities. Only root can do so. */
export function becomeUser({ uid, gid }: User): void {
  process.setgroups!([gid]);
  process.setgid!(gid);
  process.setuid!(uid);
}

/** The kernel kills this process when the one that started it ends. A change of user takes that back. */
export const dieWithParent = (): void => {
  checked('PR_SET_PDEATHSIG', native.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
};

/**
 * Root does `work` with the rights of another user: on files that this user may have put there. Not for work that
 * goes on beside other work.
 */
export async function actingAs<Result>(
  { uid, gid }: Pick<User, 'uid' | 'gid'>,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  const groups = process.getgroups!();
  process.setgroups!([gid]);
  process.setegid!(gid);
  process.seteuid!(uid);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
    process.setgroups!(groups);
  }
}
