/**
 * Distributes rules to the agents: numbers revisions, sends each agent its part, and tracks which revision it has in
 * force.
 *
 * Theory of operation. A revision is one state of all groups including weights; each agent is sent only what is new
 * to it. A change of a group waits for the agents that have the group (`settled`), up to a timeout: an agent that is
 * late or has left delays nobody, and the reply names it. While distribution is on hold, agents keep the rules of a
 * previous leader. Each agent is periodically sent all rules, one agent after the other, which repairs undetected
 * errors.
 */
import type { GroupConfig } from '../../config/model/model.ts';
import type { Applied, BalancerWeights, FromController, GroupDefinition } from '../../messages/messages.ts';
import type { Runtime, Timer } from '../../runtime/runtime.ts';
import type { HostPort } from './interest.ts';
import { type AgentTraits, type Groups, RuleFeed, SharedRules } from './rule-feed.ts';

/** Interval at which each agent is sent all rules regardless of need. */
export const FULL_RULES_INTERVAL_MS = 60_000;

/** Which hosts have a change in force. */
export interface Settlement {
  readonly revision: number;
  /** Host → its own revision. */
  readonly hosts: Readonly<Record<string, number>>;
  /** Hosts that have not answered in time. */
  readonly late: readonly string[];
  /** Hosts that detached in the meantime. */
  readonly left: readonly string[];
  /** Host → why it keeps its previous rules. */
  readonly refused: Readonly<Record<string, string>>;
}

type BalancersOf = (group: string, host: string) => readonly BalancerWeights[] | undefined;

interface Wait {
  /** Host → the revision that it must have in force. */
  readonly pending: Map<string, number>;
  readonly concerned: readonly string[];
  finish(): void;
}

export class Distribution {
  readonly epoch: number;
  private readonly balancersOf: BalancersOf;
  private readonly feeds = new Map<string, RuleFeed>();
  private readonly waits = new Set<Wait>();
  private readonly definitions = new WeakMap<GroupConfig, GroupDefinition>();
  private groups: Groups = new Map();
  private tombstones: readonly string[] = [];
  private lastRevision = 1;
  private readonly runtime: Runtime;
  private readonly refreshTimer: Timer;
  private nextToRefresh = 0;
  private isOnHold = false;

  /** `balancersOf`: weights of a host's single load balancers; the same object as long as they do not change. */
  constructor(epoch: number, runtime: Runtime, balancersOf: BalancersOf) {
    this.epoch = epoch;
    this.runtime = runtime;
    this.balancersOf = balancersOf;
    this.refreshTimer = runtime.setTicker(() => this.refreshSome(), FULL_RULES_INTERVAL_MS / REFRESH_STEPS);
    this.refreshTimer.unref();
  }

  /** The last published revision; from 1. */
  get revision(): number {
    return this.lastRevision;
  }

  /** The last published groups. */
  get published(): Groups {
    return this.groups;
  }

  feedOf(host: string): RuleFeed | undefined {
    return this.feeds.get(host);
  }

  /**
   * Removed groups: hosts do not apply their own groups of these names. Sent with all rules, and to all agents with
   * the next change, as a group and its tombstone come and go together.
   */
  setTombstones(names: readonly string[]): void {
    if (names === this.tombstones) return;
    this.tombstones = names;
    for (const feed of this.feeds.values()) feed.needFull();
  }

  /** Agents that attach with rules in force are sent none until `release`. */
  hold(): void {
    this.isOnHold = true;
  }

  release(): void {
    if (!this.isOnHold) return;
    this.isOnHold = false;
    for (const feed of this.feeds.values()) this.updateOne(feed);
  }

  /**
   * Brings every agent up to date with these groups and with the weights of its load balancers. Unchanged groups must
   * be the same objects as before.
   */
  publish(groups: Groups): void {
    const changed = [...groups.values()].filter((group) => this.groups.get(group.name) !== group);
    const removed = [...this.groups.keys()].filter((name) => !groups.has(name));
    const feeds = [...this.feeds.values()];
    const special = [...this.groups.values(), ...groups.values()].filter(
      ({ policy }) => policy?.perLoadBalancer === true,
    );
    const names = new Set(special.map(({ name }) => name));
    const others = new Set(feeds.filter((feed) => feed.hasOtherBalancers(names)));
    if (changed.length === 0 && removed.length === 0 && others.size === 0) return;
    this.groups = groups;
    this.lastRevision++;
    const shared = this.sharedRules();
    for (const feed of feeds) {
      if (this.isWaiting(feed)) continue;
      if (others.has(feed)) feed.update(groups, this.lastRevision, shared);
      else feed.advance({ changed, removed }, groups, this.lastRevision, shared);
    }
  }

  /** Sends the agent all its rules unless distribution is on hold. */
  attach(
    host: string,
    ports: readonly HostPort[],
    traits: AgentTraits,
    send: (message: FromController) => void,
  ): void {
    const feed = new RuleFeed(this.epoch, ports, traits, send, (group) => this.balancersOf(group, host));
    this.feeds.set(host, feed);
    this.updateOne(feed);
  }

  portsChanged(host: string, ports: readonly HostPort[]): void {
    const feed = this.feeds.get(host);
    if (feed === undefined) return;
    feed.setPorts(ports);
    this.updateOne(feed);
  }

  detach(host: string): void {
    this.feeds.delete(host);
    this.settle(host);
  }

  applied(host: string, message: Applied): void {
    const feed = this.feeds.get(host);
    if (feed === undefined) return;
    if (feed.applied(message)) this.updateOne(feed);
    this.settle(host);
  }

  /**
   * Resolves when every agent that has this group (undefined: every agent) has answered the rules sent to it, or
   * after `timeoutMs`.
   */
  settled(group: string | undefined, timeoutMs: number): Promise<Settlement> {
    const concerned = [...this.feeds].filter(([, feed]) => group === undefined || feed.has(group));
    const pending = new Map(concerned.map(([host, feed]) => [host, feed.sentRevision]));
    const revision = this.lastRevision;
    return new Promise((resolve) => {
      const names = concerned.map(([host]) => host);
      const finish = (): void => {
        this.runtime.clearTimer(timer);
        this.waits.delete(wait);
        resolve(this.settlement(revision, wait));
      };
      const wait: Wait = { pending, concerned: names, finish };
      const timer = this.runtime.setTimer(finish, timeoutMs);
      this.waits.add(wait);
      for (const host of names) this.settle(host);
      if (names.length === 0) finish();
    });
  }

  stop(): void {
    this.runtime.clearTimer(this.refreshTimer);
    for (const wait of [...this.waits]) wait.finish();
    this.feeds.clear();
  }

  private isWaiting(feed: RuleFeed): boolean {
    return this.isOnHold && feed.traits.hasRules;
  }

  private updateOne(feed: RuleFeed): void {
    if (this.isWaiting(feed)) return;
    feed.update(this.groups, this.lastRevision, this.sharedRules());
  }

  private sharedRules(): SharedRules {
    return new SharedRules(this.definitions, this.runtime.wallMs(), this.tombstones);
  }

  private settle(host: string): void {
    const feed = this.feeds.get(host);
    for (const wait of this.waits) {
      const target = wait.pending.get(host);
      if (target === undefined) continue;
      if (feed !== undefined && feed.appliedRevision < target && feed.error === '') continue;
      wait.pending.delete(host);
      if (wait.pending.size === 0) wait.finish();
    }
  }

  private settlement(revision: number, { pending, concerned }: Wait): Settlement {
    const hosts: Record<string, number> = {};
    const refused: Record<string, string> = {};
    const left: string[] = [];
    for (const host of concerned) {
      const feed = this.feeds.get(host);
      if (feed === undefined) left.push(host);
      if (feed === undefined || pending.has(host)) continue;
      if (feed.error === '') hosts[host] = feed.localRevision;
      else refused[host] = feed.error;
    }
    return { revision, hosts, late: concerned.filter((host) => pending.has(host)), left, refused };
  }

  private refreshSome(): void {
    const at = this.nextToRefresh++ % REFRESH_STEPS;
    [...this.feeds.values()].forEach((feed, i) => {
      if (i % REFRESH_STEPS !== at) return;
      feed.needFull();
      this.updateOne(feed);
    });
  }
}

/** Full updates are spread over this many steps of the interval. */
const REFRESH_STEPS = 60;
