/**
 * Maps an error to its message on stderr and the exit code: 1 failed, 2 wrong usage or configuration, 3 a change that
 * not all hosts have confirmed.
 */
import { CommanderError } from 'commander';
import { ConfigError } from '../config/problems/problems.ts';
import { messageOf } from '../config/problems/refusal.ts';
import { ApiFailure } from './api-client.ts';

export const EXIT_UNCONFIRMED = 3;

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof ConfigError) return 2;
  return error instanceof ApiFailure && error.status === 400 ? 2 : 1;
}

export function reportError(error: unknown): void {
  if (error instanceof CommanderError) return; // commander has written its message, or its help
  process.stderr.write(`${textOf(error)}\n`);
}

function textOf(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (!(error instanceof Error)) return `sluice: ${String(error)}`;
  return `sluice: ${process.env.SLUICE_DEBUG === undefined ? messageOf(error) : error.stack}`;
}
