/** `flows`: what is shown of all flows, and that something was left out is said. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FLOW_STATES } from '../../src/api/routes.ts';
import type { FlowRow } from '../../src/api/shapes.ts';
import { Shown } from '../../src/cli/commands/listing/flows.ts';
import { STATE_NAMES } from '../../src/tables/balancing/connection-record.ts';

const test = suite('flows');

const row = (at: number): FlowRow => ({
  port: `p${at}`,
  protocol: 'tcp',
  client: `10.0.0.${at % 256}:1`,
  vip: '',
  member: '',
  destination: '',
  group: '',
  state: '',
  priority: null,
  why: '',
  ageMs: 0,
  idleMs: 0,
  packets: (at * 7919) % 10_007,
  bytes: 0,
  replyPackets: 0,
  replyBytes: 0,
});

async function* pages(count: number, size = 100): AsyncGenerator<readonly FlowRow[]> {
  for (let at = 0; at < count; at += size)
    yield Array.from({ length: Math.min(size, count - at) }, (_, i) => row(at + i));
}

async function all(source: AsyncIterable<readonly FlowRow[]>): Promise<FlowRow[]> {
  const rows: FlowRow[] = [];
  for await (const some of source) rows.push(...some);
  return rows;
}

test('without a limit every row is shown, however many there are', async () => {
  const shown = new Shown();
  assert.is((await all(shown.first(pages(10_000)))).length, 10_000);
  assert.not.ok(shown.hasLeftOut);
});

test('the greatest of all rows are shown, not those of the first page', async () => {
  const expected = (await all(pages(10_000))).sort((a, b) => b.packets - a.packets).slice(0, 25);
  const shown = new Shown(25);
  assert.equal(
    (await all(shown.best(pages(10_000), 'packets'))).map(({ packets }) => packets),
    expected.map(({ packets }) => packets),
  );
  assert.ok(shown.hasLeftOut);
});

test('exactly as many as the limit: nothing is left out; numbers in names are in order', async () => {
  const shown = new Shown(120);
  assert.is((await all(shown.first(pages(120)))).length, 120);
  assert.not.ok(shown.hasLeftOut);
  const sorted = await all(new Shown(120).best(pages(120), 'port'));
  assert.equal(
    sorted.map(({ port }) => port),
    Array.from({ length: 120 }, (_, at) => `p${at}`),
  );
});

test('the states that can be asked for are those of the table', () => {
  assert.equal(
    [...FLOW_STATES],
    STATE_NAMES.filter((name) => name !== 'free'),
  );
});

test.run();
