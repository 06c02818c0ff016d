import { type Command, Option } from 'commander';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { durationArgument } from '../../arguments.ts';
import { apiOf } from '../../settings.ts';
import { printChanged } from './changed.ts';
import { waitUntilDrained } from './drained.ts';

interface Options {
  deadline?: number;
  /** true: until the member is drained. */
  wait?: number | true;
  giveUpAfter?: number;
}

const waitOption = (): Option =>
  new Option(
    '--wait [duration]',
    'wait until no flow is left on any host, showing how many are (exit 0: none); with a duration such as 30s: ' +
      'only until every host has confirmed the change (exit 3: not all have)',
  ).argParser(durationArgument);

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
    .option(
      '--give-up-after <duration>',
      'with --wait: end after this time, such as 1h, with exit 1 if flows are left (default: wait on)',
      durationArgument,
    )
    .addHelpText('after', '\nExample:\n  $ sluice member drain api app1 --deadline 10m --wait')
    .action(async (group: string, name: string, options: Options, command: Command) => {
      const { deadline: deadlineMs, wait, giveUpAfter: giveUpMs } = options;
      if (giveUpMs !== undefined && wait !== true)
        command.error('error: --give-up-after needs --wait without a duration');
      const at = path`/v1/groups/${group}/members/${name}/drain`;
      const changed = await apiOf(command).post<Changed>(at, { deadlineMs });
      if (wait === true) await waitUntilDrained(command, changed, { group, member: name, giveUpMs });
      else await printChanged(command, changed, group);
    });
}
