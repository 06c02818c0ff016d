/**
 * The epoch: a durable number that grows by one with each leader of this store. A new store starts with the time of day,
 * so that it outranks a lost one: hosts that have seen the lost store's epochs would otherwise refuse the new rules as
 * outdated.
 *
 * Two slots of fixed size; a new number overwrites the older slot in place. One slot is thus intact whenever the process
 * is killed, and a full disk does not stop a controller from starting, as no block is allocated.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { nameFile } from '../../config/problems/file-error.ts';
import type { Runtime } from '../../runtime/runtime.ts';

const DIGITS = 16;
/** `0000000000000007 9b1c2d3e\n` */
const SLOT_BYTES = DIGITS + 1 + 8 + 1;

export class EpochFile {
  private readonly path: string;
  private readonly handle: FileHandle;
  private readonly runtime: Runtime;
  private current: number;

  private constructor(path: string, handle: FileHandle, runtime: Runtime, current: number) {
    this.path = path;
    this.handle = handle;
    this.runtime = runtime;
    this.current = current;
  }

  static async open(path: string, runtime: Runtime): Promise<EpochFile> {
    const handle = await open(path, 'a+', 0o600).then(async (created) => {
      await created.close();
      return open(path, 'r+');
    });
    const bytes = Buffer.alloc(2 * SLOT_BYTES);
    await handle.read(bytes, 0, bytes.length, 0);
    const slots = [bytes.subarray(0, SLOT_BYTES), bytes.subarray(SLOT_BYTES)];
    return new EpochFile(path, handle, runtime, Math.max(0, ...slots.map(numberOfSlot)));
  }

  /** The next number, durable when it resolves; the first: milliseconds since 1970. Greater than `above`. */
  async advance(above = 0): Promise<number> {
    const least = Math.max(this.current === 0 ? this.runtime.wallMs() : this.current + 1, above + 1);
    // The number's parity selects the slot, which must not be the one with the current number.
    const next = this.current !== 0 && (least - this.current) % 2 === 0 ? least + 1 : least;
    const slot = slotOf(next);
    try {
      const { bytesWritten } = await this.handle.write(slot, 0, SLOT_BYTES, (next % 2) * SLOT_BYTES);
      if (bytesWritten !== SLOT_BYTES)
        throw new Error(`${this.path}: found ${bytesWritten} bytes written, expected ${SLOT_BYTES}`);
      await this.handle.datasync();
    } catch (error) {
      throw nameFile(this.path, error);
    }
    this.current = next;
    return next;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

function slotOf(epoch: number): Buffer {
  const digits = String(epoch).padStart(DIGITS, '0');
  return Buffer.from(`${digits} ${crc32(digits).toString(16).padStart(8, '0')}\n`);
}

/** 0 for a slot that was never written, or not to its end. */
function numberOfSlot(slot: Buffer): number {
  const epoch = Number(slot.toString('latin1', 0, DIGITS));
  return Number.isSafeInteger(epoch) && slotOf(epoch).equals(slot) ? epoch : 0;
}
