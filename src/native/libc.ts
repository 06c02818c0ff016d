/**
 * Calls on file descriptors. Those for set-up throw SystemError; those of the hot path (`readBytes`,
 * `writeBytes`, `writePair`, `waitReadable`) answer a count, or the negated errno as the kernel does.
 */
import * as native from './bindings.ts';
import { checkRange, type Mapping, mapAnonymous } from './memory.ts';
import { checked, lastErrno } from './system-error.ts';

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

export function closeDescriptor(fd: number): void {
  checked(`close of descriptor ${fd}`, native.close(fd));
}

/** Makes `target` refer to the same open file as `fd` (dup2(2)). */
export function duplicateOnto(fd: number, target: number): void {
  checked(`dup2 of descriptor ${fd} onto ${target}`, native.dup2(fd, target));
}

export function setNonBlocking(fd: number): void {
  const flags = checked(`F_GETFL of descriptor ${fd}`, native.fcntl(fd, F_GETFL, 0));
  if ((flags & O_NONBLOCK) === 0)
    checked(`F_SETFL of descriptor ${fd}`, native.fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

/** The kernel's number of the calling thread (gettid(2)). */
export const threadId = (): number => native.threadId();

// --- eventfd: one thread wakes another ---------------------------------------------------------------------

const eventValue = mapAnonymous(8);
const eventWord = new Int32Array(eventValue.bytes);

/** A counter that `signalEvent` raises and a read resets (eventfd(2)); non-blocking. */
export const createEvent = (): number => checked('eventfd', native.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));

/** Wakes the thread that waits for the event. Works from any thread; several signals before a read count as one wake-up. */
export function signalEvent(fd: number): void {
  eventWord[0] = 1;
  eventWord[1] = 0;
  checked(`write to eventfd ${fd}`, native.write(fd, eventValue.address, 8));
}

/** Take the signals that have arrived; false if there was none. */
export const takeEvent = (fd: number): boolean => native.read(fd, eventValue.address, 8) === 8;

// --- bytes -------------------------------------------------------------------------------------------------

/** read(2) into a mapping: bytes, or -errno. */
export function readBytes(fd: number, mapping: Mapping, offset: number, length: number): number {
  checkRange('read', mapping, offset, length);
  const count = native.read(fd, mapping.address + offset, length);
  return count < 0 ? -lastErrno() : count;
}

/** pread(2) into a mapping, from byte `position` of the file: bytes, or -errno. */
export function readBytesAt(
  fd: number,
  mapping: Mapping,
  offset: number,
  length: number,
  position: number,
): number {
  checkRange('pread', mapping, offset, length);
  const count = native.pread(fd, mapping.address + offset, length, position);
  return count < 0 ? -lastErrno() : count;
}

/** write(2) from a mapping: bytes, or -errno. */
export function writeBytes(fd: number, mapping: Mapping, offset: number, length: number): number {
  checkRange('write', mapping, offset, length);
  const count = native.write(fd, mapping.address + offset, length);
  return count < 0 ? -lastErrno() : count;
}

/** Bytes of one struct iovec: address and length, 64 bits each. */
export const IOVEC_BYTES = 16;

/** Write one struct iovec as four 32-bit words from `word` on. */
export function setIovec(words: Int32Array, word: number, address: number, length: number): void {
  words[word] = address | 0;
  words[word + 1] = Math.floor(address / 0x1_0000_0000);
  words[word + 2] = length;
  words[word + 3] = 0;
}

const pair = mapAnonymous(2 * IOVEC_BYTES);
const pairWords = new Int32Array(pair.bytes);

/** writev(2) of two ranges of one mapping as one frame: bytes, or -errno. */
export function writePair(
  fd: number,
  mapping: Mapping,
  firstOffset: number,
  firstLength: number,
  offset: number,
  length: number,
): number {
  checkRange('writev', mapping, firstOffset, firstLength);
  checkRange('writev', mapping, offset, length);
  setIovec(pairWords, 0, mapping.address + firstOffset, firstLength);
  setIovec(pairWords, 4, mapping.address + offset, length);
  const count = native.writev(fd, pair.address, 2);
  return count < 0 ? -lastErrno() : count;
}

// --- waiting -----------------------------------------------------------------------------------------------

const POLLIN = 0x1;

/** Descriptors to wait for: struct pollfd (fd, events, revents) in mapped memory. */
export class PollSet {
  readonly capacity: number;
  private readonly memory: Mapping;
  private readonly words: Int32Array;
  private readonly halves: Int16Array;
  private readonly timeout: Mapping;
  private readonly timeoutWords: Int32Array;

  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 65_536)
      throw new RangeError(`ppoll: room for ${capacity} descriptors, expected 1 to 65536`);
    this.capacity = capacity;
    this.memory = mapAnonymous(capacity * 8);
    this.words = new Int32Array(this.memory.bytes);
    this.halves = new Int16Array(this.memory.bytes);
    this.timeout = mapAnonymous(16);
    this.timeoutWords = new Int32Array(this.timeout.bytes);
    for (let i = 0; i < capacity; i++) this.clear(i);
  }

  /** Wait for input on `fd` at place `index`. */
  set(index: number, fd: number): void {
    this.checkIndex(index);
    this.words[index * 2] = fd;
    this.halves[index * 4 + 2] = POLLIN;
    this.halves[index * 4 + 3] = 0;
  }

  /** ppoll passes over negative descriptors. */
  clear(index: number): void {
    this.checkIndex(index);
    this.words[index * 2] = -1;
    this.words[index * 2 + 1] = 0;
  }

  /** revents of the last `wait`. */
  ready(index: number): number {
    return this.halves[index * 4 + 3]!;
  }

  /** ppoll(2) on the first `count` places for at most `timeoutUs`: how many are ready, or -errno. */
  wait(count: number, timeoutUs: number): number {
    if (!(count >= 0 && count <= this.capacity))
      throw new RangeError(`ppoll: ${count} descriptors, at most ${this.capacity}`);
    setTimespec(this.timeoutWords, 0, timeoutUs);
    const ready = native.ppoll(this.memory.address, count, this.timeout.address, 0);
    return ready < 0 ? -lastErrno() : ready;
  }

  private checkIndex(index: number): void {
    if (!(index >= 0 && index < this.capacity))
      throw new RangeError(`ppoll: place ${index}, expected 0 to ${this.capacity - 1}`);
  }
}

/** Write a struct timespec (64-bit seconds and nanoseconds) as four 32-bit words from `word` on. */
export function setTimespec(words: Int32Array, word: number, microseconds: number): void {
  const seconds = Math.floor(microseconds / 1e6);
  words[word] = seconds;
  words[word + 1] = 0;
  words[word + 2] = (microseconds - seconds * 1e6) * 1000;
  words[word + 3] = 0;
}
