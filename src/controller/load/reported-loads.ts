/**
 * What members say of their own load, as the hosts that asked them pass it on.
 *
 * A host has a say on members of groups that concern it. A member's load is the lower median of the hosts' fresh
 * answers, so that one host does not decide alone. An answer is fresh for FRESH_INTERVALS of the group's interval; one
 * that cannot be used leaves the last usable one until that is no longer fresh. Bounded: an answer per host, and member
 * of a group that asks.
 */
import { findMember } from '../../config/model/group-members.ts';
import type { GroupConfig, LoadConfig } from '../../config/model/model.ts';
import type { MemberLoad } from '../../messages/messages.ts';
import { lowerMedian } from '../../policy/load.ts';

const FRESH_INTERVALS = 3;

interface Answer {
  readonly address: string;
  /** Undefined: no usable one has come yet. */
  readonly load: number | undefined;
  /** When `load` came. */
  readonly loadMs: number;
  /** The last answer in words, and when it came. */
  readonly detail: string;
  readonly atMs: number;
}

export interface ReportedLoad {
  readonly load: number;
  /** Number of hosts with a fresh answer. */
  readonly reporters: number;
  /** Of the youngest answer. */
  readonly ageMs: number;
}

/** A host's answer, for listings. */
export interface ListedAnswer {
  readonly host: string;
  readonly load: number | undefined;
  readonly detail: string;
  readonly ageMs: number;
}

export class ReportedLoads {
  /** By host, then by group and member. */
  private readonly hosts = new Map<string, Map<string, Answer>>();

  /** `groups`: those that concern the host. */
  took(
    host: string,
    loads: readonly MemberLoad[],
    nowMs: number,
    groupOf: (name: string) => GroupConfig | undefined,
  ): void {
    const answers = this.hosts.get(host) ?? new Map<string, Answer>();
    this.hosts.set(host, answers);
    for (const told of loads) {
      const group = groupOf(told.group);
      if (group?.load === undefined || findMember(group, told.member)?.address !== told.address) continue;
      const key = keyOf(told.group, told.member);
      const before = answers.get(key);
      const known = before?.address === told.address ? before : undefined;
      const atMs = nowMs - told.ageMs;
      answers.set(key, {
        address: told.address,
        load: told.isKnown ? told.load : known?.load,
        loadMs: told.isKnown ? atMs : (known?.loadMs ?? atMs),
        detail: told.detail,
        atMs,
      });
    }
  }

  detached(host: string): void {
    this.hosts.delete(host);
  }

  /** Forgets answers of members that no group has any more. */
  keepOnly(groups: ReadonlyMap<string, GroupConfig>): void {
    const known = new Set<string>();
    for (const group of groups.values())
      if (group.load !== undefined)
        for (const { members } of group.criteria)
          for (const { name } of members) known.add(keyOf(group.name, name));
    for (const answers of this.hosts.values())
      for (const key of answers.keys()) if (!known.has(key)) answers.delete(key);
  }

  /** Undefined: there is no fresh answer. */
  of(
    group: string,
    load: LoadConfig,
    member: { name: string; address: string },
    nowMs: number,
  ): ReportedLoad | undefined {
    const sinceMs = nowMs - FRESH_INTERVALS * load.intervalMs - load.timeoutMs;
    const key = keyOf(group, member.name);
    const fresh: { load: number; loadMs: number }[] = [];
    for (const answers of this.hosts.values()) {
      const answer = answers.get(key);
      if (answer?.load === undefined || answer.loadMs < sinceMs || answer.address !== member.address)
        continue;
      fresh.push({ load: answer.load, loadMs: answer.loadMs });
    }
    if (fresh.length === 0) return undefined;
    return {
      load: lowerMedian(fresh.map((answer) => answer.load)),
      reporters: fresh.length,
      ageMs: Math.max(0, nowMs - Math.max(...fresh.map(({ loadMs }) => loadMs))),
    };
  }

  /** The last answer to each host. */
  answersOf(group: string, member: string, nowMs: number): ListedAnswer[] {
    return [...this.hosts].flatMap(([host, answers]) => {
      const answer = answers.get(keyOf(group, member));
      if (answer === undefined) return [];
      const { load, detail, atMs } = answer;
      return [{ host, load, detail, ageMs: Math.max(0, Math.round(nowMs - atMs)) }];
    });
  }
}

const keyOf = (group: string, member: string): string => `${group}\0${member}`;
