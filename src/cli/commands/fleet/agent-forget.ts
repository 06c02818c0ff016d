import type { Command } from 'commander';
import { path } from '../../api-client.ts';
import { apiOf } from '../../settings.ts';

export function addAgentForget(parent: Command): void {
  parent
    .command('forget')
    .description('stop expecting a host that is away for good; `down` on a host does this by itself')
    .argument('<host>', 'name of the host')
    .action(async (host: string, _options: object, command: Command) => {
      await apiOf(command).delete<object>(path`/v1/agents/${host}`);
    });
}
