/** The load of all hosts to the agents that compute weights themselves: to each, the groups that it enforces. */
import type { GroupConfig } from '../../config/model/model.ts';
import type { FromController, GroupGlobal, MemberGlobal } from '../../messages/messages.ts';
import type { Moment } from '../../runtime/runtime.ts';

interface Recipient {
  send(message: FromController): void;
}

export class GlobalStatsSender {
  private readonly epoch: number;
  private readonly source: { loads(group: string, nowMs: number): ReadonlyMap<string, MemberGlobal> };
  private readonly dueMs = new Map<string, number>();
  private sequence = 0;

  constructor(epoch: number, source: GlobalStatsSender['source']) {
    this.epoch = epoch;
    this.source = source;
  }

  /** Sends the groups whose interval has passed; agents that need the same share one message. */
  step(
    { monotonicMs, wallMs }: Moment,
    groups: ReadonlyMap<string, GroupConfig>,
    agents: ReadonlyMap<string, Recipient>,
    rules: { feedOf(host: string): { has(group: string): boolean } | undefined },
  ): void {
    const due = this.due(monotonicMs, groups);
    if (due.length === 0) return;
    const sequence = ++this.sequence;
    const messages = new Map<string, FromController>();
    for (const [host, agent] of agents) {
      const feed = rules.feedOf(host);
      const wanted = due.filter(({ name }) => feed?.has(name));
      if (wanted.length === 0) continue;
      const key = JSON.stringify(wanted.map(({ name }) => name));
      let message = messages.get(key);
      if (message === undefined) {
        message = { type: 'globalStats', epoch: this.epoch, sequence, atMs: wallMs, groups: wanted };
        messages.set(key, message);
      }
      agent.send(message);
    }
  }

  private due(nowMs: number, groups: ReadonlyMap<string, GroupConfig>): GroupGlobal[] {
    for (const name of this.dueMs.keys()) if (!groups.has(name)) this.dueMs.delete(name);
    const due: GroupGlobal[] = [];
    for (const [name, { policy }] of groups) {
      if (policy === undefined || policy.mode === 'distribute-rules') continue;
      if (nowMs < (this.dueMs.get(name) ?? Number.NEGATIVE_INFINITY)) continue;
      this.dueMs.set(name, nowMs + policy.intervalMs);
      due.push({ name, members: [...this.source.loads(name, nowMs).values()] });
    }
    return due;
  }
}
