/**
 * What a host leaves for the next one in its run directory: the tables, and beside them what the numbers in them stand
 * for. With both the next host goes on with the flows, whether the former one was told to leave or was killed.
 *
 * Theory of operation. The tables are a mapped file, which lasts as long as the machine runs. The numbers are written
 * whenever one is given to something else, before the datapath hears of it, so they are right for every row that it has
 * written. Their file is a header and a line for each number that was given out, of which the last one holds, so that a
 * change adds a few lines; a line that was cut short is of a number that the datapath has not heard of. A file that cannot
 * be written goes: no flows are better than flows under wrong names.
 */
import { appendFileSync, readFileSync, rmSync, statSync } from 'node:fs';
import { z } from 'zod';
import { messageOf } from '../../config/model/host-error.ts';
import { discard, type Mapping, mapFile } from '../../native/memory.ts';
import { replaceFile } from '../../run-dir/replace-file.ts';
import type { RunDir } from '../../run-dir/run-dir.ts';
import { LAYOUT_VERSION, type TableLimits, Tables } from '../../tables/tables.ts';
import { type DatapathIds, type GivenNumber, NUMBERED, type Numbers } from '../publishing/datapath-ids.ts';

export interface LeftTables {
  readonly tables: Mapping;
  readonly limits: TableLimits;
  readonly numbers: Numbers;
  /** Flows in the tables, all told. */
  readonly flows: number;
}

const headerSchema = z.object({
  layout: z.literal(LAYOUT_VERSION),
  /** The monotonic clock of the tables is that of one boot. */
  boot: z.string(),
  limits: z.object({
    maxConnections: z.number(),
    maxEndpoints: z.number(),
    maxStatSlots: z.number(),
    maxPorts: z.number(),
    maxMacs: z.number(),
    maxNeighbours: z.number(),
    maxAffinities: z.number(),
    maxDatagrams: z.number(),
  }),
});
const givenSchema = z.tuple([z.enum(NUMBERED), z.number().int().nonnegative(), z.string()]);

/**
 * What the last host here has left; undefined if there is nothing. Throws an Error that says why it cannot be used. The
 * files may be removed afterwards.
 */
export function openLeftTables({ numbersFile, tablesFile }: RunDir): LeftTables | undefined {
  const size = statSync(tablesFile, { throwIfNoEntry: false })?.size;
  if (size === undefined || statSync(numbersFile, { throwIfNoEntry: false }) === undefined) return undefined;
  const { boot, limits, numbers } = parse(readFileSync(numbersFile, 'utf8'), numbersFile);
  if (boot !== bootId()) throw new Error(`${numbersFile} is of before the machine was started`);
  const needed = Tables.bytesNeeded(limits);
  if (size < needed) throw new Error(`${tablesFile}: found ${size} bytes, expected ${needed}`);
  const tables = mapFile(tablesFile, needed);
  const flows = new Tables(tables.bytes, 0, limits, [0, 0]).connections.inUse;
  return { tables, limits, numbers, flows };
}

function parse(text: string, path: string): z.infer<typeof headerSchema> & { readonly numbers: Numbers } {
  const numbers = Object.fromEntries(NUMBERED.map((kind) => [kind, [] as string[]])) as Record<
    (typeof NUMBERED)[number],
    string[]
  >;
  try {
    const [first, ...lines] = text.slice(0, text.lastIndexOf('\n')).split('\n');
    const header = headerSchema.parse(JSON.parse(first!));
    for (const line of lines) {
      const [kind, id, name] = givenSchema.parse(JSON.parse(line));
      numbers[kind][id] = name;
    }
    for (const kind of NUMBERED) {
      if (numbers[kind].includes(undefined as never)) throw new Error(`${kind}: a number without a name`);
    }
    return { ...header, numbers };
  } catch (error) {
    throw new Error(`${path} was not written by this version, or not whole`, { cause: error });
  }
}

/** The memory goes; whoever looks into these tables afterwards finds zeros. */
export const closeLeftTables = ({ tables }: LeftTables): void => discard(tables);

/** Keeps the file of the numbers as it must be. */
export class NumbersFile {
  private readonly path: string;
  private readonly limits: TableLimits;
  private readonly ids: DatapathIds;
  /** Lines of numbers in the file; 0: there is none. */
  private lines = 0;

  constructor(path: string, limits: TableLimits, ids: DatapathIds) {
    this.path = path;
    this.limits = limits;
    this.ids = ids;
  }

  /** Before the datapath hears of new numbers. Answers what went wrong, if anything did. */
  save(): string | undefined {
    const given = this.ids.takeGiven();
    if (given.length === 0 && this.lines > 0) return undefined;
    try {
      if (this.lines === 0 || this.lines + given.length > MAX_LINES) this.saveAll();
      else appendFileSync(this.path, textOf(given));
      this.lines += given.length;
      return undefined;
    } catch (error) {
      this.lines = 0;
      rmSync(this.path, { force: true });
      return `flows would not outlive this process: ${messageOf(error)}`;
    }
  }

  private saveAll(): void {
    const { limits, ids } = this;
    const header: z.infer<typeof headerSchema> = { layout: LAYOUT_VERSION, boot: bootId(), limits };
    const all = NUMBERED.flatMap((kind) =>
      ids.numbers[kind].map((name, id): GivenNumber => [kind, id, name]),
    );
    replaceFile(this.path, `${JSON.stringify(header)}\n${textOf(all)}`);
    this.lines = 1 + all.length;
  }
}

/** All numbers that there can be fit twice. */
const MAX_LINES = 4 << 20;

const textOf = (given: readonly GivenNumber[]): string =>
  given.map((number) => `${JSON.stringify(number)}\n`).join('');

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
