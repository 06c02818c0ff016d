import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hostUp } from '../../host-functions.ts';
import { logLevelOption, settingsOf } from '../../settings.ts';

interface UpCommandOptions {
  config: string;
  detach: boolean;
  replace: boolean;
  logLevel: string;
}

export function addUp(parent: Command): void {
  parent
    .command('up')
    .description('start the host: namespaces and TAPs exist, the datapath forwards')
    .requiredOption('-c, --config <file>', 'configuration, YAML')
    .option('--detach', 'return when traffic can flow, and leave the host running', false)
    .option('--replace', 'take the place of the host that runs here; flows and VMs go on', false)
    .addOption(logLevelOption())
    .action(async ({ config, detach, replace, logLevel }: UpCommandOptions, command: Command) => {
      const { runDir } = settingsOf(command);
      process.env.SLUICE_LOG = logLevel;
      const options = { configPath: resolve(config), runDir: resolve(runDir), detach, replace };
      process.exitCode = await hostUp(options);
    });
}
