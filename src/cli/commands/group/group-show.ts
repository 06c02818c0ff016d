import type { Command } from 'commander';
import type { GroupDetail, MemberRow, PriorityRow, UpcomingRow } from '../../../api/shapes.ts';
import { formatEndpoint } from '../../../wire/address.ts';
import { path } from '../../api-client.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, cellText, formatFields, formatTable } from '../../table.ts';
import { humanBytes, humanDuration, humanRate } from '../../units.ts';
import { differingWeights } from './differing-weights.ts';

const COLUMNS: readonly Column<MemberRow>[] = [
  { key: 'member' },
  { key: 'address' },
  { key: 'port' },
  { key: 'state' },
  { key: 'weight' },
  { key: 'activeFlows' },
  { key: 'newFlows', hide: 4 },
  { key: 'packets', hide: 2 },
  { key: 'bytes', hide: 5, text: (row) => humanBytes(row.bytes) },
  { key: 'replyPackets', hide: 1 },
  { key: 'replyBytes', hide: 3, text: (row) => humanBytes(row.replyBytes) },
  { key: 'newFlowsPerSecond', text: (row) => humanRate(row.newFlowsPerSecond) },
  { key: 'bytesPerSecond', hide: 6, text: (row) => humanBytes(row.bytesPerSecond) },
];

export function addGroupShow(parent: Command): void {
  parent
    .command('show')
    .description('show a group, its priorities and its members: state, weight, active flows, totals, rates')
    .argument('<group>', 'name of the group')
    .action(async (group: string, _options: object, command: Command) => {
      await printResult(
        command,
        await apiOf(command).get<GroupDetail>(path`/v1/groups/${group}`),
        formatGroup,
      );
    });
}

const PRIORITY_COLUMN: Column<MemberRow> = { key: 'priority' };

const PRIORITIES: readonly Column<PriorityRow>[] = [
  { key: 'priority' },
  { key: 'when' },
  { key: 'onEmpty' },
  { key: 'members' },
  { key: 'activeMembers' },
  { key: 'activeFlows' },
  { key: 'newFlows' },
  { key: 'bytes', hide: 1, text: (row) => humanBytes(row.bytes) },
  { key: 'replyBytes', hide: 0, text: (row) => humanBytes(row.replyBytes) },
];

/** Shown beside the others if any member has them. */
const MORE_COLUMNS = [
  { key: 'flowsByHost' },
  { key: 'health' },
] as const satisfies readonly Column<MemberRow>[];

export function formatGroup(group: GroupDetail, maxWidth?: number): string {
  const fields = formatFields([
    ['group', group.group],
    ['origin', group.origin],
    ['network', cellText(group.networks)],
    ...kindFields(group),
    ['match', matchText(group)],
    ['rewrite', group.rewrite],
    ['algorithm', group.hash === null ? group.algorithm : `${group.algorithm} by ${group.hash}`],
    ['affinity', group.affinityMs === null ? '-' : humanDuration(group.affinityMs)],
    ['avoid self', group.avoidSelf ? 'yes' : 'no'],
    ['UDP scheduling', group.udpScheduling],
    ['drain fallback', group.drainFallback ? 'yes' : 'no'],
    ...criteriaFields(group),
    ['members', `${group.activeMembers} active of ${group.members.length}`],
    ['flows', `${group.activeFlows} active, ${group.newFlows} in total`],
  ]);
  const isOfFleet = group.members.some(({ flowsByHost }) => flowsByHost !== undefined);
  const more = MORE_COLUMNS.filter(
    ({ key }) => isOfFleet || group.members.some((member) => member[key] !== undefined),
  );
  const [first, ...rest] = COLUMNS;
  const columns = group.priorities.length === 0 ? COLUMNS : [first!, PRIORITY_COLUMN, ...rest];
  const members = formatTable(group.members, [...columns, ...more], maxWidth);
  const priorities =
    group.priorities.length === 0 ? '' : `${formatTable(group.priorities, PRIORITIES, maxWidth)}\n`;
  const missing =
    group.unanswered === undefined
      ? ''
      : `counters of ${group.unanswered.join(', ')} are missing: no answer\n`;
  const differing = differingWeights(
    group.members.map(({ member, weight, loadBalancers }) => ({
      member,
      differing: loadBalancers.filter((one) => one.weight !== weight),
    })),
  );
  return `${fields}\n${priorities}${members}${differing}${missing}${group.members.map(drainText).join('')}${(group.upcoming ?? []).map(upcomingText).join('')}`;
}

/** `tcp`, `tcp port 80`, `tcp ports 80,8000-8010` */
function matchText({ protocol, port, ports }: GroupDetail): string {
  if (ports.length === 0) return protocol;
  return `${protocol} ${port === null ? 'ports' : 'port'} ${cellText(ports)}`;
}

function kindFields({ kind, vip, chain }: GroupDetail): [string, string][] {
  if (kind === 'middlebox') return [['kind', kind]];
  if (chain === null) return [['vip', cellText(vip)]];
  const { through, onHopFailure, onNoHop } = chain;
  return [
    ['vip', cellText(vip)],
    ['through', `${through.join(', ')} (on failure: ${onHopFailure}, without: ${onNoHop})`],
  ];
}

/** Of a group with several criteria sets. */
function criteriaFields({ effectiveFrom, effectiveUntil, nextChange }: GroupDetail): [string, string][] {
  if (effectiveFrom === null && effectiveUntil === null && nextChange === null) return [];
  const since = effectiveFrom === null ? '' : `since ${effectiveFrom} `;
  const next = nextChange === null ? 'for good' : `until ${nextChange}`;
  return [['criteria set', `${since}${next}`]];
}

/** `app1 drains: 3 flows left, until 2026-12-01T13:00:00.000Z at the latest`, or nothing. */
function drainText({ member, flowsLeft, drainDeadline }: MemberRow): string {
  if (flowsLeft === null) return '';
  if (flowsLeft === 0) return `${member} drains: no flows left, it can be removed\n`;
  const flows = flowsLeft === 1 ? '1 flow left' : `${flowsLeft} flows left`;
  const until = drainDeadline === null ? '' : `, until ${drainDeadline} at the latest`;
  return `${member} drains: ${flows}${until}\n`;
}

/** `app1 at 2026-12-01T13:00:00.000Z: weight 5, by uid 0 (root)` */
function upcomingText(row: UpcomingRow): string {
  const by = row.by === null ? '' : `, by ${row.by}`;
  const when = row.until === null ? `at ${row.at}` : `from ${row.at} to ${row.until}`;
  return `${row.member} ${when}: ${changeText(row)}${by}\n`;
}

function changeText({ change, address, port, weight, fromWeight, deadlineMs }: UpcomingRow): string {
  if (change === 'drain')
    return deadlineMs === null ? 'drain' : `drain, with a deadline ${humanDuration(deadlineMs)} later`;
  if (change === 'add')
    return `add ${port === null ? address : formatEndpoint(address!, port)}${weight === null ? '' : ` with weight ${weight}`}`;
  return fromWeight === null ? `weight ${weight}` : `weight ${fromWeight} to ${weight}, begun`;
}
