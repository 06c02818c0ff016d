/**
 * What the VM manager knows of one VM, and how events change it. Pure.
 *
 *            order sent         the command runs        it listens
 *   pending ───────────► starting ───────────► created ───────────► serving
 *      │                     │                    │                    │
 *      │ release             └──────── release ───┴────────────────────┤
 *      ▼                                                               ▼
 *   (gone) ◄──────────────────── ended, or its host restarted ──── stopping
 *
 * A VM of which nothing is known any more (its host is away, or does not do what it was told) is `lost`: it may
 * still run there, so its address stays taken until the host has stopped it. Whatever has ended is forgotten; if it was wanted, another one takes
 * its place.
 */
import type { VmEvent } from '../../messages/messages.ts';

export type VmPhase = 'pending' | 'starting' | 'created' | 'serving' | 'stopping' | 'lost';

/** Plain JSON: this is what the store keeps. */
export interface VmRecord {
  readonly id: string;
  readonly template: string;
  /** Group whose member it is, or will be. */
  readonly group?: string;
  readonly phase: VmPhase;
  /** Replaced when it ends. */
  readonly isWanted: boolean;
  /** Absent while pending. */
  readonly host?: string;
  /** Of the agent that was given the order: a later agent of that host knows nothing of it. */
  readonly agentEpoch?: number;
  /** Without prefix length, one per family at most; empty while pending. */
  readonly addresses: readonly string[];
  /** Wall clock, epoch ms: when the phase began. */
  readonly sinceMs: number;
  /** Pending: not started before this time. */
  readonly notBeforeMs: number;
  /** Failures in a row of those whose place it takes. */
  readonly failures: number;
  /** The host where the last of those failed. */
  readonly avoid?: string;
  /** The one that it replaces. */
  readonly replaces?: string;
}

/** As another controller has written it, whose clock may have been ahead: times to come are now. */
export const notLaterThan = (nowMs: number, record: VmRecord): VmRecord => ({
  ...record,
  sinceMs: Math.min(record.sinceMs, nowMs),
  notBeforeMs: Math.min(record.notBeforeMs, nowMs + LONGEST_DELAY_MS),
});

/** Time in service after which earlier failures no longer count. */
export const STABLE_MS = 30_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 60_000;

/** Wait before a replacement after `failures` in a row: none after the first, then doubling. */
export const replacementDelayMs = (failures: number): number =>
  failures <= 1 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 2, 16));

/** The record after its host's event; undefined: the event says nothing new. */
export function afterEvent(
  record: VmRecord,
  kind: VmEvent['kind'],
  nowMs: number,
): VmRecord | 'ended' | undefined {
  if (kind === 'terminated' || kind === 'crashed') return record.phase === 'pending' ? undefined : 'ended';
  const isNews =
    kind === 'created'
      ? record.phase === 'starting'
      : record.phase === 'starting' || record.phase === 'created';
  return isNews ? { ...record, phase: kind, sinceMs: nowMs } : undefined;
}

/** The one that takes the place of a wanted one that has ended; `isFault`: by its own fault. */
export function replacementOf(ended: VmRecord, id: string, isFault: boolean, nowMs: number): VmRecord {
  const wasStable = ended.phase === 'serving' && nowMs - ended.sinceMs >= STABLE_MS;
  const failures = isFault ? (wasStable ? 1 : ended.failures + 1) : wasStable ? 0 : ended.failures;
  return {
    id,
    template: ended.template,
    group: ended.group,
    phase: 'pending',
    isWanted: true,
    addresses: [],
    sinceMs: nowMs,
    notBeforeMs: nowMs + (isFault ? replacementDelayMs(failures) : 0),
    failures,
    avoid: ended.host,
    replaces: ended.id,
  };
}
