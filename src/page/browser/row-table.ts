/**
 * A table of any number of rows, sorted and filtered here, of which only those in sight are elements.
 *
 * Theory of operation. All rows have one height. The body begins and ends with an empty row that is as high as the rows
 * that are not there. Row elements are reused from top to bottom; the focus follows the row that had it, not the place.
 */
import { rowWindow } from '../view/row-window.ts';
import { h, setAttribute, setText } from './dom.ts';

export interface Column<Row> {
  readonly title: string;
  text(row: Row): string;
  /** What it is sorted by; absent: its text. */
  value?(row: Row): number | string;
  readonly isNumber?: boolean;
  /** 1: left out on phones; 2: on tablets, too. */
  readonly hide?: 1 | 2;
  /** Where the cell leads. */
  href?(row: Row): string;
  /** Shows it as good, bad or a warning; the text says so, too. */
  tone?(row: Row): 'good' | 'warn' | 'bad' | undefined;
}

export interface TableOptions<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  keyOf(row: Row): string;
  /** Shown if there are no rows. */
  readonly empty: string;
  /** With a field that filters by any column. */
  readonly hasFilter?: boolean;
}

const ROW_HEIGHT = 36;

export class RowTable<Row> {
  readonly element: HTMLElement;
  private readonly options: TableOptions<Row>;
  private readonly viewport: HTMLElement;
  private readonly table: HTMLTableElement;
  private readonly body: HTMLTableSectionElement;
  private readonly above = h('tr', { class: 'spacer', 'aria-hidden': 'true' }, h('td'));
  private readonly below = h('tr', { class: 'spacer', 'aria-hidden': 'true' }, h('td'));
  private readonly headers: HTMLTableCellElement[];
  private readonly count = h('span', { class: 'count' });
  private readonly note: HTMLElement;
  private rows: readonly Row[] = [];
  private shown: readonly Row[] = [];
  private filter = '';
  private sort: { readonly column: number; readonly isDown: boolean } | undefined;
  private isScheduled = false;

  constructor(options: TableOptions<Row>) {
    this.options = options;
    this.headers = options.columns.map((column, at) => this.header(column, at));
    this.body = h('tbody', {}, this.above, this.below);
    this.table = h(
      'table',
      { 'aria-label': options.label },
      h('thead', {}, h('tr', { 'aria-rowindex': 1 }, ...this.headers)),
      this.body,
    );
    this.note = h('p', { class: 'empty', hidden: true }, options.empty);
    this.viewport = h(
      'div',
      { class: 'viewport', role: 'region', 'aria-label': options.label, tabindex: 0 },
      this.table,
    );
    this.viewport.addEventListener('scroll', () => this.schedule(), { passive: true });
    this.viewport.addEventListener('keydown', (event) => this.key(event));
    this.element = h('div', { class: 'row-table' });
    if (options.hasFilter) this.element.append(this.filterField());
    this.element.append(this.viewport, this.note);
    new ResizeObserver(() => this.schedule()).observe(this.viewport);
  }

  update(rows: readonly Row[]): void {
    this.rows = rows;
    this.arrange();
  }

  private header(column: Column<Row>, at: number): HTMLTableCellElement {
    const button = h('button', { type: 'button' }, column.title);
    button.addEventListener('click', () => {
      const isDown = this.sort?.column === at ? !this.sort.isDown : column.isNumber === true;
      this.sort = { column: at, isDown };
      this.headers.forEach((header, i) => {
        setAttribute(header, 'aria-sort', i === at ? (isDown ? 'descending' : 'ascending') : undefined);
      });
      this.arrange();
    });
    return h('th', { scope: 'col', class: classOf(column) }, button);
  }

  private filterField(): HTMLElement {
    const input = h('input', { type: 'search', autocomplete: 'off', spellcheck: 'false' });
    input.addEventListener('input', () => {
      this.filter = input.value.trim().toLowerCase();
      this.viewport.scrollTop = 0;
      this.arrange();
    });
    return h('div', { class: 'filter' }, h('label', {}, 'Filter ', input), this.count);
  }

  private arrange(): void {
    const { columns } = this.options;
    const { filter, sort } = this;
    let shown = [...this.rows];
    if (filter !== '')
      shown = shown.filter((row) =>
        columns.some((column) => column.text(row).toLowerCase().includes(filter)),
      );
    if (sort !== undefined) {
      const { text, value = text } = columns[sort.column]!;
      const sign = sort.isDown ? -1 : 1;
      shown.sort((a, b) => sign * compare(value(a), value(b)));
    }
    this.follow(shown);
    this.shown = shown;
    setText(this.count, filter === '' ? `${this.rows.length}` : `${shown.length} of ${this.rows.length}`);
    setAttribute(this.table, 'aria-rowcount', String(shown.length + 1));
    this.note.hidden = shown.length > 0;
    this.viewport.hidden = this.rows.length === 0;
    this.draw();
  }

  /** Scrolls along with the row that has the focus, so that it stays where people see it. */
  private follow(next: readonly Row[]): void {
    const focused = this.focusedKey();
    if (focused === undefined) return;
    const isFocused = (row: Row): boolean => this.options.keyOf(row) === focused;
    const [before, now] = [this.shown.findIndex(isFocused), next.findIndex(isFocused)];
    if (before >= 0 && now >= 0) this.viewport.scrollTop += (now - before) * ROW_HEIGHT;
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => {
      this.isScheduled = false;
      this.draw();
    });
  }

  private draw(): void {
    const { shown, body } = this;
    const focused = this.focusedKey();
    const { from, to } = rowWindow(
      shown.length,
      this.viewport.scrollTop,
      this.viewport.clientHeight,
      ROW_HEIGHT,
    );
    while (body.children.length - 2 < to - from) body.insertBefore(this.emptyRow(), this.below);
    while (body.children.length - 2 > to - from) this.below.previousElementSibling!.remove();
    setHeight(this.above, from * ROW_HEIGHT);
    setHeight(this.below, (shown.length - to) * ROW_HEIGHT);
    for (let at = from; at < to; at++)
      this.fill(body.children[at - from + 1] as HTMLTableRowElement, shown[at]!, at);
    if (focused !== undefined) this.refocus(focused);
  }

  private emptyRow(): HTMLTableRowElement {
    const cells = this.options.columns.map((column, at) => {
      const inner = column.href === undefined ? [] : [h('a')];
      return at === 0
        ? h('th', { scope: 'row', class: classOf(column) }, ...inner)
        : h('td', { class: classOf(column) }, ...inner);
    });
    return h('tr', {}, ...cells);
  }

  private fill(element: HTMLTableRowElement, row: Row, at: number): void {
    element.dataset.key = this.options.keyOf(row);
    setAttribute(element, 'aria-rowindex', String(at + 2));
    this.options.columns.forEach((column, i) => {
      const cell = element.cells[i]!;
      const text = column.text(row);
      if (column.href === undefined) setText(cell, text);
      else {
        const link = cell.firstElementChild!;
        setText(link, text);
        setAttribute(link, 'href', column.href(row));
      }
      setAttribute(cell, 'title', text.length > 24 ? text : undefined);
      setAttribute(cell, 'data-tone', column.tone?.(row));
    });
  }

  private focusedKey(): string | undefined {
    const active = document.activeElement;
    return active instanceof HTMLAnchorElement && this.body.contains(active)
      ? active.closest('tr')!.dataset.key
      : undefined;
  }

  private refocus(key: string): void {
    if (this.focusedKey() === key) return;
    const row = [...this.body.rows].find((one) => one.dataset.key === key);
    // Out of sight: the table keeps the focus, not another row.
    const target = row?.querySelector('a') ?? this.viewport;
    target.focus({ preventScroll: true });
  }

  /** Arrow keys go from link to link, and on through rows that are not elements yet. */
  private key(event: KeyboardEvent): void {
    const key = this.focusedKey();
    const at = key === undefined ? -1 : this.shown.findIndex((row) => this.options.keyOf(row) === key);
    const page = Math.max(1, Math.floor(this.viewport.clientHeight / ROW_HEIGHT) - 2);
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.shown.length - 1,
    };
    const next = steps[event.key];
    if (next === undefined || this.shown.length === 0 || event.ctrlKey || event.altKey || event.metaKey)
      return;
    if (this.options.columns.every(({ href }) => href === undefined)) return;
    event.preventDefault();
    const to = Math.max(0, Math.min(this.shown.length - 1, next));
    const top = to * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.viewport;
    if (top < scrollTop) this.viewport.scrollTop = top;
    else if (top + 2 * ROW_HEIGHT > scrollTop + clientHeight)
      this.viewport.scrollTop = top + 2 * ROW_HEIGHT - clientHeight;
    this.draw();
    this.refocus(this.options.keyOf(this.shown[to]!));
  }
}

const compare = (a: number | string, b: number | string): number =>
  typeof a === 'number' && typeof b === 'number'
    ? a - b
    : String(a).localeCompare(String(b), 'en', { numeric: true });

const classOf = ({ isNumber, hide }: Column<never>): string | undefined =>
  [isNumber ? 'number' : '', hide === undefined ? '' : `hide-${hide}`]
    .filter((name) => name !== '')
    .join(' ') || undefined;

function setHeight(row: HTMLElement, pixels: number): void {
  row.hidden = pixels === 0;
  (row.firstElementChild as HTMLElement).style.height = `${pixels}px`;
}
