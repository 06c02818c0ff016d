import type { Command } from 'commander';
import type { GroupSample } from '../../../api/fleet-shapes.ts';
import { path } from '../../api-client.ts';
import { durationArgument } from '../../arguments.ts';
import { formatResult } from '../../output.ts';
import { apiOf, settingsOf } from '../../settings.ts';
import { formatPolicyMembers } from './policy-members.ts';

interface Options {
  interval: number;
}

export function addGroupWatch(parent: Command): void {
  parent
    .command('watch')
    .description('load and weights of the members of a group, again and again, until interrupted')
    .argument('<group>', 'name of the group')
    .option('--interval <duration>', 'time between two looks', durationArgument, 1_000)
    .action(async (group: string, { interval }: Options, command: Command) => {
      const { output } = settingsOf(command);
      const at = path`/v1/groups/${group}/watch`;
      for await (const sample of apiOf(command).lines<GroupSample>(at, { intervalMs: interval })) {
        // JSON comes a line per look, for programs that read it as it comes.
        const text =
          output === 'json'
            ? `${JSON.stringify(sample)}\n`
            : await formatResult(output, sample, formatGroupSample);
        process.stdout.write(output === 'yaml' ? `---\n${text}` : text);
      }
    });
}

const formatGroupSample = ({ at, group, revision, members }: GroupSample): string =>
  `${at} ${group}, revision ${revision}\n${formatPolicyMembers(members)}\n`;
