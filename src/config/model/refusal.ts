/** Errors that are told to the user as they are: they say what was found and what was expected. */
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

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
