import { type Command, Option } from 'commander';
import type { MomentOfChange } from '../../../api/routes.ts';
import type { Changed } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { durationArgument, momentArgument } from '../../arguments.ts';
import { apiOf } from '../../settings.ts';
import { printChanged } from './changed.ts';
import { waitUntilDrained } from './drained.ts';

interface Options {
  deadline?: number;
  /** true: until the member is drained. */
  wait?: number | true;
  giveUpAfter?: number;
  newUntil?: MomentOfChange;
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
    .option(
      '--new-until <time>',
      'give it new flows until this time, such as 2026-12-01T13:00:00Z or +10m; a deadline counts from then (default: now)',
      momentArgument,
    )
    .addOption(waitOption())
    .option(
      '--give-up-after <duration>',
      'with --wait: end after this time, such as 1h, with exit 1 if flows are left (default: wait on)',
      durationArgument,
    )
    .addHelpText('after', '\nExample:\n  $ sluice member drain api app1 --deadline 10m --wait')
    .action(async (group: string, name: string, options: Options, command: Command) => {
      const { deadline: deadlineMs, wait, giveUpAfter: giveUpMs, newUntil } = options;
      if (giveUpMs !== undefined && wait !== true)
        command.error('error: --give-up-after needs --wait without a duration');
      if (newUntil !== undefined && wait === true)
        command.error('error: --new-until needs --wait with a duration, or none');
      const at = path`/v1/groups/${group}/members/${name}/drain`;
      const changed = await apiOf(command).post<Changed>(at, { deadlineMs, ...newUntil });
      if (wait === true) await waitUntilDrained(command, changed, { group, member: name, giveUpMs });
      else await printChanged(command, changed, group);
    });
}
