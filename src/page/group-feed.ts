/**
 * The stream of one group that somebody looks at: its members, their load over time, and what changed.
 *
 * Theory of operation. Read once per second for all its viewers. Samples and changes are kept for a while after the last
 * viewer has left, without reading on, so that whoever comes back sees what was there before, with a gap.
 */
import type { ServerResponse } from 'node:http';
import type { GroupDetail } from '../api/shapes.ts';
import { messageOf, Refusal } from '../config/problems/refusal.ts';
import type { Timer } from '../runtime/runtime.ts';
import { memberChanges } from './changes.ts';
import {
  type Change,
  GROUP_EVENT,
  type GroupFrame,
  type MemberSender,
  type MemberView,
  type Sample,
} from './frames.ts';
import { type FeedParts, INTERVAL_MS } from './state-feed.ts';
import { Viewers } from './viewers.ts';

/** Five minutes. */
const MAX_SAMPLES = 300;
const MAX_CHANGES = 100;
const MAX_MEMBERS = 500;
/** Members with a history. */
const MAX_SAMPLED = 16;
const MAX_SENDERS = 200;

export class GroupFeed {
  readonly group: string;
  private readonly parts: FeedParts;
  private readonly viewers: Viewers;
  private timer: Timer | undefined;
  private isReading = false;
  private seen: Map<string, MemberView> | undefined;
  private samples: Sample[] = [];
  private changes: Change[] = [];
  private last: GroupFrame | undefined;

  /** `onIdle`: the last viewer has left. */
  constructor(group: string, parts: FeedParts, onIdle: () => void) {
    this.group = group;
    this.parts = parts;
    this.viewers = new Viewers(parts.budget, GROUP_EVENT, parts.runtime, () => {
      if (this.viewers.size > 0) return;
      this.rest();
      onIdle();
    });
  }

  get isIdle(): boolean {
    return this.viewers.size === 0;
  }

  join(response: ServerResponse): void {
    this.viewers.add(response, this.timer === undefined ? undefined : this.whole());
    if (this.timer !== undefined || this.viewers.size === 0) return;
    this.timer = this.parts.runtime.setTicker(() => this.read(), INTERVAL_MS);
    this.timer.unref();
    this.read();
  }

  close(): void {
    this.viewers.close();
    this.rest();
  }

  private rest(): void {
    this.parts.runtime.clearTimer(this.timer);
    this.timer = undefined;
    this.last = undefined;
  }

  private whole(): string | undefined {
    const { last, samples, changes } = this;
    return last && JSON.stringify({ ...last, samples, changes });
  }

  private read(): void {
    if (this.isReading) return;
    this.isReading = true;
    this.readGroup()
      .catch(this.parts.onFailure)
      .finally(() => {
        this.isReading = false;
      });
  }

  private async readGroup(): Promise<void> {
    const { ask, runtime } = this.parts;
    let frame: GroupFrame;
    try {
      frame = this.take(await ask.one<GroupDetail>('groups', this.group), runtime.wallMs());
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      frame = { ...emptyFrame(this.group, runtime.wallMs()), problem: messageOf(error) };
    }
    if (this.timer === undefined) return;
    this.last = frame;
    this.viewers.send(JSON.stringify(frame), () => this.whole()!);
  }

  private take(detail: GroupDetail, nowMs: number): GroupFrame {
    const { networks, vip, protocol, ports, algorithm, rewrite, origin, loadBalancers, nextChange } = detail;
    const views = detail.members.map(memberView);
    const found = this.seen === undefined ? [] : memberChanges(this.group, this.seen, views, nowMs);
    this.seen = new Map(views.map((view) => [view.member, view]));
    const sample = sampleOf(views, nowMs);
    this.samples = [...this.samples, sample].slice(-MAX_SAMPLES);
    this.changes = [...this.changes, ...found].slice(-MAX_CHANGES);
    return {
      ...emptyFrame(this.group, nowMs),
      facts: { networks, vip, protocol, ports, algorithm, rewrite, origin, loadBalancers, nextChange },
      members: views.slice(0, MAX_MEMBERS),
      unlisted: Math.max(0, views.length - MAX_MEMBERS),
      senders: sendersOf(detail),
      unanswered: detail.unanswered ?? [],
      samples: [sample],
      changes: found,
    };
  }
}

const emptyFrame = (group: string, at: number): GroupFrame => ({
  at,
  group,
  problem: null,
  facts: null,
  members: [],
  unlisted: 0,
  senders: [],
  unanswered: [],
  samples: [],
  changes: [],
});

const memberView = (row: GroupDetail['members'][number]): MemberView => ({
  member: row.member,
  address: row.address,
  port: row.port,
  state: row.state,
  weight: row.weight,
  flowsLeft: row.flowsLeft,
  activeFlows: row.activeFlows,
  newFlows: row.newFlows,
  newFlowsPerSecond: row.newFlowsPerSecond,
  bytesPerSecond: row.bytesPerSecond,
  ...(row.health !== undefined && { health: row.health }),
});

/** Of the busiest members, if there are many. */
function sampleOf(views: readonly MemberView[], at: number): Sample {
  const busiest =
    views.length <= MAX_SAMPLED
      ? views
      : [...views].sort((a, b) => b.activeFlows - a.activeFlows).slice(0, MAX_SAMPLED);
  return {
    at,
    members: busiest.map((view) => [
      view.member,
      view.activeFlows,
      view.newFlowsPerSecond,
      view.bytesPerSecond,
      view.weight,
    ]),
  };
}

function sendersOf({ members }: GroupDetail): MemberSender[] {
  const senders = members.flatMap(({ member, loadBalancers }) =>
    loadBalancers
      .filter(({ activeFlows }) => activeFlows > 0)
      .map(({ host = '', loadBalancer, activeFlows, weight }) => ({
        host,
        loadBalancer,
        member,
        activeFlows,
        weight,
      })),
  );
  return senders.sort((a, b) => b.activeFlows - a.activeFlows).slice(0, MAX_SENDERS);
}
