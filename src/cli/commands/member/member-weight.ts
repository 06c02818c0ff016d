import type { Command } from 'commander';
import type { MomentOfChange } from '../../../api/routes.ts';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { durationArgument, momentArgument, weightArgument } from '../../arguments.ts';
import { apiOf } from '../../settings.ts';
import { printChanged, waitOption } from './changed.ts';

interface Options {
  at?: MomentOfChange;
  over?: number;
  port?: string;
}

export function addMemberWeight(parent: Command): void {
  parent
    .command('weight')
    .description("change a member's share of new flows; running flows keep their member")
    .argument('<group>', 'name of the group')
    .argument('<name>', 'name of the member')
    .argument('<weight>', 'weight, 0 to 65535; 0 gives the member no new flows', weightArgument)
    .option(
      '--at <time>',
      'change it at this time, such as 2026-12-01T13:00:00Z or +10m (default: now)',
      momentArgument,
    )
    .option('--over <duration>', 'change it little by little over this time, such as 5m', durationArgument)
    .option(
      '--port <port>',
      "at the load balancer of this port alone, whatever the others and the group's policy say",
    )
    .addOption(waitOption())
    .action(async (group: string, name: string, weight: number, options: Options, command: Command) => {
      const at = path`/v1/groups/${group}/members/${name}/weight`;
      const change = { weight, port: options.port, overMs: options.over, ...options.at };
      await printChanged(command, await apiOf(command).post<Changed>(at, change), group);
    });
}
