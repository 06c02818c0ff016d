/** Views that are one table each. */
import type { DropCount, PortLoad, SectionName, Sections } from '../../frames.ts';
import type { FleetState } from '../../view/fleet-state.ts';
import { bitRate, perSecond, short } from '../../view/units.ts';
import { changeTable } from '../change-table.ts';
import { h } from '../dom.ts';
import { RowTable } from '../row-table.ts';
import type { View } from './view.ts';

class TableView<Name extends SectionName> implements View {
  readonly title: string;
  readonly element: HTMLElement;
  private readonly section: Name;
  private readonly table: RowTable<Sections[Name]>;
  private readonly isLatestFirst: boolean;

  constructor(
    title: string,
    hint: string,
    section: Name,
    table: RowTable<Sections[Name]>,
    isLatestFirst = false,
  ) {
    this.title = title;
    this.section = section;
    this.table = table;
    this.isLatestFirst = isLatestFirst;
    this.element = h(
      'section',
      { 'aria-label': title },
      h('h2', {}, title),
      h('p', { class: 'hint' }, hint),
      table.element,
    );
  }

  update(state: FleetState): void {
    const rows = state.rows(this.section);
    this.table.update(this.isLatestFirst ? rows.reverse() : rows);
  }

  close(): void {}
}

export const portsView = (): View =>
  new TableView(
    'Ports',
    'Ports of VMs and uplinks. A fleet of many hosts is shown without them: sluice port list.',
    'ports',
    new RowTable<PortLoad>({
      label: 'Ports',
      keyOf: ({ host, port }) => `${host} ${port}`,
      empty: 'No ports',
      hasFilter: true,
      columns: [
        { title: 'Host', hide: 1, text: ({ host }) => host },
        { title: 'Port', text: ({ port, isUplink }) => (isUplink ? `${port} (uplink)` : port) },
        { title: 'Network', hide: 2, text: ({ network }) => network },
        { title: 'Addresses', hide: 2, text: ({ addresses }) => addresses.join(' ') },
        {
          title: 'State',
          text: ({ state }) => state,
          tone: ({ state }) => (state === 'up' ? 'good' : 'bad'),
        },
        {
          title: 'From VM',
          isNumber: true,
          text: (row) => bitRate(row.rxBytesPerSecond),
          value: (row) => row.rxBytesPerSecond,
        },
        {
          title: 'To VM',
          isNumber: true,
          text: (row) => bitRate(row.txBytesPerSecond),
          value: (row) => row.txBytesPerSecond,
        },
        {
          title: 'Drops',
          isNumber: true,
          hide: 1,
          text: (row) => perSecond(row.dropsPerSecond),
          value: (row) => row.dropsPerSecond,
        },
      ],
    }),
  );

export const dropsView = (): View =>
  new TableView(
    'Drops',
    'Frames that went no further, by reason; some are not losses, as those that the datapath answers itself.',
    'drops',
    new RowTable<DropCount>({
      label: 'Drops',
      keyOf: ({ host, port, reason }) => `${host} ${port} ${reason}`,
      empty: 'No frame has been dropped',
      hasFilter: true,
      columns: [
        { title: 'Host', hide: 1, text: ({ host }) => host },
        { title: 'Port', text: ({ port }) => port },
        { title: 'Reason', text: ({ reason }) => reason },
        {
          title: 'Frames',
          isNumber: true,
          text: ({ frames }) => short(frames),
          value: ({ frames }) => frames,
        },
        {
          title: 'Now',
          isNumber: true,
          text: ({ framesPerSecond }) => perSecond(framesPerSecond),
          value: ({ framesPerSecond }) => framesPerSecond,
        },
      ],
    }),
  );

export const changesView = (): View =>
  new TableView(
    'Changes',
    'What has changed while somebody looked at this page.',
    'changes',
    changeTable(true),
    true,
  );
