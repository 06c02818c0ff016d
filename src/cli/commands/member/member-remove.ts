import type { Command } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { apiOf } from '../../settings.ts';
import { printChanged, waitOption } from './changed.ts';

export function addMemberRemove(parent: Command): void {
  parent
    .command('remove')
    .description('remove a member from its group')
    .argument('<group>', 'name of the group')
    .argument('<name>', 'name of the member')
    .addOption(waitOption())
    .action(async (group: string, name: string, _options: object, command: Command) => {
      await printChanged(
        command,
        await apiOf(command).delete<Changed>(path`/v1/groups/${group}/members/${name}`),
        group,
      );
    });
}
