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
