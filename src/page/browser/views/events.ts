/** What has happened on this host or controller, by whom and why: the events of the API, as they come. */
import type { Event as HostEvent } from '../../../events/event.ts';
import type { FleetState } from '../../view/fleet-state.ts';
import { h } from '../dom.ts';
import { RowTable } from '../row-table.ts';
import { Stream } from '../stream.ts';
import type { View } from './view.ts';

const MAX_EVENTS = 500;
const SINCE = '10m';

export class Events implements View {
  readonly title = 'Events';
  readonly element: HTMLElement;
  private readonly table = eventTable();
  private readonly stream: Stream<HostEvent>;
  /** Latest first. */
  private events: HostEvent[] = [];
  private isNewStream = true;
  private isScheduled = false;

  constructor() {
    this.element = h(
      'section',
      { 'aria-label': 'Events' },
      h('h2', {}, 'Events'),
      h(
        'p',
        { class: 'hint' },
        'Of the last ten minutes, and from now on. Further back: sluice events --since.',
      ),
      this.table.element,
    );
    this.table.update([]);
    this.stream = new Stream<HostEvent>(
      `/v1/events?follow=1&since=${SINCE}`,
      'message',
      (event) => this.take(event),
      (state) => {
        // Whoever connects again gets the last minutes again.
        if (state !== 'live') this.isNewStream = true;
      },
    );
  }

  update(_: FleetState): void {}

  close(): void {
    this.stream.close();
  }

  private take(event: HostEvent): void {
    if (this.isNewStream) this.events = [];
    this.isNewStream = false;
    this.events = [event, ...this.events].slice(0, MAX_EVENTS);
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => {
      this.isScheduled = false;
      this.table.update(this.events);
    });
  }
}

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

const eventTable = (): RowTable<HostEvent> =>
  new RowTable<HostEvent>({
    label: 'Events',
    keyOf: (row) => JSON.stringify(row),
    empty: 'Nothing has happened',
    hasFilter: true,
    columns: [
      { title: 'Time', text: (row) => time.format(Date.parse(row.time)), value: (row) => row.time },
      {
        title: 'Type',
        text: ({ type }) => type,
        tone: ({ type }) => (/failed|refused|lost|down$|full$/.test(type) ? 'bad' : undefined),
      },
      { title: 'Subject', text: ({ subject }) => subject },
      { title: 'Reason', hide: 1, text: ({ reason }) => reason },
      { title: 'By', hide: 2, text: ({ actor }) => actor },
      {
        title: 'Count',
        hide: 1,
        isNumber: true,
        text: ({ details: { count = 1 } }) => String(count),
        value: ({ details: { count = 1 } }) => Number(count),
      },
    ],
  });
