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
    .description('watch load and weights of the members of a group until interrupted')
    .argument('<group>', 'name of the group')
    .option('--interval <duration>', 'time between two samples, such as 500ms', durationArgument, 1_000)
    .action(async (group: string, { interval }: Options, command: Command) => {
      const { output } = settingsOf(command);
      const at = path`/v1/groups/${group}/watch`;
      for await (const sample of apiOf(command).lines<GroupSample>(at, { intervalMs: interval })) {
        // JSON is one line per sample, so that programs can read it as a stream.
        const text =
          output === 'json'
            ? `${JSON.stringify(sample)}\n`
            : await formatResult(output, sample, formatGroupSample);
        process.stdout.write(output === 'yaml' ? `---\n${text}` : text);
      }
    });
}

const formatGroupSample = ({ at, group, revision, members }: GroupSample, maxWidth?: number): string =>
  `${at} ${group}, revision ${revision}\n${formatPolicyMembers(members, maxWidth)}\n`;
