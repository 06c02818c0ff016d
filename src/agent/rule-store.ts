/**
 * The host-level rule store: the groups that the controllers have sent to this host, with epoch and revision.
 *
 * Theory of operation. Rules are ordered by (epoch, revision): a leader's epoch is greater than those of all leaders
 * before it, and revisions grow within an epoch. Older rules are refused from any sender, so a leader that has lost
 * leadership without knowing it changes nothing here. A delta is accepted only if its base is in force.
 *
 * Rules are applied between two steps, `propose` and `accept`: rules that the datapath refuses are not kept. Accepted
 * rules are written to a file, from which the host starts before a controller answers.
 */

import { isDeepStrictEqual } from 'node:util';
import { parseGroupDocument } from '../config/group-document.ts';
import type { GroupConfig } from '../config/model/model.ts';
import { messageOf } from '../config/problems/refusal.ts';
import type { BalancerWeights, Rules } from '../messages/messages.ts';
import type { RuleDocument, RuleJournal } from './rule-journal.ts';

export interface StoredRules {
  readonly epoch: number;
  readonly revision: number;
  /** By name, in order of arrival. */
  readonly definitions: ReadonlyMap<string, string>;
  readonly groups: readonly GroupConfig[];
  /** Weights of single load balancers, by group; groups without any are not listed. */
  readonly balancers: ReadonlyMap<string, readonly BalancerWeights[]>;
  /** Groups that the controllers have removed. */
  readonly tombstones: ReadonlySet<string>;
  /** Absent: the controller did not send its clock's reading. */
  readonly clock?: SenderClock;
}

/** Readings of the controller's clock when it sent rules, and of this host's when they arrived; epoch milliseconds. */
export interface SenderClock {
  readonly atMs: number;
  readonly receivedMs: number;
}

/** Estimated reading of the controllers' clock at `nowMs` of this host's. */
export const controllersClock = (clock: SenderClock | undefined, nowMs: number): number | undefined =>
  clock === undefined ? undefined : clock.atMs + Math.max(0, nowMs - clock.receivedMs);

export type Proposal =
  | { readonly kind: 'rules'; readonly rules: StoredRules }
  | { readonly kind: 'older' }
  | { readonly kind: 'other-base' };

const NOTHING: StoredRules = {
  epoch: 0,
  revision: 0,
  definitions: new Map(),
  groups: [],
  balancers: new Map(),
  tombstones: new Set(),
};

export type RuleFile = Pick<RuleJournal, 'read' | 'write'>;

export class RuleStore {
  private readonly file: RuleFile | undefined;
  private inForce: StoredRules = NOTHING;

  /** `file`: of the last rules; absent: they are not stored. */
  constructor(file?: RuleFile) {
    this.file = file;
  }

  get current(): StoredRules {
    return this.inForce;
  }

  /** Loads the rules of the previous run, if any. Throws an Error that describes the fault of an unusable file. */
  load(): StoredRules | undefined {
    const document = this.file?.read();
    if (document === undefined) return undefined;
    this.inForce = rulesOf(document);
    return this.inForce;
  }

  /**
   * Throws ConfigError for an invalid definition. `wallMs`: time of arrival. `inForce`: groups of the host; a
   * definition of one of them is replaced by that object.
   */
  propose(rules: Rules, wallMs: number, inForce: readonly GroupConfig[] = []): Proposal {
    const { current } = this;
    if (isOlder(rules, current)) return { kind: 'older' };
    const isOnTop = rules.epoch === current.epoch && rules.baseRevision === current.revision;
    if (!rules.isFull && !isOnTop) return { kind: 'other-base' };
    const definitions = new Map(rules.isFull ? [] : current.definitions);
    for (const name of rules.removed) definitions.delete(name);
    for (const { name, definition } of rules.groups) definitions.set(name, definition);
    const balancers = balancersAfter(rules, current.balancers);
    const { epoch, revision, atMs = 0 } = rules;
    const groups = parsed(definitions, current, inForce);
    const tombstones = rules.isFull ? new Set(rules.tombstones) : current.tombstones;
    const clock = atMs === 0 ? undefined : { atMs, receivedMs: wallMs };
    return { kind: 'rules', rules: { epoch, revision, definitions, groups, balancers, tombstones, clock } };
  }

  /** Returns the reason if the rules could not be written; they are in force regardless. */
  accept(rules: StoredRules): string | undefined {
    this.inForce = rules;
    try {
      this.file?.write(documentOf(rules));
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }
}

const isOlder = (a: Rules, b: StoredRules): boolean =>
  a.epoch < b.epoch || (a.epoch === b.epoch && a.revision < b.revision);

type Balancers = StoredRules['balancers'];

/** The previous map itself if nothing has changed. */
function balancersAfter({ isFull, removed, groups }: Rules, before: Balancers): Balancers {
  const after = new Map(isFull ? [] : before);
  for (const name of removed) after.delete(name);
  for (const { name, balancers = [] } of groups) {
    if (balancers.length === 0) after.delete(name);
    else after.set(name, balancers);
  }
  return isDeepStrictEqual(after, before) ? before : after;
}

/** A group with an unchanged definition stays the same object, so that comparing it later costs nothing. */
function parsed(
  definitions: ReadonlyMap<string, string>,
  before: StoredRules,
  inForce: readonly GroupConfig[],
): GroupConfig[] {
  const previous = byName(before.groups);
  const known = byName(inForce);
  return [...definitions].map(([name, definition]) => {
    if (before.definitions.get(name) === definition) return previous.get(name)!;
    const group = parseGroupDocument(definition, `rules of group ${name}`);
    const same = known.get(name);
    return same !== undefined && isDeepStrictEqual(same, group) ? same : group;
  });
}

const byName = (groups: readonly GroupConfig[]): ReadonlyMap<string, GroupConfig> =>
  new Map(groups.map((group) => [group.name, group]));

function documentOf({
  epoch,
  revision,
  clock,
  tombstones,
  definitions,
  balancers,
}: StoredRules): RuleDocument {
  const groups = new Map(
    [...definitions].map(([name, definition]) => [name, { definition, balancers: balancers.get(name) }]),
  );
  return { epoch, revision, clock, tombstones: tombstones.size === 0 ? undefined : [...tombstones], groups };
}

function rulesOf({ epoch, revision, clock, tombstones, groups }: RuleDocument): StoredRules {
  const definitions = new Map([...groups].map(([name, { definition }]) => [name, definition]));
  const balancers = new Map(
    [...groups].flatMap(([name, { balancers: own = [] }]) =>
      own.length === 0 ? [] : [[name, own] as const],
    ),
  );
  return {
    epoch,
    revision,
    definitions,
    groups: parsed(definitions, NOTHING, []),
    balancers,
    tombstones: new Set(tombstones),
    clock,
  };
}
