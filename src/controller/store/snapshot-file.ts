/** The whole state in one frame, replaced by rename: a reader sees either the old or the new one. */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decodeFrame, encodeFrame } from '../../run-dir/frame.ts';
import { writeWhole } from './record-log.ts';

export interface SnapshotDocument {
  readonly revision: number;
  readonly entries: readonly (readonly [key: string, value: unknown])[];
}

const EMPTY: SnapshotDocument = { revision: 0, entries: [] };

export async function readSnapshot(path: string): Promise<SnapshotDocument> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY;
    throw error;
  }
  const frame = decodeFrame(bytes, 0);
  if (frame === undefined || frame.end !== bytes.length)
    throw new Error(`${path}: found ${bytes.length} bytes, expected one undamaged record`);
  const document = frame.value as SnapshotDocument | null;
  if (
    !Number.isSafeInteger(document?.revision) ||
    !Array.isArray(document!.entries) ||
    !document!.entries.every(isEntry)
  )
    throw new Error(`${path}: found a record of another kind, expected a revision and entries`);
  return document!;
}

const isEntry = (entry: unknown): boolean => Array.isArray(entry) && typeof entry[0] === 'string';

/** Durable when it resolves with the file's length; when it rejects, the old file remains. */
export async function replaceSnapshot(path: string, document: SnapshotDocument): Promise<number> {
  const frame = encodeFrame(document);
  const temporary = `${path}.new`;
  try {
    const handle = await open(temporary, 'w', 0o600);
    try {
      await writeWhole(handle, frame, 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
  return frame.length;
}

/** Makes created and removed names in the directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
