import type { Command } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { countArgument } from '../../arguments.ts';
import { apiOf } from '../../settings.ts';
import { printChanged, waitOption } from '../member/changed.ts';

const count = (text: string): number | null => (text === 'auto' ? null : countArgument(text));

export function addScale(parent: Command): void {
  parent
    .command('scale')
    .description('keep a group at COUNT members: start VMs from its template, or drain some')
    .argument('<group>', 'name of the group')
    .argument('<count>', 'number of members, 0 to 4096, or auto: as the thresholds of its scaling say', count)
    .addOption(waitOption())
    .action(async (group: string, count: number | null, _options: object, command: Command) => {
      const changed = await apiOf(command).post<Changed>(path`/v1/groups/${group}/scale`, { count });
      await printChanged(command, changed, group);
    });
}
