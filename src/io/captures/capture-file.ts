/** Captures as files: a whole file read at once, a file written through a buffer. */
import { closeSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { CaptureError, type CaptureReader } from './capture.ts';
import { readCapture } from './pcap-reader.ts';
import { PcapWriter, type PcapWriterOptions } from './pcap-writer.ts';

/** Captures are read whole, so there is a limit. */
const MAX_FILE_BYTES = 1024 * 1024 * 1024;
const WRITE_BUFFER_BYTES = 256 * 1024;

/** Errors name the file. */
export function readCaptureFile(path: string): CaptureReader {
  const { size } = statSync(path);
  if (size > MAX_FILE_BYTES)
    throw new Error(
      `${path}: ${size} bytes, at most ${MAX_FILE_BYTES} can be read; split it with editcap -c`,
    );
  try {
    return readCapture(readFileSync(path));
  } catch (error) {
    if (error instanceof CaptureError) throw new Error(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

export interface CaptureFileWriter {
  readonly writer: PcapWriter;
  close(): void;
}

/** Create or replace the file at `path`; it is complete after `close`. */
export function createCaptureFile(path: string, options?: PcapWriterOptions): CaptureFileWriter {
  const fd = openSync(path, 'w', 0o644);
  const buffer = new Uint8Array(WRITE_BUFFER_BYTES);
  let filled = 0;
  const writeAll = (bytes: Uint8Array) => {
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    } catch (error) {
      throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
    }
  };
  const flush = () => {
    writeAll(buffer.subarray(0, filled));
    filled = 0;
  };
  const append = (bytes: Uint8Array) => {
    if (filled + bytes.length > buffer.length) flush();
    if (bytes.length > buffer.length) return writeAll(bytes);
    buffer.set(bytes, filled);
    filled += bytes.length;
  };
  try {
    const writer = new PcapWriter(append, options);
    return {
      writer,
      close: () => {
        try {
          flush();
        } finally {
          closeSync(fd);
        }
      },
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
