/** Plain words for the errors of opening a file. */
const WORDS = new Map([
  ['ENOENT', 'no such file'],
  ['ENOTDIR', 'no such file'],
  ['EACCES', 'a file that this user may not read'],
  ['EISDIR', 'a directory'],
]);

export function fileErrorText(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? message : (WORDS.get(code) ?? code);
}

/** Calls `work`, which writes the file at `path`. Errors of write(2), unlike those of open(2), do not name it. */
export function namingFile<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw nameFile(path, error);
  }
}

/** The error, with the file in its message if it does not name one. */
export function nameFile(path: string, error: unknown): unknown {
  const { code, path: named } = error as NodeJS.ErrnoException;
  if (error instanceof Error && code !== undefined && named === undefined)
    error.message = `${path}: ${error.message}`;
  return error;
}
