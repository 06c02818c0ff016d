/** The answer of every command that changes something: the new rule revision. */
import type { Command } from 'commander';
import type { Changed } from '../../api/shapes.ts';
import { printResult } from '../output.ts';

export const printChanged = (command: Command, changed: Changed): Promise<void> =>
  printResult(command, changed, ({ revision }) => `revision ${revision}\n`);
