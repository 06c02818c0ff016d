#!/usr/bin/env node
import { exitCodeOf, reportError } from './errors.ts';
import { createProgram } from './program.ts';

// `sluice flows | head` closes the pipe early: not an error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
// `sluice 2>&1 | head`: what there is to say is not read to its end; the exit code stays what it is.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  reportError(error);
  process.exitCode = exitCodeOf(error);
}
