/** Replaces a file by rename, so that a reader finds the old content or the new, and a crash leaves no half of either. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** Readable by the owner only. Throws with the old file in place. */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`;
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
