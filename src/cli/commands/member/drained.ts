/**
 * `member drain … --wait`: waits until no flow of the member is left on any host.
 *
 * Theory of operation. The controllers count at all hosts, wherever the command runs. The count of a host proves something once the host has confirmed the drain: from then on no new
 * flow reaches the member, so 0 stays 0. The member is drained when every host that should be attached has confirmed
 * and counts 0; a host that is away, or does not answer, keeps the command waiting. Errors of the API are waited out,
 * as another controller may be about to lead.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Changed, GroupDetail, MemberRow, RemainingRow } from '../../../api/shapes.ts';
import { messageOf } from '../../../config/problems/refusal.ts';
import { path } from '../../api-client.ts';
import { printResult } from '../../output.ts';
import { apiOf } from '../../settings.ts';
import { humanDuration } from '../../units.ts';
import { formatChanged, isConfirmed } from './changed.ts';

const POLL_MS = 500;
/** A longer silence would look like a hang: what is left is shown again. */
const REMINDER_MS = 30_000;

export interface Drain {
  readonly group: string;
  readonly member: string;
  /** Absent: waits without bound. */
  readonly giveUpMs?: number;
}

/** Result of the command. */
export interface Drained extends Changed {
  drained: boolean;
  /** null: not known. */
  flowsLeft: number | null;
  remaining: RemainingRow[];
  /** Hosts that have not said how many they have. */
  unknown: string[];
  /** ISO 8601; null: none. */
  drainDeadline: string | null;
  /** Why the wait ended, if flows are left. */
  reason: string | null;
}

export async function waitUntilDrained(command: Command, changed: Changed, drain: Drain): Promise<void> {
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const result = await drained(command, changed, drain, interruption.signal);
    await printResult(command, result, (one) => formatDrained(one, drain));
    if (!result.drained) process.exitCode = 1;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function drained(
  command: Command,
  { revision }: Changed,
  { group, member, giveUpMs = Number.POSITIVE_INFINITY }: Drain,
  interrupted: AbortSignal,
): Promise<Drained> {
  const api = apiOf(command);
  const endMs = performance.now() + giveUpMs;
  const show = shower();
  let last: Drained = { revision, ...UNKNOWN };
  for (;;) {
    try {
      const confirmation = await api.get<Changed>(path`/v1/groups/${group}/confirmation`);
      const detail = await api.get<GroupDetail>(path`/v1/groups/${group}/all-hosts`);
      last = stateOf({ ...confirmation, revision }, detail, member);
      show(progressText(last, member));
    } catch (error) {
      show(`sluice: ${messageOf(error)}; still waiting`);
    }
    if (last.drained || last.reason !== null) return last;
    if (performance.now() >= endMs) return { ...last, reason: `gave up after ${humanDuration(giveUpMs)}` };
    await sleep(Math.min(POLL_MS, endMs - performance.now()), undefined, { signal: interrupted }).catch(
      () => {},
    );
    if (interrupted.aborted) return { ...last, reason: 'interrupted' };
  }
}

const UNKNOWN = {
  drained: false,
  flowsLeft: null,
  remaining: [],
  unknown: [],
  drainDeadline: null,
  reason: null,
};

/** From what the hosts confirm and, after that, count. */
export function stateOf(confirmation: Changed, detail: GroupDetail, member: string): Drained {
  const row = detail.members.find((one) => one.member === member);
  const { late = [], away = {}, refused = {} } = confirmation;
  const unconfirmed = [...late, ...Object.keys(away), ...Object.keys(refused)];
  const unknown = [...new Set([...unconfirmed, ...(detail.unanswered ?? [])])].sort();
  const reason = row === undefined ? 'the member was removed' : REASONS[row.state];
  // A group that concerns no host has no counts.
  const flowsLeft = row === undefined ? null : (row.flowsLeft ?? (row.state === 'draining' ? 0 : null));
  return {
    ...confirmation,
    drained: reason === null && flowsLeft === 0 && unknown.length === 0 && isConfirmed(confirmation),
    flowsLeft,
    remaining: row?.remaining ?? [],
    unknown,
    drainDeadline: row?.drainDeadline ?? null,
    reason,
  };
}

const REASONS: Record<MemberRow['state'], string | null> = {
  draining: null,
  active: 'the member is active again',
  failed: 'the member has failed, and its flows were dropped',
};

/** `app1: 3 flows left: 2 at h1, 1 at h2; they end at … at the latest` */
function progressText({ flowsLeft, remaining, unknown, drainDeadline }: Drained, member: string): string {
  const missing = unknown.length === 0 ? '' : `; not known: ${unknown.join(', ')}`;
  if (flowsLeft === null || flowsLeft === 0) return `${member}: no flows left${missing}`;
  const where = remaining.flatMap(({ host, flows }) => (host === undefined ? [] : [`${flows} at ${host}`]));
  const places = where.length === 0 ? '' : `: ${where.join(', ')}`;
  const end = endText(remaining, drainDeadline);
  return `${member}: ${flowsLeft} ${flowsLeft === 1 ? 'flow' : 'flows'} left${places}${end}${missing}`;
}

function endText(remaining: readonly RemainingRow[], drainDeadline: string | null): string {
  if (drainDeadline !== null) return `; the deadline ends them at ${drainDeadline}`;
  if (remaining.length === 0) return '';
  const idleMs = Math.max(...remaining.map(({ idleEndMs }) => idleEndMs));
  return `; no deadline; the idle timer ends silent ones within ${humanDuration(idleMs)}`;
}

export function formatDrained(result: Drained, { member }: Drain): string {
  const { drained, flowsLeft, reason, hosts = {} } = result;
  const names = Object.keys(hosts);
  const where = names.length === 0 ? '' : `, confirmed by ${names.join(', ')}`;
  if (drained) return `${formatChanged(result)}${member} is drained: no flows left${where}\n`;
  const count = flowsLeft === null ? 'flows may be left' : progressText(result, member);
  return `${formatChanged(result)}${member} is not drained: ${reason}; ${count}\n`;
}

/** On stderr, when the text apart from its times changes, and now and then. */
function shower(): (text: string) => void {
  let shown = '';
  let shownMs = Number.NEGATIVE_INFINITY;
  return (text) => {
    const [key] = text.split('; the idle timer');
    if (key === shown && performance.now() - shownMs < REMINDER_MS) return;
    [shown, shownMs] = [key!, performance.now()];
    process.stderr.write(`${text}\n`);
  };
}
