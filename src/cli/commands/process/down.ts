import { resolve } from 'node:path';
import type { Command } from 'commander';
import { hostDown } from '../../host-functions.ts';
import { settingsOf } from '../../settings.ts';

export function addDown(parent: Command): void {
  parent
    .command('down')
    .description(
      'stop the host or controller; remove the TAPs and namespaces that it created, and nothing else',
    )
    .action(async (_options: object, command: Command) => {
      process.exitCode = await hostDown({ runDir: resolve(settingsOf(command).runDir) });
    });
}
