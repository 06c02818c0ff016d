/**
 * Turns the hosts' health results, where they agree, into documents of the store, and so into group states.
 *
 * Theory of operation. A verdict is written when it changes; writes are serialized, and each writes the agreement as
 * of that moment. A host has a vote only on members of groups that concern it. Verdicts take effect even if the store
 * cannot be written. A new leader waits briefly, since the first host to attach does not speak for all; and a host
 * that was ignored gets the time that its checks need to find everything healthy.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { membersOf } from '../../config/model/group-members.ts';
import type { GroupConfig } from '../../config/model/model.ts';
import { ownEntry } from '../../config/model/own-entry.ts';
import { messageOf } from '../../config/problems/refusal.ts';
import type { EventSink, Outlets } from '../../events/event.ts';
import type { ProbeResult, ProbeResults } from '../../messages/messages.ts';
import type { Runtime, Timer } from '../../runtime/runtime.ts';
import { type HostPort, isConcerned } from '../distribution/interest.ts';
import type { GroupState, GroupStates } from '../groups/group-states.ts';
import { type FailedMember, type HealthDocument, healthChange } from '../groups/stored-documents.ts';
import type { FleetActions } from '../scaling/vm-keeper.ts';
import { FlapDamping } from './flap-damping.ts';
import { agree } from './health-agreement.ts';

/**
 * Retry interval of verdicts that could not be applied, and maximum interval between evaluations without new results.
 */
const STEP_MS = 1_000;

/** What is needed from an attached host. */
interface VotingHost {
  readonly ports: readonly HostPort[];
}

export class HealthVerdicts {
  private readonly actions: Pick<FleetActions, 'groups' | 'writeFindings'>;
  private readonly log: Logger;
  private readonly events: EventSink;
  private readonly runtime: Runtime;
  private readonly agents: ReadonlyMap<string, VotingHost>;
  private readonly settlingMs: number;
  /** By group and member: since when no host has reported on a failed member. */
  private readonly unspokenSince = new Map<string, number>();
  /** By host, then by member and address: the latest verdict. */
  private readonly words = new Map<string, Map<string, ProbeResult>>();
  /** By host: when it was last ignored. */
  private readonly disbelievedMs = new Map<string, number>();
  private readonly clock: Timer;
  private readonly warmUp: Timer;
  private checked: { readonly of: GroupStates | undefined; readonly list: readonly GroupState[] } = {
    of: undefined,
    list: [],
  };
  private readonly damping = new FlapDamping();
  private readonly startedMs: number;
  private isWarm = false;
  private isWriting = false;
  private isAskedAgain = false;

  constructor(
    actions: Pick<FleetActions, 'groups' | 'writeFindings'>,
    agents: ReadonlyMap<string, VotingHost>,
    { log, events }: Outlets<Logger>,
    runtime: Runtime,
    { warmUpMs, settlingMs }: { readonly warmUpMs: number; readonly settlingMs: number },
  ) {
    this.actions = actions;
    this.agents = agents;
    this.settlingMs = settlingMs;
    this.log = log;
    this.events = events;
    this.runtime = runtime;
    this.startedMs = runtime.monotonicMs();
    this.clock = runtime.setTicker(() => this.judge(), STEP_MS);
    this.warmUp = runtime.setTimer(() => {
      this.isWarm = true;
      this.judge();
    }, warmUpMs);
    this.clock.unref();
    this.warmUp.unref();
  }

  stop(): void {
    this.runtime.clearTimer(this.clock);
    this.runtime.clearTimer(this.warmUp);
    this.isWarm = false;
  }

  took(host: string, { isFull, results }: ProbeResults): void {
    const before = isFull ? undefined : this.words.get(host);
    const words = before ?? new Map<string, ProbeResult>();
    const known = new Set(this.checkedGroups().flatMap(keysOf));
    for (const result of results) if (known.has(keyOf(result))) words.set(keyOf(result), result);
    for (const key of words.keys()) if (!known.has(key)) words.delete(key);
    this.words.set(host, words);
    this.judge();
  }

  /** Discards the host's verdicts. */
  detached(host: string): void {
    this.words.delete(host);
    this.disbelievedMs.delete(host);
    this.judge();
  }

  private judge(): void {
    if (!this.isWarm) return;
    if (this.isWriting) {
      this.isAskedAgain = true;
      return;
    }
    const verdicts = this.verdicts(this.runtime.monotonicMs());
    if (verdicts.length === 0) return;
    for (const { name, before, failed } of verdicts) this.tellHeld(name, before, failed);
    this.isWriting = true;
    this.actions
      .writeFindings(verdicts.slice(0, MAX_VERDICTS).map(({ name, failed }) => healthChange(name, failed)))
      .then(() => true)
      .catch((error) => {
        this.log.warn(`verdicts on health are not in force yet: ${messageOf(error)}`);
        return false;
      })
      .then((isWritten) => {
        this.isWriting = false;
        const isAskedAgain = this.isAskedAgain || verdicts.length > MAX_VERDICTS;
        this.isAskedAgain = false;
        if (isWritten && isAskedAgain) this.judge();
      });
  }

  /** Groups whose members are or were checked: only these may have verdicts. */
  private checkedGroups(): readonly GroupState[] {
    const { groups } = this.actions;
    if (this.checked.of !== groups) {
      const list = [...groups.values()].filter(
        ({ group, health }) => group.health !== undefined || Object.keys(health).length > 0,
      );
      this.checked = { of: groups, list };
    }
    return this.checked.list;
  }

  /** Verdicts of the groups where they changed. */
  private verdicts(nowMs: number): { name: string; before: Failed; failed: Failed }[] {
    const groups = this.checkedGroups();
    if (groups.length === 0) return [];
    const checked = groups.flatMap(({ group: { name, health } }) =>
      health === undefined ? [] : [{ name, quorum: health.quorum }],
    );
    const recoveryMs = new Map(groups.map(({ group }) => [group.name, recoveryMsOf(group)]));
    const verdicts = [...this.words].map(([host, words]) => {
      const sightedForMs = nowMs - (this.disbelievedMs.get(host) ?? Number.NEGATIVE_INFINITY);
      const concerning = this.keysConcerning(host, groups);
      const results = [...words.values()]
        .filter((result) => concerning.has(keyOf(result)))
        .map((result) => ({
          ...result,
          isLeftover: !result.isHealthy && sightedForMs < recoveryMs.get(result.group)!,
        }));
      return { host, results };
    });
    const spoken = new Set(verdicts.flatMap(({ results }) => results.map(memberKey)));
    const before = new Map(
      groups.map(({ group, health }) => {
        const stillSaid = Object.keys(health).filter(
          (member) => health[member]!.isHeld !== true && !this.isForgotten(group, member, spoken, nowMs),
        );
        return [group.name, new Set(stillSaid)];
      }),
    );
    const input = { groups: checked, verdicts, attachedHosts: this.agents.size, failed: before };
    const { failed: agreed, notBelieved } = agree(input);
    this.damping.keepOnly(new Set(groups.flatMap(memberKeysOf)));
    for (const host of notBelieved) this.disbelievedMs.set(host, nowMs);
    const results = verdicts.flatMap((verdict) => verdict.results);
    return groups.flatMap(({ group, health }) => {
      const names = new Set(membersOf(group).map(({ name }) => name));
      const failing = agreed.get(group.name) ?? new Set<string>();
      const entries = [...names].flatMap((name): [string, FailedMember][] => {
        const stored = ownEntry(health, name);
        const isDraining = failing.has(name) && wantsToDrain(group.name, name, results);
        const hasFailed = failing.has(name) && !isDraining;
        const isHeld = this.isHeld(group, name, hasFailed, stored?.isHeld === true, nowMs);
        if (isHeld) return [[name, stored?.isHeld === true ? stored : this.held()]];
        if (!failing.has(name)) return [];
        const isKnown =
          stored !== undefined && stored.isHeld !== true && (stored.isDraining ?? false) === isDraining;
        return [[name, isKnown ? stored : failure(group.name, name, results, isDraining)]];
      });
      const failed: Failed = Object.fromEntries(entries);
      return isDeepStrictEqual(failed, health) ? [] : [{ name: group.name, before: health, failed }];
    });
  }

  private isHeld(
    { name, health }: GroupConfig,
    member: string,
    isFailed: boolean,
    wasHeld: boolean,
    nowMs: number,
  ): boolean {
    const key = memberKey({ group: name, member });
    const config = health?.flapDamping;
    return config !== undefined && this.damping.judge(key, isFailed, wasHeld, nowMs, config);
  }

  private held(): FailedMember {
    return { sinceMs: this.runtime.wallMs(), detail: HELD, isHeld: true };
  }

  /** Number of hosts with a verdict on the member. */
  checkersOf(group: string, member: string): number {
    const key = memberKey({ group, member });
    return [...this.words.values()].filter((words) =>
      [...words.values()].some((word) => memberKey(word) === key),
    ).length;
  }

  /** Groups of attached hosts with health checks for which no host has reported a member within the expected time. */
  uncheckedGroups(): string[] {
    const sinceMs = this.runtime.monotonicMs() - this.startedMs;
    const ports = [...this.agents.values()].map((agent) => agent.ports);
    return this.checkedGroups()
      .filter(({ group }) => {
        if (group.health === undefined || !ports.some((own) => isConcerned(own, group))) return false;
        const { fall, intervalMs, timeoutMs } = group.health;
        const members = membersOf(group);
        const isPatient = sinceMs < FIRST_WORD_MS + fall * (intervalMs + timeoutMs);
        return (
          !isPatient &&
          members.length > 0 &&
          members.every(({ name }) => this.checkersOf(group.name, name) === 0)
        );
      })
      .map(({ group }) => group.name);
  }

  /** Number of members that the host has a verdict on, and that it should have one on. */
  checksOf(host: string): { readonly checked: number; readonly toCheck: number } {
    const groups = this.checkedGroups().filter(({ group }) => group.health !== undefined);
    return { checked: this.words.get(host)?.size ?? 0, toCheck: this.keysConcerning(host, groups).size };
  }

  /** Remaining hold time of a member that stays healthy from now on; undefined: it is not held. */
  heldForMs({ name, health }: GroupConfig, member: string): number | undefined {
    const config = health?.flapDamping;
    const key = memberKey({ group: name, member });
    return config && this.damping.heldForMs(key, this.runtime.monotonicMs(), config);
  }

  /** Members that a host has a vote on: those of groups that concern its ports. */
  private keysConcerning(host: string, groups: readonly GroupState[]): Set<string> {
    const ports = this.agents.get(host)?.ports ?? [];
    return new Set(groups.filter(({ group }) => isConcerned(ports, group)).flatMap(keysOf));
  }

  /**
   * Votes leave with their hosts. A failed member on which no host reports any more becomes healthy after a while; a
   * host that was away briefly has reported again by then. While no host is attached nothing is forgotten: in that
   * case this controller is cut off.
   */
  private isForgotten(
    group: GroupConfig,
    member: string,
    spoken: ReadonlySet<string>,
    nowMs: number,
  ): boolean {
    const key = memberKey({ group: group.name, member });
    if (spoken.has(key) || this.agents.size === 0) {
      this.unspokenSince.delete(key);
      return false;
    }
    const sinceMs = this.unspokenSince.get(key) ?? nowMs;
    this.unspokenSince.set(key, sinceMs);
    const isOver = nowMs - sinceMs >= this.settlingMs + recoveryMsOf(group);
    if (isOver) this.unspokenSince.delete(key);
    return isOver;
  }

  /** Failures and recoveries are told when they are in force (groups/group-events.ts). */
  private tellHeld(group: string, before: Failed, after: Failed): void {
    for (const [member, { isHeld }] of Object.entries(after)) {
      if (!isHeld || before[member]?.isHeld === true) continue;
      this.events.emit({
        type: 'member.held-back',
        subject: `${group}/${member}`,
        reason: 'it keeps failing and recovering',
        actor: 'health checks',
        line: `group ${group}: ${member} keeps failing and recovering: it is held back`,
        level: 'warn',
      });
    }
  }
}

type Failed = HealthDocument['failed'];

const HELD = 'suppressed: it keeps failing and recovering (flap damping)';

/** Whether most of the hosts that find it unhealthy say that it asks for no new flows, and nothing worse. */
function wantsToDrain(group: string, member: string, results: readonly ProbeResult[]): boolean {
  const unhealthy = results.filter(
    (result) => result.group === group && result.member === member && !result.isHealthy,
  );
  return 2 * unhealthy.filter(({ isDraining }) => isDraining).length > unhealthy.length;
}

/** Details from the hosts that find it unhealthy. */
function failure(
  group: string,
  member: string,
  results: readonly ProbeResult[],
  isDraining: boolean,
): FailedMember {
  const asked = results.filter((result) => result.group === group && result.member === member);
  const unhealthy = asked.filter(({ isHealthy }) => !isHealthy);
  const details = [...new Set(unhealthy.map(({ detail }) => detail))].join('; ');
  return {
    sinceMs: Math.max(0, ...unhealthy.map(({ sinceMs }) => sinceMs)),
    detail: `${unhealthy.length} of ${asked.length} hosts: ${details}`,
    ...(isDraining && { isDraining }),
  };
}

/** From the first good probe of one member to the last that another one needs, including probes already started. */
const recoveryMsOf = ({ health }: GroupConfig): number =>
  health === undefined ? 0 : (health.rise + 1) * (health.intervalMs + health.timeoutMs);

const keyOf = ({ group, member, address }: Pick<ProbeResult, 'group' | 'member' | 'address'>): string =>
  `${group}\0${member}\0${address}`;

const keysOf = ({ group }: GroupState): string[] =>
  membersOf(group).map(({ name, address }) => keyOf({ group: group.name, member: name, address }));

const memberKey = ({ group, member }: Pick<ProbeResult, 'group' | 'member'>): string => `${group}\0${member}`;

const memberKeysOf = ({ group }: GroupState): string[] =>
  membersOf(group).map(({ name }) => memberKey({ group: group.name, member: name }));

/** From an election to the first verdicts of hosts, on top of the probing time. */
const FIRST_WORD_MS = 10_000;

/** Groups per write. */
const MAX_VERDICTS = 100;
