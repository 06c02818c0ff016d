/** At a glance: is all well, how much goes through, the groups, and in a fleet the hosts. */
import type { GroupLoad } from '../../../api/page/overview.ts';
import type { HostView } from '../../frames.ts';
import type { FleetState, Totals } from '../../view/fleet-state.ts';
import { bitRate, counted, listening, perSecond, short } from '../../view/units.ts';
import { Chart } from '../chart.ts';
import { h, setText } from '../dom.ts';
import { RowTable } from '../row-table.ts';
import { groupHref, type View } from './view.ts';

/** Five minutes. */
const MAX_POINTS = 300;

interface Tile {
  readonly title: string;
  text(totals: Totals): string;
  note(totals: Totals): string;
}

const TILES: readonly Tile[] = [
  {
    title: 'Groups',
    text: ({ groups }) => short(groups),
    note: ({ members, failed, draining }) =>
      [
        counted(members, 'member'),
        ...(failed > 0 ? [`${failed} failed`] : []),
        ...(draining > 0 ? [`${draining} draining`] : []),
      ].join(', '),
  },
  { title: 'Active flows', text: ({ activeFlows }) => short(activeFlows), note: () => 'balanced' },
  {
    title: 'New flows',
    text: ({ newFlowsPerSecond }) => perSecond(newFlowsPerSecond),
    note: () => 'per second',
  },
  { title: 'Load', text: ({ bytesPerSecond }) => bitRate(bytesPerSecond), note: () => 'both directions' },
  { title: 'Drops', text: ({ dropsPerSecond }) => perSecond(dropsPerSecond), note: () => 'frames, at ports' },
];

export class Overview implements View {
  readonly title = 'Overview';
  readonly element: HTMLElement;
  private readonly verdict = h('div', { class: 'verdict' });
  private readonly tiles = TILES.map((tile) => ({ tile, value: h('dd'), note: h('dd', { class: 'note' }) }));
  private readonly chart = new Chart('New flows per second of all groups, over time', perSecond);
  private readonly groups = groupTable();
  private readonly hosts = hostTable();
  private readonly hostSection: HTMLElement;
  private drawnVerdict = '';
  /** Times and new flows per second, kept while the page is open. */
  private readonly history: TotalHistory;

  constructor(history: TotalHistory) {
    this.history = history;
    const tiles = this.tiles.map(({ tile, value, note }) =>
      h('div', { class: 'tile' }, h('dt', {}, tile.title), value, note),
    );
    this.hostSection = h(
      'section',
      { 'aria-label': 'Hosts', hidden: true },
      h('h2', {}, 'Hosts'),
      this.hosts.element,
    );
    this.element = h(
      'div',
      {},
      this.verdict,
      h('dl', { class: 'tiles' }, ...tiles),
      h('section', { 'aria-label': 'New flows over time' }, h('h2', {}, 'New flows'), this.chart.element),
      h('section', { 'aria-label': 'Groups' }, h('h2', {}, 'Groups'), this.groups.element),
      this.hostSection,
    );
  }

  update(state: FleetState): void {
    const { self } = state;
    if (self === undefined) return;
    const totals = state.totals();
    for (const { tile, value, note } of this.tiles) {
      setText(value, tile.text(totals));
      setText(note, tile.note(totals));
    }
    this.showVerdict(state);
    this.chart.update({ names: ['new flows'], data: [this.history.times, this.history.values] });
    this.groups.update(state.rows('groups'));
    this.hostSection.hidden = !self.isFleet;
    if (self.isFleet) this.hosts.update(state.rows('hosts'));
  }

  close(): void {
    this.chart.close();
  }

  private showVerdict({ self }: FleetState): void {
    const { verdict, warnings, problem } = self!;
    const text = JSON.stringify([verdict, warnings, problem]);
    if (text === this.drawnVerdict) return;
    this.drawnVerdict = text;
    const entries = [
      ...(problem === null ? [] : [h('li', { class: 'problem' }, problem)]),
      ...verdict.problems.map((one) =>
        h('li', { class: 'problem' }, h('strong', {}, one.problem), ` — ${one.advice}`),
      ),
      ...warnings.map((warning) => h('li', {}, warning)),
    ];
    const heading = verdict.well && problem === null ? 'All is well' : 'Not all is well';
    this.verdict.replaceChildren(
      h('h2', {}, heading),
      ...(entries.length > 0 ? [h('ul', {}, ...entries)] : []),
    );
    this.verdict.dataset.tone = heading === 'All is well' ? 'good' : 'bad';
  }
}

/** New flows per second of all groups since the page was opened. */
export class TotalHistory {
  times: number[] = [];
  values: (number | null)[] = [];

  add(atMs: number, value: number): void {
    this.times = [...this.times, atMs / 1_000].slice(-MAX_POINTS);
    this.values = [...this.values, value].slice(-MAX_POINTS);
  }
}

const stateText = ({ members, active, draining, failed }: GroupLoad): string => {
  if (members === 0) return 'no members';
  const others = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(draining > 0 ? [`${draining} draining`] : []),
  ];
  return [`${active} of ${members} active`, ...others].join(', ');
};

const groupTable = (): RowTable<GroupLoad> =>
  new RowTable<GroupLoad>({
    label: 'Groups',
    keyOf: ({ group }) => group,
    empty: 'No groups',
    hasFilter: true,
    columns: [
      { title: 'Group', text: ({ group }) => group, href: ({ group }) => groupHref(group) },
      { title: 'VIP', hide: 1, text: ({ vip, ports }) => listening(vip, ports) },
      { title: 'Network', hide: 2, text: ({ networks }) => networks.join(' ') },
      { title: 'Algorithm', hide: 2, text: ({ algorithm, protocol }) => `${protocol}, ${algorithm}` },
      {
        title: 'Members',
        text: stateText,
        value: ({ failed, draining, members }) => -(failed * 1e6 + draining * 1e3 + members),
        tone: ({ failed, draining, active }) =>
          failed > 0 || active === 0 ? 'bad' : draining > 0 ? 'warn' : undefined,
      },
      {
        title: 'Flows',
        isNumber: true,
        text: ({ activeFlows }) => short(activeFlows),
        value: ({ activeFlows }) => activeFlows,
      },
      {
        title: 'New',
        isNumber: true,
        hide: 1,
        text: ({ newFlowsPerSecond }) => perSecond(newFlowsPerSecond),
        value: ({ newFlowsPerSecond }) => newFlowsPerSecond,
      },
      {
        title: 'Load',
        isNumber: true,
        hide: 1,
        text: ({ bytesPerSecond }) => bitRate(bytesPerSecond),
        value: ({ bytesPerSecond }) => bytesPerSecond,
      },
    ],
  });

const hostTable = (): RowTable<HostView> =>
  new RowTable<HostView>({
    label: 'Hosts',
    keyOf: ({ host, state }) => `${host} ${state}`,
    empty: 'No hosts',
    columns: [
      { title: 'Host', text: ({ host }) => host },
      {
        title: 'State',
        text: ({ state }) => state,
        tone: ({ state }) => (state === 'attached' ? 'good' : 'bad'),
      },
      { title: 'Ports', hide: 1, isNumber: true, text: ({ ports }) => String(ports ?? '–') },
      { title: 'Groups', hide: 1, isNumber: true, text: ({ groups }) => String(groups ?? '–') },
      {
        title: 'Rules',
        isNumber: true,
        text: ({ revision, sentRevision }) =>
          revision === sentRevision || sentRevision === null
            ? `${revision ?? '–'}`
            : `${revision ?? '–'} of ${sentRevision}`,
      },
      { title: 'Version', hide: 2, text: ({ version }) => version },
      { title: 'Error', hide: 2, text: ({ error }) => error ?? '' },
    ],
  });
