/** The command line of scripts/bench.sh. */
import { parseArgs } from 'node:util';
import { type ColumnId, columnIds, standardColumnIds, type ToolId, toolIds } from './plan.ts';

/** Rows that can be asked for: a tool run each, and the resident memory of an idle and a loaded host. */
export const rowChoices = [...toolIds, 'memory'] as const;

export interface Options {
  rounds: number;
  /** Length of each measurement. */
  seconds: number;
  /** In printing order, those of `against` and `unmeasured` included. */
  columns: ColumnId[];
  tools: ToolId[];
  memory: boolean;
  micro: boolean;
  /** Revision of this repository whose build is a column, too. */
  against: string | null;
  unmeasured: boolean;
  quick: boolean;
  engine: 'auto' | 'uring' | 'syscall';
  busyPollUs: number;
  /** Where the JSON goes. */
  json: string;
  /** Only remove what a killed run has left. */
  clean: boolean;
}

export const usage = `usage: scripts/bench.sh [options]

  --rounds N        rounds, each with every row and column once (default 5; with --quick 1)
  --seconds T       length of each measurement (default 3; with --quick 1)
  --columns LIST    of ${standardColumnIds.join(',')} (default: all)
  --against REF     a column more: Sluice as it was at this git revision, built under dist/against
  --unmeasured      a column more: Sluice with datapath: { meterPacketsPerMs: 0 }
  --rows LIST       of ${rowChoices.join(',')}, or none (default: all)
  --no-micro        without the rows of the datapath alone; --micro: with them (default)
  --engine NAME     auto, uring or syscall, for Sluice and the bare engine (default auto)
  --busy-poll US    microseconds to spin before sleeping, Sluice and the bare engine (default 50)
  --json FILE       where the figures go as JSON (default dist/bench.json)
  --quick           only shows that everything works; its figures mean little
  --clean           removes what a killed run has left, and the builds of --against, and ends
`;

/** Thrown for a wrong command line; the message is for the user. */
export class UsageError extends Error {}

export function parseOptions(argv: readonly string[]): Options | 'help' {
  const { values } = parse(argv);
  if (values.help) return 'help';
  const quick = values.quick ?? false;
  const wanted = choose('--rows', values.rows, rowChoices);
  return {
    rounds: wholeNumber('--rounds', values.rounds, quick ? 1 : 5, 1, 1000),
    seconds: wholeNumber('--seconds', values.seconds, quick ? 1 : 3, 1, 600),
    columns: chooseColumns(values),
    tools: toolIds.filter((tool) => wanted.includes(tool)),
    memory: wanted.includes('memory'),
    micro: values['no-micro'] !== true,
    against: values.against ?? null,
    unmeasured: values.unmeasured ?? false,
    quick,
    engine: oneOf('--engine', values.engine ?? 'auto', ['auto', 'uring', 'syscall'] as const),
    busyPollUs: wholeNumber('--busy-poll', values['busy-poll'], 50, 0, 1_000_000),
    json: values.json ?? 'dist/bench.json',
    clean: values.clean ?? false,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        columns: { type: 'string' },
        against: { type: 'string' },
        unmeasured: { type: 'boolean' },
        rows: { type: 'string' },
        micro: { type: 'boolean' },
        'no-micro': { type: 'boolean' },
        engine: { type: 'string' },
        'busy-poll': { type: 'string' },
        json: { type: 'string' },
        quick: { type: 'boolean' },
        clean: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function chooseColumns(values: ReturnType<typeof parse>['values']): ColumnId[] {
  const asked: ColumnId[] = choose('--columns', values.columns, standardColumnIds);
  if (values.against !== undefined && values.unmeasured !== undefined) {
    throw new UsageError(
      'found --against and --unmeasured, expected one of them: of three in a row the middle one never comes first, which counts',
    );
  }
  for (const [option, column] of [
    ['against', 'before'],
    ['unmeasured', 'unmeasured'],
  ] as const) {
    if (values[option] === undefined) continue;
    if (!asked.includes('sluice')) {
      throw new UsageError(
        `--columns: found no sluice, expected it beside --${option}, which is compared with it`,
      );
    }
    asked.push(column);
  }
  return columnIds.filter((column) => asked.includes(column));
}

function wholeNumber(
  name: string,
  text: string | undefined,
  absent: number,
  min: number,
  max: number,
): number {
  if (text === undefined) return absent;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new UsageError(`${name}: found "${text}", expected a whole number from ${min} to ${max}`);
  }
  return value;
}

/** A comma-separated choice, in the order of `choices`; absent means all of them, "none" none. */
function choose<T extends string>(name: string, text: string | undefined, choices: readonly T[]): T[] {
  if (text === undefined) return [...choices];
  if (text === 'none') return [];
  const asked = text.split(',').map((word) => oneOf(name, word.trim(), choices));
  return choices.filter((choice) => asked.includes(choice));
}

function oneOf<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) {
    throw new UsageError(`${name}: found "${text}", expected one of ${choices.join(', ')}`);
  }
  return found;
}
