import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hostController } from '../../host-functions.ts';
import { logLevelOption, settingsOf } from '../../settings.ts';

export function addController(parent: Command): void {
  parent
    .command('controller')
    .description('start a controller: hosts attach to it and get their groups from it')
    .requiredOption('-c, --config <file>', 'configuration, YAML: listen, store, networks, groups')
    .option('--detach', 'return when hosts can attach, and leave the controller running', false)
    .addOption(logLevelOption())
    .action(
      async (
        { config, detach, logLevel }: { config: string; detach: boolean; logLevel: string },
        command: Command,
      ) => {
        const { runDir } = settingsOf(command);
        process.env.SLUICE_LOG = logLevel;
        process.exitCode = await hostController({
          configPath: resolve(config),
          runDir: resolve(runDir),
          detach,
          replace: false,
        });
      },
    );
}
