import type { Command } from 'commander';
import { asJson, printResult } from '../../output.ts';

export function addConfigSchema(parent: Command): void {
  parent
    .command('schema')
    .description('print the JSON Schema of the configuration, for editors')
    .action(async (_options: object, command: Command) => {
      const { configJsonSchema } = await import('../../../config/schema/json-schema.ts');
      const schema = configJsonSchema();
      await printResult(command, schema, asJson);
    });
}
