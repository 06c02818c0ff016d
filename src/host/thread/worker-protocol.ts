/**
 * What the main thread and the datapath's thread say to each other. Requests are answered in order, each by one
 * reply with its number; the worker takes them between two batches, after a write to its eventfd.
 */
import { type EngineCounters, ERRNOS, type FrameDevice } from '../../io/engine.ts';
import type { TableLimits } from '../../tables/tables.ts';
import type { SnapshotDelta } from './snapshot-transfer.ts';

/** Given to the worker at its start. */
export interface WorkerStart {
  readonly engine: 'auto' | 'uring' | 'syscall';
  /** Slots of the frame arena. */
  readonly slots: number;
  readonly busyPollUs: number;
  readonly meterPacketsPerMs: number;
  readonly limits: TableLimits;
  /** The tables' mapping, made by the main thread, which keeps reading from it. */
  readonly tables: { readonly address: number; readonly length: number };
  readonly hashKey: readonly [number, number];
  /** Rows of VITALS, 64-bit floats, written by the worker. */
  readonly vitals: SharedArrayBuffer;
}

export interface AttachedPort {
  readonly port: number;
  readonly device: FrameDevice;
}

export type Request =
  | { readonly kind: 'attach'; readonly ports: readonly AttachedPort[] }
  | { readonly kind: 'detach'; readonly port: number }
  | {
      readonly kind: 'apply';
      readonly delta: SnapshotDelta;
    }
  /** Statistics rows that have been silent and are reported, each with its place in the journal then. */
  | { readonly kind: 'release'; readonly rows: readonly number[]; readonly notedAt: readonly number[] }
  /** The tables that a former host has left, mapped by the main thread, and the ports that are still the same. */
  | {
      readonly kind: 'takeOver';
      readonly tables: { readonly address: number; readonly length: number };
      readonly limits: TableLimits;
      readonly keptPorts: readonly number[];
      /** Rows of the connection table, from `first` to before `end`. */
      readonly first: number;
      readonly end: number;
    }
  | { readonly kind: 'purge'; readonly members: readonly number[]; readonly which: 'all' | 'datagrams' }
  | { readonly kind: 'stop' };

export type NumberedRequest = Request & { readonly id: number };

export type Report =
  | {
      readonly kind: 'ready';
      readonly engine: 'uring' | 'syscall';
      readonly engineReason: string;
      readonly wakeFd: number;
    }
  /** `problems`: what the datapath could not put in force, in words. */
  | { readonly kind: 'done'; readonly id: number; readonly problems: readonly string[] }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }
  /** Ports whose devices have disappeared. */
  | { readonly kind: 'gone'; readonly ports: readonly number[] };

/** Signs of life, and the engine's counters: offsets in `WorkerStart.vitals`. */
export const VITALS = {
  /** Turns of the loop; stands still only if the datapath hangs. */
  turns: 0,
  systemCalls: 1,
  outOfBuffers: 2,
  writeQueueFull: 3,
  writeErrors: 4,
  readErrors: 5,
  /** Failed writes by errno follow. */
  writeErrnos: 8,
} as const;

export const VITALS_BYTES = 8 * (VITALS.writeErrnos + ERRNOS);

export function writeVitals(vitals: Float64Array, counters: EngineCounters): void {
  vitals[VITALS.turns]!++;
  vitals[VITALS.systemCalls] = counters.systemCalls;
  vitals[VITALS.outOfBuffers] = counters.outOfBuffers;
  vitals[VITALS.writeQueueFull] = counters.writeQueueFull;
  vitals[VITALS.readErrors] = counters.readErrors;
  if (vitals[VITALS.writeErrors] !== counters.writeErrors) {
    vitals[VITALS.writeErrors] = counters.writeErrors;
    vitals.set(counters.writeErrnos, VITALS.writeErrnos);
  }
}

export const readEngineCounters = (vitals: Float64Array): EngineCounters => ({
  systemCalls: vitals[VITALS.systemCalls]!,
  outOfBuffers: vitals[VITALS.outOfBuffers]!,
  writeQueueFull: vitals[VITALS.writeQueueFull]!,
  writeErrors: vitals[VITALS.writeErrors]!,
  writeErrnos: vitals.slice(VITALS.writeErrnos, VITALS.writeErrnos + ERRNOS),
  readErrors: vitals[VITALS.readErrors]!,
});
