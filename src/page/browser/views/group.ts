/** One group: its members, their load over time with what changed, and who sends to them. */
import { type Change, GROUP_EVENT, type GroupFrame, type MemberView, type Sample } from '../../frames.ts';
import type { FleetState } from '../../view/fleet-state.ts';
import { type Figure, linesOf } from '../../view/history.ts';
import { busiest, type Link, type Node } from '../../view/picture.ts';
import { bitRate, counted, endpoint, listening, perSecond, short } from '../../view/units.ts';
import { changeTable } from '../change-table.ts';
import { Chart } from '../chart.ts';
import { h, setText } from '../dom.ts';
import { PictureView } from '../picture.ts';
import { RowTable } from '../row-table.ts';
import { Stream } from '../stream.ts';
import type { View } from './view.ts';

const MAX_SAMPLES = 300;
const MAX_LINES = 16;
const MAX_NODES = 16;

interface Choice {
  readonly figure: Figure;
  readonly title: string;
  format(value: number): string;
}

const CHOICES: readonly Choice[] = [
  { figure: 'newFlowsPerSecond', title: 'New flows', format: perSecond },
  { figure: 'activeFlows', title: 'Active flows', format: short },
  { figure: 'bytesPerSecond', title: 'Load', format: bitRate },
  { figure: 'weight', title: 'Weight', format: short },
];

export class Group implements View {
  readonly title: string;
  readonly element: HTMLElement;
  private readonly stream: Stream<GroupFrame>;
  private readonly facts = h('p', { class: 'hint' });
  private readonly problem = h('p', { class: 'problem', hidden: true });
  private readonly members = memberTable();
  private readonly changes = changeTable(false);
  private readonly picture = new PictureView(
    'Who sends to the members: load balancers on the left, members on the right',
  );
  private readonly chartPlace = h('div');
  private choice = CHOICES[0]!;
  private chart: Chart;
  private samples: Sample[] = [];
  private marks: Change[] = [];
  private isFirst = true;

  constructor(group: string) {
    this.title = group;
    this.chart = this.newChart();
    this.element = h(
      'div',
      {},
      h('p', {}, h('a', { href: '#/' }, '← all groups')),
      h('h2', {}, group),
      this.facts,
      this.problem,
      h('section', { 'aria-label': 'Members' }, h('h3', {}, 'Members'), this.members.element),
      h(
        'section',
        { 'aria-label': 'Load over time' },
        h('h3', {}, 'Over time'),
        this.choiceField(),
        this.chartPlace,
      ),
      h('section', { 'aria-label': 'Changes' }, h('h3', {}, 'Changes'), this.changes.element),
      h('section', { 'aria-label': 'Senders' }, h('h3', {}, 'Who sends to whom'), this.picture.element),
    );
    this.stream = new Stream<GroupFrame>(
      `/page/groups/${encodeURIComponent(group)}`,
      GROUP_EVENT,
      (frame) => this.take(frame),
      (state) => {
        if (state === 'connecting') this.isFirst = true;
      },
    );
  }

  update(_: FleetState): void {}

  close(): void {
    this.stream.close();
    this.chart.close();
    this.picture.close();
  }

  private take(frame: GroupFrame): void {
    this.problem.hidden = frame.problem === null && frame.unanswered.length === 0;
    const silent = frame.unanswered.length > 0 ? `no answer from ${frame.unanswered.join(', ')}` : '';
    setText(this.problem, frame.problem ?? silent);
    if (frame.facts === null) return;
    // The first frame of a stream brings everything that is known.
    const isWhole = this.isFirst || frame.samples.length > 1;
    this.isFirst = false;
    this.samples = (isWhole ? frame.samples : [...this.samples, ...frame.samples]).slice(-MAX_SAMPLES);
    this.marks = isWhole ? frame.changes : [...this.marks, ...frame.changes];
    setText(this.facts, factsText(frame));
    this.members.update(frame.members);
    this.changes.update([...this.marks].reverse());
    this.draw();
    this.drawSenders(frame);
  }

  private draw(): void {
    this.chart.update(linesOf(this.samples, this.choice.figure, MAX_LINES), this.marks);
  }

  private newChart(): Chart {
    const chart = new Chart(
      `${this.choice.title} by member, over time; the table of members has the current values`,
      (value) => this.choice.format(value),
    );
    this.chartPlace.replaceChildren(chart.element);
    return chart;
  }

  private choiceField(): HTMLElement {
    const options = CHOICES.map(({ title, figure }) => h('option', { value: figure }, title));
    const select = h('select', {}, ...options);
    select.addEventListener('change', () => {
      this.choice = CHOICES.find(({ figure }) => figure === select.value)!;
      this.chart.close();
      this.chart = this.newChart();
      this.draw();
    });
    return h('div', { class: 'filter' }, h('label', {}, 'Show ', select));
  }

  private drawSenders({ senders, members }: GroupFrame): void {
    const links = senders.map(
      ({ host, loadBalancer, member, activeFlows }): Link => ({
        from: `lb ${host} ${loadBalancer}`,
        to: `member ${member}`,
        load: activeFlows,
      }),
    );
    const left = busiest(links, 'from', MAX_NODES);
    const names = new Map(senders.map((row) => [`lb ${row.host} ${row.loadBalancer}`, row]));
    const balancers = left.ids.map((id): Node => {
      const row = names.get(id)!;
      const flows = senders.filter((one) => one.host === row.host && one.loadBalancer === row.loadBalancer);
      const sum = flows.reduce((total, one) => total + one.activeFlows, 0);
      return {
        id,
        label: row.loadBalancer,
        note: counted(sum, 'flow'),
        ...(row.host !== '' && { heading: row.host }),
      };
    });
    const shown = members.slice(0, MAX_NODES).map(
      (row): Node => ({
        id: `member ${row.member}`,
        label: row.member,
        note: `${row.state}, weight ${row.weight}`,
        isBad: row.state === 'failed',
      }),
    );
    this.picture.update({
      columns: [balancers, shown],
      links,
      describe: ({ from, to, load }) => `${from.slice(3)} → ${to.slice(7)}: ${counted(load, 'flow')}`,
    });
  }
}

function factsText({ facts, unlisted }: GroupFrame): string {
  const { vip, ports, protocol, networks, algorithm, rewrite, origin, loadBalancers, nextChange } = facts!;
  return [
    `${listening(vip, ports)} (${protocol}) in ${networks.join(', ')}`,
    `${algorithm}, rewrites ${rewrite}`,
    `from ${origin}`,
    `enforced by ${counted(loadBalancers, 'load balancer')}`,
    ...(nextChange === null ? [] : [`next set of criteria at ${nextChange}`]),
    ...(unlisted > 0 ? [`${unlisted} further members not listed`] : []),
  ].join(' · ');
}

const memberTable = (): RowTable<MemberView> =>
  new RowTable<MemberView>({
    label: 'Members',
    keyOf: ({ member }) => member,
    empty: 'No members in force now',
    columns: [
      { title: 'Member', text: ({ member }) => member },
      { title: 'Address', hide: 1, text: ({ address, port }) => endpoint(address, port) },
      {
        title: 'State',
        text: ({ state, flowsLeft }) =>
          flowsLeft === null ? state : `${state}, ${counted(flowsLeft, 'flow')} left`,
        tone: ({ state }) =>
          ({ active: 'good', draining: 'warn', failed: 'bad' })[state] as 'good' | 'warn' | 'bad',
      },
      {
        title: 'Weight',
        isNumber: true,
        text: ({ weight }) => String(weight),
        value: ({ weight }) => weight,
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
        text: ({ newFlowsPerSecond }) => perSecond(newFlowsPerSecond),
        value: ({ newFlowsPerSecond }) => newFlowsPerSecond,
      },
      {
        title: 'Load',
        hide: 1,
        isNumber: true,
        text: ({ bytesPerSecond }) => bitRate(bytesPerSecond),
        value: ({ bytesPerSecond }) => bytesPerSecond,
      },
      { title: 'Health', hide: 2, text: ({ health }) => health ?? '' },
    ],
  });
