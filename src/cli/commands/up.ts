import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hostUp } from '../host-functions.ts';
import { settingsOf } from '../settings.ts';

interface UpCommandOptions {
  config: string;
  detach: boolean;
  replace: boolean;
}

export function addUp(parent: Command): void {
  parent
    .command('up')
    .description('start the host: namespaces and TAPs exist, the datapath forwards')
    .requiredOption('-c, --config <file>', 'configuration, YAML')
    .option('--detach', 'return when traffic can flow, and leave the host running', false)
    .option('--replace', 'take the place of the host that runs here; flows and VMs go on', false)
    .action(async ({ config, detach, replace }: UpCommandOptions, command: Command) => {
      const { runDir } = settingsOf(command);
      const options = { configPath: resolve(config), runDir: resolve(runDir), detach, replace };
      process.exitCode = await hostUp(options);
    });
}
