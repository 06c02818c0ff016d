import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hostController } from '../../host-functions.ts';
import { logLevelOption, settingsOf } from '../../settings.ts';

export function addController(parent: Command): void {
  parent
    .command('controller')
    .description('start a controller, which distributes groups to the hosts that attach to it')
    .requiredOption('-c, --config <file>', 'configuration file, YAML: listen, store, networks, groups')
    .option('--detach', 'run in the background; return when hosts can attach', false)
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
