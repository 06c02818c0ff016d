/** How many tasks of the whole machine run or wait for a CPU at this moment, from /proc/loadavg. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { readBytesAt } from '../libc.ts';
import { mapAnonymous } from '../memory.ts';

const PATH = '/proc/loadavg';
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;
/** `0.20 0.18 0.12 1/80 11206`: running tasks are the fourth field's first number. */
const SPACES_BEFORE = 3;
const LINE_BYTES = 128;

export class RunnableTasks {
  /** -1 where /proc is not mounted. */
  private readonly fd = existsSync(PATH) ? openSync(PATH, 'r') : -1;
  private readonly line = mapAnonymous(LINE_BYTES);
  private readonly bytes = new Uint8Array(this.line.bytes);

  /** Includes the calling thread; 0 if the kernel does not report it. One system call, no allocation. */
  count(): number {
    if (this.fd === -1) return 0;
    const length = readBytesAt(this.fd, this.line, 0, LINE_BYTES, 0);
    let at = 0;
    for (let spaces = 0; at < length && spaces < SPACES_BEFORE; at++) if (this.bytes[at] === SPACE) spaces++;
    let count = 0;
    for (; at < length && this.bytes[at]! >= ZERO && this.bytes[at]! <= NINE; at++)
      count = count * 10 + this.bytes[at]! - ZERO;
    return count;
  }

  close(): void {
    if (this.fd !== -1) closeSync(this.fd);
  }
}
