/** The result of every command that makes a change: the new rule revision. */
import type { Command } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { printResult } from '../../output.ts';

export const printChanged = (command: Command, changed: Changed): Promise<void> =>
  printResult(command, changed, formatChanged);

export function formatChanged({ revision, late = [], refused = {} }: Changed): string {
  const lines = [`revision ${revision}`];
  if (late.length > 0) lines.push(`not confirmed yet by ${late.join(', ')}`);
  for (const [host, reason] of Object.entries(refused)) lines.push(`refused by ${host}: ${reason}`);
  return `${lines.join('\n')}\n`;
}
