import type { Command } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { durationArgument } from '../../arguments.ts';
import { apiOf } from '../../settings.ts';
import { printChanged, waitOption } from './changed.ts';

export function addMemberDrain(parent: Command): void {
  parent
    .command('drain')
    .description('give a member no new flows; running flows continue until they end or the deadline passes')
    .argument('<group>', 'name of the group')
    .argument('<name>', 'name of the member')
    .option(
      '--deadline <duration>',
      'drop flows that still run after this time, such as 5m',
      durationArgument,
    )
    .addOption(waitOption())
    .action(async (group: string, name: string, options: { deadline?: number }, command: Command) => {
      const at = path`/v1/groups/${group}/members/${name}/drain`;
      await printChanged(
        command,
        await apiOf(command).post<Changed>(at, { deadlineMs: options.deadline }),
        group,
      );
    });
}
