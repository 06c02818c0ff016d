/**
 * Lines of JSON in files of bounded number and size, the oldest out first.
 *
 *   NAME.jsonl          the file that is being written
 *   NAME-000012.jsonl   one that is full; the number grows
 *
 * Theory of operation. A line is written by one system call, so that a process that is killed leaves whole lines. A machine that
 * stops, or a full disk, may leave a part of one: the next line then starts on a line of its own, and readers skip what
 * is no JSON. A reader sees the lines that were there when it began, and lets others run between two blocks.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';

export interface LineFileLimits {
  /** A file that has reached this size gets no further line. */
  readonly maxFileBytes: number;
  /** With the one that is being written. */
  readonly maxFiles: number;
}

const BLOCK_BYTES = 1 << 16;
const NEWLINE = 0x0a;
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
const NUMBER_DIGITS = 6;

export class LineFiles {
  private readonly directory: string;
  private readonly name: string;
  private readonly limits: LineFileLimits;
  private fd: number | undefined;
  private bytes = 0;
  /** The last line may be a part of one. */
  private isTorn = false;

  /** The directory has to exist by the first line. */
  constructor(directory: string, name: string, limits: LineFileLimits) {
    this.directory = directory;
    this.name = name;
    this.limits = limits;
  }

  /** `line`: without its end. Throws a system error if it was not written, or not as a whole. */
  append(line: string): void {
    if (this.fd === undefined) this.open();
    if (this.bytes >= this.limits.maxFileBytes) this.turn();
    const bytes = Buffer.from(`${this.isTorn ? '\n' : ''}${line}\n`);
    this.isTorn = true;
    const written = writeSync(this.fd!, bytes);
    this.bytes += written;
    if (written < bytes.length) throw new Error(`${this.path}: written ${written} of ${bytes.length} bytes`);
    this.isTorn = false;
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  /** The lines that are there now, oldest first, in blocks. `sinceMs`: files that were written last before are left out. */
  read(sinceMs = 0): AsyncGenerator<string[]> {
    return readFiles(this.filesToRead(sinceMs));
  }

  private filesToRead(sinceMs: number): FileToRead[] {
    const files: FileToRead[] = [];
    for (const name of [...this.fullFiles(), `${this.name}.jsonl`]) {
      const path = join(this.directory, name);
      const status = statusOf(path);
      if (status === undefined || status.mtimeMs < sinceMs) continue;
      files.push({ path, bytes: status.size });
    }
    // The last one may get another name while the ones before are read.
    const last = files.at(-1);
    if (last?.path === this.path) last.handle = open(last.path, 'r');
    last?.handle?.catch(() => {});
    return files;
  }

  private get path(): string {
    return join(this.directory, `${this.name}.jsonl`);
  }

  private open(): void {
    this.fd = openSync(this.path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    this.bytes = fstatSync(this.fd).size;
    const last = Buffer.alloc(1);
    this.isTorn =
      this.bytes > 0 && (readSync(this.fd, last, 0, 1, this.bytes - 1) !== 1 || last[0] !== NEWLINE);
  }

  private turn(): void {
    const full = this.fullFiles();
    const number = full.length === 0 ? 1 : numberOf(full.at(-1)!) + 1;
    renameSync(
      this.path,
      join(this.directory, `${this.name}-${String(number).padStart(NUMBER_DIGITS, '0')}.jsonl`),
    );
    this.close();
    for (const name of full.slice(0, Math.max(0, full.length + 2 - this.limits.maxFiles)))
      rmSync(join(this.directory, name), { force: true });
    this.open();
  }

  /** Names, oldest first. */
  private fullFiles(): string[] {
    const isFull = (name: string): boolean =>
      name.startsWith(`${this.name}-`) && /^\d+\.jsonl$/.test(name.slice(this.name.length + 1));
    return namesIn(this.directory)
      .filter(isFull)
      .sort((a, b) => numberOf(a) - numberOf(b));
  }
}

interface FileToRead {
  readonly path: string;
  /** Lines beyond were written later. */
  readonly bytes: number;
  handle?: Promise<FileHandle>;
}

async function* readFiles(files: readonly FileToRead[]): AsyncGenerator<string[]> {
  for (const { path, bytes, handle = open(path, 'r') } of files) {
    let file: FileHandle;
    try {
      file = await handle;
    } catch (error) {
      // The oldest may go while newer ones are written.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    try {
      yield* readLines(file, bytes);
    } finally {
      await file.close();
    }
  }
}

async function* readLines(file: FileHandle, bytes: number): AsyncGenerator<string[]> {
  const decoder = new StringDecoder('utf8');
  const block = Buffer.alloc(BLOCK_BYTES);
  let rest = '';
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await file.read(block, 0, Math.min(BLOCK_BYTES, bytes - at), at);
    if (bytesRead === 0) break;
    at += bytesRead;
    const lines = (rest + decoder.write(block.subarray(0, bytesRead))).split('\n');
    rest = lines.pop()!;
    if (lines.length > 0) yield lines;
  }
}

const numberOf = (name: string): number => Number(/(\d+)\.jsonl$/.exec(name)![1]);

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
