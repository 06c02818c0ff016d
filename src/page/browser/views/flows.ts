/** Flows, asked of the API when somebody wants them. */
import type { ApiError, FlowRow } from '../../../api/shapes.ts';
import type { FleetState } from '../../view/fleet-state.ts';
import { counted, duration, short } from '../../view/units.ts';
import { h, setText } from '../dom.ts';
import { RowTable } from '../row-table.ts';
import { groupHref, type View } from './view.ts';

const LIMIT = 500;
const FIELDS = [
  ['group', 'Group'],
  ['member', 'Member'],
  ['port', 'Port'],
  ['client', 'Client'],
] as const;

export class Flows implements View {
  readonly title = 'Flows';
  readonly element: HTMLElement;
  private readonly inputs = FIELDS.map(([name, title]) => ({
    name,
    title,
    input: h('input', { name, autocomplete: 'off', spellcheck: 'false' }),
  }));
  private readonly note = h('p', { class: 'hint', role: 'status' });
  private readonly table = flowTable();
  private readonly aborted = new AbortController();

  constructor() {
    const fields = this.inputs.map(({ title, input }) => h('label', {}, `${title} `, input));
    const form = h('form', { class: 'fields' }, ...fields, h('button', {}, 'Show flows'));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.ask();
    });
    this.element = h(
      'section',
      { 'aria-label': 'Flows' },
      h('h2', {}, 'Flows'),
      h(
        'p',
        { class: 'hint' },
        'Records of connections, at this moment. A client is an address, a prefix, or ADDRESS:PORT.',
      ),
      form,
      this.note,
      this.table.element,
    );
    void this.ask();
  }

  update(_: FleetState): void {}

  close(): void {
    this.aborted.abort();
  }

  private async ask(): Promise<void> {
    const query = new URLSearchParams({ limit: String(LIMIT) });
    for (const { name, input } of this.inputs)
      if (input.value.trim() !== '') query.set(name, input.value.trim());
    try {
      const response = await fetch(`/v1/flows?${query}`, { signal: this.aborted.signal });
      if (!response.ok) {
        setText(this.note, ((await response.json()) as ApiError).error);
        return;
      }
      const rows = (await response.json()) as FlowRow[];
      this.table.update(rows);
      setText(this.note, rows.length === LIMIT ? `the first ${LIMIT} flows` : counted(rows.length, 'flow'));
    } catch (error) {
      if (!this.aborted.signal.aborted) setText(this.note, String(error));
    }
  }
}

const flowTable = (): RowTable<FlowRow> =>
  new RowTable<FlowRow>({
    label: 'Flows',
    keyOf: (row) => [row.host, row.port, row.protocol, row.client, row.vip].join(' '),
    empty: 'No flows',
    columns: [
      { title: 'Client', text: ({ client }) => client },
      { title: 'VIP', hide: 1, text: ({ vip, protocol }) => `${vip} ${protocol}` },
      { title: 'Group', hide: 1, text: ({ group }) => group, href: ({ group }) => groupHref(group) },
      { title: 'Member', text: ({ member }) => member },
      { title: 'State', text: ({ state }) => state },
      {
        title: 'Age',
        hide: 2,
        isNumber: true,
        text: ({ ageMs }) => duration(ageMs),
        value: ({ ageMs }) => ageMs,
      },
      {
        title: 'Bytes',
        hide: 2,
        isNumber: true,
        text: ({ bytes, replyBytes }) => short(bytes + replyBytes),
        value: ({ bytes, replyBytes }) => bytes + replyBytes,
      },
      { title: 'Why', hide: 2, text: ({ why }) => why },
    ],
  });
