/**
 * An append-only file of frames. A failed append leaves no trace: the file is truncated to its previous length, if
 * necessary before the next append.
 *
 * When fdatasync fails, the kernel may have discarded the pages and report the next call as a success; the file's
 * whole content is then unknown, and the owner must write everything to another file (`isDoubtful`).
 */
import { type FileHandle, open } from 'node:fs/promises';
import { decodeFrame, hasFrameAfter } from '../../run-dir/frame.ts';

export class RecordLog {
  private readonly handle: FileHandle;
  /** Everything up to here is complete and durable. */
  private length: number;
  /** Bytes may exist beyond `length`. */
  private hasRemains = false;
  private doubtful = false;

  private constructor(handle: FileHandle, length: number) {
    this.handle = handle;
    this.length = length;
  }

  /** Opens or creates the file; returns its frames, and how many bytes of a torn tail were truncated. */
  static async open(path: string): Promise<{ log: RecordLog; values: unknown[]; tornBytes: number }> {
    await open(path, 'a', 0o600).then((created) => created.close());
    const handle = await open(path, 'r+');
    try {
      const bytes = await handle.readFile();
      const values: unknown[] = [];
      let end = 0;
      for (let frame = decodeFrame(bytes, 0); frame !== undefined; frame = decodeFrame(bytes, end)) {
        values.push(frame.value);
        end = frame.end;
      }
      if (end < bytes.length && hasFrameAfter(bytes, end))
        throw new Error(
          `${path}: found a damaged record at byte ${end} with good ones behind it, expected none`,
        );
      const log = new RecordLog(handle, end);
      if (end < bytes.length) await log.cutBack();
      return { log, values, tornBytes: bytes.length - end };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get bytes(): number {
    return this.length;
  }

  /** Set by a failed fdatasync, until `clear`. */
  get isDoubtful(): boolean {
    return this.doubtful;
  }

  /** Durable when it resolves; without effect when it rejects. */
  async append(frame: Buffer): Promise<void> {
    if (this.hasRemains) await this.cutBack();
    this.hasRemains = true;
    try {
      await writeWhole(this.handle, frame, this.length);
      await this.sync();
    } catch (error) {
      await this.cutBack().catch(() => {}); // otherwise before the next append, or when the file is opened again
      throw error;
    }
    this.length += frame.length;
    this.hasRemains = false;
  }

  /** Empties the file after its content was saved elsewhere. */
  async clear(): Promise<void> {
    this.length = 0;
    this.hasRemains = true;
    await this.cutBack();
    this.doubtful = false;
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private async cutBack(): Promise<void> {
    await this.handle.truncate(this.length);
    await this.sync();
    this.hasRemains = false;
  }

  private async sync(): Promise<void> {
    try {
      await this.handle.datasync();
    } catch (error) {
      this.doubtful = true;
      throw error;
    }
  }
}

/** write(2) may write less than asked, e.g. on a disk that becomes full. */
export async function writeWhole(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    if (bytesWritten === 0) throw new Error(`found no byte written at ${position + done}, expected some`);
    done += bytesWritten;
  }
}
