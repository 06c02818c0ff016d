/** Replaces a file by rename, so that readers, also after a crash, find either the old content or the new. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { namingFile } from '../config/problems/file-error.ts';

/** Readable by the owner only. If it throws, the old file is unchanged. */
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
