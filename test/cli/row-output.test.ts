/** A listing that is written as its rows come reads like the list of all of them written at once. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatResult } from '../../src/cli/output.ts';
import { rowTexts } from '../../src/cli/row-output.ts';
import type { OutputFormat } from '../../src/cli/settings.ts';
import { type Column, formatFleetTable } from '../../src/cli/table.ts';

const test = suite('row output');

interface Row {
  host?: string;
  name: string;
  count: number | null;
  labels: string[];
}

const COLUMNS: readonly Column<Row>[] = [{ key: 'name' }, { key: 'count', hide: 1 }, { key: 'labels' }];
const row = (at: number, more: Partial<Row> = {}): Row => ({
  name: `row ${at}`,
  count: at % 7 === 0 ? null : at,
  labels: at % 2 === 0 ? [] : ['a: b', '"quoted"\n'],
  ...more,
});
const rows = (count: number): Row[] => Array.from({ length: count }, (_, at) => row(at));

async function* pagesOf(all: readonly Row[], size: number): AsyncGenerator<readonly Row[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

async function written(
  format: OutputFormat,
  all: readonly Row[],
  size: number,
  width?: number,
): Promise<string> {
  let text = '';
  for await (const part of rowTexts(format, pagesOf(all, size), COLUMNS, width)) text += part;
  return text;
}

for (const format of ['table', 'wide', 'json', 'yaml'] as const) {
  test(`${format}: the same text, in whatever pieces the rows come`, async () => {
    for (const count of [0, 1, 2, 250]) {
      for (const all of [rows(count), rows(count).map((one, at) => ({ host: `h${at}`, ...one }))]) {
        const whole = await formatResult(format, all, (list) => formatFleetTable(list, COLUMNS));
        for (const size of [1, 3, 1_000]) assert.is(await written(format, all, size), whole);
      }
    }
  });
}

test('a narrow terminal hides columns of a listing as of a table', async () => {
  const all = rows(10);
  assert.is(await written('table', all, 3, 24), formatFleetTable(all, COLUMNS, 24));
});

test('the first thousand rows lay out the table: a later cell that is wider is written whole', async () => {
  const all = [...rows(5_000), row(1, { name: 'a name that is wider than all before' })];
  const lines = (await written('table', all, 100)).trimEnd().split('\n');
  assert.is(lines.length, all.length + 1);
  assert.match(lines.at(-1)!, /^a name that is wider than all before {2}/);
});

test.run();
