/**
 * A filter of system calls (seccomp(2)) for processes that read bytes of strangers and run no programs: what a program
 * that took such a process over would want next fails with EPERM. It is a list of refusals: what Node and its libraries
 * call changes from release to release, what an intruder needs does not.
 *
 * Refused: to run programs, to look into or change other processes, namespaces, mounts, kernel modules, the
 * clock, keys, BPF, sockets of other families than unix, IP and netlink (which lists this machine's addresses). The kernel
 * gives the filter, and no_new_privs, to all threads at once.
 */
import * as native from '../bindings.ts';
import { describeProgram, type Instruction } from '../network/bpf.ts';
import { checked } from '../system-error.ts';

const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;
const RET_ALLOW = 0x7fff0000;
const RET_ERRNO = 0x00050000;
const EPERM = 1;
const ENOSYS = 38;

/** struct seccomp_data: number, architecture, instruction pointer, six arguments of 64 bits. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;

const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER_OR_EQUAL = 0x35;
const JUMP_SET = 0x45;
const RETURN = 0x06;

/** CLONE_NEW…, linux/sched.h. */
const NEW_NAMESPACES = 0x7e020000;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. */
const FAMILIES = [1, 2, 10, 16];

interface Abi {
  /** AUDIT_ARCH_…, linux/audit.h. */
  readonly architecture: number;
  readonly seccomp: number;
  readonly socket: number;
  readonly clone: number;
  /** Numbers from here on are of another ABI. */
  readonly foreignFrom?: number;
  readonly refused: Readonly<Record<string, number>>;
}

const COMMON = {
  io_uring_setup: 425,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  pidfd_open: 434,
  pidfd_getfd: 438,
  process_madvise: 440,
  mount_setattr: 442,
};
/** Its flags are in memory, which a filter cannot read: libc falls back to clone. */
const CLONE3 = 435;

const ABIS: Readonly<Record<string, Abi>> = {
  x64: {
    architecture: 0xc000003e,
    seccomp: 317,
    socket: 41,
    clone: 56,
    foreignFrom: 0x40000000, // x32
    refused: {
      ...COMMON,
      execve: 59,
      execveat: 322,
      ptrace: 101,
      process_vm_readv: 310,
      process_vm_writev: 311,
      personality: 135,
      modify_ldt: 154,
      pivot_root: 155,
      chroot: 161,
      acct: 163,
      settimeofday: 164,
      mount: 165,
      umount2: 166,
      swapon: 167,
      swapoff: 168,
      reboot: 169,
      sethostname: 170,
      iopl: 172,
      ioperm: 173,
      init_module: 175,
      delete_module: 176,
      quotactl: 179,
      clock_settime: 227,
      kexec_load: 246,
      add_key: 248,
      request_key: 249,
      keyctl: 250,
      unshare: 272,
      perf_event_open: 298,
      open_by_handle_at: 304,
      setns: 308,
      finit_module: 313,
      kexec_file_load: 320,
      bpf: 321,
      userfaultfd: 323,
    },
  },
  arm64: {
    architecture: 0xc00000b7,
    seccomp: 277,
    socket: 198,
    clone: 220,
    refused: {
      ...COMMON,
      umount2: 39,
      mount: 40,
      pivot_root: 41,
      chroot: 51,
      quotactl: 60,
      acct: 89,
      personality: 92,
      unshare: 97,
      kexec_load: 104,
      init_module: 105,
      delete_module: 106,
      clock_settime: 112,
      ptrace: 117,
      reboot: 142,
      sethostname: 161,
      settimeofday: 170,
      add_key: 217,
      request_key: 218,
      keyctl: 219,
      execve: 221,
      swapon: 224,
      swapoff: 225,
      perf_event_open: 241,
      open_by_handle_at: 265,
      setns: 268,
      process_vm_readv: 270,
      process_vm_writev: 271,
      finit_module: 273,
      bpf: 280,
      execveat: 281,
      userfaultfd: 282,
      kexec_file_load: 294,
    },
  },
};

/** Names of the refused calls with their numbers here; undefined: an architecture without a filter. */
export const refusedCalls = (): Readonly<Record<string, number>> | undefined => ABIS[process.arch]?.refused;

/** From now on, for all threads and for good. Returns false on an architecture for which there is no filter. */
export function filterSystemCalls(): boolean {
  const abi = ABIS[process.arch];
  if (abi === undefined) return false;
  const program = describeProgram(instructionsOf(abi));
  const result = native.seccomp(abi.seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, program);
  // Positive: the thread that has a filter of another origin.
  if (result > 0) throw new Error(`seccomp: found thread ${result} under another filter, expected none`);
  checked('seccomp', result);
  return true;
}

type Target = 'allow' | 'refuse' | 'absent';

/** Each test jumps to one of the three returns at the end, or continues with the next test. */
function instructionsOf(abi: Abi): Instruction[] {
  const steps: (readonly [operation: number, operand: number, hit?: Target, miss?: Target])[] = [
    [LOAD, ARCHITECTURE],
    [JUMP_EQUAL, abi.architecture, undefined, 'refuse'],
    [LOAD, NUMBER],
    ...(abi.foreignFrom === undefined ? [] : [[JUMP_GREATER_OR_EQUAL, abi.foreignFrom, 'refuse'] as const]),
    [JUMP_EQUAL, CLONE3, 'absent'],
    ...Object.values(abi.refused).map((number) => [JUMP_EQUAL, number, 'refuse'] as const),
  ];
  const families = [LOAD, ...FAMILIES].length + 1;
  const namespaces = 2;
  const returns = steps.length + 2 + families + namespaces;
  const places: Readonly<Record<Target, number>> = {
    allow: returns,
    refuse: returns + 1,
    absent: returns + 2,
  };
  const instructions: Instruction[] = steps.map(([operation, operand, hit, miss], at) => [
    operation,
    hit === undefined ? 0 : places[hit] - at - 1,
    miss === undefined ? 0 : places[miss] - at - 1,
    operand,
  ]);
  const add = (operation: number, operand: number, whenTrue = 0, whenFalse = 0): void => {
    instructions.push([operation, whenTrue, whenFalse, operand]);
  };
  const to = (target: Target): number => places[target] - instructions.length - 1;
  add(JUMP_EQUAL, abi.socket, 1, 0); // on to the families
  add(JUMP_EQUAL, abi.clone, families, to('allow')); // on to the namespaces
  add(LOAD, FIRST_ARGUMENT);
  for (const family of FAMILIES) add(JUMP_EQUAL, family, to('allow'), 0);
  add(RETURN, RET_ERRNO | EPERM);
  add(LOAD, FIRST_ARGUMENT);
  add(JUMP_SET, NEW_NAMESPACES, to('refuse'), to('allow'));
  add(RETURN, RET_ALLOW);
  add(RETURN, RET_ERRNO | EPERM);
  add(RETURN, RET_ERRNO | ENOSYS);
  return instructions;
}
