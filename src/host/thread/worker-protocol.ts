/**
 * Messages between the main thread and the datapath thread. Requests are answered in order, each with one
 * reply that carries its number; the worker handles them between two batches, after a write to its eventfd.
 */
import type { CaptureSpec } from '../../datapath/capture/capture-points.ts';
import type { TraceRequest, TraceResult } from '../../datapath/tracing/packet-tracer.ts';
import { type EngineCounters, ERRNOS, type FrameDevice } from '../../io/engine.ts';
import type { TableLimits } from '../../tables/tables.ts';
import type { NewGroup, SnapshotDelta } from './snapshot-transfer.ts';

/** The worker's start data. */
export interface WorkerStart {
  readonly engine: 'auto' | 'uring' | 'syscall';
  /** Slots of the frame arena. */
  readonly slots: number;
  readonly busyPollUs: number;
  readonly meterPacketsPerMs: number;
  readonly limits: TableLimits;
  /** File of the tables and its length in bytes; each thread maps it for itself, as a trace makes the datapath's mapping private. */
  readonly tables: { readonly path: string; readonly length: number };
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
  /** Some of the new groups of the next delta. */
  | { readonly kind: 'prepare'; readonly groups: readonly NewGroup[] }
  | {
      readonly kind: 'apply';
      readonly delta: SnapshotDelta;
    }
  /** Idle statistics rows that have been reported, each with its journal position at that time. */
  | { readonly kind: 'release'; readonly rows: readonly number[]; readonly notedAt: readonly number[] }
  /** The left tables of the previous process, mapped by the main thread, and the ports that are unchanged. */
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
  | { readonly kind: 'startCapture'; readonly capture: CaptureSpec }
  /** The capture's ring is not written to after the reply. */
  | { readonly kind: 'stopCapture'; readonly capture: number }
  | { readonly kind: 'trace'; readonly request: TraceRequest }
  | { readonly kind: 'stop' };

export type NumberedRequest = Request & { readonly id: number };

export type Report =
  | {
      readonly kind: 'ready';
      readonly engine: 'uring' | 'syscall';
      readonly engineReason: string;
      readonly wakeFd: number;
    }
  /** `problems`: parts of the snapshot that could not be applied, in words. */
  | { readonly kind: 'done'; readonly id: number; readonly problems: readonly string[] }
  | { readonly kind: 'traced'; readonly id: number; readonly trace: TraceResult }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }
  /** Ports whose devices have disappeared. */
  | { readonly kind: 'gone'; readonly ports: readonly number[] };

/** Heartbeat and engine counters: offsets in `WorkerStart.vitals`. */
export const VITALS = {
  /** Turns of the loop; constant only if the datapath hangs. */
  turns: 0,
  systemCalls: 1,
  outOfBuffers: 2,
  writeQueueFull: 3,
  writeErrors: 4,
  readErrors: 5,
  /** Batches with frames, and the frames in them. */
  batches: 6,
  frames: 7,
  /** Linux thread id; 0: not known yet. */
  threadId: 8,
  /** First of the counters of failed writes, by errno. */
  writeErrnos: 16,
} as const;

export const VITALS_BYTES = 8 * (VITALS.writeErrnos + ERRNOS);

/** `count`: frames of the batch. */
export function writeVitals(vitals: Float64Array, counters: EngineCounters, count: number): void {
  vitals[VITALS.turns]!++;
  if (count > 0) {
    vitals[VITALS.batches]!++;
    vitals[VITALS.frames]! += count;
  }
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
