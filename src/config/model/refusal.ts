/** Errors that are told to the user as they are: they say what was found and what was expected. */
import { fileErrorText } from './file-error.ts';
import type { Problem } from './problems.ts';

/** HTTP's: wrong input, not allowed, not there, in conflict with what is, could not be done, not now or not here. */
export type RefusalStatus = 400 | 403 | 404 | 409 | 500 | 503;

export class Refusal extends Error {
  readonly status: RefusalStatus;
  readonly problems: readonly Problem[];

  constructor(status: RefusalStatus, message: string, problems: readonly Problem[] = []) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.problems = problems;
  }
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { path, syscall, code } = error as NodeJS.ErrnoException;
  const isAboutFile = typeof path === 'string' && syscall !== undefined && code !== undefined;
  return isAboutFile ? `${path}: ${fileErrorText(error)} (${syscall})` : error.message;
}
