/**
 * Foreign functions, unchecked. Only files of this directory import this one: koffi checks neither lengths nor
 * addresses, so every caller here does, before the call.
 *
 * Addresses travel as plain numbers: user space ends below 2^48 on all supported machines. Calls cost 60-120 ns
 * over the C call. `syscall` is used where libc has no wrapper (io_uring) or where its wrapper differs.
 */
import koffi from 'koffi';

export { koffi };

const libc = koffi.load(null);

type Call<Arguments extends unknown[], Result = number> = (...args: Arguments) => Result;

/** A function that not every libc has. */
function optional<F>(name: string, result: string, parameters: string[]): F | null {
  try {
    return libc.func(name, result, parameters) as F;
  } catch {
    return null;
  }
}

/**
 * A number beyond 31 bits that is passed to calls repeatedly. In a numeric field V8 would keep it unboxed, and box it
 * for each call, 16 bytes of garbage; in an array of mixed kinds it stays boxed.
 */
export type SteadyNumber = readonly [number, null];
export const steadyNumber = (value: number): SteadyNumber => [value, null];

/** Memory that a call reads or fills: never shorter than its kernel structure. */
type Structure = Uint8Array;

export const strerror: Call<[errno: number], string> = libc.func('strerror', 'str', ['int']);

export const mmap: Call<
  [hint: number, length: number, prot: number, flags: number, fd: number, offset: number]
> = libc.func('mmap', 'int64_t', ['uintptr_t', 'size_t', 'int', 'int', 'int', 'int64_t']);
export const madvise: Call<[address: number, length: number, advice: number]> = libc.func('madvise', 'int', [
  'uintptr_t',
  'size_t',
  'int',
]);
/** glibc's own: null where libc is another. */
export const mallocTrim: Call<[keepBytes: number]> | null = optional('malloc_trim', 'int', ['size_t']);
/** Answers the errno itself. */
export const posixFallocate: Call<[fd: number, offset: number, length: number]> = libc.func(
  'posix_fallocate',
  'int',
  ['int', 'int64_t', 'int64_t'],
);

export const flock: Call<[fd: number, operation: number]> = libc.func('flock', 'int', ['int', 'int']);

export const read: Call<[fd: number, address: number, length: number]> = libc.func('read', 'int64_t', [
  'int',
  'uintptr_t',
  'size_t',
]);
export const write: Call<[fd: number, address: number, length: number]> = libc.func('write', 'int64_t', [
  'int',
  'uintptr_t',
  'size_t',
]);
export const pread: Call<[fd: number, address: number, length: number, position: number]> = libc.func(
  'pread',
  'int64_t',
  ['int', 'uintptr_t', 'size_t', 'int64_t'],
);
export const writev: Call<[fd: number, iovecs: number, count: number]> = libc.func('writev', 'int64_t', [
  'int',
  'uintptr_t',
  'int',
]);
export const ppoll: Call<[fds: number, count: number, timeout: number, signals: number]> = libc.func(
  'ppoll',
  'int',
  ['uintptr_t', 'uint64_t', 'uintptr_t', 'uintptr_t'],
);

export const clockGettime: Call<[clock: number, timespec: number]> = libc.func('clock_gettime', 'int', [
  'int',
  'uintptr_t',
]);

export const execv: Call<[path: string, argv: readonly (string | null)[]]> = libc.func('execv', 'int', [
  'str',
  'const char **',
]);
export const eventfd: Call<[initial: number, flags: number]> = libc.func('eventfd', 'int', ['uint', 'int']);
/** The kernel's number of the calling thread. */
export const threadId: Call<[]> = libc.func('gettid', 'int', []);
export const close: Call<[fd: number]> = libc.func('close', 'int', ['int']);
export const dup2: Call<[fd: number, target: number]> = libc.func('dup2', 'int', ['int', 'int']);
export const fcntl: Call<[fd: number, command: number, value: number]> = libc.func('fcntl', 'int', [
  'int',
  'int',
  'int64_t',
]);
export const ioctlStructure: Call<[fd: number, request: number, argument: Structure]> = libc.func(
  'ioctl',
  'int',
  ['int', 'uint64_t', 'void *'],
);
export const ioctlValue: Call<[fd: number, request: number, argument: number]> = libc.func('ioctl', 'int', [
  'int',
  'uint64_t',
  'uintptr_t',
]);

export const socket: Call<[domain: number, type: number, protocol: number]> = libc.func('socket', 'int', [
  'int',
  'int',
  'int',
]);
export const bind: Call<[fd: number, address: Structure, length: number]> = libc.func('bind', 'int', [
  'int',
  'void *',
  'uint',
]);
export const setsockopt: Call<[fd: number, level: number, option: number, value: Structure, length: number]> =
  libc.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint']);
/** `length` (4 bytes): the size of `value`, and after the call the bytes written. */
export const getsockopt: Call<
  [fd: number, level: number, option: number, value: Structure, length: Structure]
> = libc.func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']);
export const ifNameToIndex: Call<[name: string]> = libc.func('if_nametoindex', 'uint', ['str']);
export const setns: Call<[fd: number, kind: number]> = libc.func('setns', 'int', ['int', 'int']);

/** System call numbers of io_uring are the same on every architecture. */
const SYS_IO_URING_SETUP = 425;
const SYS_IO_URING_ENTER = 426;
const SYS_IO_URING_REGISTER = 427;

/** And so are those of pidfds. */
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;

const syscallStructureSecond: Call<[number: number, first: number, second: Structure]> = libc.func(
  'syscall',
  'int64_t',
  ['int64_t', 'int64_t', 'void *'],
);
const syscallStructureThird: Call<
  [number: number, first: number, second: number, third: Structure | null, fourth: number]
> = libc.func('syscall', 'int64_t', ['int64_t', 'int64_t', 'int64_t', 'void *', 'int64_t']);
const syscall6: Call<[number: number, a: number, b: number, c: number, d: number, e: number, f: number]> =
  libc.func('syscall', 'int64_t', [
    'int64_t',
    'int64_t',
    'int64_t',
    'int64_t',
    'int64_t',
    'int64_t',
    'int64_t',
  ]);

export const prctl: Call<[option: number, a: number, b: number, c: number, d: number]> = libc.func(
  'prctl',
  'int',
  ['int', 'uint64_t', 'uint64_t', 'uint64_t', 'uint64_t'],
);
export const capget: Call<[header: Structure, sets: Structure]> = libc.func('capget', 'int', [
  'void *',
  'void *',
]);
export const capset: Call<[header: Structure, sets: Structure]> = libc.func('capset', 'int', [
  'void *',
  'void *',
]);
/** `number`: of seccomp(2), which has no wrapper in libc. */
export const seccomp = (number: number, operation: number, flags: number, program: Structure): number =>
  syscallStructureThird(number, operation, flags, program, 0);

export const pidfdOpen = (pid: number): number => syscall6(SYS_PIDFD_OPEN, pid, 0, 0, 0, 0, 0);
export const pidfdGetfd = (pidfd: number, fd: number): number =>
  syscall6(SYS_PIDFD_GETFD, pidfd, fd, 0, 0, 0, 0);

export const ioUringSetup = (entries: number, parameters: Structure): number =>
  syscallStructureSecond(SYS_IO_URING_SETUP, entries, parameters);
export const ioUringRegister = (
  fd: number,
  operation: number,
  argument: Structure | null,
  count: number,
): number => syscallStructureThird(SYS_IO_URING_REGISTER, fd, operation, argument, count);
export const ioUringEnter = (
  fd: number,
  toSubmit: number,
  minComplete: number,
  flags: number,
  argument: number,
  argumentLength: number,
): number => syscall6(SYS_IO_URING_ENTER, fd, toSubmit, minComplete, flags, argument, argumentLength);
