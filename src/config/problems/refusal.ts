/** Errors whose messages are written for users: they say what was found and what was expected. */
import { fileErrorText } from './file-error.ts';
import type { Problem } from './problems.ts';

/** HTTP status: invalid input, forbidden, not found, conflict with the current state, failed, not available now. */
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
