import type { Command } from 'commander';
import type { MomentOfChange } from '../../../api/routes.ts';
import type { Changed, MemberAdd } from '../../../api/shapes.ts';
import type { Endpoint } from '../../../wire/address.ts';
import { path } from '../../api-client.ts';
import { endpointArgument, macArgument, momentArgument, weightArgument } from '../../arguments.ts';
import { apiOf } from '../../settings.ts';
import { printChanged, waitOption } from './changed.ts';

interface Options {
  weight?: number;
  mac?: string;
  from?: MomentOfChange;
  priority?: string;
}

export function addMemberAdd(parent: Command): void {
  parent
    .command('add')
    .description('add a member, which gets new flows immediately; prints the new rule revision')
    .argument('<group>', 'name of the group')
    .argument('<name>', 'name of the new member')
    .argument('<address[:port]>', 'address of the member; a port is translated as well', endpointArgument)
    .option('--weight <weight>', 'share of new flows, 0 to 65535 (default: 1)', weightArgument)
    .option(
      '--mac <mac>',
      'MAC address of the member (default: resolved by ARP or neighbour discovery)',
      macArgument,
    )
    .option(
      '--from <time>',
      'add it at this time, such as 2026-12-01T13:00:00Z or +10m (default: now)',
      momentArgument,
    )
    .option('--priority <priority>', 'priority of the group that the member joins (default: the last one)')
    .addHelpText('after', '\nExample:\n  $ sluice member add api app3 10.1.0.23:8080 --weight 2')
    .addOption(waitOption())
    .action(async (group: string, name: string, endpoint: Endpoint, options: Options, command: Command) => {
      const { weight, mac, from, priority } = options;
      const member: MemberAdd & MomentOfChange = { name, ...endpoint, weight, mac, priority, ...from };
      await printChanged(
        command,
        await apiOf(command).post<Changed>(path`/v1/groups/${group}/members`, member),
        group,
      );
    });
}
