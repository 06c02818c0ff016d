import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { apiOf } from '../../settings.ts';
import { printChanged, waitOption } from '../member/changed.ts';

export function addReload(parent: Command): void {
  parent
    .command('reload')
    .description('apply a changed configuration without losing packets or connections')
    .requiredOption('-c, --config <file>', 'configuration file, YAML')
    .addOption(waitOption())
    .action(async ({ config }: { config: string }, command: Command) => {
      const { checkedConfiguration } = await import('../../../process/checked-configuration.ts');
      checkedConfiguration(config, 'offline'); // reports problems with their lines, before the host is asked
      const body = { path: resolve(config) };
      await printChanged(command, await apiOf(command).post<Changed>('/v1/reload', body));
    });
}
