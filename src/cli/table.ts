/**
 * Aligned columns for terminals and pipes: upper-case headers, two spaces between, no borders, no colour.
 * A column is a key of the row, so that the table and the JSON have the same columns.
 *
 * On a terminal a table that is too wide first loses columns that may be hidden, and a last line names them. If it is
 * still too wide, the cells of its widest text columns are truncated.
 */

export interface Column<Row> {
  readonly key: keyof Row & string;
  /** Absent: by the type of the value. */
  readonly text?: (row: Row) => string;
  /** On a narrow terminal columns with a smaller number are hidden first; absent: never hidden. */
  readonly hide?: number;
}

const GAP = 2;
/** A truncated column keeps its header and at least this many characters. */
const MIN_TRUNCATED = 8;

interface Shown<Row> {
  readonly column: Column<Row>;
  readonly header: string;
  readonly isNumeric: boolean;
  readonly hide?: number;
  width: number;
}

/** The first rows determine the layout; a wider cell in a later row shifts the rest of its line to the right. */
export class Table<Row> {
  readonly header: string;
  /** After the rows. */
  readonly footer: string;
  private readonly shown: readonly Shown<Row>[];
  private readonly isBounded: boolean;

  /** `maxWidth`: of the terminal, in characters; absent: all columns in full width. */
  constructor(sample: readonly Row[], columns: readonly Column<Row>[], maxWidth = Number.POSITIVE_INFINITY) {
    const all = columns.map((column) => measured(sample, column));
    this.shown = withoutHidden(all, maxWidth);
    this.isBounded = Number.isFinite(maxWidth);
    truncate(this.shown, maxWidth);
    this.header = this.line(({ header }) => header);
    const hidden = all.filter((column) => !this.shown.includes(column)).map(({ header }) => header);
    this.footer = hidden.length > 0 ? `(hidden: ${hidden.join(', ')}; -o wide shows all columns)\n` : '';
  }

  lines(rows: readonly Row[]): string {
    return rows.map((row) => this.line(({ column }) => textOf(row, column))).join('');
  }

  private line(cell: (shown: Shown<Row>) => string): string {
    const texts = this.shown.map((column) => {
      const { width, isNumeric } = column;
      const text = this.isBounded ? shorten(cell(column), width) : cell(column);
      return isNumeric ? text.padStart(width) : text.padEnd(width);
    });
    return `${texts.join(' '.repeat(GAP)).trimEnd()}\n`;
  }
}

/** `maxWidth` as of Table. */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  maxWidth?: number,
): string {
  const table = new Table(rows, columns, maxWidth);
  return `${table.header}${table.lines(rows)}${table.footer}`;
}

const textOf = <Row>(row: Row, { key, text }: Column<Row>): string => text?.(row) ?? cellText(row[key]);

function measured<Row>(rows: readonly Row[], column: Column<Row>): Shown<Row> {
  const header = headerOf(column.key);
  const width = rows.reduce((widest, row) => Math.max(widest, textOf(row, column).length), header.length);
  return {
    column,
    header,
    isNumeric: holdsNumbers(rows.map((row) => row[column.key])),
    hide: column.hide,
    width,
  };
}

const widthOf = (columns: readonly Shown<never>[]): number =>
  columns.reduce((total, { width }) => total + width, GAP * (columns.length - 1));

function withoutHidden<Row>(columns: readonly Shown<Row>[], maxWidth: number): Shown<Row>[] {
  let shown = [...columns];
  const hideable = columns.filter(({ hide }) => hide !== undefined).sort((a, b) => a.hide! - b.hide!);
  for (const next of hideable) {
    if (widthOf(shown) <= maxWidth) break;
    shown = shown.filter((column) => column !== next);
  }
  return shown;
}

function truncate<Row>(columns: readonly Shown<Row>[], maxWidth: number): void {
  const slack = ({ header, width, isNumeric }: Shown<Row>): boolean =>
    !isNumeric && width > Math.max(MIN_TRUNCATED, header.length);
  for (let excess = widthOf(columns) - maxWidth; excess > 0; excess--) {
    const [widest] = columns.filter(slack).sort((a, b) => b.width - a.width);
    if (widest === undefined) return;
    widest.width--;
  }
}

const shorten = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`;

/** The host is the first column if the rows come from a whole fleet. */
export const fleetColumns = <Row extends object>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): readonly Column<Row>[] =>
  rows.some((row) => 'host' in row) ? [{ key: 'host' as keyof Row & string }, ...columns] : columns;

export const formatFleetTable = <Row extends object>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  maxWidth?: number,
): string => formatTable(rows, fleetColumns(rows, columns), maxWidth);

/** The properties of one thing, one per line. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}

/** `rxPackets` → `RX-PACKETS`, `bytesPerSecond` → `BYTES/S`, `idleMs` → `IDLE`. */
export const headerOf = (key: string): string =>
  key
    .replace(/Ms$/, '')
    .replace(/PerSecond$/, '/S')
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .toUpperCase();

/** Lists are joined with commas, counters by name are `name=count`, absent values are `-`. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.join(',');
  if (typeof value !== 'object') return String(value);
  return cellText(Object.entries(value).map(([name, count]) => `${name}=${count}`));
}

const holdsNumbers = (values: readonly unknown[]): boolean =>
  values.some((value) => typeof value === 'number') &&
  values.every((value) => value === null || typeof value === 'number');
