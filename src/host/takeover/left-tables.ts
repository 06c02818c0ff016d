/**
 * What a host leaves for the next one in its run directory: the tables, and beside them what the numbers in them stand
 * for. With both the next host goes on with the flows, whether the former one was told to leave or was killed.
 *
 * Theory of operation. The tables are a mapped file, which lasts as long as the machine runs. The numbers are written
 * whenever one is given to something else, before the datapath hears of it, so they are right for every row that it has
 * written. A file that cannot be written goes: no flows are better than flows under wrong names.
 */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { messageOf } from '../../config/model/host-error.ts';
import { discard, type Mapping, mapFile } from '../../native/memory.ts';
import type { RunDir } from '../../run-dir/run-dir.ts';
import { LAYOUT_VERSION, type TableLimits, Tables } from '../../tables/tables.ts';
import { type DatapathIds, NUMBERED, type Numbers } from '../publishing/datapath-ids.ts';

export interface Legacy {
  readonly tables: Mapping;
  readonly limits: TableLimits;
  readonly numbers: Numbers;
  /** Flows in the tables, all told. */
  readonly flows: number;
}

const names = z.array(z.string());
const legacySchema = z.object({
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
  numbers: z.object({
    networks: names,
    ports: names,
    loadBalancers: names,
    groups: names,
    rules: names,
    statSlots: names,
  }),
});
type LegacyFile = z.infer<typeof legacySchema>;

/**
 * What the last host here has left; undefined if there is nothing. Throws an Error that says why it cannot be used. The
 * files may be removed afterwards.
 */
export function openLegacy({ numbersFile, tablesFile }: RunDir): Legacy | undefined {
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

function parse(text: string, path: string): LegacyFile {
  try {
    return legacySchema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${path} was not written by this version, or not whole`, { cause: error });
  }
}

/** The memory goes; whoever looks into these tables afterwards finds zeros. */
export const closeLegacy = ({ tables }: Legacy): void => discard(tables);

/** Keeps the file of the numbers as it must be. */
export class NumbersFile {
  private readonly path: string;
  private readonly limits: TableLimits;
  private readonly ids: DatapathIds;
  private savedChanges = -1;

  constructor(path: string, limits: TableLimits, ids: DatapathIds) {
    this.path = path;
    this.limits = limits;
    this.ids = ids;
  }

  /** Before the datapath hears of new numbers. Answers what went wrong, if anything did. */
  save(): string | undefined {
    if (this.ids.changes === this.savedChanges) return undefined;
    const file: LegacyFile = {
      layout: LAYOUT_VERSION,
      boot: bootId(),
      limits: this.limits,
      numbers: Object.fromEntries(
        NUMBERED.map((kind) => [kind, [...this.ids.numbers[kind]]]),
      ) as LegacyFile['numbers'],
    };
    try {
      writeFileSync(`${this.path}.new`, JSON.stringify(file), { mode: 0o600 });
      renameSync(`${this.path}.new`, this.path);
      this.savedChanges = this.ids.changes;
      return undefined;
    } catch (error) {
      rmSync(this.path, { force: true });
      rmSync(`${this.path}.new`, { force: true });
      return `flows would not outlive this process: ${messageOf(error)}`;
    }
  }
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
