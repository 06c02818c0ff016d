import type { Command } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { weightArgument } from '../../arguments.ts';
import { apiOf } from '../../settings.ts';
import { printChanged, waitOption } from './changed.ts';

export function addMemberWeight(parent: Command): void {
  parent
    .command('weight')
    .description("change a member's share of new flows; running flows keep their member")
    .argument('<group>', 'name of the group')
    .argument('<name>', 'name of the member')
    .argument('<weight>', 'weight, 0 to 65535; 0 gives the member no new flows', weightArgument)
    .addOption(waitOption())
    .action(async (group: string, name: string, weight: number, _options: object, command: Command) => {
      const at = path`/v1/groups/${group}/members/${name}/weight`;
      await printChanged(command, await apiOf(command).post<Changed>(at, { weight }), group);
    });
}
