/**
 * The bounded FIFO queue of messages to one agent.
 *
 * Rules and GlobalStats are states, not events: at most one of each is queued, and a newer one is merged into it in
 * place. So an agent that does not read costs the controller at most one full set of each. All other messages must be
 * delivered: when more than `maxMessages` or `maxBytes` are queued, `push` returns "overflow" and the stream must end.
 */
import type { FromController, GlobalStats, GroupGlobal, Rules } from './messages.ts';

export type PushResult = 'queued' | 'merged' | 'overflow';

export interface OutboundLimits {
  readonly maxMessages: number;
  /** Bound on bodies and definitions, in UTF-16 units. */
  readonly maxBytes: number;
}

export const OUTBOUND_LIMITS: OutboundLimits = { maxMessages: 1024, maxBytes: 32 << 20 };

export class OutboundQueue {
  private readonly limits: OutboundLimits;
  private readonly waiting: FromController[] = [];
  private bytes = 0;

  constructor(limits: OutboundLimits = OUTBOUND_LIMITS) {
    this.limits = limits;
  }

  get size(): number {
    return this.waiting.length;
  }

  push(message: FromController): PushResult {
    if (message.type === 'rules' || message.type === 'globalStats') {
      const at = this.waiting.findIndex(({ type }) => type === message.type);
      if (at >= 0) {
        this.waiting[at] = merged(this.waiting[at]!, message);
        return 'merged';
      }
      this.waiting.push(message);
      return 'queued';
    }
    const bytes = bytesOf(message);
    if (this.waiting.length >= this.limits.maxMessages || this.bytes + bytes > this.limits.maxBytes)
      return 'overflow';
    this.waiting.push(message);
    this.bytes += bytes;
    return 'queued';
  }

  shift(): FromController | undefined {
    const message = this.waiting.shift();
    if (message) this.bytes -= bytesOf(message);
    return message;
  }

  clear(): void {
    this.waiting.length = 0;
    this.bytes = 0;
  }
}

function bytesOf(message: FromController): number {
  switch (message.type) {
    case 'request':
    case 'reply':
      return message.body.length;
    case 'vmOrder':
      return message.definition.length;
    default:
      return 0;
  }
}

function merged(older: FromController, newer: FromController): FromController {
  if (older.type === 'rules' && newer.type === 'rules') return { type: 'rules', ...mergeRules(older, newer) };
  if (older.type === 'globalStats' && newer.type === 'globalStats')
    return { type: 'globalStats', ...mergeGlobalStats(older, newer) };
  return newer;
}

/**
 * Merges two messages into one with the effect of both. If the newer one's base is not the older one, it is kept alone:
 * the agent will find that its base does not match and request all rules.
 */
export function mergeRules(older: Rules, newer: Rules): Rules {
  if (newer.isFull || newer.epoch !== older.epoch || newer.baseRevision !== older.revision) return newer;
  const groups = new Map(older.groups.map((group) => [group.name, group]));
  for (const name of newer.removed) groups.delete(name);
  for (const group of newer.groups) groups.set(group.name, group);
  const removed = older.isFull
    ? []
    : [...new Set([...older.removed, ...newer.removed])].filter((name) => !groups.has(name));
  return {
    epoch: newer.epoch,
    revision: newer.revision,
    baseRevision: older.baseRevision,
    isFull: older.isFull,
    groups: [...groups.values()],
    removed,
    atMs: newer.atMs,
    ...(older.tombstones !== undefined && { tombstones: older.tombstones }),
  };
}

/** The newest figures of each group. */
export function mergeGlobalStats(older: GlobalStats, newer: GlobalStats): GlobalStats {
  if (newer.epoch !== older.epoch) return newer;
  const groups = new Map<string, GroupGlobal>(older.groups.map((group) => [group.name, group]));
  for (const group of newer.groups) groups.set(group.name, group);
  return { epoch: newer.epoch, sequence: newer.sequence, atMs: newer.atMs, groups: [...groups.values()] };
}
