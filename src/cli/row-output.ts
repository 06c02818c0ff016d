/** Listings on stdout, row by row as they arrive: memory does not grow with their length. */
import type { Command } from 'commander';
import { terminalWidth } from './output.ts';
import { type OutputFormat, settingsOf } from './settings.ts';
import { type Column, fleetColumns, Table } from './table.ts';

/** Number of rows that determine a table's columns and widths. */
const SAMPLE_ROWS = 1_000;

/** Writes the format that the user chose, as `printResult` would write the list of all rows. */
export async function printRows<Row extends object>(
  command: Command,
  pages: AsyncIterable<readonly Row[]>,
  columns: readonly Column<Row>[],
): Promise<void> {
  for await (const text of rowTexts(settingsOf(command).output, pages, columns, terminalWidth()))
    await write(text);
}

/** `maxWidth`: of the terminal. */
export function rowTexts<Row extends object>(
  format: OutputFormat,
  pages: AsyncIterable<readonly Row[]>,
  columns: readonly Column<Row>[],
  maxWidth: number | undefined,
): AsyncGenerator<string> {
  if (format === 'json') return jsonTexts(pages);
  if (format === 'yaml') return yamlTexts(pages);
  return tableTexts(pages, columns, format === 'wide' ? undefined : maxWidth);
}

/** Writes results of which nobody knows how many come, each at once; JSON is one line for each. */
export async function printEach<Item extends object>(
  command: Command,
  items: AsyncIterable<Item>,
  asLine: (item: Item) => string,
): Promise<void> {
  const { output } = settingsOf(command);
  const isYaml = output === 'yaml';
  const { stringify } = isYaml ? await import('yaml') : { stringify: JSON.stringify };
  for await (const item of items) {
    if (isYaml) await write(`---\n${stringify(item)}`);
    else await write(output === 'json' ? `${JSON.stringify(item)}\n` : asLine(item));
  }
}

async function* tableTexts<Row extends object>(
  pages: AsyncIterable<readonly Row[]>,
  columns: readonly Column<Row>[],
  maxWidth: number | undefined,
): AsyncGenerator<string> {
  const sample: Row[] = [];
  let table: Table<Row> | undefined;
  const begin = (): string => {
    table = new Table(sample, fleetColumns(sample, columns), maxWidth);
    return `${table.header}${table.lines(sample)}`;
  };
  for await (const rows of pages) {
    if (table !== undefined) yield table.lines(rows);
    else {
      sample.push(...rows);
      if (sample.length >= SAMPLE_ROWS) yield begin();
    }
  }
  if (table === undefined) yield begin();
  yield table!.footer;
}

async function* jsonTexts(pages: AsyncIterable<readonly object[]>): AsyncGenerator<string> {
  let before = '[';
  for await (const rows of pages) {
    let text = '';
    for (const row of rows) {
      text += `${before}\n  ${JSON.stringify(row, null, 2).replaceAll('\n', '\n  ')}`;
      before = ',';
    }
    yield text;
  }
  yield before === '[' ? '[]\n' : '\n]\n';
}

async function* yamlTexts(pages: AsyncIterable<readonly object[]>): AsyncGenerator<string> {
  const { stringify } = await import('yaml');
  let isEmpty = true;
  for await (const rows of pages) {
    if (rows.length > 0) yield stringify(rows);
    isEmpty &&= rows.length === 0;
  }
  if (isEmpty) yield stringify([]);
}

/** Waits for a reader slower than the listing. */
const write = (text: string): Promise<void> =>
  new Promise((resolve) => {
    if (process.stdout.write(text)) resolve();
    else process.stdout.once('drain', resolve);
  });
