import type { Command } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { durationArgument } from '../../arguments.ts';
import { apiOf } from '../../settings.ts';
import { printChanged } from './changed.ts';

export function addMemberDrain(parent: Command): void {
  parent
    .command('drain')
    .description('no new flows for a member; running ones go on until they end, or the deadline')
    .argument('<group>', 'name of the group')
    .argument('<name>', 'name of the member')
    .option('--deadline <duration>', 'drop what still runs after this time, such as 5m', durationArgument)
    .action(async (group: string, name: string, options: { deadline?: number }, command: Command) => {
      const at = path`/v1/groups/${group}/members/${name}/drain`;
      await printChanged(command, await apiOf(command).post<Changed>(at, { deadlineMs: options.deadline }));
    });
}
