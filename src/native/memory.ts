/**
 * Memory outside of V8's heap: anonymous mappings for frame buffers and rings, mappings of tmpfs files for the
 * tables that several threads and processes read.
 *
 * A mapping is never unmapped while the process runs: a view touched afterwards would be SIGSEGV. `discard`
 * lets go of what lies behind and leaves the addresses valid. A second thread sees the same bytes by `viewMapping`,
 * given address and length in a message. Views made here are plain ArrayBuffers; Atomics work on them
 * (except wait/notify), across threads and processes alike.
 */
import { closeSync, constants, fstatSync, openSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import * as native from './bindings.ts';
import { checked, SystemError } from './system-error.ts';

const PROT_NONE = 0;
const PROT_READ_WRITE = 1 | 2;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MAP_POPULATE = 0x8000;
const MADV_HUGEPAGE = 14;
const MADV_COLLAPSE = 25;
const TMPFS_MAGIC = 0x01021994;
/** Transparent huge pages on x86-64 and on arm64 with 4 KB pages. */
const HUGE_PAGE_BYTES = 2 * 1024 * 1024;

/** A mapped range of this process's address space. */
export interface Mapping {
  /** First byte's address; exact, as user space ends below 2^48. */
  readonly address: number;
  readonly length: number;
  readonly bytes: ArrayBuffer;
}

function checkLength(call: string, length: number): void {
  if (!Number.isSafeInteger(length) || length <= 0)
    throw new RangeError(`${call}: length ${length}, expected a positive integer of bytes`);
}

/** The same bytes in another thread: `address` and `length` of a mapping of this process. */
export function viewMapping(address: number, length: number): Mapping {
  checkLength('viewMapping', length);
  if (!Number.isSafeInteger(address) || address < 4096)
    throw new RangeError(`viewMapping: address ${address}, expected one that mmap gave`);
  return { address, length, bytes: native.koffi.view(address, length) };
}

export interface AnonymousOptions {
  /** Don't account the whole length against the overcommit limit: pages count when touched. */
  readonly noReserve?: boolean;
  /** Fault all pages in now. */
  readonly populate?: boolean;
  /** Ask for transparent huge pages, with the range aligned so that the first one fits. */
  readonly hugePages?: boolean;
}

/** Zeroed private memory. */
export function mapAnonymous(length: number, options: AnonymousOptions = {}): Mapping {
  checkLength('mmap', length);
  const flags =
    MAP_PRIVATE |
    MAP_ANONYMOUS |
    (options.noReserve ? MAP_NORESERVE : 0) |
    (options.populate ? MAP_POPULATE : 0);
  const slack = options.hugePages ? HUGE_PAGE_BYTES : 0;
  let address = checked(
    `mmap of ${length} bytes`,
    native.mmap(0, length + slack, PROT_READ_WRITE, flags, -1, 0),
  );
  if (options.hugePages) {
    address = Math.ceil(address / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
    // A kernel without THP answers EINVAL: the memory is good all the same.
    native.madvise(address, length, MADV_HUGEPAGE);
  }
  return viewMapping(address, length);
}

/**
 * Gives the kernel back what malloc holds free, in the arenas of all threads (malloc_trim(3)); by itself it only gives
 * back what lies at their ends. Some 1 ms per MB that is given back; without any, 0.1 ms.
 */
export const releaseFreeMemory = (): void => {
  native.mallocTrim?.(0);
};

/** Map `length` bytes of a descriptor from `offset` (a multiple of the page size), shared. */
export function mapDescriptor(what: string, fd: number, length: number, offset: number): Mapping {
  checkLength('mmap', length);
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new RangeError(`mmap of ${what}: offset ${offset}, expected 0 or more`);
  const flags = MAP_SHARED | MAP_POPULATE;
  return viewMapping(
    checked(`mmap of ${what}`, native.mmap(0, length, PROT_READ_WRITE, flags, fd, offset)),
    length,
  );
}

/** Address of a free range that begins with a huge page, for a mapping to be put there. */
function reserveAligned(length: number): number {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const bytes = length + HUGE_PAGE_BYTES;
  const address = checked(`mmap of ${bytes} bytes`, native.mmap(0, bytes, PROT_NONE, flags, -1, 0));
  return Math.ceil(address / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
}

/** Whether `path` (or, before it exists, its directory) is in RAM: only there is a mapping as fast as memory. */
export function isTmpfs(path: string): boolean {
  let status: ReturnType<typeof statfsSync>;
  try {
    status = statfsSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    status = statfsSync(dirname(path));
  }
  return status.type === TMPFS_MAGIC;
}

export interface FileOptions {
  /**
   * Collapse the pages into huge ones, which all become resident then. Works on tmpfs whatever its mount options say,
   * from Linux 6.1 on; where it does not, the memory is good all the same.
   */
  readonly hugePages?: boolean;
  /** The name must not exist yet: otherwise EEXIST, also for a link. */
  readonly isNew?: boolean;
}

/**
 * Map a file of this user, no link, shared between processes; made with mode 0600 when absent, grown with zeros when shorter than
 * `length`, never shrunk. Its blocks are reserved at once, so that a full tmpfs is an error here (ENOSPC) and
 * not a SIGBUS later. The file may be unlinked or kept; the mapping stays good.
 */
export function mapFile(path: string, length: number, options: FileOptions = {}): Mapping {
  checkLength('mmap', length);
  const { O_RDWR, O_CREAT, O_NOFOLLOW, O_EXCL } = constants;
  const fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | (options.isNew ? O_EXCL : 0), 0o600);
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw new Error(`${path} is no regular file: a table cannot be mapped there`);
    const own = process.geteuid!();
    if (status.uid !== own)
      throw new Error(`${path}: found user ${status.uid} as its owner, expected ${own}`);
    const errno = native.posixFallocate(fd, 0, length);
    if (errno !== 0) throw new SystemError(`posix_fallocate of ${length} bytes in ${path}`, errno);
    const hint = options.hugePages ? reserveAligned(length) : 0;
    const flags = MAP_SHARED | (hint === 0 ? 0 : MAP_FIXED);
    const address = checked(`mmap of ${path}`, native.mmap(hint, length, PROT_READ_WRITE, flags, fd, 0));
    if (options.hugePages) native.madvise(address, length, MADV_COLLAPSE);
    return viewMapping(address, length);
  } finally {
    closeSync(fd);
  }
}

/**
 * A shared mapping of a file whose changes can be kept from the file for a while: between `isolate` and `revert` the same
 * addresses show private copies of the pages that are written (MAP_PRIVATE), which `revert` throws away. Other mappings of
 * the file never see them. Only threads that use this mapping notice, so no other one may.
 */
export class RevertibleMapping {
  readonly mapping: Mapping;
  private readonly fd: number;

  /** `path`: a file as `mapFile` makes it, `length` bytes long; it may be renamed or unlinked afterwards. */
  constructor(path: string, length: number) {
    // They halve the lookup time in a table of a million connections (native-notes/decisions/v8.md).
    this.mapping = mapFile(path, length, { hugePages: true });
    this.fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  }

  isolate(): void {
    this.remap(MAP_PRIVATE | MAP_NORESERVE);
  }

  revert(): void {
    this.remap(MAP_SHARED);
  }

  /** Lets go of the file; the addresses stay valid. */
  close(): void {
    closeSync(this.fd);
    discard(this.mapping);
  }

  /** Atomic for whoever reads meanwhile: the addresses are valid at any moment. */
  private remap(flags: number): void {
    const { address, length } = this.mapping;
    checked('mmap', native.mmap(address, length, PROT_READ_WRITE, flags | MAP_FIXED, this.fd, 0));
  }
}

/**
 * Put zeros in a mapping's place: memory, file or device behind it are let go of, its addresses stay valid.
 * `mapping` must be one that this module has mapped, not a view of a part of it.
 */
export function discard(mapping: Mapping): void {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  checked('mmap of zeros', native.mmap(mapping.address, mapping.length, PROT_READ_WRITE, flags, -1, 0));
}

/** Throws unless `length` bytes from `offset` lie inside the mapping: the guard in front of every native call. */
export function checkRange(call: string, mapping: Mapping, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= mapping.length)) {
    throw new RangeError(
      `${call}: bytes ${offset} to ${offset + length} of a mapping of ${mapping.length} bytes`,
    );
  }
}
