import type { Command } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { apiOf } from '../../settings.ts';
import { printChanged } from './changed.ts';

export function addMemberCancel(parent: Command): void {
  parent
    .command('cancel')
    .description('drop the changes of a member whose time has not come; a ramp stays where it is')
    .argument('<group>', 'name of the group')
    .argument('<name>', 'name of the member')
    .action(async (group: string, name: string, _options: object, command: Command) => {
      const at = path`/v1/groups/${group}/members/${name}/cancel`;
      await printChanged(command, await apiOf(command).post<Changed>(at), group);
    });
}
