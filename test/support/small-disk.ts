/** A file system of a few megabytes that can be filled to the last byte. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { onEnd } from './command.ts';

export const DISK_BYTES = 4 << 20;

export class SmallDisk {
  /** Where it is mounted. */
  readonly path = mkdtempSync(join(tmpdir(), `sluice-full-disk-${process.pid}-`));
  private readonly forgetCleanup: () => void;

  constructor() {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', this.path]);
    this.forgetCleanup = onEnd(() => this.unmount());
  }

  /** Nothing that needs another page fits any more. */
  fill(): void {
    for (let bytes = DISK_BYTES; bytes >= 1; bytes >>= 1) {
      try {
        writeFileSync(this.filler, Buffer.alloc(bytes), { flag: 'a' });
      } catch (error) {
        assert.is((error as NodeJS.ErrnoException).code, 'ENOSPC');
      }
    }
  }

  /** Leaves room for the rest. */
  fillUpTo(bytes: number): void {
    writeFileSync(this.filler, Buffer.alloc(bytes));
  }

  free(): void {
    rmSync(this.filler);
  }

  remove(): void {
    this.forgetCleanup();
    this.unmount();
  }

  private get filler(): string {
    return join(this.path, 'filler');
  }

  private unmount(): void {
    execFileSync('umount', ['--lazy', this.path]);
    rmdirSync(this.path);
  }
}
