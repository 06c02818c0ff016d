/** The tables on standard output, and the document that the JSON file holds. */
import Table from 'cli-table3';
import type { LiveResult } from './live.ts';
import type { MachineFacts } from './machine.ts';
import type { MemoryResult } from './memory.ts';
import type { MicroResult } from './micro-result.ts';
import type { Options } from './options.ts';
import {
  type Bound,
  boundText,
  type ColumnId,
  columnTitle,
  goals,
  MEMORY_PORTS,
  meets,
  memoryGoal,
  microGoals,
  type RowId,
  rows,
} from './plan.ts';
import { type Interval, medianInterval, pairedRatios, type Spread, spreadOf } from './statistics.ts';

/** Goals have two; a median of 0.966 is not to look like the goal of 0.97. */
const RATIO_DIGITS = 3;

export interface JudgedRatio {
  readonly row: RowId;
  readonly peer: ColumnId;
  /** Sluice ÷ peer, one per round. */
  readonly perRound: (number | null)[];
  readonly spread: Spread;
  /** Of the median, with 95 % confidence; null with fewer than six rounds. */
  readonly interval: Interval | null;
  /** The median is judged by it, whatever the interval. */
  readonly goal: Bound;
  readonly met: boolean;
}

/** A figure that is judged by itself, not against a peer. */
export interface JudgedFigure {
  readonly title: string;
  readonly value: number;
  readonly unit: string;
  readonly digits: number;
  readonly goal: Bound | null;
  readonly met: boolean | null;
}

export interface BenchDocument {
  readonly format: 1;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly options: Options;
  readonly machine: MachineFacts;
  readonly versions: LiveResult['versions'];
  readonly rows: typeof rows;
  readonly values: LiveResult['values'];
  readonly medians: Partial<Record<RowId, Partial<Record<ColumnId, Spread | null>>>>;
  readonly ratios: readonly JudgedRatio[];
  readonly memory: MemoryResult | null;
  readonly micro: MicroResult | null;
  readonly figures: readonly JudgedFigure[];
  /** What could not be measured; empty after a complete run. */
  readonly problems: readonly string[];
}

export function mediansOf(values: LiveResult['values']): BenchDocument['medians'] {
  const medians: BenchDocument['medians'] = {};
  for (const [row, columns] of Object.entries(values) as [RowId, Record<ColumnId, (number | null)[]>][]) {
    medians[row] = Object.fromEntries(Object.entries(columns).map(([id, list]) => [id, spreadOf(list)]));
  }
  return medians;
}

/** Every goal for which both sides were measured at least once. */
export function judgeRatios(values: LiveResult['values']): JudgedRatio[] {
  const judged: JudgedRatio[] = [];
  for (const { row, peer, bound } of goals) {
    const perRound = pairedRatios(values[row]?.sluice ?? [], values[row]?.[peer] ?? []);
    const spread = spreadOf(perRound);
    if (spread === null) continue;
    const interval = medianInterval(perRound);
    judged.push({ row, peer, perRound, spread, interval, goal: bound, met: meets(spread.median, bound) });
  }
  return judged;
}

export function judgeFigures(memory: MemoryResult | null, micro: MicroResult | null): JudgedFigure[] {
  const figures: JudgedFigure[] = [];
  const add = (title: string, value: number, unit: string, digits: number, goal: Bound | null) =>
    figures.push({ title, value, unit, digits, goal, met: goal === null ? null : meets(value, goal) });
  if (memory !== null) {
    const host = `resident memory of up, ${MEMORY_PORTS} ports`;
    add(host, memory.afterUpMiB, 'MiB', 1, memoryGoal);
    add(`${host}, after load`, memory.afterLoadMiB, 'MiB', 1, memoryGoal);
  }
  if (micro !== null) {
    for (const { flows, hitNs, replyNs, newFlowNs } of micro.populations) {
      const scale = flows.toLocaleString('en').replaceAll(',', ' ');
      add(`hit, ${scale} flows`, hitNs.median, 'ns/packet', 1, microGoals.hitNs[flows] ?? null);
      add(`reply hit, ${scale} flows`, replyNs.median, 'ns/packet', 1, null);
      add(`new flow, up to ${scale} flows`, newFlowNs.median, 'ns/packet', 1, null);
      add(`packets, ${scale} flows`, 1e3 / hitNs.median, 'M/s', 2, microGoals.millionPackets[flows] ?? null);
    }
    const { hotRow, index, coldRow } = micro.bytesPerConnection;
    add('hot row per connection', hotRow, 'B', 0, microGoals.hotRowBytes);
    add('index per connection, full table', index, 'B', 0, null);
    add('cold row per connection', coldRow, 'B', 0, null);
    for (const [what, use] of [
      ['hits', micro.heap.hits],
      ['new flows', micro.heap.newFlows],
    ] as const) {
      add(
        `heap allocated per million ${what}`,
        use.allocatedBytes / 1024,
        'KiB',
        1,
        microGoals.heapAllocatedKib,
      );
      add(`heap kept per million ${what}`, use.keptBytes / 1024, 'KiB', 1, microGoals.heapKeptKib);
    }
  }
  return figures;
}

/** All tables as text, without colours: it goes into files and notes as it is. */
export function reportText(document: BenchDocument): string {
  const parts = [machineText(document)];
  const columns = document.options.columns.filter((column) => document.versions[column] !== undefined);
  if (columns.length > 0) {
    parts.push(
      `Median of the rounds, ${document.options.rounds} (least – greatest)`,
      liveTable(document, columns),
    );
  }
  if (document.ratios.length > 0) {
    parts.push(
      'Sluice ÷ peer, median of the rounds (least – greatest), and its 95 % confidence interval',
      ratioTable(document),
    );
  }
  if (document.figures.length > 0) parts.push('Single figures', figureTable(document.figures));
  if (document.problems.length > 0) parts.push(['Problems:', ...document.problems].join('\n  '));
  return `${parts.join('\n\n')}\n`;
}

function machineText({ machine, versions, options }: BenchDocument): string {
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryMiB} MiB; Linux ${machine.kernel}; ` +
      `${machine.distribution}; Node ${machine.node}; commit ${machine.commit}; load ${machine.loadAverage}`,
    ...Object.entries(versions).map(
      ([column, version]) => `${columnTitle(column as ColumnId, options.against)}: ${version}`,
    ),
  ];
  return lines.join('\n');
}

function plainTable(head: string[]): InstanceType<typeof Table> {
  const aligns = head.map((_, column) => (column === 0 ? 'left' : 'right') as 'left' | 'right');
  return new Table({ head, colAligns: aligns, style: { head: [], border: [], compact: true } });
}

function liveTable({ medians, options }: BenchDocument, columns: readonly ColumnId[]): string {
  const table = plainTable(['', 'unit', ...columns.map((column) => columnTitle(column, options.against))]);
  for (const { id, title, unit, digits } of rows) {
    const found = medians[id];
    if (found === undefined) continue;
    table.push([title, unit, ...columns.map((column) => spreadText(found[column] ?? null, digits))]);
  }
  return table.toString();
}

function ratioTable({ ratios, options }: BenchDocument): string {
  const table = plainTable(['row', 'against', 'ratio', '95 %', 'goal', '']);
  for (const { row, peer, spread, interval, goal, met } of ratios) {
    const title = rows.find(({ id }) => id === row)!.title;
    const against = columnTitle(peer, options.against);
    const ratio = spreadText(spread, RATIO_DIGITS);
    table.push([title, against, ratio, intervalText(interval), boundText(goal), verdict(met)]);
  }
  return table.toString();
}

function figureTable(figures: readonly JudgedFigure[]): string {
  const table = plainTable(['figure', 'value', 'unit', 'goal', '']);
  for (const { title, value, unit, digits, goal, met } of figures) {
    table.push([title, value.toFixed(digits), unit, goal === null ? '' : boundText(goal), verdict(met)]);
  }
  return table.toString();
}

function spreadText(spread: Spread | null, digits: number): string {
  if (spread === null) return '–';
  const [median, min, max] = [spread.median, spread.min, spread.max].map((value) => value.toFixed(digits));
  return spread.count === 1 ? median! : `${median} (${min} – ${max})`;
}

const intervalText = (interval: Interval | null): string =>
  interval === null
    ? '–'
    : [interval.low, interval.high].map((value) => value.toFixed(RATIO_DIGITS)).join(' – ');

function verdict(met: boolean | null): string {
  return met === null ? '' : met ? 'met' : 'MISSED';
}
