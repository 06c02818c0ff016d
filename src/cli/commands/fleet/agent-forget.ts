import type { Command } from 'commander';
import { path } from '../../api-client.ts';
import { apiOf } from '../../settings.ts';

export function addAgentForget(parent: Command): void {
  parent
    .command('forget')
    .description('expect a host no more that is away for good; one that is stopped by `down` says so itself')
    .argument('<host>', 'name of the host')
    .action(async (host: string, _options: object, command: Command) => {
      await apiOf(command).delete<object>(path`/v1/agents/${host}`);
    });
}
