/** Replaces a file by rename, so that a reader finds the old content or the new, and a crash leaves no half of either. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { namingFile } from '../config/model/file-error.ts';

/** Readable by the owner only. Throws with the old file in place. */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`;
  try {
    rmSync(temporary, { force: true });
    namingFile(path, () => writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' }));
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
