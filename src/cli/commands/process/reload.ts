import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { apiOf } from '../../settings.ts';
import { printChanged } from '../member/changed.ts';

export function addReload(parent: Command): void {
  parent
    .command('reload')
    .description('apply a changed configuration without losing a packet or a connection')
    .requiredOption('-c, --config <file>', 'configuration, YAML')
    .action(async ({ config }: { config: string }, command: Command) => {
      const { checkedConfiguration } = await import('../../../process/checked-configuration.ts');
      checkedConfiguration(config, 'offline'); // its problems are told here, with their lines
      const body = { path: resolve(config) };
      await printChanged(command, await apiOf(command).post<Changed>('/v1/reload', body));
    });
}
