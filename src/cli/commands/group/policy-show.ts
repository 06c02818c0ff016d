import type { Command } from 'commander';
import type { PolicyDetail } from '../../../api/fleet-shapes.ts';
import { path } from '../../api-client.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { cellText, formatFields } from '../../table.ts';
import { formatPolicyMembers } from './policy-members.ts';

export function addPolicyShow(parent: Command): void {
  parent
    .command('show')
    .description("show a group's policy, the load of each member, and the resulting weights")
    .argument('<group>', 'name of the group')
    .action(async (group: string, _options: object, command: Command) => {
      const detail = await apiOf(command).get<PolicyDetail>(path`/v1/groups/${group}/policy`);
      await printResult(command, detail, formatPolicy);
    });
}

export function formatPolicy(
  { group, from, policy, heldCount, members }: PolicyDetail,
  maxWidth?: number,
): string {
  const settings = Object.entries(policy ?? {}).map(([key, value]) => [key, cellText(value)] as const);
  const origin = { file: 'from the file', runtime: 'set at run time', none: 'none: configured weights' };
  const held = heldCount === null ? [] : [['members', `${heldCount}, until scale ${group} auto`] as const];
  return `${formatFields([['group', group], ['policy', origin[from]], ...settings, ...held])}\n${formatPolicyMembers(members, maxWidth)}`;
}
