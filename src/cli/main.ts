#!/usr/bin/env node
import { exitCodeOf, reportError } from './errors.ts';
import { createProgram } from './program.ts';

// `sluice flows | head` closes the pipe early, which is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
// `sluice 2>&1 | head` also closes stderr early; the exit code stays the same.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  reportError(error);
  process.exitCode = exitCodeOf(error);
}
