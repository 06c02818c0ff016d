/** On which host an instance is started. Pure. */

/** A host as its agent's reports show it. */
export interface HostLoad {
  readonly host: string;
  /** Of the agent that is attached now. */
  readonly agentEpoch: number;
  /** Networks that it has; absent: not known, so all. */
  readonly networks?: readonly string[];
  /** What it does besides, in any unit that is the same for all: active flows, bytes per second, processor share. */
  readonly load: number;
}

export interface PlacementRequest {
  readonly network: string;
  /** Empty: any. */
  readonly allowed: readonly string[];
  /** Where the last one failed: taken only if there is no other. */
  readonly avoid?: string;
  /** Instances on each host, those of all templates, and those of this one. */
  instancesOn(host: string): number;
  siblingsOn(host: string): number;
}

/**
 * The least loaded of the hosts that can have it: fewest instances of the same template (so that one host's end takes
 * as few of them as can be), then fewest instances, then least load, then by name. undefined: none can have it.
 */
export function placeInstance(request: PlacementRequest, hosts: readonly HostLoad[]): string | undefined {
  const { network, allowed, avoid, instancesOn, siblingsOn } = request;
  const ranked = hosts
    .filter(({ host }) => allowed.length === 0 || allowed.includes(host))
    .filter(({ networks }) => networks === undefined || networks.includes(network))
    .sort(
      (a, b) =>
        Number(a.host === avoid) - Number(b.host === avoid) ||
        siblingsOn(a.host) - siblingsOn(b.host) ||
        instancesOn(a.host) - instancesOn(b.host) ||
        a.load - b.load ||
        (a.host < b.host ? -1 : 1),
    );
  return ranked[0]?.host;
}
