import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Difference } from '../../../api/shapes.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatTable } from '../../table.ts';

const MAX_SHOWN = 60;

/** Columns of the table; JSON and YAML are complete. */
export function valueText(value: unknown): string {
  if (value === null) return '-';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}

const COLUMNS: readonly Column<Difference>[] = [
  { key: 'path' },
  { key: 'inForce', text: ({ inForce }) => valueText(inForce) },
  { key: 'file', text: ({ file }) => valueText(file) },
  { key: 'by' },
  { key: 'at' },
];

/** A table, or one line if there are no differences. */
export const formatDifferences = (rows: readonly Difference[], maxWidth?: number): string =>
  rows.length === 0 ? 'no differences\n' : formatTable(rows, COLUMNS, maxWidth);

export function addDiff(parent: Command): void {
  parent
    .command('diff')
    .description(
      'compare a configuration file with the state in force: what was changed since, by whom, and when',
    )
    .requiredOption('-c, --config <file>', 'configuration file, YAML')
    .option('--exit-code', 'exit with 1 if there are differences')
    .action(async ({ config, exitCode }: { config: string; exitCode?: true }, command: Command) => {
      const { checkedConfiguration } = await import('../../../process/checked-configuration.ts');
      checkedConfiguration(config, 'offline');
      const rows = await apiOf(command).post<Difference[]>('/v1/diff', { path: resolve(config) });
      await printResult(command, rows, formatDifferences);
      if (exitCode && rows.length > 0) process.exitCode = 1;
    });
}
