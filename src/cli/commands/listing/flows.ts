import { type Command, Option } from 'commander';
import { FLOW_STATES } from '../../../api/routes.ts';
import type { FlowRow } from '../../../api/shapes.ts';
import { clientArgument, limitArgument } from '../../arguments.ts';
import { printResult } from '../../output.ts';
import { printRows } from '../../row-output.ts';
import { apiOf } from '../../settings.ts';
import { type Column, formatFleetTable } from '../../table.ts';
import { humanBytes, humanDuration } from '../../units.ts';

/** `fw1 → app2`: middleboxes, and the member. */
const wayText = ({ through = [], member }: FlowRow): string =>
  [...through.map((hop) => hop.member), member].join(' → ');

const COLUMNS: readonly Column<FlowRow>[] = [
  { key: 'port' },
  { key: 'protocol' },
  { key: 'client' },
  { key: 'vip' },
  { key: 'member', text: wayText },
  { key: 'destination', hide: 7 },
  { key: 'group', hide: 6 },
  { key: 'state' },
  { key: 'ageMs', hide: 5, text: (row) => humanDuration(row.ageMs) },
  { key: 'idleMs', hide: 9, text: (row) => humanDuration(row.idleMs) },
  { key: 'packets', hide: 3 },
  { key: 'bytes', hide: 8, text: (row) => humanBytes(row.bytes) },
  { key: 'replyPackets', hide: 2 },
  { key: 'replyBytes', hide: 4, text: (row) => humanBytes(row.replyBytes) },
  { key: 'why', hide: 1 },
];

export const formatFlows = (rows: readonly FlowRow[], maxWidth?: number): string =>
  formatFleetTable(rows, COLUMNS, maxWidth);

/** Keys of --sort: numbers in descending order, text in ascending order. */
const SORT_KEYS = {
  age: 'ageMs',
  idle: 'idleMs',
  packets: 'packets',
  bytes: 'bytes',
  'reply-packets': 'replyPackets',
  'reply-bytes': 'replyBytes',
  port: 'port',
  client: 'client',
  vip: 'vip',
  member: 'member',
  group: 'group',
  state: 'state',
} as const satisfies Record<string, keyof FlowRow>;

type SortKey = keyof typeof SORT_KEYS;

interface Options {
  port?: string;
  group?: string;
  member?: string;
  state?: string;
  client?: string;
  sort?: SortKey;
  count: boolean;
  limit?: number;
}

export function addFlows(parent: Command): void {
  parent
    .command('flows')
    .description(
      'list connection records: five-tuple, chosen member and reason, state, age, idle time, counters',
    )
    .option('--port <port>', 'show only flows from this port')
    .option('--group <group>', 'show only flows to this group, or through it')
    .option('--member <member>', 'show only flows to members of this name, or through middleboxes of it')
    .addOption(new Option('--state <state>', 'show only flows in this state').choices(FLOW_STATES))
    .option(
      '--client <client>',
      'show only flows of this ADDRESS, ADDRESS:PORT or ADDRESS/BITS',
      clientArgument,
    )
    .addOption(
      new Option('--sort <key>', 'sort: numbers from the greatest down, text in order').choices(
        Object.keys(SORT_KEYS),
      ),
    )
    .option('--count', 'print only the number of flows', false)
    .option('--limit <count>', 'show at most COUNT flows', limitArgument)
    .action(async ({ sort, count, limit, ...filter }: Options, command: Command) => {
      // One row beyond the limit shows whether there are more.
      const asked = count || sort !== undefined || limit === undefined ? undefined : limit + 1;
      const pages = apiOf(command).rows<FlowRow>('/v1/flows', { ...filter, limit: asked });
      if (count) return printResult(command, { flows: await countOf(pages) }, ({ flows }) => `${flows}\n`);
      const shown = new Shown(limit);
      await printRows(command, sort === undefined ? shown.first(pages) : shown.best(pages, sort), COLUMNS);
      if (shown.hasLeftOut)
        process.stderr.write(`sluice: only ${limit} flows are shown; --count prints their number\n`);
    });
}

async function countOf(pages: AsyncIterable<readonly FlowRow[]>): Promise<number> {
  let count = 0;
  for await (const rows of pages) count += rows.length;
  return count;
}

/** The rows within the limit, and whether there are more. */
export class Shown {
  hasLeftOut = false;
  private readonly limit: number;

  constructor(limit = Number.POSITIVE_INFINITY) {
    this.limit = limit;
  }

  async *first(pages: AsyncIterable<readonly FlowRow[]>): AsyncGenerator<readonly FlowRow[]> {
    let left = this.limit;
    for await (const rows of pages) {
      if (rows.length > left) this.hasLeftOut = true;
      if (left > 0) yield rows.slice(0, left);
      left = Math.max(0, left - rows.length);
    }
  }

  /** Memory holds at most twice the rows shown. */
  async *best(pages: AsyncIterable<readonly FlowRow[]>, sort: SortKey): AsyncGenerator<readonly FlowRow[]> {
    const key = SORT_KEYS[sort];
    const order = (a: FlowRow, b: FlowRow): number => {
      const [one, other] = [a[key], b[key]];
      if (typeof one === 'number' && typeof other === 'number') return other - one;
      return String(one).localeCompare(String(other), 'en', { numeric: true });
    };
    let kept: FlowRow[] = [];
    const trim = (): void => {
      kept.sort(order);
      if (kept.length > this.limit) this.hasLeftOut = true;
      kept = kept.slice(0, this.limit);
    };
    for await (const rows of pages) {
      for (const row of rows) kept.push(row);
      if (kept.length > 2 * this.limit) trim();
    }
    trim();
    yield kept;
  }
}
