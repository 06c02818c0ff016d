import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Changed, Difference } from '../../../api/shapes.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatTable } from '../../table.ts';
import { printChanged, waitOption } from '../member/changed.ts';
import { valueText } from './diff.ts';

export function addReload(parent: Command): void {
  parent
    .command('reload')
    .description('apply a changed configuration without losing packets or connections')
    .requiredOption('-c, --config <file>', 'configuration file, YAML')
    .option('--dry-run', 'change nothing; print what would change')
    .addOption(waitOption())
    .action(async ({ config, dryRun }: { config: string; dryRun?: true }, command: Command) => {
      const { checkedConfiguration } = await import('../../../process/checked-configuration.ts');
      checkedConfiguration(config, 'offline'); // reports problems with their lines, before the host is asked
      const body = { path: resolve(config) };
      if (dryRun) {
        const rows = await apiOf(command).post<Difference[]>('/v1/reload/plan', body);
        return printPlan(command, rows);
      }
      await printChanged(command, await apiOf(command).post<Changed>('/v1/reload', body));
    });
}

/** A row of the table. */
interface PlannedChange {
  readonly path: string;
  readonly now: string;
  readonly after: string;
  readonly needsRestart: string;
}

const COLUMNS: readonly Column<PlannedChange>[] = [
  { key: 'path' },
  { key: 'now' },
  { key: 'after' },
  { key: 'needsRestart' },
];

const printPlan = (command: Command, rows: readonly Difference[]): Promise<void> =>
  printResult(command, rows, (all, maxWidth) => {
    if (all.length === 0) return 'nothing would change\n';
    const planned = all.map(({ path, inForce, file, needsRestart }) => ({
      path,
      now: valueText(inForce),
      after: valueText(file),
      needsRestart: needsRestart ? 'yes' : '-',
    }));
    return formatTable(planned, COLUMNS, maxWidth);
  });
