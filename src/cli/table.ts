/**
 * Aligned columns for terminals and pipes: upper-case headers, two spaces between, no borders, no colour.
 * A column is a key of the row, so that the table and the JSON have the same columns.
 */

export interface Column<Row> {
  readonly key: keyof Row & string;
  /** Absent: by the type of the value. */
  readonly text?: (row: Row) => string;
}

export function formatTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const headers = columns.map(({ key }) => headerOf(key));
  const cells = rows.map((row) => columns.map(({ key, text }) => text?.(row) ?? cellText(row[key])));
  const isNumeric = columns.map(({ key }) => holdsNumbers(rows.map((row) => row[key])));
  const widths = headers.map((header, i) => Math.max(header.length, ...cells.map((line) => line[i]!.length)));
  const formatLine = (line: readonly string[]): string =>
    line
      .map((cell, i) => (isNumeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return `${[headers, ...cells].map(formatLine).join('\n')}\n`;
}

/** The same with the host in front, in listings of a whole fleet. */
export const formatFleetTable = <Row extends { host?: string }>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): string =>
  formatTable(rows, rows.some(({ host }) => host !== undefined) ? [{ key: 'host' }, ...columns] : columns);

/** One thing's properties, a line each. */
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

/** Lists with commas, counters by name as `name=count`, nothing as `-`. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.join(',');
  if (typeof value !== 'object') return String(value);
  return cellText(Object.entries(value).map(([name, count]) => `${name}=${count}`));
}

const holdsNumbers = (values: readonly unknown[]): boolean =>
  values.some((value) => typeof value === 'number') &&
  values.every((value) => value === null || typeof value === 'number');
