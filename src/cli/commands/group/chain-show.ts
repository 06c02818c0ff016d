/** `chain show`: a group with the middleboxes on the way to its members. */
import type { Command } from 'commander';
import type { ChainDetail, GroupDetail, MemberRow } from '../../../api/shapes.ts';
import { path } from '../../api-client.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, cellText, formatFields, formatTable } from '../../table.ts';

/** The way of a group's flows. */
export interface ChainView {
  group: string;
  vip: string[];
  /** null: flows go to the members without detour. */
  chain: ChainDetail | null;
  /** The middleboxes of each hop in order, then the members. */
  steps: ChainStep[];
}

export interface ChainStep {
  group: string;
  kind: 'middlebox' | 'service';
  algorithm: string;
  members: Pick<
    MemberRow,
    'member' | 'address' | 'state' | 'weight' | 'flowsLeft' | 'activeFlows' | 'newFlows'
  >[];
}

type Row = Omit<ChainStep, 'members'> & ChainStep['members'][number] & { step: number };

const COLUMNS: readonly Column<Row>[] = [
  { key: 'step' },
  { key: 'group' },
  { key: 'kind', hide: 2 },
  { key: 'algorithm', hide: 1 },
  { key: 'member' },
  { key: 'address', hide: 3 },
  { key: 'state' },
  { key: 'weight' },
  { key: 'activeFlows' },
  { key: 'newFlows', hide: 4 },
];

export function formatChain({ group, vip, chain, steps }: ChainView, maxWidth?: number): string {
  const way = steps.map((step) => step.group).join(' → ');
  const fields = formatFields([
    ['group', group],
    ['vip', cellText(vip)],
    ['way', `client → ${way}`],
    ...(chain === null
      ? []
      : ([
          ['on hop failure', chain.onHopFailure],
          ['without hop', chain.onNoHop],
        ] as [string, string][])),
  ]);
  const rows = steps.flatMap(({ members, ...step }, i) =>
    members.map((member): Row => ({ step: i + 1, ...step, ...member })),
  );
  return `${fields}\n${formatTable(rows, COLUMNS, maxWidth)}`;
}

const stepOf = ({ group, kind, algorithm, members }: GroupDetail): ChainStep => ({
  group,
  kind,
  algorithm,
  members: members.map(({ member, address, state, weight, flowsLeft, activeFlows, newFlows }) => ({
    member,
    address,
    state,
    weight,
    flowsLeft,
    activeFlows,
    newFlows,
  })),
});

export function addChainShow(parent: Command): void {
  parent
    .command('show')
    .description('show the middleboxes that flows to a group pass, and its members, with their flows')
    .argument('<group>', 'name of the group')
    .action(async (name: string, _options: object, command: Command) => {
      const api = apiOf(command);
      const detailOf = (group: string) => api.get<GroupDetail>(path`/v1/groups/${group}`);
      const detail = await detailOf(name);
      const steps: ChainStep[] = [];
      for (const hop of detail.chain?.through ?? []) steps.push(stepOf(await detailOf(hop)));
      const { group, vip, chain } = detail;
      await printResult(command, { group, vip, chain, steps: [...steps, stepOf(detail)] }, formatChain);
    });
}
