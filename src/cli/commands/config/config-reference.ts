import type { Command } from 'commander';
import { printResult } from '../../output.ts';

export function addConfigReference(parent: Command): void {
  parent
    .command('reference')
    .description('print the reference of all configuration keys, as Markdown')
    .action(async (_options: object, command: Command) => {
      const { configReference } = await import('../../../config/schema/reference.ts');
      await printResult(command, { markdown: configReference() }, ({ markdown }) => markdown);
    });
}
