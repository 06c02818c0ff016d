/**
 * Which members have failed, from what the hosts' health checks say. Pure.
 *
 * Votes. A host has a vote on each member of which it has a verdict. A member has failed when as many hosts as the
 * group's quorum asks for find it unhealthy: `any` one, the `majority` of those that have a vote on it, `all` of
 * them, or a number of them (all, where fewer have a vote). Else it has not.
 *
 * My path is dead. A host that finds unhealthy everything it probes, two addresses at least, more likely has lost its
 * own way than every member its life. Its votes do not count while another host sees one of those members alive, or
 * while it is the only one of several hosts that has votes at all: it is not believed alone. Several hosts that all
 * see everything dead, or the only host there is, are believed: nobody is left who could send to a living member.
 *
 * A host that sees again finds its members alive one after the other. What it still finds dead meanwhile is left from
 * before (`isLeftover`, for a time that whoever has the clock knows) and no vote: else the first member that it reaches
 * would give it back its word against all the others.
 *
 * No votes. A member without votes that count stays as it was: losing sight of a member is no reason to change it.
 */
import type { HealthConfig } from '../../config/model/model.ts';

export interface HostVerdicts {
  readonly host: string;
  readonly results: readonly {
    readonly group: string;
    readonly member: string;
    readonly address: string;
    readonly isHealthy: boolean;
    /** An unhealthy one of a host that was not believed until just now. */
    readonly isLeftover?: boolean;
  }[];
}

export interface AgreementInput {
  /** Groups with health checks. */
  readonly groups: readonly { readonly name: string; readonly quorum: HealthConfig['quorum'] }[];
  /** The latest word of each attached host. */
  readonly verdicts: readonly HostVerdicts[];
  /** Hosts that are attached, with verdicts or without. */
  readonly attachedHosts: number;
  /** Failed members as of the last agreement, by group. */
  readonly failed: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface Agreement {
  /** By group; every group of the input is there. */
  readonly failed: ReadonlyMap<string, ReadonlySet<string>>;
  /** Hosts whose own path seems to be dead. */
  readonly notBelieved: ReadonlySet<string>;
}

interface Votes {
  healthy: number;
  unhealthy: number;
}

export function agree(input: AgreementInput): Agreement {
  const notBelieved = hostsNotBelieved(input.verdicts, input.attachedHosts);
  const votes = countVotes(input.verdicts.filter(({ host }) => !notBelieved.has(host)));
  const failed = new Map<string, ReadonlySet<string>>();
  for (const { name, quorum } of input.groups) {
    const before = input.failed.get(name) ?? new Set<string>();
    const ofGroup = votes.get(name) ?? new Map<string, Votes>();
    const withoutVotes = [...before].filter((member) => !ofGroup.has(member));
    const agreed = [...ofGroup].filter(([, vote]) => hasFailed(vote, quorum)).map(([member]) => member);
    failed.set(name, new Set([...withoutVotes, ...agreed]));
  }
  return { failed, notBelieved };
}

function hasFailed({ healthy, unhealthy }: Votes, quorum: HealthConfig['quorum']): boolean {
  return unhealthy >= neededVotes(quorum, healthy + unhealthy);
}

/** Of `voters`, at least one. */
function neededVotes(quorum: HealthConfig['quorum'], voters: number): number {
  switch (quorum) {
    case 'any':
      return 1;
    case 'majority':
      return Math.floor(voters / 2) + 1;
    case 'all':
      return voters;
    default:
      return Math.min(quorum, voters);
  }
}

function countVotes(verdicts: readonly HostVerdicts[]): Map<string, Map<string, Votes>> {
  const votes = new Map<string, Map<string, Votes>>();
  for (const { results } of verdicts) {
    for (const { group, member, isHealthy, isLeftover } of results) {
      if (isLeftover) continue;
      const ofGroup = votes.get(group) ?? new Map<string, Votes>();
      votes.set(group, ofGroup);
      const ofMember = ofGroup.get(member) ?? { healthy: 0, unhealthy: 0 };
      ofGroup.set(member, ofMember);
      if (isHealthy) ofMember.healthy++;
      else ofMember.unhealthy++;
    }
  }
  return votes;
}

/** Fewer addresses do not tell a dead path from dead members. */
const MIN_ADDRESSES = 2;

function hostsNotBelieved(verdicts: readonly HostVerdicts[], attachedHosts: number): Set<string> {
  const speaking = verdicts.filter(({ results }) => results.length > 0);
  const alive = new Set(
    speaking.flatMap(({ results }) =>
      results.filter(({ isHealthy }) => isHealthy).map(({ address }) => address),
    ),
  );
  const blind = speaking.filter(({ results }) => seesAllDead(results));
  const isAlone = speaking.length === 1 && attachedHosts > 1;
  return new Set(
    blind
      .filter(({ results }) => isAlone || results.some(({ address }) => alive.has(address)))
      .map(({ host }) => host),
  );
}

function seesAllDead(results: HostVerdicts['results']): boolean {
  const addresses = new Set(results.map(({ address }) => address));
  return addresses.size >= MIN_ADDRESSES && results.every(({ isHealthy }) => !isHealthy);
}
