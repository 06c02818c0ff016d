/**
 * The tables that a host process leaves in its run directory, and the names of the numbers in them. With
 * both, the next process takes over the flows, whether its predecessor handed over or was killed.
 *
 * Theory of operation. The tables are a mapped file, which survives until the machine restarts. Each
 * assignment of a number is written before the datapath learns of it, so the names are right for every row
 * that it has written. The numbers file has a header and a line per assignment; the last line of a number
 * counts, so a change appends a few lines. A truncated line belongs to a number that the datapath has not
 * learned of. A file that cannot be written is removed: losing the flows is better than flows under wrong
 * names.
 */
import { appendFileSync, lstatSync, readFileSync, rmSync } from 'node:fs';
import { z } from 'zod';
import { namingFile } from '../../config/problems/file-error.ts';
import { messageOf } from '../../config/problems/host-error.ts';
import { discard, type Mapping, mapFile } from '../../native/memory.ts';
import { readOwnFile } from '../../run-dir/own-files.ts';
import { replaceFile } from '../../run-dir/replace-file.ts';
import type { RunDir } from '../../run-dir/run-dir.ts';
import { LAYOUT_VERSION, type TableLimits, Tables } from '../../tables/tables.ts';
import { type DatapathIds, type GivenNumber, NUMBERED, type Numbers } from '../publishing/datapath-ids.ts';
import type { CarriedTotals } from '../stat-collector.ts';

export interface LeftTables {
  readonly tables: Mapping;
  readonly limits: TableLimits;
  readonly numbers: Numbers;
  /** Counters of a predecessor that handed over; undefined: it was killed. */
  readonly totals: CarriedTotals | undefined;
  /** Total flows in the tables; undefined: their own count is damaged. */
  readonly flows: number | undefined;
}

/** Bounds far above every table's, under which their sizes in bytes are exact. */
const limit = z
  .number()
  .int()
  .positive()
  .max(1 << 20);
/** Numbers are given from 0 on, and tables are bounded. */
const MAX_NUMBER = 4 << 20;

const headerSchema = z.object({
  layout: z.literal(LAYOUT_VERSION),
  /** Boot id: the monotonic times in the tables are valid for one boot. */
  boot: z.string(),
  limits: z.object({
    maxConnections: z
      .number()
      .int()
      .positive()
      .max(1 << 24),
    maxEndpoints: limit,
    maxStatSlots: limit,
    maxPorts: limit,
    maxMacs: limit,
    maxNeighbours: limit,
    maxAffinities: limit,
    maxDatagrams: z.number().int().min(4).max(65_535),
    maxFirewallFlows: limit,
    maxFirewallRules: limit,
  }),
});
const givenSchema = z.tuple([z.enum(NUMBERED), z.number().int().min(0).max(MAX_NUMBER), z.string()]);

/**
 * Opens the tables of the previous process; undefined if there are none. Throws an Error with the reason if
 * they are unusable. The files may be removed afterwards.
 */
export function openLeftTables({ numbersFile, tablesFile, totalsFile }: RunDir): LeftTables | undefined {
  const size = lstatSync(tablesFile, { throwIfNoEntry: false })?.size;
  const text = size === undefined ? undefined : readOwnFile(numbersFile);
  if (size === undefined || text === undefined) return undefined;
  const { boot, limits, numbers } = parse(text, numbersFile);
  if (boot !== bootId()) throw new Error(`${numbersFile} was written before the machine was started`);
  const needed = Tables.bytesNeeded(limits);
  if (size < needed) throw new Error(`${tablesFile}: found ${size} bytes, expected ${needed}`);
  const tables = mapFile(tablesFile, needed);
  const inUse = flowsIn(tables, limits, numbersFile);
  const flows = inUse >= 0 && inUse <= limits.maxConnections ? inUse : undefined;
  return { tables, limits, numbers, flows, totals: readTotals(totalsFile) };
}

function flowsIn(tables: Mapping, limits: TableLimits, path: string): number {
  try {
    return new Tables(tables.bytes, 0, limits, [0, 0]).connections.inUse;
  } catch (error) {
    throw new Error(`${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Written by a process that hands over, for `openLeftTables`. */
export const writeTotals = (path: string, totals: CarriedTotals): void =>
  replaceFile(path, JSON.stringify(totals));

const countersSchema = z.record(z.string(), z.number().nonnegative());
const totalsSchema = z.object({
  members: z.array(
    z.object({ id: z.number().int(), group: z.string(), member: z.string(), counters: countersSchema }),
  ),
  loadBalancers: z.array(z.object({ id: z.number().int(), key: z.string(), counters: countersSchema })),
});

/** Counters must not prevent taking over flows: an unreadable file counts as absent. */
function readTotals(path: string): CarriedTotals | undefined {
  try {
    const text = readOwnFile(path);
    return text === undefined ? undefined : totalsSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Reason why this version cannot read the tables of the running process; undefined: it can, or there are none. */
export function tablesProblem({ numbersFile }: RunDir): string | undefined {
  const text = readOwnFile(numbersFile);
  if (text === undefined) return undefined;
  let layout: unknown;
  try {
    ({ layout } = JSON.parse(text.slice(0, text.indexOf('\n'))) as { layout: unknown });
  } catch {
    return `${numbersFile} cannot be read`;
  }
  if (layout === LAYOUT_VERSION) return undefined;
  return `found tables of layout ${layout}, expected layout ${LAYOUT_VERSION}`;
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

/** Frees the memory; later reads of these tables return zeros. */
export const closeLeftTables = ({ tables }: LeftTables): void => discard(tables);

/** Keeps the numbers file up to date. */
export class NumbersFile {
  private readonly path: string;
  private readonly limits: TableLimits;
  private readonly ids: DatapathIds;
  /** Lines in the file; 0: there is no file. */
  private lines = 0;

  constructor(path: string, limits: TableLimits, ids: DatapathIds) {
    this.path = path;
    this.limits = limits;
    this.ids = ids;
  }

  /** Call before the datapath learns of new numbers. Returns the problem, if any. */
  save(): string | undefined {
    const given = this.ids.takeGiven();
    if (given.length === 0 && this.lines > 0) return undefined;
    try {
      if (this.lines === 0 || this.lines + given.length > MAX_LINES) this.saveAll();
      else namingFile(this.path, () => appendFileSync(this.path, textOf(given)));
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

/** Room for twice as many lines as there can be numbers. */
const MAX_LINES = 4 << 20;

const textOf = (given: readonly GivenNumber[]): string =>
  given.map((number) => `${JSON.stringify(number)}\n`).join('');

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
