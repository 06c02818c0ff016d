import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hostUp } from '../../host-functions.ts';
import { logLevelOption, settingsOf } from '../../settings.ts';

interface UpCommandOptions {
  config: string;
  detach: boolean;
  replace: boolean;
  loseFlows: boolean;
  logLevel: string;
}

export function addUp(parent: Command): void {
  parent
    .command('up')
    .description('start the host: create namespaces and TAPs, run the datapath')
    .requiredOption('-c, --config <file>', 'configuration file, YAML')
    .option('--detach', 'run in the background; return when traffic can flow', false)
    .option('--replace', 'replace the running host, e.g. for an upgrade; flows and VMs continue', false)
    .option(
      '--lose-flows',
      'with --replace: continue even if this version cannot read the tables of the running one',
      false,
    )
    .addOption(logLevelOption())
    .action(async ({ config, detach, replace, loseFlows, logLevel }: UpCommandOptions, command: Command) => {
      const { runDir } = settingsOf(command);
      process.env.SLUICE_LOG = logLevel;
      const options = { configPath: resolve(config), runDir: resolve(runDir), detach, replace, loseFlows };
      process.exitCode = await hostUp(options);
    });
}
