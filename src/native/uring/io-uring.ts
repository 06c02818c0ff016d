/**
 * io_uring(7): one submission and one completion queue shared with the kernel, as typed arrays.
 *
 * Theory of operation. `prepare…` writes a submission entry (SQE) at the tail; `enter` publishes the tail and
 * crosses into the kernel once, for all of them; completions (CQEs) are then read one at a time with `next`.
 * The ring is made with SINGLE_ISSUER | DEFER_TASKRUN: all of its work happens inside `enter` of the thread that
 * made it, so a ring must be used by that thread only. While the thread spins without a call, TASKRUN_FLAG tells
 * through `hasWork` whether a call would bring anything.
 *
 * A request is known again by its `tag`: the low 32 bits of user_data, the high ones being 0, so that no 64-bit
 * value is ever made in JavaScript.
 */
import * as native from '../bindings.ts';
import { setTimespec } from '../libc.ts';
import { checkRange, discard, type Mapping, mapAnonymous, mapDescriptor } from '../memory.ts';
import { checked, EAGAIN, EBUSY, EINTR, ETIME, lastErrno, SystemError } from '../system-error.ts';
import * as abi from './io-uring-abi.ts';

// Words of the memory for arguments of calls.
const TIMESPEC_WORD = 8;
const SCRATCH_WORD = 12;
const ARGUMENT_BYTES = 64;
const GETEVENTS_ARGUMENT_BYTES = 24;

const SETUP_FLAGS =
  abi.IORING_SETUP_CQSIZE |
  abi.IORING_SETUP_SUBMIT_ALL |
  abi.IORING_SETUP_TASKRUN_FLAG |
  abi.IORING_SETUP_SINGLE_ISSUER |
  abi.IORING_SETUP_DEFER_TASKRUN |
  abi.IORING_SETUP_NO_SQARRAY;
const NEEDED_FEATURES =
  abi.IORING_FEAT_SINGLE_MMAP | abi.IORING_FEAT_NODROP | abi.IORING_FEAT_EXT_ARG | abi.IORING_FEAT_CQE_SKIP;

export interface IoUringOptions {
  /** Entries, powers of two. */
  readonly submissionEntries: number;
  readonly completionEntries: number;
}

export class IoUring {
  readonly fd: number;
  readonly submissionEntries: number;
  private readonly enterFd: number;
  private readonly enterFlags: number;
  private readonly ringMapping: Mapping;
  private readonly entriesMapping: Mapping;
  private readonly ring: Int32Array;
  private readonly entries: Int32Array;
  private readonly submissionMask: number;
  private readonly completionMask: number;
  private readonly sqTailWord: number;
  private readonly sqFlagsWord: number;
  private readonly cqHeadWord: number;
  private readonly cqTailWord: number;
  private readonly cqesWord: number;
  /** struct io_uring_getevents_arg (24 bytes); at 32 the struct timespec it points to; at 48 one scratch word. */
  private readonly waitArgument: Mapping;
  private readonly waitWords: Int32Array;
  private readonly waitAddress: native.SteadyNumber;
  private sqTail: number;
  private sqPending = 0;
  private cqHead: number;
  private cqSeenTail: number;
  private entry = 0;

  constructor(options: IoUringOptions) {
    const parameters = setupParameters(options);
    this.fd = checked('io_uring_setup', native.ioUringSetup(options.submissionEntries, parameters));
    try {
      const features = parameters.readUInt32LE(abi.PARAMETERS.features);
      if ((features & NEEDED_FEATURES) !== NEEDED_FEATURES)
        throw new Error(
          `io_uring: features 0x${features.toString(16)}, expected 0x${NEEDED_FEATURES.toString(16)} among them`,
        );
      this.submissionEntries = parameters.readUInt32LE(abi.PARAMETERS.sqEntries);
      const completionEntries = parameters.readUInt32LE(abi.PARAMETERS.cqEntries);
      const sqOffset = (name: keyof typeof abi.SQ_OFFSETS) =>
        parameters.readUInt32LE(abi.PARAMETERS.sqOffsets + abi.SQ_OFFSETS[name]) >> 2;
      const cqOffset = (name: keyof typeof abi.CQ_OFFSETS) =>
        parameters.readUInt32LE(abi.PARAMETERS.cqOffsets + abi.CQ_OFFSETS[name]) >> 2;
      this.sqTailWord = sqOffset('tail');
      this.sqFlagsWord = sqOffset('flags');
      this.cqHeadWord = cqOffset('head');
      this.cqTailWord = cqOffset('tail');
      this.cqesWord = cqOffset('cqes');
      this.submissionMask = this.submissionEntries - 1;
      this.completionMask = completionEntries - 1;
      const ringBytes = (this.cqesWord + completionEntries * abi.CQE_WORDS) * 4;
      const entriesBytes = this.submissionEntries * abi.SQE_WORDS * 4;
      this.ringMapping = mapDescriptor('io_uring ring', this.fd, ringBytes, abi.IORING_OFF_SQ_RING);
      this.entriesMapping = mapDescriptor('io_uring entries', this.fd, entriesBytes, abi.IORING_OFF_SQES);
      this.ring = new Int32Array(this.ringMapping.bytes);
      this.entries = new Int32Array(this.entriesMapping.bytes);
      this.sqTail = this.ring[this.sqTailWord]!;
      this.cqHead = this.ring[this.cqHeadWord]!;
      this.cqSeenTail = this.cqHead;
      this.waitArgument = mapAnonymous(ARGUMENT_BYTES);
      this.waitWords = new Int32Array(this.waitArgument.bytes);
      this.waitAddress = native.steadyNumber(this.waitArgument.address);
      const timespecAddress = this.waitArgument.address + TIMESPEC_WORD * 4;
      this.waitWords[4] = timespecAddress | 0;
      this.waitWords[5] = Math.floor(timespecAddress / 0x1_0000_0000);
      this.enterFd = this.registerRing();
      this.enterFlags =
        abi.IORING_ENTER_EXT_ARG |
        abi.IORING_ENTER_REGISTERED_RING |
        (features & abi.IORING_FEAT_NO_IOWAIT ? abi.IORING_ENTER_NO_IOWAIT : 0);
    } catch (error) {
      native.close(this.fd);
      throw error;
    }
  }

  // --- submission ------------------------------------------------------------------------------------------

  /** Entries that can still be prepared before `enter`. */
  get submissionSpace(): number {
    return this.submissionEntries - this.sqPending;
  }

  /** Entries prepared and not yet taken by the kernel. */
  get pendingSubmissions(): number {
    return this.sqPending;
  }

  /** Place of the entry that the next `prepare…` writes: 0 to submissionEntries - 1. */
  get nextPlace(): number {
    return this.sqTail & this.submissionMask;
  }

  /** Write an entry whose other fields are zero; `entry` is its first word. */
  private begin(operation: number, flags: number, fd: number, tag: number): void {
    if (this.sqPending === this.submissionEntries) throw new RangeError('io_uring: submission queue full');
    const words = this.entries;
    const at = (this.sqTail & this.submissionMask) * abi.SQE_WORDS;
    words[at] = operation | (flags << 8);
    words[at + 1] = fd;
    words[at + 2] = 0;
    words[at + 3] = 0;
    words[at + 7] = 0;
    words[at + 8] = tag;
    words[at + 9] = 0;
    words[at + 10] = 0;
    words[at + 11] = 0;
    words[at + 12] = 0;
    words[at + 13] = 0;
    words[at + 14] = 0;
    words[at + 15] = 0;
    this.entry = at;
    this.sqTail = (this.sqTail + 1) | 0;
    this.sqPending++;
  }

  private setAddress(address: number, length: number): void {
    const words = this.entries;
    const at = this.entry;
    words[at + 4] = address | 0;
    words[at + 5] = Math.floor(address / 0x1_0000_0000);
    words[at + 6] = length;
  }

  /** read(2) of at most `length` bytes to `offset` of the mapping. `flags`: IOSQE_…. */
  prepareRead(flags: number, fd: number, to: Mapping, offset: number, length: number, tag: number): void {
    checkRange('io_uring read', to, offset, length);
    this.begin(abi.IORING_OP_READ, flags, fd, tag);
    this.setAddress(to.address + offset, length);
  }

  /** write(2) of `length` bytes at `offset` of the mapping: at once or not at all (RWF_NOWAIT). */
  prepareWrite(flags: number, fd: number, from: Mapping, offset: number, length: number, tag: number): void {
    checkRange('io_uring write', from, offset, length);
    this.begin(abi.IORING_OP_WRITE, flags, fd, tag);
    this.setAddress(from.address + offset, length);
    this.entries[this.entry + 7] = abi.RWF_NOWAIT;
  }

  /**
   * writev(2) of `count` struct iovec at `offset` of `iovecs`, at once or not at all (RWF_NOWAIT). What they point
   * to is the caller's to check.
   */
  prepareWritev(
    flags: number,
    fd: number,
    iovecs: Mapping,
    offset: number,
    count: number,
    tag: number,
  ): void {
    checkRange('io_uring writev', iovecs, offset, count * 16);
    this.begin(abi.IORING_OP_WRITEV, flags, fd, tag);
    this.setAddress(iovecs.address + offset, count);
    this.entries[this.entry + 7] = abi.RWF_NOWAIT;
  }

  /** Read again and again, each time into a buffer of group `bufferGroup`, until an error or a cancel. */
  prepareReadMultishot(flags: number, fd: number, bufferGroup: number, tag: number): void {
    this.begin(abi.IORING_OP_READ_MULTISHOT, flags | abi.IOSQE_BUFFER_SELECT, fd, tag);
    this.setAddress(0, 0);
    this.entries[this.entry + 10] = bufferGroup;
  }

  /** Cancel the request with tag `target`; completes, with an error, only when there is none. */
  prepareCancel(target: number, tag: number): void {
    this.begin(abi.IORING_OP_ASYNC_CANCEL, abi.IOSQE_CQE_SKIP_SUCCESS, -1, tag);
    this.setAddress(0, 0);
    this.entries[this.entry + 4] = target;
  }

  /**
   * Submit what was prepared, run the ring's deferred work and, for a positive `waitUs`, wait at most that long
   * for one completion. Returns how many entries the kernel took: all, but for want of memory (EAGAIN) or of
   * room for completions (EBUSY), which pass when the caller has reaped what there is.
   */
  enter(waitUs: number): number {
    Atomics.store(this.ring, this.sqTailWord, this.sqTail);
    if (waitUs > 0) setTimespec(this.waitWords, TIMESPEC_WORD, waitUs);
    const taken = native.ioUringEnter(
      this.enterFd,
      this.sqPending,
      waitUs > 0 ? 1 : 0,
      this.enterFlags | abi.IORING_ENTER_GETEVENTS,
      this.waitAddress[0],
      GETEVENTS_ARGUMENT_BYTES,
    );
    if (taken >= 0) {
      this.sqPending -= taken;
      return taken;
    }
    const errno = lastErrno();
    if (errno !== ETIME && errno !== EINTR && errno !== EBUSY && errno !== EAGAIN)
      throw new SystemError('io_uring_enter', errno);
    return 0;
  }

  /** Whether `enter(0)` would bring completions; a read of shared memory, no call. */
  hasWork(): boolean {
    return (
      (Atomics.load(this.ring, this.sqFlagsWord) & (abi.IORING_SQ_TASKRUN | abi.IORING_SQ_CQ_OVERFLOW)) !==
        0 || Atomics.load(this.ring, this.cqTailWord) !== this.cqHead
    );
  }

  // --- completion ------------------------------------------------------------------------------------------

  private completion = 0;

  /** Step to the next completion; false when there is none. */
  next(): boolean {
    if (this.cqHead === this.cqSeenTail) {
      this.cqSeenTail = Atomics.load(this.ring, this.cqTailWord);
      if (this.cqHead === this.cqSeenTail) return false;
    }
    this.completion = this.cqesWord + (this.cqHead & this.completionMask) * abi.CQE_WORDS;
    this.cqHead = (this.cqHead + 1) | 0;
    return true;
  }

  /** Give the completions that were read back to the kernel. */
  releaseCompletions(): void {
    Atomics.store(this.ring, this.cqHeadWord, this.cqHead);
  }

  get tag(): number {
    return this.ring[this.completion]!;
  }

  /** Bytes, or -errno. */
  get result(): number {
    return this.ring[this.completion + 2]!;
  }

  get flags(): number {
    return this.ring[this.completion + 3]!;
  }

  // --- registration ----------------------------------------------------------------------------------------

  /** Reserve `count` places for registered files (abi.IOSQE_FIXED_FILE). */
  registerFileTable(count: number): void {
    const argument = Buffer.alloc(32); // struct io_uring_rsrc_register
    argument.writeUInt32LE(count, 0);
    argument.writeUInt32LE(abi.IORING_RSRC_REGISTER_SPARSE, 4);
    const result = native.ioUringRegister(this.fd, abi.IORING_REGISTER_FILES2, argument, argument.length);
    checked('IORING_REGISTER_FILES2', result);
  }

  /** Put descriptor `fd` (or -1: none) at `place` of the file table. */
  setFile(place: number, fd: number): void {
    this.waitWords[SCRATCH_WORD] = fd;
    const argument = Buffer.alloc(16); // struct io_uring_files_update
    argument.writeUInt32LE(place, 0);
    argument.writeBigUInt64LE(BigInt(this.waitArgument.address + SCRATCH_WORD * 4), 8);
    const result = native.ioUringRegister(this.fd, abi.IORING_REGISTER_FILES_UPDATE, argument, 1);
    checked(`abi.IORING_REGISTER_FILES_UPDATE ${place}`, result);
  }

  /** Announce a ring of provided buffers at `address` (struct io_uring_buf_ring) as group `group`. */
  registerBufferRing(address: number, entries: number, group: number): void {
    const argument = Buffer.alloc(40); // struct io_uring_buf_reg
    argument.writeBigUInt64LE(BigInt(address), 0);
    argument.writeUInt32LE(entries, 8);
    argument.writeUInt16LE(group, 12);
    checked(
      'IORING_REGISTER_PBUF_RING',
      native.ioUringRegister(this.fd, abi.IORING_REGISTER_PBUF_RING, argument, 1),
    );
  }

  /** Spares `enter` the look-up of the ring's descriptor; answers its index among this thread's rings. */
  private registerRing(): number {
    const argument = ringUpdate(ANY_INDEX, this.fd);
    checked(
      'IORING_REGISTER_RING_FDS',
      native.ioUringRegister(this.fd, abi.IORING_REGISTER_RING_FDS, argument, 1),
    );
    return argument.readUInt32LE(0);
  }

  /** Whether the kernel knows the operation. */
  supports(operation: number): boolean {
    const count = operation + 1;
    const probe = Buffer.alloc(16 + count * 8); // struct io_uring_probe, then struct io_uring_probe_op each
    checked(
      'IORING_REGISTER_PROBE',
      native.ioUringRegister(this.fd, abi.IORING_REGISTER_PROBE, probe, count),
    );
    return (probe.readUInt16LE(16 + operation * 8 + 2) & abi.IO_URING_OP_SUPPORTED) !== 0;
  }

  /**
   * Close the ring; requests in flight are cancelled by the kernel, a little later. Registration and mappings
   * hold the ring too, so they end with it.
   */
  close(): void {
    const argument = ringUpdate(this.enterFd, 0);
    native.ioUringRegister(this.fd, abi.IORING_UNREGISTER_RING_FDS, argument, 1);
    discard(this.ringMapping);
    discard(this.entriesMapping);
    native.close(this.fd);
  }
}

const ANY_INDEX = 0xffff_ffff;

/** struct io_uring_rsrc_update: offset, reserved, data. */
function ringUpdate(index: number, fd: number): Buffer {
  const argument = Buffer.alloc(16);
  argument.writeUInt32LE(index, 0);
  argument.writeBigUInt64LE(BigInt(fd), 8);
  return argument;
}

function setupParameters(options: IoUringOptions): Buffer {
  for (const entries of [options.submissionEntries, options.completionEntries]) {
    if (!(entries >= 1 && entries <= 32_768 && (entries & (entries - 1)) === 0))
      throw new RangeError(`io_uring: ${entries} entries, expected a power of two up to 32768`);
  }
  const parameters = Buffer.alloc(abi.PARAMETERS_BYTES);
  parameters.writeUInt32LE(SETUP_FLAGS, abi.PARAMETERS.flags);
  parameters.writeUInt32LE(options.completionEntries, abi.PARAMETERS.cqEntries);
  return parameters;
}

/** Why io_uring cannot be used as needed here, or null if it can. */
export function probeIoUring(): string | null {
  let uring: IoUring;
  try {
    uring = new IoUring({ submissionEntries: 4, completionEntries: 8 });
  } catch (error) {
    return (error as Error).message;
  }
  try {
    return uring.supports(abi.IORING_OP_READ_MULTISHOT) ? null : 'io_uring has no multishot read (Linux 6.7)';
  } finally {
    uring.close();
  }
}
