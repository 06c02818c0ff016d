/**
 * Hosts whose health checks say more about their own way than about the members. Pure.
 *
 * A host that finds unhealthy everything it probes, two addresses at least, more likely has lost its own way than
 * every member its life. It is not believed while another host sees one of those members alive, nor while it is the
 * only one of several hosts that says anything: not alone. Several hosts that all see everything dead, or the only
 * host there is, are believed: nobody is left who could send to a living member.
 *
 * Whoever counts opinions leaves theirs out; a member without any opinion then stays as it was.
 */

export interface HostOpinions {
  readonly host: string;
  /** Its latest word on each member that it probes, over all groups. */
  readonly results: readonly { readonly address: string; readonly isHealthy: boolean }[];
}

/** Fewer addresses do not tell a dead path from dead members. */
const MIN_ADDRESSES = 2;

/** `attachedHosts`: those with opinions and those without. */
export function hostsWithDeadPath(opinions: readonly HostOpinions[], attachedHosts: number): Set<string> {
  const speaking = opinions.filter(({ results }) => results.length > 0);
  const alive = new Set(
    speaking.flatMap(({ results }) =>
      results.filter(({ isHealthy }) => isHealthy).map(({ address }) => address),
    ),
  );
  const isAlone = speaking.length === 1 && attachedHosts > 1;
  const blind = speaking.filter(
    ({ results }) => seesAllDead(results) && (isAlone || results.some(({ address }) => alive.has(address))),
  );
  return new Set(blind.map(({ host }) => host));
}

function seesAllDead(results: HostOpinions['results']): boolean {
  const addresses = new Set(results.map(({ address }) => address));
  return addresses.size >= MIN_ADDRESSES && results.every(({ isHealthy }) => !isHealthy);
}
