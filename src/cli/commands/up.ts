import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hostUp } from '../host-functions.ts';
import { settingsOf } from '../settings.ts';

export function addUp(parent: Command): void {
  parent
    .command('up')
    .description('start the host: namespaces and TAPs exist, the datapath forwards')
    .requiredOption('-c, --config <file>', 'configuration, YAML')
    .option('--detach', 'return when traffic can flow, and leave the host running', false)
    .action(async ({ config, detach }: { config: string; detach: boolean }, command: Command) => {
      const { runDir } = settingsOf(command);
      process.exitCode = await hostUp({ configPath: resolve(config), runDir: resolve(runDir), detach });
    });
}
