/**
 * The rules of one attached agent: which groups it needs, which of them it was sent, and what it has in force.
 *
 * Theory of operation. A delta builds on what was last sent, whether or not that was acknowledged yet: the stream is
 * in order, and deltas that wait in it are merged by the link. An agent that cannot use a delta asks for all rules,
 * and gets them. One that refuses rules (its datapath cannot hold them) keeps what it has; the next delta does not fit
 * that, so it asks for all, and so hears of them again as soon as something changes.
 */
import type { GroupConfig } from '../../config/model/model.ts';
import {
  type Applied,
  type BalancerWeights,
  type FromController,
  type GroupDefinition,
  NEEDS_FULL_RULES,
} from '../../messages/messages.ts';
import { type HostPort, interestKey, isConcerned } from './interest.ts';

export type Groups = ReadonlyMap<string, GroupConfig>;

/** How one state of all groups differs from the one before. */
export interface GroupNews {
  readonly changed: readonly GroupConfig[];
  readonly removed: readonly string[];
}

/** What an agent is like when it attaches. */
export interface AgentTraits {
  /** Rules of a previous leader are in force there. */
  readonly hasRules: boolean;
  /** It gets those groups, too, that no port of its host is concerned by. */
  readonly needsAll: boolean;
}

export class RuleFeed {
  readonly epoch: number;
  readonly traits: AgentTraits;
  private readonly send: (message: FromController) => void;
  private ports: readonly HostPort[];
  /** Whether groups of one interest key are needed. */
  private readonly interests = new Map<string, boolean>();
  private readonly balancersOf: BalancersOf;
  private sent = new Map<string, GroupConfig>();
  /** By group, where it had any. */
  private readonly sentBalancers = new Map<string, readonly BalancerWeights[]>();
  private isFullDue = true;
  private sentAs = 0;
  private inForce = 0;
  private local = 0;
  private refusal = '';

  constructor(
    epoch: number,
    ports: readonly HostPort[],
    traits: AgentTraits,
    send: (message: FromController) => void,
    balancersOf: BalancersOf = () => undefined,
  ) {
    this.balancersOf = balancersOf;
    this.traits = traits;
    this.epoch = epoch;
    this.ports = ports;
    this.send = send;
  }

  /** The revision that was last sent; 0: none yet. */
  get sentRevision(): number {
    return this.sentAs;
  }

  /** The last that the agent has acknowledged. */
  get appliedRevision(): number {
    return this.inForce;
  }

  /** What the host calls that. */
  get localRevision(): number {
    return this.local;
  }

  /** Why the agent has not brought into force what was last sent; empty: it has, or has not answered yet. */
  get error(): string {
    return this.refusal;
  }

  get groupCount(): number {
    return this.sent.size;
  }

  has(group: string): boolean {
    return this.sent.has(group);
  }

  /** Whether weights of its load balancers in one of these groups are others than those that were sent. */
  hasOtherBalancers(groups: Iterable<string>): boolean {
    for (const name of groups) {
      if (this.sent.has(name) && this.balancersOf(name) !== this.sentBalancers.get(name)) return true;
    }
    return false;
  }

  setPorts(ports: readonly HostPort[]): void {
    this.ports = ports;
    this.interests.clear();
  }

  /** The next `update` sends all rules. */
  needFull(): void {
    this.isFullDue = true;
  }

  /** Sends what the agent lacks of these groups, or all it needs of them where that is due. */
  update(groups: Groups, revision: number, shared: SharedRules): void {
    const wanted = new Map([...groups].filter(([, group]) => this.needs(group)));
    const changed = [...wanted.values()].filter(
      (group) =>
        this.sent.get(group.name) !== group ||
        this.balancersOf(group.name) !== this.sentBalancers.get(group.name),
    );
    const removed = [...this.sent.keys()].filter((name) => !wanted.has(name));
    if (!this.isFullDue && changed.length === 0 && removed.length === 0) return;
    const isFull = this.isFullDue;
    this.sent = wanted;
    this.emit(isFull ? [...wanted.values()] : changed, isFull ? [] : removed, isFull, revision, shared);
  }

  /** The same for an agent that was up to date before these groups changed, or have gone. */
  advance(news: GroupNews, groups: Groups, revision: number, shared: SharedRules): void {
    if (this.isFullDue) return this.update(groups, revision, shared);
    const changed: GroupConfig[] = [];
    const removed = news.removed.filter((name) => this.sent.delete(name));
    for (const group of news.changed) {
      if (this.needs(group)) {
        this.sent.set(group.name, group);
        changed.push(group);
      } else if (this.sent.delete(group.name)) removed.push(group.name);
    }
    if (changed.length > 0 || removed.length > 0) this.emit(changed, removed, false, revision, shared);
  }

  private emit(
    groups: readonly GroupConfig[],
    removed: readonly string[],
    isFull: boolean,
    revision: number,
    shared: SharedRules,
  ): void {
    const { epoch } = this;
    const baseRevision = isFull ? 0 : this.sentAs;
    this.sentAs = revision;
    this.isFullDue = false;
    this.refusal = '';
    for (const name of removed) this.sentBalancers.delete(name);
    for (const { name } of groups) {
      const balancers = this.balancersOf(name);
      if (balancers === undefined) this.sentBalancers.delete(name);
      else this.sentBalancers.set(name, balancers);
    }
    const balancers = this.sentBalancers;
    this.send(shared.rules({ epoch, revision, baseRevision, isFull, groups, removed, balancers }));
  }

  private needs(group: GroupConfig): boolean {
    if (this.traits.needsAll) return true;
    const key = interestKey(group);
    if (key === undefined) return isConcerned(this.ports, group);
    let needs = this.interests.get(key);
    if (needs === undefined) {
      needs = isConcerned(this.ports, group);
      this.interests.set(key, needs);
    }
    return needs;
  }

  /** True: all rules must be sent again. */
  applied({ epoch, revision, localRevision, error }: Applied): boolean {
    if (epoch !== this.epoch) return false;
    if (error === NEEDS_FULL_RULES) {
      this.isFullDue = true;
      return true;
    }
    if (error !== '') {
      if (revision >= this.sentAs) this.refusal = error;
      return false;
    }
    this.inForce = Math.max(this.inForce, revision);
    this.local = localRevision;
    return false;
  }
}

interface RulesContent {
  readonly epoch: number;
  readonly revision: number;
  readonly baseRevision: number;
  readonly isFull: boolean;
  readonly groups: readonly GroupConfig[];
  readonly removed: readonly string[];
  /** Of one agent, by group. */
  readonly balancers: ReadonlyMap<string, readonly BalancerWeights[]>;
}

type BalancersOf = (group: string) => readonly BalancerWeights[] | undefined;

/** Messages of one revision: agents that need the same share one, so that it is encoded once. */
export class SharedRules {
  private readonly messages = new Map<string, FromController>();
  private readonly definitions: WeakMap<GroupConfig, GroupDefinition>;

  private readonly atMs: number;

  private readonly tombstones: readonly string[];

  /** `definitions`: what was made before, kept as long as the groups are. `atMs`: the wall clock of now. */
  constructor(
    definitions: WeakMap<GroupConfig, GroupDefinition>,
    atMs: number,
    tombstones: readonly string[] = [],
  ) {
    this.definitions = definitions;
    this.atMs = atMs;
    this.tombstones = tombstones;
  }

  rules({ groups, balancers, ...content }: RulesContent): FromController {
    const { atMs } = this;
    const rest = content.isFull ? { ...content, atMs, tombstones: this.tombstones } : { ...content, atMs };
    if (groups.some(({ name }) => balancers.has(name))) {
      const own = groups.map((group) => ({
        ...this.definitionOf(group),
        balancers: balancers.get(group.name),
      }));
      return { type: 'rules', ...rest, groups: own };
    }
    const names = groups.map(({ name }) => name);
    const key = JSON.stringify([rest.baseRevision, rest.isFull, names, rest.removed]);
    let message = this.messages.get(key);
    if (message === undefined) {
      const definitions = groups.map((group) => this.definitionOf(group));
      message = { type: 'rules', ...rest, groups: definitions };
      this.messages.set(key, message);
    }
    return message;
  }

  private definitionOf(group: GroupConfig): GroupDefinition {
    let definition = this.definitions.get(group);
    if (definition === undefined) {
      definition = { name: group.name, definition: JSON.stringify(group) };
      this.definitions.set(group, definition);
    }
    return definition;
  }
}
