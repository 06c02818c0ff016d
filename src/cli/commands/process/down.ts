import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hostDown } from '../../host-functions.ts';
import { settingsOf } from '../../settings.ts';

export function addDown(parent: Command): void {
  parent
    .command('down')
    .description('stop the host; its TAPs and the namespaces that it made are gone, nothing else is touched')
    .action(async (_options: object, command: Command) => {
      process.exitCode = await hostDown({ runDir: resolve(settingsOf(command).runDir) });
    });
}
