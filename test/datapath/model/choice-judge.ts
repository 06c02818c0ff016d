/**
 * Judges which members the datapath chooses: it may choose among equals, but not outside of what a group's algorithm,
 * affinity and membership allow.
 */
import type { Packet } from './flow.ts';
import { ModelError } from './model-error.ts';
import { addressOf, type Group, isEligible, type Member, servingMembers, weightsOf } from './world.ts';

/** A new flow, and what decides about it. */
interface Decision {
  readonly balancer: string;
  readonly group: Group;
  /** Position of the criteria set of now. */
  readonly set: number;
  readonly packet: Packet;
  readonly nowMs: number;
}

interface Kept {
  readonly member: string;
  readonly untilMs: number;
}

export class ChoiceJudge {
  /** Latest picks per balancer, group and criteria set of a round robin: one cycle at most. */
  private readonly windows = new Map<string, string[]>();
  /** Per balancer, group and client. */
  private readonly affinities = new Map<string, Kept>();
  /** Per membership and five-tuple: what a consistent hash has said, through whichever load balancer. */
  private readonly hashed = new Map<string, string>();

  judge(decision: Decision, chosen: string): void {
    const { balancer, group, set, packet, nowMs } = decision;
    const members = servingMembers(group, set);
    const candidates = candidatesOf(group, members, packet.from);
    const where = `${balancer} ${group.name} ${set}`;
    if (!candidates.some(({ name }) => name === chosen)) {
      throw new ModelError(`${where}: ${chosen} was chosen, expected one of ${weightsOf(candidates)}`);
    }
    const client = `${balancer} ${group.name} ${packet.from}`;
    const kept = this.affinities.get(client);
    const isKept =
      kept !== undefined && nowMs < kept.untilMs && candidates.some(({ name }) => name === kept.member);
    if (group.affinityMs !== undefined) {
      this.affinities.set(client, { member: chosen, untilMs: nowMs + group.affinityMs });
    }
    if (isKept && group.affinityMs !== undefined) {
      if (chosen === kept.member) return;
      throw new ModelError(
        `${where}: ${packet.from} was sent to ${chosen}, expected ${kept.member} as before`,
      );
    }
    if (group.algorithm === 'maglev') this.judgeHash(decision, members.filter(isEligible), chosen);
    else if (group.algorithm === undefined) this.judgeShares(where, candidates, chosen);
  }

  /** In no cycle in a row does anyone get more than its weight. */
  private judgeShares(window: string, candidates: readonly Member[], chosen: string): void {
    const weight = candidates.find(({ name }) => name === chosen)!.weight;
    const cycle = candidates.reduce((sum, member) => sum + member.weight, 0);
    const picks = [...(this.windows.get(window) ?? []), chosen].slice(-cycle);
    this.windows.set(window, picks);
    const count = picks.filter((pick) => pick === chosen).length;
    if (count > weight) {
      throw new ModelError(
        `${window}: ${chosen} got ${count} of ${picks.length} flows, of ${weightsOf(candidates)}`,
      );
    }
  }

  /**
   * The same flow meets the same member for as long as the eligible ones are the same. The client's own member counts
   * though it is passed over: with it the table is another one, and so may be the one that comes next.
   */
  private judgeHash({ group, packet }: Decision, eligible: readonly Member[], chosen: string): void {
    const { protocol, from, fromPort, to, toPort } = packet;
    const members = [...eligible].sort((a, b) => (a.name < b.name ? -1 : 1));
    const key = `${group.name} ${weightsOf(members)} ${protocol} ${from} ${fromPort} ${to} ${toPort}`;
    const before = this.hashed.get(key);
    this.hashed.set(key, chosen);
    if (before !== undefined && before !== chosen) {
      throw new ModelError(`${key}: hashed to ${chosen}, expected ${before} as before`);
    }
  }

  /** Another datapath: every cycle begins anew. What clients are used to stays, and so do hashes. */
  restart(): void {
    this.windows.clear();
  }

  /** New rules: the cycles of criteria sets that changed begin anew. */
  change(before: readonly Group[], groups: readonly Group[]): void {
    for (const group of groups) {
      const was = before.find(({ name }) => name === group.name);
      group.sets.forEach((_, set) => {
        const members = servingMembers(group, set);
        if (was !== undefined && weightsOf(members) === weightsOf(servingMembers(was, set))) return;
        for (const window of this.windows.keys()) {
          if (window.endsWith(` ${group.name} ${set}`)) this.windows.delete(window);
        }
      });
    }
  }
}

/** Members that a new flow of this client may have. */
function candidatesOf(group: Group, members: readonly Member[], client: string): readonly Member[] {
  const eligible = members.filter(isEligible);
  const others = eligible.filter(({ name }) => addressOf(name, group.family) !== client);
  return group.avoidSelf === true && others.length > 0 ? others : eligible;
}
