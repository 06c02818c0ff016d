/**
 * Decides which members have failed from the results of the hosts' health checks. Pure.
 *
 * Votes. A host has a vote on each member for which it has a verdict. A member has failed if the number of hosts that
 * find it unhealthy reaches the group's quorum: `any` one, the `majority` of those with a vote on it, `all` of them,
 * or a fixed number (or all, if fewer have a vote).
 *
 * Dead path. A host that finds everything it probes unhealthy, at least two addresses, has more likely lost its own
 * connectivity than all its members. Its votes are ignored while another host finds one of those members healthy, or
 * while it is the only one of several hosts that has votes at all. If several hosts find everything dead, or there is
 * only one host, they are believed: no host could reach a living member anyway.
 *
 * Recovery. A host whose path recovers finds its members healthy one after the other. Its remaining unhealthy
 * verdicts are left over from the outage (`isLeftover`, for a time that the caller's clock decides) and do not count;
 * otherwise the first member that it reaches would restore its votes against all the others.
 *
 * No votes. A member without counted votes keeps its state: losing sight of a member is no reason to change it.
 */
import type { HealthConfig } from '../../config/model/model.ts';

export interface HostVerdicts {
  readonly host: string;
  readonly results: readonly {
    readonly group: string;
    readonly member: string;
    readonly address: string;
    readonly isHealthy: boolean;
    /** An unhealthy one that answers: not a sign of a dead path. */
    readonly isDraining?: boolean;
    /** An unhealthy verdict of a host that was ignored until recently. */
    readonly isLeftover?: boolean;
  }[];
}

export interface AgreementInput {
  /** Groups with health checks. */
  readonly groups: readonly { readonly name: string; readonly quorum: HealthConfig['quorum'] }[];
  /** Latest verdicts of each attached host. */
  readonly verdicts: readonly HostVerdicts[];
  /** Attached hosts, with or without verdicts. */
  readonly attachedHosts: number;
  /** Failed members as of the last agreement, by group. */
  readonly failed: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface Agreement {
  /** By group, for every group of the input. */
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

/** At least one of `voters`. */
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

const isReached = ({ isHealthy, isDraining = false }: HostVerdicts['results'][number]): boolean =>
  isHealthy || isDraining;

/** Fewer addresses cannot distinguish a dead path from dead members. */
const MIN_ADDRESSES = 2;

function hostsNotBelieved(verdicts: readonly HostVerdicts[], attachedHosts: number): Set<string> {
  const speaking = verdicts.filter(({ results }) => results.length > 0);
  const alive = new Set(
    speaking.flatMap(({ results }) => results.filter(isReached).map(({ address }) => address)),
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
  return addresses.size >= MIN_ADDRESSES && !results.some(isReached);
}
