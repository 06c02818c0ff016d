/**
 * The rules of one attached agent: which groups it needs, which were sent, and what it has in force.
 *
 * Theory of operation. A delta builds on the last rules sent, acknowledged or not: the stream is ordered, and the
 * link merges queued deltas. An agent that cannot apply a delta requests all rules. One that rejects rules (its
 * datapath cannot hold them) keeps its previous ones; the next delta does not fit these, so the agent requests all
 * rules and thereby retries at every change.
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

/** Difference between one state of all groups and the previous one. */
export interface GroupNews {
  readonly changed: readonly GroupConfig[];
  readonly removed: readonly string[];
}

/** State of an agent when it attaches. */
export interface AgentTraits {
  /** Rules of a previous leader are in force there. */
  readonly hasRules: boolean;
  /** The agent also gets groups that concern none of its host's ports. */
  readonly needsAll: boolean;
}

export class RuleFeed {
  readonly epoch: number;
  readonly traits: AgentTraits;
  private readonly send: (message: FromController) => void;
  private ports: readonly HostPort[];
  /** Whether groups of this interest key are needed. */
  private readonly interests = new Map<string, boolean>();
  private readonly balancersOf: BalancersOf;
  private sent = new Map<string, GroupConfig>();
  /** By group; groups without such weights are absent. */
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

  /** Last revision sent; 0: none. */
  get sentRevision(): number {
    return this.sentAs;
  }

  /** Last revision that the agent acknowledged. */
  get appliedRevision(): number {
    return this.inForce;
  }

  /** The host's own number of that revision. */
  get localRevision(): number {
    return this.local;
  }

  /** Why the agent rejected the last rules; empty: it applied them, or has not answered yet. */
  get error(): string {
    return this.refusal;
  }

  get groupCount(): number {
    return this.sent.size;
  }

  has(group: string): boolean {
    return this.sent.has(group);
  }

  /** Whether weights of its load balancers in one of these groups differ from those sent. */
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

  /** Sends the agent what it lacks of these groups, or all it needs of them if a full update is due. */
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

  /** The same for an agent that was up to date before these groups changed or were removed. */
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
  /** One agent's, by group. */
  readonly balancers: ReadonlyMap<string, readonly BalancerWeights[]>;
}

type BalancersOf = (group: string) => readonly BalancerWeights[] | undefined;

/** Messages of one revision: agents with the same needs share one, which is encoded once. */
export class SharedRules {
  private readonly messages = new Map<string, FromController>();
  private readonly definitions: WeakMap<GroupConfig, GroupDefinition>;

  private readonly atMs: number;

  private readonly tombstones: readonly string[];

  /** `definitions`: earlier results, kept while their groups exist. `atMs`: current wall clock. */
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
