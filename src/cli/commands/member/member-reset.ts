import type { Command } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { apiOf } from '../../settings.ts';
import { printChanged, waitOption } from './changed.ts';

export function addMemberReset(parent: Command): void {
  parent
    .command('reset')
    .description('undo changes that commands have made to a member, and restore it as in the file')
    .argument('<group>', 'name of the group')
    .argument('<name>', 'name of the member')
    .option('--port <port>', 'only its weight at the load balancer of this port')
    .addOption(waitOption())
    .action(async (group: string, name: string, { port }: { port?: string }, command: Command) => {
      const at = path`/v1/groups/${group}/members/${name}/reset`;
      await printChanged(command, await apiOf(command).post<Changed>(at, { port }), group);
    });
}
