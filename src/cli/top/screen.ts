/**
 * The screen of `top` as pure functions: a state, what keys do to it, and the lines that show it.
 */
import { formatTable, headerOf } from '../table.ts';
import type { TopRow } from './rates.ts';
import { VIEWS, type ViewName } from './views.ts';

export interface ScreenState {
  readonly view: ViewName;
  /** The group whose members are shown; undefined: all. */
  readonly group: string | undefined;
  /** Key of the column that the rows are sorted by. */
  readonly sortedBy: string;
  readonly isAscending: boolean;
  /** Rows are hidden unless a cell contains this text. */
  readonly filter: string;
  /** The filter is being typed. */
  readonly isTyping: boolean;
  readonly isPaused: boolean;
  /** Position of the selected row among those shown. */
  readonly selected: number;
  readonly showsHelp: boolean;
}

export const stateOf = (view: ViewName, group?: string): ScreenState => ({
  view,
  group,
  sortedBy: VIEWS[view].sortedBy,
  isAscending: view === 'hosts',
  filter: '',
  isTyping: false,
  isPaused: false,
  selected: 0,
  showsHelp: false,
});

const VIEW_OF_KEY: Readonly<Record<string, ViewName>> = { g: 'groups', m: 'members', p: 'ports', h: 'hosts' };

const UP = '\x1b[A';
const DOWN = '\x1b[B';
const RIGHT = '\x1b[C';
const LEFT = '\x1b[D';
const ESCAPE = '\x1b';
const ENTER = '\r';
const BACKSPACE = '\x7f';

/** The state after a key; 'quit' ends. `rows`: the visible rows, for the selection. */
export function afterKey(state: ScreenState, key: string, rows: readonly TopRow[]): ScreenState | 'quit' {
  if (state.isTyping) return whileTyping(state, key);
  const view = VIEW_OF_KEY[key];
  if (view !== undefined) return { ...stateOf(view), isPaused: state.isPaused };
  switch (key) {
    case 'q':
    case '\x03': // Ctrl-C: no signal in raw mode
      return 'quit';
    case ' ':
      return { ...state, isPaused: !state.isPaused };
    case '/':
      return { ...state, isTyping: true };
    case '?':
      return { ...state, showsHelp: !state.showsHelp };
    case 'r':
      return { ...state, isAscending: !state.isAscending };
    case RIGHT:
    case '>':
      return sortedByNext(state, 1);
    case LEFT:
    case '<':
      return sortedByNext(state, -1);
    case DOWN:
    case 'j':
      return { ...state, selected: Math.min(state.selected + 1, Math.max(0, rows.length - 1)) };
    case UP:
    case 'k':
      return { ...state, selected: Math.max(0, state.selected - 1) };
    case ENTER: {
      const group = rows[state.selected]?.group;
      return state.view === 'groups' && typeof group === 'string' ? stateOf('members', group) : state;
    }
    case ESCAPE:
    case BACKSPACE:
      if (state.showsHelp) return { ...state, showsHelp: false };
      if (state.filter !== '') return { ...state, filter: '', selected: 0 };
      return state.group === undefined ? state : stateOf('groups');
    default:
      return state;
  }
}

function whileTyping(state: ScreenState, key: string): ScreenState | 'quit' {
  if (key === '\x03') return 'quit';
  if (key === ENTER) return { ...state, isTyping: false };
  if (key === ESCAPE) return { ...state, isTyping: false, filter: '', selected: 0 };
  if (key === BACKSPACE) return { ...state, filter: state.filter.slice(0, -1), selected: 0 };
  if (key.length !== 1 || key < ' ') return state;
  return { ...state, filter: (state.filter + key).slice(0, 64), selected: 0 };
}

function sortedByNext(state: ScreenState, step: number): ScreenState {
  const keys = VIEWS[state.view].columns.map(({ key }) => key);
  const at = keys.indexOf(state.sortedBy);
  return { ...state, sortedBy: keys[(at + step + keys.length) % keys.length]!, selected: 0 };
}

/** The visible rows of the state, sorted. */
export function shownRows(state: ScreenState, rows: readonly TopRow[]): TopRow[] {
  const { filter, sortedBy, isAscending } = state;
  const wanted = filter.toLowerCase();
  const has = (row: TopRow): boolean =>
    Object.values(row).some((cell) => typeof cell === 'string' && cell.toLowerCase().includes(wanted));
  const direction = isAscending ? 1 : -1;
  return rows
    .filter((row) => wanted === '' || has(row))
    .toSorted((a, b) => direction * compare(a[sortedBy] ?? null, b[sortedBy] ?? null));
}

function compare(a: string | number | null, b: string | number | null): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  // Names sort ascending by default, numbers descending.
  return -String(a ?? '').localeCompare(String(b ?? ''), 'en', { numeric: true });
}

const HELP = [
  'g m p h     groups, members, ports, hosts',
  'Enter Esc   members of the selected group, and back',
  'Up Down     select a row',
  '< >  r      sort by another column; reverse the order',
  '/           show only rows that contain a text',
  'Space       pause',
  'q           quit',
];

/**
 * The lines of the screen, at most `height` of at most `width` characters, with the selected row marked. `heading`:
 * the lines at the top of all views.
 */
export function picture(
  state: ScreenState,
  heading: readonly string[],
  rows: readonly TopRow[],
  { width, height }: { readonly width: number; readonly height: number },
): { readonly lines: readonly string[]; readonly selectedLine: number } {
  if (state.showsHelp) return { lines: [...heading, '', ...HELP].slice(0, height), selectedLine: -1 };
  const { columns } = VIEWS[state.view];
  const isFleet = rows.some((row) => row.host !== null && row.host !== undefined);
  const used = columns.filter(({ key }) => key !== 'host' || isFleet || state.view === 'hosts');
  const [header, ...body] = formatTable(rows, used, width).trimEnd().split('\n');
  const status = statusLine(state, rows.length);
  const room = Math.max(1, height - heading.length - 2);
  const first = Math.max(0, Math.min(state.selected - room + 1, body.length - room));
  const lines = [...heading, status, header ?? '', ...body.slice(first, first + room)];
  return {
    lines: lines.slice(0, height).map((line) => (line.length > width ? line.slice(0, width) : line)),
    selectedLine: rows.length === 0 ? -1 : heading.length + 2 + state.selected - first,
  };
}

function statusLine(
  { view, group, sortedBy, isAscending, filter, isTyping, isPaused }: ScreenState,
  count: number,
): string {
  const what = group === undefined ? view : `members of ${group}`;
  const order = `by ${headerOf(sortedBy)}${isAscending ? ', ascending' : ''}`;
  const matching = filter === '' && !isTyping ? '' : `  /${filter}${isTyping ? '_' : ''}`;
  return `${what} (${count}) ${order}${matching}${isPaused ? '  paused' : ''}  ? help`;
}
