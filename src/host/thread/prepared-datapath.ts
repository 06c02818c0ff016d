/**
 * A datapath prepared while the predecessor still forwards: its thread, engine and tables. The predecessor's frames
 * then only wait for the remaining steps: its end, the transfer of its flows, the devices.
 */
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync } from 'node:fs';
import type { Configuration } from '../../config/model/model.ts';
import { discard, type Mapping } from '../../native/memory.ts';
import type { MadeThings } from '../../run-dir/made-things.ts';
import { type TableLimits, Tables } from '../../tables/tables.ts';
import { DatapathThread, type ThreadEvents } from './datapath-thread.ts';
import { limitsFor, mapNewTables } from './table-memory.ts';

/** Slots of 66 048 bytes, resident once touched; the engine keeps 64 offered to the kernel. */
export const ARENA_SLOTS = 1024;

/** Starts the thread on the tables in a file, as `mapNewTables` makes it. */
export function startThread(
  { datapath }: Configuration,
  limits: TableLimits,
  tablesFile: string,
  events: ThreadEvents,
): Promise<DatapathThread> {
  const seed = randomBytes(8);
  return DatapathThread.start(
    {
      engine: datapath.engine,
      slots: ARENA_SLOTS,
      busyPollUs: datapath.busyPollUs,
      meterPacketsPerMs: datapath.meterPacketsPerMs,
      limits,
      tables: { path: tablesFile, length: Tables.bytesNeeded(limits) },
      hashKey: [seed.readInt32LE(0), seed.readInt32LE(4)],
    },
    events,
  );
}

export class PreparedDatapath {
  readonly limits: TableLimits;
  readonly mapping: Mapping;
  readonly thread: DatapathThread;
  private readonly file: string;
  private events: ThreadEvents | undefined;

  /** `tablesFile`: the predecessor's, which the new tables replace later. */
  static async make(
    configuration: Configuration,
    tablesFile: string,
    onDeath: (reason: string) => void,
  ): Promise<PreparedDatapath> {
    const limits = limitsFor(configuration);
    const file = nextFile(tablesFile);
    const mapping = mapNewTables(file, limits);
    let prepared: PreparedDatapath | undefined;
    try {
      const thread = await startThread(configuration, limits, file, {
        onPortsGone: (ids) => prepared?.events?.onPortsGone(ids),
        onDeath: (reason) => (prepared?.events?.onDeath ?? onDeath)(reason),
      });
      prepared = new PreparedDatapath(limits, mapping, thread, file);
      return prepared;
    } catch (error) {
      rmSync(file, { force: true });
      throw error;
    }
  }

  private constructor(limits: TableLimits, mapping: Mapping, thread: DatapathThread, file: string) {
    this.limits = limits;
    this.mapping = mapping;
    this.thread = thread;
    this.file = file;
  }

  /** Whether the tables also have room for these groups. */
  fits(configuration: Configuration): boolean {
    return limitsFor(configuration).maxEndpoints <= this.limits.maxEndpoints;
  }

  /** Replaces the predecessor's tables by these. */
  take(tablesFile: string, state: MadeThings, events: ThreadEvents): void {
    this.events = events;
    state.addFile(tablesFile);
    renameSync(this.file, tablesFile);
  }

  async discard(): Promise<void> {
    await this.thread.stop();
    rmSync(this.file, { force: true });
    discard(this.mapping);
  }
}

const nextFile = (tablesFile: string): string => `${tablesFile}.next`;

/** Files of a process that was killed during its preparation. */
export const removePrepared = (tablesFile: string): void => rmSync(nextFile(tablesFile), { force: true });
