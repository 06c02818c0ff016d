/**
 * The VM manager's record of one VM, and its transitions. Pure.
 *
 *            order sent         the command runs        it listens
 *   pending ───────────► starting ───────────► created ───────────► serving
 *      │                     │                    │                    │
 *      │ release             └──────── release ───┴────────────────────┤
 *      ▼                                                               ▼
 *   (gone) ◄──────────────────── ended, or its host restarted ──── stopping
 *
 * A VM whose state is unknown (its host is away or does not carry out its orders) is `lost`: it may still run there,
 * so its address stays reserved until the host has stopped it. Ended VMs are forgotten; a wanted one is replaced.
 */
import type { VmEvent } from '../../messages/messages.ts';

export type VmPhase = 'pending' | 'starting' | 'created' | 'serving' | 'stopping' | 'lost';

/** Plain JSON: the format in the store. */
export interface VmRecord {
  readonly id: string;
  readonly template: string;
  /** Group whose member the VM is, or will be. */
  readonly group?: string;
  readonly phase: VmPhase;
  /** Replaced when it ends. */
  readonly isWanted: boolean;
  /** Absent while pending. */
  readonly host?: string;
  /** Epoch of the agent that got the order: a later agent of that host does not know the VM. */
  readonly agentEpoch?: number;
  /** Without prefix length, at most one per family; empty while pending. */
  readonly addresses: readonly string[];
  /** Wall clock, epoch ms: start of the phase. */
  readonly sinceMs: number;
  /** Pending: earliest start time. */
  readonly notBeforeMs: number;
  /** Consecutive failures of its predecessors. */
  readonly failures: number;
  /** Host of the last of those failures. */
  readonly avoid?: string;
  /** The VM that it replaces. */
  readonly replaces?: string;
}

/** A record written by another controller, whose clock may have been ahead: future times become now. */
export const notLaterThan = (nowMs: number, record: VmRecord): VmRecord => ({
  ...record,
  sinceMs: Math.min(record.sinceMs, nowMs),
  notBeforeMs: Math.min(record.notBeforeMs, nowMs + LONGEST_DELAY_MS),
});

/** Time in service after which earlier failures no longer count. */
export const STABLE_MS = 30_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 60_000;

/** Delay of a replacement after `failures` in a row: none after the first, then doubling. */
export const replacementDelayMs = (failures: number): number =>
  failures <= 1 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 2, 16));

/** The record after its host's event; undefined: nothing changed. */
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

/** The replacement of a wanted VM that has ended; `isFault`: through its own fault. */
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
