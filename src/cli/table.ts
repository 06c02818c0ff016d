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

interface Cells {
  readonly header: string;
  readonly cells: readonly string[];
  readonly isNumeric: boolean;
  readonly hide?: number;
  width: number;
}

/** `maxWidth`: of the terminal, in characters; absent: all columns in full width. */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  maxWidth = Number.POSITIVE_INFINITY,
): string {
  const all = columns.map((column) => cellsOf(rows, column));
  const shown = withoutHidden(all, maxWidth);
  truncate(shown, maxWidth);
  const line = (textOf: (column: Cells) => string): string => {
    const texts = shown.map((column) => {
      const text = shorten(textOf(column), column.width);
      return column.isNumeric ? text.padStart(column.width) : text.padEnd(column.width);
    });
    return `${texts.join(' '.repeat(GAP)).trimEnd()}\n`;
  };
  const lines = [line(({ header }) => header), ...rows.map((_, i) => line(({ cells }) => cells[i]!))];
  const hidden = all.filter((column) => !shown.includes(column)).map(({ header }) => header);
  if (hidden.length > 0) lines.push(`(hidden: ${hidden.join(', ')}; -o wide shows all columns)\n`);
  return lines.join('');
}

function cellsOf<Row>(rows: readonly Row[], { key, text, hide }: Column<Row>): Cells {
  const header = headerOf(key);
  const cells = rows.map((row) => text?.(row) ?? cellText(row[key]));
  const width = cells.reduce((widest, cell) => Math.max(widest, cell.length), header.length);
  return { header, cells, isNumeric: holdsNumbers(rows.map((row) => row[key])), hide, width };
}

const widthOf = (columns: readonly Cells[]): number =>
  columns.reduce((total, { width }) => total + width, GAP * (columns.length - 1));

function withoutHidden(columns: readonly Cells[], maxWidth: number): Cells[] {
  let shown = [...columns];
  const hideable = columns.filter(({ hide }) => hide !== undefined).sort((a, b) => a.hide! - b.hide!);
  for (const next of hideable) {
    if (widthOf(shown) <= maxWidth) break;
    shown = shown.filter((column) => column !== next);
  }
  return shown;
}

function truncate(columns: readonly Cells[], maxWidth: number): void {
  const slack = ({ header, width, isNumeric }: Cells): boolean =>
    !isNumeric && width > Math.max(MIN_TRUNCATED, header.length);
  for (let excess = widthOf(columns) - maxWidth; excess > 0; excess--) {
    const [widest] = columns.filter(slack).sort((a, b) => b.width - a.width);
    if (widest === undefined) return;
    widest.width--;
  }
}

const shorten = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`;

/** A table with the host as its first column if the rows come from a whole fleet. */
export const formatFleetTable = <Row extends { host?: string }>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  maxWidth?: number,
): string =>
  formatTable(
    rows,
    rows.some(({ host }) => host !== undefined) ? [{ key: 'host' }, ...columns] : columns,
    maxWidth,
  );

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
