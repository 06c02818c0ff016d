import type { Command } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { apiOf } from '../../settings.ts';
import { printChanged, waitOption } from '../member/changed.ts';

export function addGroupReset(parent: Command): void {
  parent
    .command('reset')
    .description(
      'undo changes that commands have made to a group, its members and its policy; restore a removed group',
    )
    .argument('<group>', 'name of the group')
    .addOption(waitOption())
    .action(async (group: string, _options: object, command: Command) => {
      const changed = await apiOf(command).post<Changed>(path`/v1/groups/${group}/reset`);
      await printChanged(command, changed, group);
    });
}
